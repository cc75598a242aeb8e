/* Write Portolan policies in C.
 *
 * A policy is policy_describe, policy_init and a function for each hook that its policy.toml names: policy_route, policy_key,
 * policy_response, policy_watch. Everything here works on what the router passed in; only what stands under "imports" asks anything of it. wit/policy.wit has the meaning of
 * every value.
 *
 * Memory: what is taken during a call goes when it is answered; what is taken in policy_init stays for the life of the
 * instance. There is nothing to free.
 */
#ifndef PORTOLAN_H
#define PORTOLAN_H

#include <policy.h> /* generated from the contract in each build */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that belong to somebody else. Header values need not be text. `at` is NULL where there is nothing at all, as in a
 * field that the request does not have: empty is not absent. */
typedef struct {
  const uint8_t *at;
  size_t length;
} portolan_bytes;

/* The bytes of a C string. */
portolan_bytes portolan_text(const char *text);
bool portolan_equal(portolan_bytes one, portolan_bytes other);
bool portolan_equals(portolan_bytes bytes, const char *text);
bool portolan_is_utf8(portolan_bytes bytes);

/* ---- Configuration: the operator's `config` table, as JSON ---- */

typedef enum {
  PORTOLAN_JSON_NONE, /* no such member, or no JSON at all */
  PORTOLAN_JSON_NULL,
  PORTOLAN_JSON_BOOLEAN,
  PORTOLAN_JSON_NUMBER,
  PORTOLAN_JSON_STRING,
  PORTOLAN_JSON_ARRAY,
  PORTOLAN_JSON_OBJECT,
} portolan_json_kind;

/* One JSON value, as the text that it was read from. */
typedef struct {
  portolan_json_kind kind;
  portolan_bytes text;
} portolan_json;

/* Reads a text that is one JSON value and nothing else. */
portolan_json portolan_json_read(portolan_bytes text);
/* The member of an object with this name; the last one where there are several. */
portolan_json portolan_json_member(portolan_json object, const char *name);
/* The first key of an object that is none of these, for an error; NULL when all are known. The list ends with NULL. */
const char *portolan_json_stranger(portolan_json object, const char *const *known);
/* A string's characters with the escapes undone; absent of any other value. */
portolan_bytes portolan_json_octets(portolan_json value);
/* The same with a 0 behind them, for C; NULL of any other value. */
const char *portolan_json_string(portolan_json value);
/* A number; NaN of any other value. */
double portolan_json_number(portolan_json value);
/* Whether it is `true`. */
bool portolan_json_is_true(portolan_json value);
/* Elements of an array: begin with a place of 0. Returns false at the end. */
bool portolan_json_next(portolan_json array, size_t *place, portolan_json *element);

/* An error in the author's words, for policy_describe and policy_init: its parts one after the other. */
#define portolan_refuse(...) portolan_words(__VA_ARGS__, (const char *)NULL)
const char *portolan_words(const char *first, ...);
/* A JSON value as it was written, for such an error. */
const char *portolan_json_written(portolan_json value);

/* ---- What there is: regions, candidates, the request ---- */

typedef portolan_policy_types_location_t portolan_location;

typedef struct {
  uint32_t id;
  portolan_bytes service, name;
  portolan_location location;
  uint32_t capacity; /* requests in flight it is meant to hold; 0 is no limit */
  const policy_tuple2_string_string_t *labels;
  size_t label_count;
} portolan_region;

/* The value of a label; absent when the region has none of that name. */
portolan_bytes portolan_label(const portolan_region *region, const char *key);

/* All regions of the services that use the policy. */
typedef struct {
  const portolan_region *at;
  size_t count;
} portolan_regions;

typedef enum {
  PORTOLAN_UNKNOWN, /* never heard of it, or not for a long time: not the same as down */
  PORTOLAN_HEALTHY,
  PORTOLAN_DEGRADED,
  PORTOLAN_DRAINING, /* keeps its sessions, takes no new ones */
  PORTOLAN_DOWN,
} portolan_health;

/* A region that may serve the request, as the router sees it now. */
typedef struct {
  uint32_t id;
  portolan_health health;
  uint32_t health_age_s;
  uint32_t distance_km;
  uint32_t rtt_us;     /* 0 is not measured */
  uint32_t latency_us; /* 0 is no traffic yet */
  uint32_t in_flight;
  uint32_t weight;
  const portolan_region *region; /* NULL only when the router names a region that it never told of */
} portolan_candidate;

/* Neither down nor draining. */
bool portolan_takes_new(const portolan_candidate *candidate);
/* Not down. */
bool portolan_serves(const portolan_candidate *candidate);

