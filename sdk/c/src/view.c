/* The import `view`: what a policy looks up of the request in progress. Compiled when the policy imports it. */
#ifdef PORTOLAN_IMPORTS_VIEW
#include <string.h>

#include "parts.h"

const char *portolan_view_words(portolan_view_status status) {
  static const char *const names[] = {"no-field", "too-much", "unavailable", "well"};
  return names[status];
}

static bool is_lazy(portolan_bytes declared, const char *name) {
  size_t prefix = sizeof PORTOLAN_LAZY - 1;
  if (declared.length < prefix || memcmp(declared.at, PORTOLAN_LAZY, prefix) != 0) return false;
  return portolan_equals((portolan_bytes){declared.at + prefix, declared.length - prefix}, name);
}

portolan_view_status portolan_lookup(const char *name, portolan_bytes *value) {
  portolan_names declared = portolan_declared();
  size_t place = 0;
  while (place < declared.count && !is_lazy(declared.at[place], name)) place++;
  return portolan_lookup_at(place, value);
}

portolan_view_status portolan_lookup_at(size_t place, portolan_bytes *value) {
  portolan_policy_view_option_octets_t found = {0};
  portolan_policy_view_error_t error = 0;
  bool well = portolan_policy_view_field((uint32_t)place, &found, &error);
  *value = well && found.is_some ? (portolan_bytes){found.val.ptr, found.val.len} : (portolan_bytes){0};
  return well ? PORTOLAN_VIEW_WELL : (portolan_view_status)error;
}
#endif
