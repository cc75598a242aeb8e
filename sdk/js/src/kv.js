// What a policy keeps between calls, in buckets that its manifest names and the operator grants. A policy that imports this file
// has imports = ["kv"] in its policy.toml.

import kv from "portolan:policy/kv";
import { Refusal, asked } from "./imports.js";
import { octets, text } from "./octets.js";

/** Why nothing was done; `code` is the contract's name of it. */
export class KvError extends Refusal {
  constructor(code) {
    super("kv", code);
    this.name = "KvError";
  }
}

/** Milliseconds as the contract counts them; a lifetime that is too long for it lasts for good. */
const millis = (ttlMs) => (ttlMs > 0xffffffff ? 0 : Math.ceil(ttlMs));

/** A bucket by its place in the manifest's buckets. */
export class Bucket {
  #place;

  constructor(place) {
    this.#place = place;
  }

  get(key) {
    return asked(KvError, () => kv.get(this.#place, octets(key))) ?? undefined;
  }

  text(key) {
    return text(this.get(key));
  }

  set(key, value, ttlMs = 0) {
    asked(KvError, () => kv.set(this.#place, octets(key), octets(value), millis(ttlMs)));
  }

  replace(key, expected, value, ttlMs = 0) {
    const before = expected === undefined || expected === null ? null : octets(expected);
    return asked(KvError, () => kv.replace(this.#place, octets(key), before, octets(value), millis(ttlMs)));
  }

  add(key, delta = 1, ttlMs = 0) {
    return Number(asked(KvError, () => kv.add(this.#place, octets(key), delta, millis(ttlMs))));
  }

  delete(key) {
    return asked(KvError, () => kv.delete(this.#place, octets(key)));
  }
}
