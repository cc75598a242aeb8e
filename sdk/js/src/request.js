// One request as a policy sees it: declared fields by name, candidates with their regions, the pin. Views of what the
// router passed; made for each call and never kept.

import { text } from "./octets.js";

/** What is known of a region's health, in the order of the contract. Unknown is not down. */
export const Health = Object.freeze({
  unknown: "unknown",
  healthy: "healthy",
  degraded: "degraded",
  draining: "draining",
  down: "down",
});

const STATES = Object.values(Health);

/** Columns of the contract's `candidates` that this SDK knows. */
const COLUMNS = 8;

/** Marks a field that the request does not have. */
const ABSENT = 0x80000000;
/** Behind the declared fields: what was stored with the pin, and the name of the pin's region when that is no more. */
const PAYLOAD = 0;
const FORMER_REGION = 1;
const BEHIND = 2;

/** The regions as configured. */
export class Regions {
  #byId = new Map();

  constructor(infos) {
    for (const info of infos) {
      const labels = Object.freeze(Object.fromEntries(info.labels));
      this.#byId.set(info.id, Object.freeze({ ...info, labels }));
    }
  }

  [Symbol.iterator]() {
    return this.#byId.values();
  }

  byId(id) {
    return this.#byId.get(id);
  }

  named(service, name) {
    return [...this].find((region) => region.service === service && region.name === name);
  }

  labelled(label, value) {
    return [...this].filter((region) => region.labels[label] === value);
  }
}

/** A region that may serve the request, as the router sees it now. */
class Candidate {
  constructor(cells, row, regions) {
    // The engine hands numbers of 2^31 and more over as negative ones.
    this.id = cells[row] >>> 0;
    this.health = STATES[cells[row + 1]] ?? Health.unknown;
    this.healthAgeS = cells[row + 2] >>> 0;
    this.distanceKm = cells[row + 3] >>> 0;
    this.rttUs = cells[row + 4] >>> 0 || undefined;
    this.latencyUs = cells[row + 5] >>> 0 || undefined;
    this.inFlight = cells[row + 6] >>> 0;
    this.weight = cells[row + 7] >>> 0;
    this.region = regions.byId(this.id);
  }

  get name() {
    return this.region?.name ?? "";
  }

  label(key) {
    return this.region?.labels[key];
  }

  get serves() {
    return this.health !== Health.down;
  }

  get takesNew() {
    return this.health !== Health.down && this.health !== Health.draining;
  }
}

/** The values of declared fields, and behind them those that every call has. */
export class Fields {
  #names;
  #ends;
  #octets;

  constructor(bytes, names, behind) {
    const count = names.length + behind;
    this.#names = names;
    this.#ends = new DataView(bytes.buffer, bytes.byteOffset, count * 4);
    this.#octets = bytes.subarray(count * 4);
  }

  at(place) {
    const end = this.#ends.getUint32(place * 4, true);
    if (end >= ABSENT) return undefined;
    const begin = place === 0 ? 0 : this.#ends.getUint32(place * 4 - 4, true) & ~ABSENT;
    return this.#octets.subarray(begin, end);
  }

  /** The place of a field to look up; one that there is not where none was declared so. */
  lazyPlace(name) {
    const place = this.#names.indexOf(`lazy:${name}`);
    return place < 0 ? this.#names.length : place;
  }

  of(name) {
    const place = this.#names.indexOf(name);
    if (place < 0) throw new Error(`\`${name}\` was not declared in describe; declared are ${this.#names.join(", ")}`);
    return this.at(place);
  }
}

/** The request to route. */
export class Request {
  #raw;
  #names;
  #fields;
  #table;
  #candidates;

  constructor(raw, names, fields, table, regions) {
    this.#raw = raw;
    this.#names = names;
    this.#fields = new Fields(fields, names, BEHIND);
    this.#table = table;
    this.regions = regions;
  }

  get nowMs() {
    return this.#raw.nowMs;
  }

  get entropy() {
    return this.#raw.entropy;
  }

  get client() {
    return this.#raw.client ?? undefined;
  }

  get service() {
    return this.regions.byId(this.#raw.service >>> 0)?.service ?? "";
  }

  get pin() {
    const pin = this.#raw.pin;
    if (!pin) return undefined;
    const behind = (place) => this.#fields.at(this.#names.length + place);
    const region = pin.region ?? undefined;
    return {
      region,
      regionName: this.regions.byId(region)?.name ?? text(behind(FORMER_REGION)) ?? "",
      sessionAgeS: pin.sessionAgeS >>> 0,
      ageS: pin.pinAgeS >>> 0,
      payload: behind(PAYLOAD) ?? new Uint8Array(),
    };
  }

  get candidates() {
    if (this.#candidates) return this.#candidates;
    const { cells, width } = this.#table;
    this.#candidates = [];
    if (width < COLUMNS) return this.#candidates;
    for (let row = 0; row + width <= cells.length; row += width) {
      this.#candidates.push(new Candidate(cells, row, this.regions));
    }
    return this.#candidates;
  }

  field(name) {
    return this.#fields.of(name);
  }

  text(name) {
    return text(this.field(name));
  }

  /** For `view.js`. */
  lazyPlace(name) {
    return this.#fields.lazyPlace(name);
  }
}
