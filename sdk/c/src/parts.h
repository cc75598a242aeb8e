/* What the SDK's own files say to each other; authors include portolan.h alone. */
#ifndef PORTOLAN_PARTS_H
#define PORTOLAN_PARTS_H

#include <portolan.h>

/* What has been taken so far stays for the life of the instance. */
void portolan_memory_keep(void);
/* What was taken since then may go when the next block is asked for. */
void portolan_memory_answered(void);

/* Stands before the name of a field that is looked up. */
#define PORTOLAN_LAZY "lazy:"
/* Names of declared fields, in the order of the manifest. */
typedef struct {
  const portolan_bytes *at;
  size_t count;
} portolan_names;
portolan_names portolan_declared(void);
portolan_names portolan_declared_of_answer(void);
/* `count` fields as the router wrote them; none where it wrote fewer. */
portolan_fields portolan_fields_of(const portolan_policy_types_fields_t *raw, size_t count);
/* The field at a place; absent where there is none. */
portolan_bytes portolan_fields_at(const portolan_fields *fields, size_t place);
/* The place of a name; `count` of the names where it is none of them. */
size_t portolan_place(portolan_names names, const char *name);
/* The region with this number; NULL for none. */
const portolan_region *portolan_region_of(uint32_t id);
/* A request without candidates; the pin that it may point to is kept at `pin`. */
portolan_request portolan_request_of(const portolan_policy_types_request_t *raw, const portolan_policy_types_fields_t *fields,
                                     portolan_pin *pin);
/* Copies that the router may read when the author's bytes have changed. */
portolan_policy_types_octets_t portolan_octets(portolan_bytes bytes);
portolan_policy_types_edit_t portolan_edit(uint8_t op, const char *name, portolan_bytes value);
/* A copy with a 0 behind it, for C. */
const char *portolan_copy(portolan_bytes bytes);

#endif
