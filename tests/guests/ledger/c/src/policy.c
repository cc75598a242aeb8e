/* Uses every form of the SDK beside those of route: ../../README.md says what for. */
#include <portolan.h>
#include <stdlib.h>
#include <string.h>

enum { BOOK, STRAY = 7 };
enum { ASKED, LAST, SIZES };

#define TTL_S 60
#define TTL_MS (TTL_S * 1000)

const char *policy_describe(portolan_json config, portolan_manifest *manifest) {
  (void)config;
  static const char *const labels[] = {"well", "in-vain", NULL};
  portolan_want(manifest, "path");
  portolan_want(manifest, "header:x-key");
  portolan_want(manifest, "header:x-value");
  portolan_want_of_answer(manifest, "header:x-node");
  portolan_bucket(manifest, "book");
  portolan_counter(manifest, "asked", labels);
  portolan_gauge(manifest, "last", NULL);
  portolan_histogram(manifest, "sizes", NULL);
  return NULL;
}

const char *policy_init(portolan_json config, const portolan_regions *regions) {
  (void)config, (void)regions;
  return NULL;
}

/* A number in decimal. */
static const char *decimal(int64_t number) {
  char digits[24], *at = digits + sizeof digits;
  uint64_t left = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
  *--at = 0;
  do *--at = (char)('0' + left % 10);
  while ((left /= 10) > 0);
  if (number < 0) *--at = '-';
  return portolan_refuse(at);
}

static const char *flag(bool had) { return had ? "true" : "false"; }

/* Bytes as a C string. */
static const char *text(portolan_bytes bytes) {
  char *copy = calloc(bytes.length + 1, 1);
  return memcpy(copy, bytes.at, bytes.length);
}

/* Does what the path says; `said` stays NULL where it says nothing. */
static portolan_kv_status act(portolan_bytes path, portolan_bytes key, portolan_bytes value, const char **said) {
  portolan_kv_status status = PORTOLAN_KV_WELL;
  bool had = false;
  if (portolan_equals(path, "/get")) {
    portolan_bytes found;
    status = portolan_kv_get(BOOK, key, &found);
    *said = found.at == NULL ? "none" : portolan_words("is ", text(found), NULL);
  } else if (portolan_equals(path, "/set")) {
    status = portolan_kv_set(BOOK, key, value, TTL_MS), *said = "set";
  } else if (portolan_equals(path, "/keep")) {
    status = portolan_kv_set(BOOK, key, value, 0), *said = "kept";
  } else if (portolan_equals(path, "/replace")) {
    status = portolan_kv_replace(BOOK, key, portolan_text("old"), value, TTL_MS, &had), *said = flag(had);
  } else if (portolan_equals(path, "/claim")) {
    status = portolan_kv_replace(BOOK, key, (portolan_bytes){0}, value, TTL_MS, &had), *said = flag(had);
  } else if (portolan_equals(path, "/add")) {
    int64_t sum;
    status = portolan_kv_add(BOOK, key, -5, TTL_MS, &sum), *said = decimal(sum);
  } else if (portolan_equals(path, "/delete")) {
    status = portolan_kv_delete(BOOK, key, &had), *said = flag(had);
  } else if (portolan_equals(path, "/stray")) {
    status = portolan_kv_set(STRAY, key, value, TTL_MS);
  } else if (portolan_equals(path, "/log")) {
    portolan_log(PORTOLAN_WARN, "the ledger is full"), *said = "said";
  } else if (portolan_equals(path, "/fail")) {
    portolan_log(PORTOLAN_ERROR, "the ledger is torn");
    abort();
  }
  return status;
}

void policy_route(const portolan_request *request, portolan_verdict *verdict) {
  const char *said = NULL;
  portolan_bytes value = portolan_field_at(request, 2);
  portolan_kv_status status = act(portolan_field(request, "path"), portolan_field(request, "header:x-key"), value, &said);
  if (status != PORTOLAN_KV_WELL) {
    portolan_count(ASKED, 1, 1);
    portolan_reply(verdict, 507, portolan_text(portolan_kv_words(status)));
  } else if (said != NULL) {
    portolan_count(ASKED, 0, 1);
    portolan_set_gauge(LAST, 0, (double)value.length);
    portolan_observe(SIZES, 0, (double)value.length);
    portolan_reply(verdict, 200, portolan_text(said));
  }
}

void policy_response(const portolan_request *request, const portolan_answer *answer, portolan_reaction *reaction) {
  (void)request;
  if (answer->status == 404 && answer->may_retry) {
    portolan_next(reaction);
    return;
  }
  if (answer->status >= 500) {
    portolan_amend_clear(reaction);
    return;
  }
  const char *heard = portolan_words(decimal(answer->status), " ", decimal(answer->attempt), " ", decimal(answer->ttfb_us), NULL);
  portolan_amend_header(reaction, "x-region", answer->region_name);
  portolan_amend_add_header(reaction, "x-heard", portolan_text(heard));
  portolan_bytes node = portolan_answer_field(answer, "header:x-node");
  if (node.at == NULL) return;
  portolan_amend_remove_header(reaction, "x-node");
  portolan_amend_bind(reaction, node, TTL_S);
}
