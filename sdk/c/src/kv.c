/* The import `kv`: what a policy keeps between calls. Compiled when the policy imports it. */
#ifdef PORTOLAN_IMPORTS_KV
#include "parts.h"

static portolan_policy_kv_octets_t raw(portolan_bytes bytes) {
  return (portolan_policy_kv_octets_t){(uint8_t *)bytes.at, bytes.length};
}

static portolan_kv_status status(bool well, portolan_policy_kv_error_t error) {
  return well ? PORTOLAN_KV_WELL : (portolan_kv_status)error;
}

const char *portolan_kv_words(portolan_kv_status status) {
  static const char *const names[] = {"no-bucket", "too-large", "over-quota", "not-a-number", "unavailable", "well"};
  return names[status];
}

portolan_kv_status portolan_kv_get(uint32_t bucket, portolan_bytes key, portolan_bytes *value) {
  portolan_policy_kv_octets_t name = raw(key);
  portolan_policy_kv_option_octets_t found = {0};
  portolan_policy_kv_error_t error = 0;
  bool well = portolan_policy_kv_get(bucket, &name, &found, &error);
  *value = well && found.is_some ? (portolan_bytes){found.val.ptr, found.val.len} : (portolan_bytes){0};
  return status(well, error);
}

portolan_kv_status portolan_kv_set(uint32_t bucket, portolan_bytes key, portolan_bytes value, uint32_t ttl_ms) {
  portolan_policy_kv_octets_t name = raw(key), octets = raw(value);
  portolan_policy_kv_error_t error = 0;
  bool well = portolan_policy_kv_set(bucket, &name, &octets, ttl_ms, &error);
  return status(well, error);
}

portolan_kv_status portolan_kv_replace(uint32_t bucket, portolan_bytes key, portolan_bytes expected, portolan_bytes value,
                                       uint32_t ttl_ms, bool *had) {
  portolan_policy_kv_octets_t name = raw(key), before = raw(expected), octets = raw(value);
  portolan_policy_kv_error_t error = 0;
  *had = false;
  bool well = portolan_policy_kv_replace(bucket, &name, expected.at != NULL ? &before : NULL, &octets, ttl_ms, had, &error);
  return status(well, error);
}

portolan_kv_status portolan_kv_add(uint32_t bucket, portolan_bytes key, int64_t delta, uint32_t ttl_ms, int64_t *sum) {
  portolan_policy_kv_octets_t name = raw(key);
  portolan_policy_kv_error_t error = 0;
  *sum = 0;
  bool well = portolan_policy_kv_add(bucket, &name, delta, ttl_ms, sum, &error);
  return status(well, error);
}

portolan_kv_status portolan_kv_delete(uint32_t bucket, portolan_bytes key, bool *had) {
  portolan_policy_kv_octets_t name = raw(key);
  portolan_policy_kv_error_t error = 0;
  *had = false;
  bool well = portolan_policy_kv_delete(bucket, &name, had, &error);
  return status(well, error);
}
#endif
