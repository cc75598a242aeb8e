/* One request as authors see it, out of what the router passed: fields by their place, the pin, the service's name. */
#include "parts.h"

/* Marks a field that the request does not have: the top bit of its number. */
#define ABSENT 0x80000000u
/* Bytes of each number, lowest first. */
#define NUMBER 4
/* Behind the declared fields: what was stored with the pin, and the name of the pin's region when that is no more. */
enum { PAYLOAD, FORMER_REGION, BEHIND };

bool portolan_takes_new(const portolan_candidate *candidate) {
  return candidate->health != PORTOLAN_DOWN && candidate->health != PORTOLAN_DRAINING;
}

bool portolan_serves(const portolan_candidate *candidate) { return candidate->health != PORTOLAN_DOWN; }

static uint32_t number(const uint8_t *at) {
  return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

portolan_fields portolan_fields_of(const portolan_policy_types_fields_t *raw, size_t count) {
  /* A router that sends less than it should leaves them all absent. */
  if (raw->len / NUMBER < count) return (portolan_fields){0};
  return (portolan_fields){raw->ptr, count, {raw->ptr + count * NUMBER, raw->len - count * NUMBER}};
}

portolan_bytes portolan_fields_at(const portolan_fields *fields, size_t place) {
  if (place >= fields->count) return (portolan_bytes){0};
  const uint8_t *ends = fields->ends + place * NUMBER;
  uint32_t end = number(ends), begin = place == 0 ? 0 : number(ends - NUMBER) & ~ABSENT;
  /* A router that counts wrong gets "absent", not a trap. The top bit makes `end` greater than any length. */
  if (end > fields->octets.length || begin > end) return (portolan_bytes){0};
  return (portolan_bytes){fields->octets.at + begin, end - begin};
}

portolan_bytes portolan_field_at(const portolan_request *request, size_t place) {
  /* What stands behind the declared ones has no name. */
  return place + BEHIND < request->fields.count ? portolan_fields_at(&request->fields, place) : (portolan_bytes){0};
}

size_t portolan_place(portolan_names names, const char *name) {
  size_t place = 0;
  while (place < names.count && !portolan_equals(names.at[place], name)) place++;
  return place;
}

portolan_bytes portolan_field(const portolan_request *request, const char *name) {
  return portolan_field_at(request, portolan_place(portolan_declared(), name));
}

static portolan_pin pin_of(const portolan_request *request, const portolan_policy_types_pin_t *raw) {
  size_t declared = portolan_declared().count;
  const portolan_region *region = raw->region.is_some ? portolan_region_of(raw->region.val) : NULL;
  return (portolan_pin){
      .is_configured = raw->region.is_some,
      .region = raw->region.val,
      .region_name = region != NULL ? region->name : portolan_fields_at(&request->fields, declared + FORMER_REGION),
      .session_age_s = raw->session_age_s,
      .age_s = raw->pin_age_s,
      .payload = portolan_fields_at(&request->fields, declared + PAYLOAD),
  };
}

portolan_request portolan_request_of(const portolan_policy_types_request_t *raw, const portolan_policy_types_fields_t *fields,
                                     portolan_pin *pin) {
  const portolan_region *first = portolan_region_of(raw->service);
  portolan_request request = {
      .now_ms = raw->now_ms,
      .entropy = raw->entropy,
      .client = raw->client.is_some ? &raw->client.val : NULL,
      .service = first != NULL ? first->service : portolan_text(""),
      .fields = portolan_fields_of(fields, portolan_declared().count + BEHIND),
  };
  if (raw->pin.is_some) {
    *pin = pin_of(&request, &raw->pin.val);
    request.pin = pin;
  }
  return request;
}
