/* The hook `route`: a request with its candidates. Compiled when the policy has the hook. */
#ifdef PORTOLAN_HOOK_ROUTE
#include <stdlib.h>

#include "parts.h"

static portolan_candidate candidate(const uint32_t *row) {
  uint32_t health = row[PORTOLAN_POLICY_TYPES_COLUMN_HEALTH], id = row[PORTOLAN_POLICY_TYPES_COLUMN_REGION];
  return (portolan_candidate){
      .id = id,
      .health = health > PORTOLAN_DOWN ? PORTOLAN_UNKNOWN : (portolan_health)health,
      .health_age_s = row[PORTOLAN_POLICY_TYPES_COLUMN_HEALTH_AGE_S],
      .distance_km = row[PORTOLAN_POLICY_TYPES_COLUMN_DISTANCE_KM],
      .rtt_us = row[PORTOLAN_POLICY_TYPES_COLUMN_RTT_US],
      .latency_us = row[PORTOLAN_POLICY_TYPES_COLUMN_LATENCY_US],
      .in_flight = row[PORTOLAN_POLICY_TYPES_COLUMN_IN_FLIGHT],
      .weight = row[PORTOLAN_POLICY_TYPES_COLUMN_WEIGHT],
      .region = portolan_region_of(id),
  };
}

void exports_portolan_policy_route_route(portolan_policy_types_request_t *raw, portolan_policy_types_fields_t *fields,
                                         portolan_policy_types_candidates_t *table, portolan_verdict *verdict) {
  /* A later router may append columns; one with fewer is not of this version and shows no candidates. */
  bool fits = table->width > PORTOLAN_POLICY_TYPES_COLUMN_WEIGHT;
  size_t count = fits ? table->cells.len / table->width : 0;
  portolan_candidate *candidates = malloc(count * sizeof *candidates);
  for (size_t row = 0; row < count; row++) candidates[row] = candidate(table->cells.ptr + row * table->width);
  portolan_pin pin;
  portolan_request request = portolan_request_of(raw, fields, &pin);
  request.candidates = candidates;
  request.candidate_count = count;
  verdict->tag = PORTOLAN_POLICY_TYPES_VERDICT_PASS;
  policy_route(&request, verdict);
  portolan_memory_answered();
}
#endif
