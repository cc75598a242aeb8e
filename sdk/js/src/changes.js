// What became of regions, as a policy that watches them hears of it: a view of what the router passed.

/** The longest pause that the router makes, milliseconds. */
const DAY_MS = 24 * 60 * 60 * 1000;

/** What became of regions since the last call; nothing when it is only time again. */
export class Changes {
  #changes;

  constructor(nowMs, entropy, raw, regions) {
    this.nowMs = nowMs;
    this.entropy = entropy;
    this.regions = regions;
    const told = raw.map((change) => ({ ...change, region: regions.byId(change.region >>> 0) }));
    this.#changes = told.filter((change) => change.region !== undefined);
  }

  [Symbol.iterator]() {
    return this.#changes.values();
  }
}

/** What `watch` returned, as the contract has it: nothing is until a region changes. */
export function pause(said) {
  if (said === undefined || said === null) return 0;
  if (typeof said !== "number") throw new TypeError("watch returned something else than a number or nothing");
  return Math.min(Math.max(Math.ceil(said), 1), DAY_MS);
}
