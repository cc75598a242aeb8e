// Keeps each tenant in one region: the policy `tenant-hash` in JavaScript. ../../README.md has the configuration, ../../src the
// same policy in Rust; both are held to ../../cases.toml.

import { Plan, octets, onlyKeys, policy } from "portolan-policy";
import { claimOf } from "./claim.js";
import { placesOf } from "./place.js";

class TenantHash {
  #source;
  #load;

  static describe(config) {
    return { fields: [read(config).source.field] };
  }

  constructor(config) {
    ({ source: this.#source, load: this.#load } = read(config));
  }

  route(request) {
    const value = request.field(this.#source.field);
    const key = value && this.#source.claim ? claimOf(value, this.#source.claim) : value;
    if (key === undefined) return;
    const order = placesOf(octets(key), request.candidates, this.#load);
    if (order.length === 0) return;
    const { pin } = request;
    // A pin that agrees keeps its endpoint; any other follows the tenant.
    return pin?.region === order[0] ? Plan.to(order) : Plan.to(order).bind(pin?.payload);
  }
}

/** Reads the configuration. The load's default is what Mirrokni, Thorup and Zadimoghaddam advise (2017). */
function read(config) {
  onlyKeys(config, "by", "load");
  const { by, load = 1.25 } = config;
  if (!(load >= 1 && load <= 100)) throw new Error(`config.load: ${JSON.stringify(load)} is not between 1 and 100`);
  if (by === undefined) throw new Error("config: missing field `by`");
  const [, kind, name] = /^(header|cookie|query|jwt):(.+)$/s.exec(by) ?? [];
  if (!kind) {
    const accepted = "`header:NAME`, `cookie:NAME`, `query:NAME` and `jwt:CLAIM`";
    throw new Error(`config.by: ${JSON.stringify(by)} is none of ${accepted}`);
  }
  const source = kind === "jwt" ? { field: "header:authorization", claim: name } : { field: by };
  return { source, load };
}

export const { lifecycle, route } = policy(TenantHash);
