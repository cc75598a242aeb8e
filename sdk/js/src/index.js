// Write Portolan policies in JavaScript: joins a class to what the router calls.
//
// Owns the exports of the component and its one instance of the policy. Holds no policy logic and asks nothing of the
// router. The types are in index.d.ts.

import { Answer, reaction } from "./answer.js";
import { Changes, pause } from "./changes.js";
import { Regions, Request } from "./request.js";
import { octets, text } from "./octets.js";
import { Plan, Reply, verdict } from "./verdict.js";

export { Plan, Reply, octets, text };
export { Amendment, Next } from "./answer.js";
export { Health } from "./request.js";

/** What a hook that is not about candidates has of them. */
const NO_CANDIDATES = { width: 0, cells: [] };

let reporter = null;

/** Tells of errors that end a call; `telemetry.js` is the one who does. Internal. */
export function reportTo(report) {
  reporter = report;
}

/** The manifest of a policy, as the contract has it. */
function manifest(Policy, config) {
  const said = Policy.describe?.(config) ?? {};
  const { fields = [], lookups = [], responseFields = [], buckets = [], metrics = [], ext = [] } = said;
  return {
    fields: [...fields, ...lookups.map((name) => `lazy:${name}`)],
    responseFields,
    buckets,
    metrics: metrics.map((metric) => ({ labels: [], ...metric })),
    ext,
  };
}

/**
 * The hooks of a policy's component: `export const { lifecycle, route } = policy(MyPolicy);`, and `affinity`, `response` and
 * `health` besides.
 */
export function policy(Policy) {
  let instance = null;
  let regions = null;
  let names = null;
  let answered = null;
  return {
    lifecycle: {
      describe: (config) => refusing(() => manifest(Policy, read(config))),
      init: (config, infos) =>
        refusing(() => {
          // `describe` ran in another instance; it is pure, so asking again gives the order of the fields.
          const table = read(config);
          const said = manifest(Policy, table);
          names = said.fields;
          answered = said.responseFields;
          regions = new Regions(infos);
          instance = new Policy(table, regions);
        }),
    },
    route: {
      route: (raw, fields, candidates) =>
        reporting(() => verdict(instance.route(new Request(raw, names, fields, candidates, regions)))),
    },
    affinity: {
      key: (raw, fields) =>
        reporting(() => {
          const key = instance.key(new Request(raw, names, fields, NO_CANDIDATES, regions));
          return key === undefined || key === null ? null : octets(key);
        }),
    },
    response: {
      response: (raw, outcome, fields, responseFields) =>
        reporting(() => {
          const request = new Request(raw, names, fields, NO_CANDIDATES, regions);
          return reaction(instance.response(request, new Answer(outcome, answered, responseFields, regions)));
        }),
    },
    health: {
      watch: (nowMs, entropy, changes) =>
        reporting(() => pause(instance.watch(new Changes(nowMs, entropy, changes, regions)))),
    },
  };
}

/** No bytes, or `null`, are an empty table. */
function read(bytes) {
  const words = text(bytes).trim();
  const config = words === "" ? {} : (JSON.parse(words) ?? {});
  if (typeof config !== "object" || Array.isArray(config)) throw new Error("config: it is no table");
  return config;
}

/** What `describe` and `init` throw reaches the operator in the author's words. */
function refusing(call) {
  try {
    return call();
  } catch (error) {
    throw words(error);
  }
}

/** What a hook throws ends the instance; the router goes on without the policy's word. */
function reporting(call) {
  try {
    return call();
  } catch (error) {
    reporter?.(words(error));
    throw error;
  }
}

/** An error of the author's own is its message alone; a slip says what kind it is and where. */
function words(error) {
  if (!(error instanceof Error)) return String(error);
  if (error.name === "Error") return error.message;
  const at = String(error.stack ?? "").trim().split("\n")[0].trim();
  return `${error.name}: ${error.message} ${at}`.trim();
}

/** A helper for `describe`: refuses a configuration that has other keys than these. */
export function onlyKeys(config, ...known) {
  const stranger = Object.keys(config).find((key) => !known.includes(key));
  if (stranger === undefined) return;
  const accepted = known.length === 0 ? "there are none" : `expected ${known.map((key) => `\`${key}\``).join(", ")}`;
  throw new Error(`config.${stranger}: unknown field, ${accepted}`);
}
