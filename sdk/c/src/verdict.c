/* Ways to say a verdict: each function makes a plan, or an answer, of what was said before and adds to it. */
#include <stdlib.h>
#include <string.h>

#include "parts.h"

typedef portolan_policy_types_plan_t plan;

static plan *plan_of(portolan_verdict *verdict) {
  if (verdict->tag != PORTOLAN_POLICY_TYPES_VERDICT_ROUTE) {
    verdict->tag = PORTOLAN_POLICY_TYPES_VERDICT_ROUTE;
    verdict->val.route = (plan){0};
  }
  return &verdict->val.route;
}

portolan_policy_types_octets_t portolan_octets(portolan_bytes bytes) {
  uint8_t *copy = malloc(bytes.length);
  memcpy(copy, bytes.at, bytes.length);
  return (portolan_policy_types_octets_t){copy, bytes.length};
}

static policy_string_t string(const char *text) {
  portolan_policy_types_octets_t copy = portolan_octets(portolan_text(text));
  return (policy_string_t){copy.ptr, copy.len};
}

portolan_policy_types_edit_t portolan_edit(uint8_t op, const char *name, portolan_bytes value) {
  return (portolan_policy_types_edit_t){op, string(name), portolan_octets(value)};
}

static portolan_policy_types_list_region_id_t regions(const uint32_t *ids, size_t count) {
  uint32_t *copy = malloc(count * sizeof *copy);
  memcpy(copy, ids, count * sizeof *copy);
  return (portolan_policy_types_list_region_id_t){copy, count};
}

void portolan_route_to(portolan_verdict *verdict, const uint32_t *order, size_t count) {
  plan_of(verdict)->order = regions(order, count);
}

void portolan_fence(portolan_verdict *verdict, const uint32_t *inside, size_t count) {
  plan_of(verdict)->fence = (portolan_policy_types_option_list_region_id_t){true, regions(inside, count)};
}

void portolan_strict(portolan_verdict *verdict) { plan_of(verdict)->strict = true; }

void portolan_bind(portolan_verdict *verdict, portolan_bytes payload, uint32_t ttl_s) {
  portolan_policy_types_pin_action_t *pin = &plan_of(verdict)->pin;
  pin->tag = PORTOLAN_POLICY_TYPES_PIN_ACTION_BIND;
  pin->val.bind = (portolan_policy_types_binding_t){portolan_octets(payload), ttl_s};
}

void portolan_hold(portolan_verdict *verdict) { plan_of(verdict)->pin.tag = PORTOLAN_POLICY_TYPES_PIN_ACTION_HOLD; }

void portolan_clear(portolan_verdict *verdict) { plan_of(verdict)->pin.tag = PORTOLAN_POLICY_TYPES_PIN_ACTION_CLEAR; }

/* The terms, begun if there are none yet; NULL when the cache is passed by. */
static portolan_policy_types_cache_terms_t *terms(portolan_verdict *verdict) {
  portolan_policy_types_cache_action_t *cache = &plan_of(verdict)->cache;
  if (cache->tag == PORTOLAN_POLICY_TYPES_CACHE_ACTION_BYPASS) return NULL;
  if (cache->tag == PORTOLAN_POLICY_TYPES_CACHE_ACTION_KEEP) {
    cache->tag = PORTOLAN_POLICY_TYPES_CACHE_ACTION_TERMS;
    cache->val.terms = (portolan_policy_types_cache_terms_t){0};
  }
  return &cache->val.terms;
}

void portolan_cache_key(portolan_verdict *verdict, const char *part) {
  portolan_policy_types_cache_terms_t *said = terms(verdict);
  if (said != NULL) said->key = (policy_option_string_t){true, string(part)};
}

void portolan_cache_ttl(portolan_verdict *verdict, uint32_t seconds) {
  portolan_policy_types_cache_terms_t *said = terms(verdict);
  if (said != NULL) said->ttl_s = (policy_option_u32_t){true, seconds};
}

void portolan_cache_bypass(portolan_verdict *verdict) {
  plan_of(verdict)->cache.tag = PORTOLAN_POLICY_TYPES_CACHE_ACTION_BYPASS;
}

static void edit(portolan_verdict *verdict, uint8_t op, const char *name, portolan_bytes value) {
  portolan_policy_types_list_edit_t *edits = &plan_of(verdict)->edits;
  edits->ptr = realloc(edits->ptr, (edits->len + 1) * sizeof *edits->ptr);
  edits->ptr[edits->len++] = portolan_edit(op, name, value);
}

void portolan_set_header(portolan_verdict *verdict, const char *name, portolan_bytes value) {
  edit(verdict, PORTOLAN_POLICY_TYPES_EDIT_OP_SET, name, value);
}

void portolan_add_header(portolan_verdict *verdict, const char *name, portolan_bytes value) {
  edit(verdict, PORTOLAN_POLICY_TYPES_EDIT_OP_ADD, name, value);
}

void portolan_remove_header(portolan_verdict *verdict, const char *name) {
  edit(verdict, PORTOLAN_POLICY_TYPES_EDIT_OP_REMOVE, name, portolan_text(""));
}

void portolan_timeout(portolan_verdict *verdict, uint32_t milliseconds) { plan_of(verdict)->timeout_ms = milliseconds; }

void portolan_reply(portolan_verdict *verdict, uint16_t status, portolan_bytes body) {
  verdict->tag = PORTOLAN_POLICY_TYPES_VERDICT_RESPOND;
  verdict->val.respond = (portolan_policy_types_reply_t){status, {0}, portolan_octets(body)};
}

void portolan_reply_header(portolan_verdict *verdict, const char *name, portolan_bytes value) {
  if (verdict->tag != PORTOLAN_POLICY_TYPES_VERDICT_RESPOND) return;
  portolan_policy_types_list_tuple2_string_octets_t *headers = &verdict->val.respond.headers;
  headers->ptr = realloc(headers->ptr, (headers->len + 1) * sizeof *headers->ptr);
  headers->ptr[headers->len++] = (portolan_policy_types_tuple2_string_octets_t){string(name), portolan_octets(value)};
}
