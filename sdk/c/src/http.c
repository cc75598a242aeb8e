/* The import `http`: asks servers, in the hook `health` alone. Compiled when the policy imports it. */
#ifdef PORTOLAN_IMPORTS_HTTP
#include <stdlib.h>
#include <string.h>

#include "parts.h"

const char *portolan_http_words(portolan_http_error error) {
  static const char *const names[] = {"invalid",       "not-granted", "too-many",  "unavailable",
                                      "no-connection", "timeout",     "too-large", "broken", "well"};
  return names[error];
}

static policy_string_t string(portolan_bytes bytes) { return (policy_string_t){(uint8_t *)bytes.at, bytes.length}; }

/* A request as the contract has it; it points to the author's bytes. */
static portolan_policy_http_request_t raw(const portolan_http_request *ask) {
  portolan_policy_http_tuple2_string_octets_t *headers = malloc(ask->header_count * sizeof *headers);
  for (size_t place = 0; place < ask->header_count; place++) {
    portolan_bytes value = ask->headers[place].value;
    headers[place].f0 = string(ask->headers[place].name);
    headers[place].f1 = (portolan_policy_http_octets_t){(uint8_t *)value.at, value.length};
  }
  return (portolan_policy_http_request_t){
      .method = string(portolan_text(ask->method != NULL ? ask->method : "GET")),
      .url = string(portolan_text(ask->url)),
      .headers = {headers, ask->header_count},
      .body = {(uint8_t *)ask->body.at, ask->body.length},
      .timeout_ms = ask->timeout_ms,
  };
}

static portolan_http_response came(const portolan_policy_http_response_t *answer) {
  portolan_http_header *headers = malloc(answer->headers.len * sizeof *headers);
  for (size_t place = 0; place < answer->headers.len; place++) {
    const portolan_policy_http_tuple2_string_octets_t *header = &answer->headers.ptr[place];
    headers[place].name = (portolan_bytes){header->f0.ptr, header->f0.len};
    headers[place].value = (portolan_bytes){header->f1.ptr, header->f1.len};
  }
  return (portolan_http_response){
      .error = PORTOLAN_HTTP_WELL,
      .status = answer->status,
      .headers = headers,
      .header_count = answer->headers.len,
      .body = {answer->body.ptr, answer->body.len},
  };
}

portolan_http_response portolan_http_fetch(const portolan_http_request *ask) {
  portolan_policy_http_request_t request = raw(ask);
  portolan_policy_http_response_t answer = {0};
  portolan_policy_http_error_t error = 0;
  if (portolan_policy_http_fetch(&request, &answer, &error)) return came(&answer);
  return (portolan_http_response){.error = (portolan_http_error)error};
}

portolan_http_response portolan_http_get(const char *url) { return portolan_http_fetch(&(portolan_http_request){.url = url}); }

void portolan_http_fetch_all(const portolan_http_request *asks, size_t count, portolan_http_response *responses) {
  portolan_policy_http_request_t *requests = malloc(count * sizeof *requests);
  for (size_t place = 0; place < count; place++) requests[place] = raw(&asks[place]);
  portolan_policy_http_list_request_t list = {requests, count};
  portolan_policy_http_list_result_response_error_t answers = {0};
  portolan_policy_http_fetch_all(&list, &answers);
  for (size_t place = 0; place < count; place++) {
    const portolan_policy_http_result_response_error_t *answer = &answers.ptr[place];
    responses[place] = answer->is_err ? (portolan_http_response){.error = (portolan_http_error)answer->val.err}
                                      : came(&answer->val.ok);
  }
}

static uint8_t lower(uint8_t letter) { return letter >= 'A' && letter <= 'Z' ? letter + ('a' - 'A') : letter; }

portolan_bytes portolan_http_header_of(const portolan_http_response *response, const char *name) {
  portolan_bytes wanted = portolan_text(name);
  for (size_t place = 0; place < response->header_count; place++) {
    portolan_bytes found = response->headers[place].name;
    size_t at = 0;
    while (found.length == wanted.length && at < wanted.length && lower(found.at[at]) == lower(wanted.at[at])) at++;
    if (found.length == wanted.length && at == wanted.length) return response->headers[place].value;
  }
  return (portolan_bytes){0};
}
#endif
