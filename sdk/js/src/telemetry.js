// The router's log. A policy that imports this file has imports = ["telemetry"] in its policy.toml; an error that ends one
// of its calls is then said in the log and in the failure.

import telemetry from "portolan:policy/telemetry";
import { reportTo } from "./index.js";

/** Writes a line beside the policy's name; the level is debug, info, warn or error. */
export function log(level, message) {
  telemetry.log(level, String(message));
}

reportTo((words) => log("error", words));