/* The session's pin. The router has checked its signature, service and age. */
typedef struct {
  bool is_configured; /* whether `region` is a region of today */
  uint32_t region;
  portolan_bytes region_name;
  uint32_t session_age_s, age_s;
  portolan_bytes payload; /* what the policy stored with it */
} portolan_pin;

/* Values of declared fields, in the form of the contract. */
typedef struct {
  const uint8_t *ends;
  size_t count;
  portolan_bytes octets;
} portolan_fields;

typedef struct {
  double now_ms;  /* since 1970-01-01 UTC */
  double entropy; /* in [0, 1), new for each request */
  const portolan_location *client; /* NULL when unknown */
  const portolan_pin *pin;         /* NULL for none */
  portolan_bytes service;
  const portolan_candidate *candidates; /* nearest first, also those that are down; policy_key has none */
  size_t candidate_count;
  portolan_fields fields;                /* for portolan_field */
} portolan_request;

/* A declared field by its name, such as "header:x-tenant"; absent when the request has none, or it was not declared. */
portolan_bytes portolan_field(const portolan_request *request, const char *name);
/* The declared field at this place in the manifest: the cheapest way. */
portolan_bytes portolan_field_at(const portolan_request *request, size_t place);

/* ---- What a policy says ---- */

typedef exports_portolan_policy_lifecycle_manifest_t portolan_manifest;
/* Wants to see this field of the request. */
void portolan_want(portolan_manifest *manifest, const char *field);
/* Wants to look this field up now and then, such as "header:authorization": a header, a cookie or a query parameter. */
void portolan_want_lookup(portolan_manifest *manifest, const char *field);
/* Wants to see this field of the response, such as "header:x-node". */
void portolan_want_of_answer(portolan_manifest *manifest, const char *field);
/* Wants this bucket; the functions of kv name it by its place. */
void portolan_bucket(portolan_manifest *manifest, const char *name);
/* Writes this metric; portolan_count and the like name it by its place. The values of its one label end with NULL; no label is
 * NULL. */
void portolan_counter(portolan_manifest *manifest, const char *name, const char *const *labels);
void portolan_gauge(portolan_manifest *manifest, const char *name, const char *const *labels);
void portolan_histogram(portolan_manifest *manifest, const char *name, const char *const *labels);

/* Begins as "no opinion". The first of the functions below makes a plan, or an answer, of it. */
typedef portolan_policy_types_verdict_t portolan_verdict;

/* These regions, best first. */
void portolan_route_to(portolan_verdict *verdict, const uint32_t *order, size_t count);
/* The request must not leave these regions. */
void portolan_fence(portolan_verdict *verdict, const uint32_t *regions, size_t count);
/* Only the regions in the order may serve. */
void portolan_strict(portolan_verdict *verdict);
/* Serve by the order, and pin the session to the region that serves, with this payload (at most 256 bytes); a lifetime of
 * 0 s is the service's own. */
void portolan_bind(portolan_verdict *verdict, portolan_bytes payload, uint32_t ttl_s);
/* Serve by the order, and leave the pin as it is. */
void portolan_hold(portolan_verdict *verdict);
/* Serve by the order, and end the pin. */
void portolan_clear(portolan_verdict *verdict);
/* A part of the cache's key; the lifetime of an answer that this request brings into it; nothing of the cache at all. */
void portolan_cache_key(portolan_verdict *verdict, const char *part);
void portolan_cache_ttl(portolan_verdict *verdict, uint32_t seconds);
void portolan_cache_bypass(portolan_verdict *verdict);
/* Edits of the request to the origin. */
void portolan_set_header(portolan_verdict *verdict, const char *name, portolan_bytes value);
void portolan_add_header(portolan_verdict *verdict, const char *name, portolan_bytes value);
void portolan_remove_header(portolan_verdict *verdict, const char *name);
/* Shortens the limit for the whole exchange. */
void portolan_timeout(portolan_verdict *verdict, uint32_t milliseconds);
/* An answer in place of the application's, and its headers. */
void portolan_reply(portolan_verdict *verdict, uint16_t status, portolan_bytes body);
void portolan_reply_header(portolan_verdict *verdict, const char *name, portolan_bytes value);

#ifdef PORTOLAN_HOOK_RESPONSE
/* ---- How an origin answered, and what becomes of its answer ---- */

typedef struct {
  uint32_t region; /* that answered */
  portolan_bytes region_name;
  uint16_t status;
  uint32_t attempt; /* from 1 */
  uint32_t ttfb_us; /* from the begin of the attempt to the head of the answer */
  bool may_retry;   /* whether portolan_next can be heeded */
  portolan_fields fields;
} portolan_answer;

/* A declared field of the response by its name, such as "header:x-node"; absent when the response has none. */
portolan_bytes portolan_answer_field(const portolan_answer *answer, const char *name);
/* The one at this place in the manifest. */
portolan_bytes portolan_answer_field_at(const portolan_answer *answer, size_t place);

