/* The hook `health`: what became of regions, apart from any request. Compiled when the policy has the hook. */
#ifdef PORTOLAN_HOOK_HEALTH
#include <stdlib.h>

#include "parts.h"

uint32_t exports_portolan_policy_health_watch(double now_ms, double entropy,
                                              exports_portolan_policy_health_list_change_t *told) {
  portolan_change *all = malloc(told->len * sizeof *all);
  portolan_changes changes = {.now_ms = now_ms, .entropy = entropy, .at = all};
  for (size_t place = 0; place < told->len; place++) {
    const exports_portolan_policy_health_change_t *change = &told->ptr[place];
    const portolan_region *region = portolan_region_of(change->region);
    /* The router told of all regions in init. */
    if (region == NULL) continue;
    all[changes.count++] =
        (portolan_change){region, (portolan_health)change->before, (portolan_health)change->now, change->since_ms};
  }
  uint32_t pause = policy_watch(&changes);
  portolan_memory_answered();
  return pause;
}
#endif
