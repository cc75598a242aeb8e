/* What the SDK's own files say to each other; authors include portolan.h alone. */
#ifndef PORTOLAN_PARTS_H
#define PORTOLAN_PARTS_H

#include <portolan.h>

/* What has been taken so far stays for the life of the instance. */
void portolan_memory_keep(void);
/* What was taken since then may go when the next block is asked for. */
void portolan_memory_answered(void);

/* Names of the declared fields, in the order of the manifest; how many are in `count`. */
const portolan_bytes *portolan_declared(size_t *count);
/* The region with this number; NULL for none. */
const portolan_region *portolan_region_of(uint32_t id);
/* A request without candidates; the pin that it may point to is kept at `pin`. */
portolan_request portolan_request_of(const portolan_policy_types_request_t *raw, const portolan_policy_types_fields_t *fields,
                                     portolan_pin *pin);
/* A copy with a 0 behind it, for C. */
const char *portolan_copy(portolan_bytes bytes);

#endif
