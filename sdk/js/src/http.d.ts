/** Asks HTTP servers, in the hook `health` alone; the operator grants what may be asked. */

import type { Octets } from "./index.js";

/** Why nothing came; the contract's `http` says what each means. */
export class HttpError extends Error {
  /** `unavailable` in every other hook. */
  readonly code:
    | "invalid"
    | "not-granted"
    | "too-many"
    | "unavailable"
    | "no-connection"
    | "timeout"
    | "too-large"
    | "broken";
}

/** What is asked: a URL alone is a `GET` of it. */
export type Ask =
  | string
  | {
      url: string;
      /** `GET` unless said otherwise. */
      method?: string;
      headers?: { [name: string]: string | Octets };
      body?: string | Octets;
      /** Can only shorten what the operator allows. */
      timeoutMs?: number;
    };

/** What a server answered, whatever its status. */
export interface Response {
  readonly status: number;
  /** Whether the status is one of success (2xx). */
  readonly ok: boolean;
  readonly headers: readonly (readonly [name: string, value: Octets])[];
  /** The first header of this name, whatever its case. */
  header(name: string): Octets | undefined;
  readonly body: Octets;
  /** The body without white space around it; none when it is not UTF-8. */
  text(): string | undefined;
}

/**
 * Asks, and waits for the answer; there is nothing to await. `policy.toml` needs `imports = ["http"]`. Throws an `HttpError` where
 * nothing came.
 */
export function fetch(ask: Ask): Response;

/**
 * Asks all of these at the same time, at most 16, and waits for all; what came is in their order. One server that is silent then
 * costs the others nothing.
 */
export function fetchAll(asks: Iterable<Ask>): (Response | HttpError)[];
