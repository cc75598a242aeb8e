/* The import `telemetry`: lines of the log and metrics. Compiled when the policy imports it. */
#ifdef PORTOLAN_IMPORTS_TELEMETRY
#include <string.h>

#include "parts.h"

void portolan_log(portolan_level level, const char *message) {
  policy_string_t text = {(uint8_t *)message, strlen(message)};
  portolan_policy_telemetry_log((portolan_policy_telemetry_level_t)level, &text);
}

void portolan_count(uint32_t metric, uint32_t label, uint64_t by) { portolan_policy_telemetry_count(metric, label, by); }

void portolan_set_gauge(uint32_t metric, uint32_t label, double value) { portolan_policy_telemetry_set(metric, label, value); }

void portolan_observe(uint32_t metric, uint32_t label, double value) { portolan_policy_telemetry_observe(metric, label, value); }
#endif
