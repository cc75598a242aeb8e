// Ways to say a verdict. Nothing is checked here: the router checks every verdict.

import { octets } from "./octets.js";

/** Numbers of regions, given as such, as candidates or as regions. */
const ids = (regions) => Array.from(regions, (region) => (typeof region === "number" ? region : region.id));

/** Where the request should go. */
export class Plan {
  #plan = {
    order: [],
    fence: null,
    strict: false,
    pin: { tag: "keep" },
    cache: { tag: "keep" },
    edits: [],
    timeoutMs: 0,
    ext: [],
  };

  static to(order) {
    const plan = new Plan();
    plan.#plan.order = ids(order);
    return plan;
  }

  fence(regions) {
    this.#plan.fence = ids(regions);
    return this;
  }

  strict() {
    this.#plan.strict = true;
    return this;
  }

  bind(payload = "", ttlS = 0) {
    this.#plan.pin = { tag: "bind", val: { payload: octets(payload), ttlS } };
    return this;
  }

  hold() {
    this.#plan.pin = { tag: "hold" };
    return this;
  }

  clear() {
    this.#plan.pin = { tag: "clear" };
    return this;
  }

  cacheKey(key) {
    return this.#terms({ key });
  }

  cacheTtl(seconds) {
    return this.#terms({ ttlS: Math.ceil(seconds) });
  }

  bypassCache() {
    this.#plan.cache = { tag: "bypass" };
    return this;
  }

  #terms(terms) {
    const said = this.#plan.cache;
    if (said.tag !== "bypass") this.#plan.cache = { tag: "terms", val: { key: null, ttlS: null, ...said.val, ...terms } };
    return this;
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
    this.#plan.edits.push({ op, name, value: octets(value) });
    return this;
  }

  timeout(milliseconds) {
    this.#plan.timeoutMs = Math.ceil(milliseconds);
    return this;
  }

  /** As the contract has it. */
  raw() {
    return this.#plan;
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
