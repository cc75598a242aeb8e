/* Which regions a key belongs to, best first: weighted rendezvous hashing, bounded by load. Pure.
 *
 * The same key, names and weights give the same order in every region table, PoP and language.
 */
#include <math.h>
#include <stdlib.h>

#include "tenant_hash.h"

/* FNV-1a, 64 bits. */
#define OFFSET 0xcbf29ce484222325u
#define PRIME 0x00000100000001b3u
/* Between key and name: a byte that no text holds. */
#define BETWEEN 0xff

typedef struct {
  uint32_t id;
  bool is_full;
  double score;
} place;

static uint64_t hashed(uint64_t hash, portolan_bytes bytes) {
  for (size_t at = 0; at < bytes.length; at++) hash = (hash ^ bytes.at[at]) * PRIME;
  return hash;
}

/* Spreads what FNV leaves close together (the finaliser of splitmix64). */
static uint64_t mix(uint64_t hash) {
  hash = (hash ^ hash >> 30) * 0xbf58476d1ce4e5b9u;
  hash = (hash ^ hash >> 27) * 0x94d049bb133111ebu;
  return hash ^ hash >> 31;
}

/* Highest for the region that the key belongs to (Mosharaf Ahmad et al.; weights as in Schindelhauer and Schomaker 2005). */
static double score(uint64_t key, portolan_bytes name, uint32_t weight) {
  uint64_t hash = mix(hashed(key, name));
  /* In (0, 1): neither end has a finite logarithm that divides. */
  double unit = ((double)(hash >> 11) + 0.5) / (double)((uint64_t)1 << 53);
  return weight / -log(unit);
}

static bool is_before(const place *one, const place *other) {
  if (one->is_full != other->is_full) return other->is_full;
  if (one->score != other->score) return one->score > other->score;
  return one->id < other->id;
}

size_t places_of(portolan_bytes key, const portolan_candidate *candidates, size_t count, double load, uint32_t *order) {
  double in_flight = 0, weights = 0;
  for (size_t at = 0; at < count; at++) {
    if (!portolan_takes_new(&candidates[at])) continue;
    if (candidates[at].weight > 0) in_flight += candidates[at].in_flight, weights += candidates[at].weight;
  }
  static const uint8_t between[] = {BETWEEN};
  uint64_t hash = hashed(hashed(OFFSET, key), (portolan_bytes){between, sizeof between});
  place *places = malloc(count * sizeof *places);
  size_t taken = 0;
  for (size_t at = 0; at < count; at++) {
    const portolan_candidate *candidate = &candidates[at];
    if (!portolan_takes_new(candidate) || candidate->weight == 0) continue;
    portolan_bytes name = candidate->region == NULL ? portolan_text("") : candidate->region->name;
    /* With the request that asks; rounded up, so that the average is always within the bound. */
    double bound = ceil((in_flight + 1) * load * candidate->weight / weights);
    place next = {candidate->id, candidate->in_flight + 1.0 > bound, score(hash, name, candidate->weight)};
    size_t to = taken++;
    for (; to > 0 && is_before(&next, &places[to - 1]); to--) places[to] = places[to - 1];
    places[to] = next;
  }
  for (size_t at = 0; at < taken; at++) order[at] = places[at].id;
  return taken;
}