/* Begins as "no opinion". */
typedef exports_portolan_policy_response_reaction_t portolan_reaction;

/* The plan's next region should be asked in place of this one: a retry like any other. Where that cannot be, or no other region
 * answers, the client has this answer after all. */
void portolan_next(portolan_reaction *reaction);
/* Edits of the answer's headers. */
void portolan_amend_header(portolan_reaction *reaction, const char *name, portolan_bytes value);
void portolan_amend_add_header(portolan_reaction *reaction, const char *name, portolan_bytes value);
void portolan_amend_remove_header(portolan_reaction *reaction, const char *name);
/* Pins the session to the region that answered; leaves the pin as it is; ends it. */
void portolan_amend_bind(portolan_reaction *reaction, portolan_bytes payload, uint32_t ttl_s);
void portolan_amend_hold(portolan_reaction *reaction);
void portolan_amend_clear(portolan_reaction *reaction);
#endif

#ifdef PORTOLAN_HOOK_HEALTH
/* ---- What became of regions, for a policy that watches them ---- */

/* What became of one region. */
typedef struct {
  const portolan_region *region; /* never NULL */
  portolan_health before;        /* what was told last; PORTOLAN_UNKNOWN before anything was */
  portolan_health now;
  double since_ms; /* since 1970-01-01 UTC */
} portolan_change;

/* What became of regions since the last call: one for each that changed, all of them in the first call of an instance, none when
 * it is only time again. */
typedef struct {
  double now_ms;  /* since 1970-01-01 UTC */
  double entropy; /* in [0, 1), new for each call */
  const portolan_change *at;
  size_t count;
} portolan_changes;
#endif

/* ---- Imports: those that policy.toml names ---- */

#ifdef PORTOLAN_IMPORTS_TELEMETRY
typedef enum { PORTOLAN_DEBUG, PORTOLAN_INFO, PORTOLAN_WARN, PORTOLAN_ERROR } portolan_level;
/* Writes a line to the router's log, beside the policy's name. policy.toml needs imports = ["telemetry"]. */
void portolan_log(portolan_level level, const char *message);
/* Adds to a counter; sets a gauge; adds a value to a histogram. `metric` is its place in the manifest, `label` the place of the
 * value in its labels, 0 where it has none. */
void portolan_count(uint32_t metric, uint32_t label, uint64_t by);
void portolan_set_gauge(uint32_t metric, uint32_t label, double value);
void portolan_observe(uint32_t metric, uint32_t label, double value);
#endif

#ifdef PORTOLAN_IMPORTS_KV
/* What a policy keeps between calls, shared by all its instances in one router. policy.toml needs imports = ["kv"], and the
 * operator grants the buckets. A verdict that depends on what is kept is no longer a function of the request alone: keep what was
 * learned, not what was said. `bucket` is its place in the manifest; a ttl of 0 ms is for good. */
typedef enum {
  PORTOLAN_KV_NO_BUCKET,    /* no such bucket in the manifest */
  PORTOLAN_KV_TOO_LARGE,    /* a key of more than 256 bytes, or a value larger than the bucket allows */
  PORTOLAN_KV_OVER_QUOTA,   /* the bucket has as many entries or bytes as it may have */
  PORTOLAN_KV_NOT_A_NUMBER, /* portolan_kv_add found a value that is not a number of its own */
  PORTOLAN_KV_UNAVAILABLE,  /* not now, as in policy_describe and policy_init */
  PORTOLAN_KV_WELL,
} portolan_kv_status;

/* An error's name in the contract. */
const char *portolan_kv_words(portolan_kv_status status);
/* The value of a key; absent where there is no such key. */
portolan_kv_status portolan_kv_get(uint32_t bucket, portolan_bytes key, portolan_bytes *value);
portolan_kv_status portolan_kv_set(uint32_t bucket, portolan_bytes key, portolan_bytes value, uint32_t ttl_ms);
/* Sets a key that has the expected value, absent for one that is not there; `had` says whether it had. Atomic. */
portolan_kv_status portolan_kv_replace(uint32_t bucket, portolan_bytes key, portolan_bytes expected, portolan_bytes value,
                                       uint32_t ttl_ms, bool *had);
/* Adds to a number and gives the sum. One that is not there begins at 0 and ends ttl_ms later. Atomic. */
portolan_kv_status portolan_kv_add(uint32_t bucket, portolan_bytes key, int64_t delta, uint32_t ttl_ms, int64_t *sum);
/* Removes a key; `had` says whether it was there. */
portolan_kv_status portolan_kv_delete(uint32_t bucket, portolan_bytes key, bool *had);
#endif

