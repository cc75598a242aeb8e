/** How much a line of the log matters. */
export type Level = "debug" | "info" | "warn" | "error";

/** Writes a line to the router's log, beside the policy's name. `policy.toml` needs `imports = ["telemetry"]`. */
export function log(level: Level, message: string): void;

/** A counter by its place in the manifest's `metrics`: it only rises. `label` is the place of the value in its labels. */
export class Counter {
  constructor(place: number);
  add(by?: number, label?: number): void;
}

/** A gauge by its place in the manifest's `metrics`: it stands at its last value. */
export class Gauge {
  constructor(place: number);
  set(value: number, label?: number): void;
}

/** A histogram by its place in the manifest's `metrics`: it counts values by size. */
export class Histogram {
  constructor(place: number);
  observe(value: number, label?: number): void;
}
