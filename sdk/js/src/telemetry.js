// The router's log and the metrics of the manifest. A policy that imports this file has imports = ["telemetry"] in its
// policy.toml; an error that ends one of its calls is then said in the log and in the failure.

import telemetry from "portolan:policy/telemetry";
import { reportTo } from "./index.js";

/** Writes a line beside the policy's name; the level is debug, info, warn or error. */
export function log(level, message) {
  telemetry.log(level, String(message));
}

/** A counter by its place in the manifest's metrics. */
export class Counter {
  #place;

  constructor(place) {
    this.#place = place;
  }

  add(by = 1, label = 0) {
    telemetry.count(this.#place, label, by);
  }
}

/** A gauge by its place in the manifest's metrics. */
export class Gauge {
  #place;

  constructor(place) {
    this.#place = place;
  }

  set(value, label = 0) {
    telemetry.set(this.#place, label, value);
  }
}

/** A histogram by its place in the manifest's metrics. */
export class Histogram {
  #place;

  constructor(place) {
    this.#place = place;
  }

  observe(value, label = 0) {
    telemetry.observe(this.#place, label, value);
  }
}

reportTo((words) => log("error", words));
