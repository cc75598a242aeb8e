/** What a policy looks up of the request in progress, instead of having it passed with every call. */

import type { Octets, Request } from "./index.js";

/** Why there is no answer. */
export class ViewError extends Error {
  /** `unavailable` while the policy is described and made, `too-much` beyond 256 times or 256 KiB in a call. */
  readonly code: "no-field" | "too-much" | "unavailable";
}

/**
 * A header, a cookie or a query parameter that the manifest has in `lookups`, such as `header:authorization`; none when the request
 * has no such field. `policy.toml` needs `imports = ["view"]`. Throws a `ViewError` where there is no answer.
 */
export function lookup(request: Request, name: string): Octets | undefined;
/** The same as text; none also when it cannot be had or is not UTF-8. */
export function lookupText(request: Request, name: string): string | undefined;
/** The same by its place in the manifest: those of `lookups` stand behind `fields`. */
export function lookupAt(place: number): Octets | undefined;
