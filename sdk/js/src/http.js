// Asks HTTP servers, in the hook `health` alone. A policy that imports this file has imports = ["http"] in its policy.toml.

import http from "portolan:policy/http";
import { Refusal, asked } from "./imports.js";
import { octets, text } from "./octets.js";

/** Why nothing came; `code` is the contract's name of it. */
export class HttpError extends Refusal {
  constructor(code) {
    super("http", code);
    this.name = "HttpError";
  }
}

/** What a server answered, whatever its status. */
export class Response {
  #raw;

  constructor(raw) {
    this.#raw = raw;
  }

  get status() {
    return this.#raw.status;
  }

  get ok() {
    return this.status >= 200 && this.status < 300;
  }

  get headers() {
    return this.#raw.headers;
  }

  header(name) {
    const wanted = name.toLowerCase();
    return this.headers.find(([field]) => field.toLowerCase() === wanted)?.[1];
  }

  get body() {
    return this.#raw.body;
  }

  text() {
    return text(this.body)?.trim();
  }
}

/** The engine hands numbers of 2^31 and more over as negative ones. */
const LONGEST_MS = 2 ** 31 - 1;

/** A request as the contract has it. */
function raw(ask) {
  const { url, method = "GET", headers = {}, body = "", timeoutMs = 0 } = typeof ask === "string" ? { url: ask } : ask;
  return {
    method,
    url,
    headers: Object.entries(headers).map(([name, value]) => [name, octets(value)]),
    body: octets(body),
    timeoutMs: Math.min(Math.ceil(timeoutMs), LONGEST_MS),
  };
}

export function fetch(ask) {
  return new Response(asked(HttpError, () => http.fetch(raw(ask))));
}

export function fetchAll(asks) {
  const came = http.fetchAll(Array.from(asks, raw));
  return came.map(({ tag, val }) => (tag === "ok" ? new Response(val) : new HttpError(val)));
}