#ifdef PORTOLAN_IMPORTS_VIEW
/* What a policy looks up of the request in progress, instead of having it passed with every call. policy.toml needs imports =
 * ["view"]. */
typedef enum {
  PORTOLAN_VIEW_NO_FIELD,    /* portolan_want_lookup declared no such field */
  PORTOLAN_VIEW_TOO_MUCH,    /* a call may look up 256 times and 256 KiB; this would be more */
  PORTOLAN_VIEW_UNAVAILABLE, /* there is no request: in policy_describe and policy_init */
  PORTOLAN_VIEW_WELL,
} portolan_view_status;

/* An error's name in the contract. */
const char *portolan_view_words(portolan_view_status status);
/* A field that portolan_want_lookup declared; absent when the request has none. */
portolan_view_status portolan_lookup(const char *name, portolan_bytes *value);
/* The same by its place among all fields of the manifest. */
portolan_view_status portolan_lookup_at(size_t place, portolan_bytes *value);
#endif

#ifdef PORTOLAN_IMPORTS_HTTP
/* Asks HTTP servers, in policy_watch alone. policy.toml needs imports = ["http"], and the operator grants what may be asked. */
typedef enum {
  PORTOLAN_HTTP_INVALID,       /* the URL is none, or a header cannot be sent */
  PORTOLAN_HTTP_NOT_GRANTED,   /* the operator does not grant this place */
  PORTOLAN_HTTP_TOO_MANY,      /* more requests than the operator allows in a second, or 17 at one time */
  PORTOLAN_HTTP_UNAVAILABLE,   /* not in this hook, or the instance is about to end */
  PORTOLAN_HTTP_NO_CONNECTION, /* the name does not resolve, nobody accepts, or TLS does not verify */
  PORTOLAN_HTTP_TIMEOUT,       /* not whole in time */
  PORTOLAN_HTTP_TOO_LARGE,     /* the answer is larger than the operator allows */
  PORTOLAN_HTTP_BROKEN,        /* what came is no HTTP, or ended in the middle */
  PORTOLAN_HTTP_WELL,
} portolan_http_error;

typedef struct {
  portolan_bytes name, value;
} portolan_http_header;

/* What is asked; only the URL is needed. */
typedef struct {
  const char *method; /* NULL is GET */
  const char *url;
  const portolan_http_header *headers;
  size_t header_count;
  portolan_bytes body;
  uint32_t timeout_ms; /* can only shorten what the operator allows; 0 is no opinion */
} portolan_http_request;

/* What a server answered, whatever its status; nothing unless `error` is PORTOLAN_HTTP_WELL. */
typedef struct {
  portolan_http_error error;
  uint16_t status;
  const portolan_http_header *headers;
  size_t header_count;
  portolan_bytes body;
} portolan_http_response;

/* An error's name in the contract. */
const char *portolan_http_words(portolan_http_error error);
/* Asks, and waits for the answer. */
portolan_http_response portolan_http_get(const char *url);
portolan_http_response portolan_http_fetch(const portolan_http_request *ask);
/* Asks all of these at the same time, at most 16, and waits for all; `responses` has room for as many, and has them in the same
 * order. One server that is silent then costs the others nothing. */
void portolan_http_fetch_all(const portolan_http_request *asks, size_t count, portolan_http_response *responses);
/* The first header of this name, whatever its case; absent when there is none. */
portolan_bytes portolan_http_header_of(const portolan_http_response *response, const char *name);
#endif

/* ---- What the author writes ---- */

/* Reads the configuration and says what the policy wants to see. Returns NULL, or why the configuration is refused. */
const char *policy_describe(portolan_json config, portolan_manifest *manifest);
/* Makes the policy ready, once for each instance. Returns NULL, or why it cannot be. */
const char *policy_init(portolan_json config, const portolan_regions *regions);
#ifdef PORTOLAN_HOOK_ROUTE
/* Says where a request should go. Nothing that it keeps may change a later verdict. */
void policy_route(const portolan_request *request, portolan_verdict *verdict);
#endif
#ifdef PORTOLAN_HOOK_AFFINITY
/* The session's key, at most 1024 bytes; absent is no opinion. */
portolan_bytes policy_key(const portolan_request *request);
#endif
#ifdef PORTOLAN_HOOK_RESPONSE
/* Hears how an origin answered. The request has no candidates. */
void policy_response(const portolan_request *request, const portolan_answer *answer, portolan_reaction *reaction);
#endif
#ifdef PORTOLAN_HOOK_HEALTH
/* Hears what became of regions, or that time has passed, apart from any request. Returns for how many milliseconds it wants to be
 * left alone, 250 at least; 0 is until a region changes. */
uint32_t policy_watch(const portolan_changes *changes);
#endif

#endif
