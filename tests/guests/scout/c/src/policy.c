/* Looks fields up, watches regions and asks servers by every form of the SDK: ../../README.md says what for. */
#include <portolan.h>
#include <stdlib.h>
#include <string.h>

enum { SEEN };
/* Places in the manifest. */
enum { PATH, KEY, USER, ID, QUERY };

/* Most URLs that it asks; and more look-ups than a call may. */
#define URLS_MAX 32
#define OFTEN 300

static const char *const LOOKUPS[] = {"header:x-user", "cookie:id", "query:q"};
#define LOOKUP_COUNT (sizeof LOOKUPS / sizeof *LOOKUPS)

static const char *urls[URLS_MAX], *post, *early;
static size_t url_count;
static uint32_t every_ms;
static bool fails;

const char *policy_describe(portolan_json config, portolan_manifest *manifest) {
  (void)config;
  portolan_want(manifest, "path");
  portolan_want(manifest, "header:x-key");
  for (size_t place = 0; place < LOOKUP_COUNT; place++) portolan_want_lookup(manifest, LOOKUPS[place]);
  portolan_bucket(manifest, "seen");
  return NULL;
}

const char *policy_init(portolan_json config, const portolan_regions *regions) {
  (void)regions;
  portolan_bytes value;
  early = portolan_view_words(portolan_lookup_at(USER, &value));
  portolan_json list = portolan_json_member(config, "urls"), url;
  for (size_t place = 0; url_count < URLS_MAX && portolan_json_next(list, &place, &url);)
    urls[url_count++] = portolan_json_string(url);
  post = portolan_json_string(portolan_json_member(config, "post"));
  double every = portolan_json_number(portolan_json_member(config, "every_ms"));
  every_ms = every == every ? (uint32_t)every : 0;
  fails = portolan_json_is_true(portolan_json_member(config, "fail"));
  return NULL;
}

/* Bytes as a C string, or another word where there are none. */
static const char *text(portolan_bytes bytes, const char *otherwise) {
  if (bytes.at == NULL || !portolan_is_utf8(bytes)) return otherwise;
  char *copy = calloc(bytes.length + 1, 1);
  return memcpy(copy, bytes.at, bytes.length);
}

/* A number in decimal. */
static const char *decimal(size_t number) {
  char digits[24], *at = digits + sizeof digits;
  *--at = 0;
  do *--at = (char)('0' + number % 10);
  while ((number /= 10) > 0);
  return portolan_words(at, NULL);
}

static const char *length(portolan_bytes bytes) { return bytes.at == NULL ? "none" : decimal(bytes.length); }

/* What a look-up found in letters, or why it found nothing. */
static const char *found(portolan_view_status status, portolan_bytes value) {
  return status == PORTOLAN_VIEW_WELL ? length(value) : portolan_view_words(status);
}

/* A field's text; none also when it cannot be had. */
static const char *looked_up(const char *name) {
  portolan_bytes value;
  return portolan_lookup(name, &value) == PORTOLAN_VIEW_WELL ? text(value, "none") : "none";
}

static const char *say(const portolan_request *request) {
  portolan_bytes path = portolan_field_at(request, PATH), value;
  portolan_view_status status = PORTOLAN_VIEW_WELL;
  if (portolan_equals(path, "/look"))
    return portolan_words(looked_up(LOOKUPS[0]), ",", looked_up(LOOKUPS[1]), ",", looked_up(LOOKUPS[2]), NULL);
  if (portolan_equals(path, "/text")) return looked_up(LOOKUPS[0]);
  if (portolan_equals(path, "/stray-text")) return looked_up("header:x-secret");
  if (portolan_equals(path, "/early")) return early;
  if (portolan_equals(path, "/ask")) return portolan_http_words(portolan_http_get("http://127.0.0.1:9/").error);
  if (portolan_equals(path, "/seen")) {
    bool kept = portolan_kv_get(SEEN, portolan_field_at(request, KEY), &value) == PORTOLAN_KV_WELL;
    return kept ? text(value, "none") : "none";
  }
  if (portolan_equals(path, "/size")) {
    status = portolan_lookup(LOOKUPS[0], &value);
  } else if (portolan_equals(path, "/place")) {
    status = portolan_lookup_at(QUERY, &value);
  } else if (portolan_equals(path, "/passed")) {
    status = portolan_lookup_at(PATH, &value);
  } else if (portolan_equals(path, "/stray")) {
    status = portolan_lookup("header:x-secret", &value);
  } else if (portolan_equals(path, "/often")) {
    for (int times = 0; times < OFTEN; times++) status = portolan_lookup(LOOKUPS[0], &value);
  } else {
    return NULL;
  }
  return found(status, value);
}

void policy_route(const portolan_request *request, portolan_verdict *verdict) {
  const char *said = say(request);
  if (said != NULL) portolan_reply(verdict, 200, portolan_text(said));
}

portolan_bytes policy_key(const portolan_request *request) {
  (void)request;
  portolan_bytes user;
  portolan_lookup(LOOKUPS[0], &user);
  return user;
}

void policy_response(const portolan_request *request, const portolan_answer *answer, portolan_reaction *reaction) {
  (void)request, (void)answer;
  portolan_bytes id;
  portolan_lookup(LOOKUPS[1], &id);
  if (id.at != NULL) portolan_amend_header(reaction, "x-id", id);
}

static void keep(const char *key, const char *value) {
  portolan_kv_set(SEEN, portolan_text(key), portolan_text(value), 0);
}

/* An answer in short: its status, the length of its body, a header, and its first letters; or why there is none. */
static const char *told(const portolan_http_response *answer) {
  if (answer->error != PORTOLAN_HTTP_WELL) return portolan_http_words(answer->error);
  bool well = answer->status >= 200 && answer->status < 300;
  portolan_bytes first = {answer->body.at, answer->body.length < 32 ? answer->body.length : 32};
  return portolan_words(decimal(answer->status), well ? " true " : " false ", decimal(answer->body.length), " ",
                        length(portolan_http_header_of(answer, "X-Node")), " ", text(first, "?"), NULL);
}

uint32_t policy_watch(const portolan_changes *changes) {
  static const char *const states[] = {"unknown", "healthy", "degraded", "draining", "down"};
  for (const portolan_change *change = changes->at; change < changes->at + changes->count; change++)
    keep(text(change->region->name, ""), portolan_words(states[change->before], ">", states[change->now], NULL));
  if (fails) abort();
  portolan_http_header headers[] = {
      {portolan_text("x-asked-by"), portolan_text("scout")},
      {portolan_text("content-type"), portolan_text("text/plain")},
  };
  portolan_http_request asks[URLS_MAX];
  portolan_http_response answers[URLS_MAX];
  for (size_t place = 0; place < url_count; place++)
    asks[place] = (portolan_http_request){.url = urls[place], .headers = headers, .header_count = 1, .timeout_ms = 500};
  portolan_http_fetch_all(asks, url_count, answers);
  for (size_t place = 0; place < url_count; place++) keep(portolan_words("url-", decimal(place), NULL), told(&answers[place]));
  if (post != NULL) {
    portolan_http_request ask = {
        .method = "POST", .url = post, .headers = headers, .header_count = 2, .body = portolan_text("tide: 3 m")};
    portolan_http_response answer = portolan_http_fetch(&ask);
    keep("post", told(&answer));
  }
  return every_ms;
}
