/* The hook `response`: how an origin answered, and ways to say what becomes of it. Compiled when the policy has the hook. */
#ifdef PORTOLAN_HOOK_RESPONSE
#include <stdlib.h>

#include "parts.h"

void exports_portolan_policy_response_response(portolan_policy_types_request_t *raw,
                                               exports_portolan_policy_response_outcome_t *outcome,
                                               portolan_policy_types_fields_t *fields,
                                               portolan_policy_types_fields_t *answered, portolan_reaction *reaction) {
  const portolan_region *region = portolan_region_of(outcome->region);
  portolan_answer answer = {
      .region = outcome->region,
      .region_name = region != NULL ? region->name : portolan_text(""),
      .status = outcome->status,
      .attempt = outcome->attempt,
      .ttfb_us = outcome->ttfb_us,
      .may_retry = outcome->may_retry,
      .fields = portolan_fields_of(answered, portolan_declared_of_answer().count),
  };
  portolan_pin pin;
  portolan_request request = portolan_request_of(raw, fields, &pin);
  reaction->tag = EXPORTS_PORTOLAN_POLICY_RESPONSE_REACTION_PASS;
  policy_response(&request, &answer, reaction);
  portolan_memory_answered();
}

portolan_bytes portolan_answer_field_at(const portolan_answer *answer, size_t place) {
  return portolan_fields_at(&answer->fields, place);
}

portolan_bytes portolan_answer_field(const portolan_answer *answer, const char *name) {
  return portolan_answer_field_at(answer, portolan_place(portolan_declared_of_answer(), name));
}

void portolan_next(portolan_reaction *reaction) { reaction->tag = EXPORTS_PORTOLAN_POLICY_RESPONSE_REACTION_NEXT; }

/* The amendment, begun if there is none yet. */
static exports_portolan_policy_response_amendment_t *amendment(portolan_reaction *reaction) {
  if (reaction->tag != EXPORTS_PORTOLAN_POLICY_RESPONSE_REACTION_AMEND) {
    reaction->tag = EXPORTS_PORTOLAN_POLICY_RESPONSE_REACTION_AMEND;
    reaction->val.amend = (exports_portolan_policy_response_amendment_t){0};
  }
  return &reaction->val.amend;
}

static void amend(portolan_reaction *reaction, uint8_t op, const char *name, portolan_bytes value) {
  exports_portolan_policy_response_list_edit_t *edits = &amendment(reaction)->edits;
  edits->ptr = realloc(edits->ptr, (edits->len + 1) * sizeof *edits->ptr);
  edits->ptr[edits->len++] = portolan_edit(op, name, value);
}

void portolan_amend_header(portolan_reaction *reaction, const char *name, portolan_bytes value) {
  amend(reaction, PORTOLAN_POLICY_TYPES_EDIT_OP_SET, name, value);
}

void portolan_amend_add_header(portolan_reaction *reaction, const char *name, portolan_bytes value) {
  amend(reaction, PORTOLAN_POLICY_TYPES_EDIT_OP_ADD, name, value);
}

void portolan_amend_remove_header(portolan_reaction *reaction, const char *name) {
  amend(reaction, PORTOLAN_POLICY_TYPES_EDIT_OP_REMOVE, name, portolan_text(""));
}

void portolan_amend_bind(portolan_reaction *reaction, portolan_bytes payload, uint32_t ttl_s) {
  portolan_policy_types_pin_action_t *pin = &amendment(reaction)->pin;
  pin->tag = PORTOLAN_POLICY_TYPES_PIN_ACTION_BIND;
  pin->val.bind = (portolan_policy_types_binding_t){portolan_octets(payload), ttl_s};
}

void portolan_amend_hold(portolan_reaction *reaction) {
  amendment(reaction)->pin.tag = PORTOLAN_POLICY_TYPES_PIN_ACTION_HOLD;
}

void portolan_amend_clear(portolan_reaction *reaction) {
  amendment(reaction)->pin.tag = PORTOLAN_POLICY_TYPES_PIN_ACTION_CLEAR;
}
#endif
