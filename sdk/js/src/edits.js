// What a plan and an amendment have in common: edits of headers, and what becomes of the session's pin. Nothing is checked here:
// the router checks it.

import { octets } from "./octets.js";

/** Writes both into a record of the contract, which has `edits` and `pin`. */
export class EditsAndPin {
  #record;

  constructor(record = {}) {
    this.#record = { edits: [], pin: { tag: "keep" }, ...record };
  }

  header(name, value) {
    return this.#edit("set", name, value);
  }

  addHeader(name, value) {
    return this.#edit("add", name, value);
  }

  withoutHeader(name) {
    return this.#edit("remove", name, "");
  }

  #edit(op, name, value) {
    this.#record.edits.push({ op, name, value: octets(value) });
    return this;
  }

  bind(payload = "", ttlS = 0) {
    return this.#pin({ tag: "bind", val: { payload: octets(payload), ttlS } });
  }

  hold() {
    return this.#pin({ tag: "hold" });
  }

  clear() {
    return this.#pin({ tag: "clear" });
  }

  #pin(action) {
    this.#record.pin = action;
    return this;
  }

  /** As the contract has it. */
  raw() {
    return this.#record;
  }
}
