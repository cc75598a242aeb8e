/** What a policy keeps between calls, in buckets that its manifest names and the operator grants. */

import type { Octets } from "./index.js";

/** Why nothing was done. */
export class KvError extends Error {
  /** `unavailable` also while the policy is described and made. */
  readonly code: "no-bucket" | "too-large" | "over-quota" | "not-a-number" | "unavailable";
}

/**
 * A bucket: key-value pairs that all instances of the policy in one router share. `policy.toml` needs `imports = ["kv"]`, and the
 * operator grants it. A verdict that depends on what is kept is no longer a function of the request alone: keep what was learned,
 * not what was said. Each function throws a `KvError` where nothing was done.
 */
export class Bucket {
  /** The one at this place in the manifest's `buckets`. */
  constructor(place: number);
  /** The value of a key. */
  get(key: string | Octets): Octets | undefined;
  /** The same as text; none also when it is not UTF-8. */
  text(key: string | Octets): string | undefined;
  /** Sets a key for this long, milliseconds; 0 is for good. */
  set(key: string | Octets, value: string | Octets, ttlMs?: number): void;
  /** Sets a key that has the expected value, none for one that is not there; whether it had. Atomic. */
  replace(key: string | Octets, expected: string | Octets | undefined | null, value: string | Octets, ttlMs?: number): boolean;
  /** Adds to a number and gives the sum, exact to 2^53. One that is not there begins at 0 and ends `ttlMs` later. Atomic. */
  add(key: string | Octets, delta?: number, ttlMs?: number): number;
  /** Removes a key; whether it was there. */
  delete(key: string | Octets): boolean;
}
