/* The hook `affinity`: a key of the policy's own for a session. Compiled when the policy has the hook. */
#ifdef PORTOLAN_HOOK_AFFINITY
#include "parts.h"

bool exports_portolan_policy_affinity_key(portolan_policy_types_request_t *raw, portolan_policy_types_fields_t *fields,
                                          portolan_policy_types_octets_t *key) {
  portolan_pin pin;
  portolan_request request = portolan_request_of(raw, fields, &pin);
  portolan_bytes said = policy_key(&request);
  *key = (portolan_policy_types_octets_t){(uint8_t *)said.at, said.length};
  portolan_memory_answered();
  return said.at != NULL;
}
#endif
