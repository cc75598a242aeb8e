// How an origin answered, and ways to say what becomes of its answer. Nothing is checked here: the router checks it.

import { EditsAndPin } from "./edits.js";
import { text } from "./octets.js";
import { Fields } from "./request.js";

/** How an origin answered. */
export class Answer {
  #raw;
  #fields;
  #regions;

  constructor(raw, names, fields, regions) {
    this.#raw = raw;
    this.#fields = new Fields(fields, names, 0);
    this.#regions = regions;
  }

  get region() {
    return this.#raw.region >>> 0;
  }

  get regionName() {
    return this.#regions.byId(this.region)?.name ?? "";
  }

  get status() {
    return this.#raw.status;
  }

  get attempt() {
    return this.#raw.attempt >>> 0;
  }

  get ttfbUs() {
    return this.#raw.ttfbUs >>> 0;
  }

  get mayRetry() {
    return this.#raw.mayRetry;
  }

  field(name) {
    return this.#fields.of(name);
  }

  text(name) {
    return text(this.field(name));
  }
}

/** The plan's next region should be asked in place of this one. */
export const Next = Object.freeze({ reaction: "next" });

/** How the answer is changed. */
export class Amendment extends EditsAndPin {}

/** What `response` returned, as the contract has it: nothing is no opinion. */
export function reaction(said) {
  if (said === undefined || said === null) return { tag: "pass" };
  if (said === Next) return { tag: "next" };
  if (said instanceof Amendment) return { tag: "amend", val: said.raw() };
  throw new TypeError("response returned something else than an Amendment, Next or nothing");
}
