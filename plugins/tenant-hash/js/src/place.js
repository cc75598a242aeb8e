// Which regions a key belongs to, best first: weighted rendezvous hashing, bounded by load. Pure.
//
// The same key, names and weights give the same order in every region table, PoP and language.

import { octets } from "portolan-policy";

/** FNV-1a, 64 bits, as two halves of 32: a hash that is one BigInt takes three times as long. */
const OFFSET = [0xcbf29ce4, 0x84222325];
/** Its prime is 2^40 and this. */
const PRIME = 0x1b3;
/** Between key and name: a byte that no text holds. */
const BETWEEN = Uint8Array.of(0xff);

/** Names as bytes: they are the same in every call. */
const names = new Map();

/** The regions that take new sessions, best first for this key; those above `load` times their share come last. */
export function placesOf(key, candidates, load) {
  const takes = candidates.filter((region) => region.takesNew && region.weight > 0);
  const inFlight = takes.reduce((sum, region) => sum + region.inFlight, 0);
  const weights = takes.reduce((sum, region) => sum + region.weight, 0);
  const hash = hashed(hashed(OFFSET, key), BETWEEN);
  const places = takes.map((region) => {
    // With the request that asks; rounded up, so that the average is always within the bound.
    const bound = Math.ceil(((inFlight + 1) * load * region.weight) / weights);
    return { id: region.id, isFull: region.inFlight + 1 > bound, score: score(hash, region) };
  });
  places.sort((a, b) => a.isFull - b.isFull || b.score - a.score || a.id - b.id);
  return places.map((place) => place.id);
}

/** Highest for the region that the key belongs to (Mosharaf Ahmad et al.; weights as in Schindelhauer and Schomaker 2005). */
function score(key, region) {
  const { name } = region;
  if (!names.has(name)) names.set(name, octets(name));
  const hash = mix(hashed(key, names.get(name)));
  // In (0, 1): neither end has a finite logarithm that divides.
  const unit = (Number(hash >> 11n) + 0.5) / 2 ** 53;
  return region.weight / -Math.log(unit);
}

function hashed([high, low], bytes) {
  for (const byte of bytes) {
    const mixed = (low ^ byte) >>> 0;
    const product = mixed * PRIME;
    high = (high * PRIME + Math.floor(product / 2 ** 32) + mixed * 2 ** 8) >>> 0;
    low = product >>> 0;
  }
  return [high, low];
}

/** Spreads what FNV leaves close together (the finaliser of splitmix64). */
function mix([high, low]) {
  let hash = (BigInt(high) << 32n) | BigInt(low);
  hash = BigInt.asUintN(64, (hash ^ (hash >> 30n)) * 0xbf58476d1ce4e5b9n);
  hash = BigInt.asUintN(64, (hash ^ (hash >> 27n)) * 0x94d049bb133111ebn);
  return hash ^ (hash >> 31n);
}
