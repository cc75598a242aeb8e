/* The two parts of the policy: a token's claim, and the regions that a key belongs to. */
#ifndef TENANT_HASH_H
#define TENANT_HASH_H

#include <portolan.h>

/* A claim that is a text, an integer or a truth value, as text; absent where there is none. */
portolan_bytes claim_of(portolan_bytes authorization, const char *claim);

/* Writes the regions that take new sessions to `order`, best first for this key; those above `load` times their share come
 * last. Returns how many they are, at most `count`. */
size_t places_of(portolan_bytes key, const portolan_candidate *candidates, size_t count, double load, uint32_t *order);

#endif
