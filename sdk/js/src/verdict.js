// Ways to say a verdict. Nothing is checked here: the router checks every verdict.

import { EditsAndPin } from "./edits.js";
import { octets } from "./octets.js";

/** Numbers of regions, given as such, as candidates or as regions. */
const ids = (regions) => Array.from(regions, (region) => (typeof region === "number" ? region : region.id));

/** Where the request should go. */
export class Plan extends EditsAndPin {
  constructor() {
    super({ order: [], fence: null, strict: false, cache: { tag: "keep" }, timeoutMs: 0, ext: [] });
  }

  static to(order) {
    return new Plan().#with({ order: ids(order) });
  }

  fence(regions) {
    return this.#with({ fence: ids(regions) });
  }

  strict() {
    return this.#with({ strict: true });
  }

  cacheKey(key) {
    return this.#terms({ key });
  }

  cacheTtl(seconds) {
    return this.#terms({ ttlS: Math.ceil(seconds) });
  }

  bypassCache() {
    return this.#with({ cache: { tag: "bypass" } });
  }

  #terms(terms) {
    const said = this.raw().cache;
    if (said.tag === "bypass") return this;
    return this.#with({ cache: { tag: "terms", val: { key: null, ttlS: null, ...said.val, ...terms } } });
  }

  timeout(milliseconds) {
    return this.#with({ timeoutMs: Math.ceil(milliseconds) });
  }

  #with(said) {
    Object.assign(this.raw(), said);
    return this;
  }
}

/** An answer in place of the application's. */
export class Reply {
  #reply;

  constructor(status, body = "") {
    this.#reply = { status, headers: [], body: octets(body) };
  }

  static text(status, words) {
    return new Reply(status, words).header("content-type", "text/plain; charset=utf-8");
  }

  static redirect(status, location) {
    return new Reply(status).header("location", location);
  }

  header(name, value) {
    this.#reply.headers.push([name, octets(value)]);
    return this;
  }

  /** As the contract has it. */
  raw() {
    return this.#reply;
  }
}

/** What `route` returned, as the contract has it: nothing is no opinion. */
export function verdict(said) {
  if (said === undefined || said === null) return { tag: "pass" };
  if (said instanceof Plan) return { tag: "route", val: said.raw() };
  if (said instanceof Reply) return { tag: "respond", val: said.raw() };
  throw new TypeError("route returned something else than a Plan, a Reply or nothing");
}
