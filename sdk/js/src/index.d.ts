/** Bytes of a header's value and the like; they need not be text. */
export type Octets = Uint8Array;

/** What is known of a region's health. Unknown is not down. */
export type Health = "unknown" | "healthy" | "degraded" | "draining" | "down";
export const Health: { readonly [State in Health]: State };

/** A place on the map, in degrees. */
export interface Location {
  latitude: number;
  longitude: number;
}

/** A region as configured. */
export interface Region {
  readonly id: number;
  readonly service: string;
  readonly name: string;
  readonly labels: { readonly [label: string]: string };
  readonly location: Location;
  /** Requests in flight it is meant to hold; 0 is no limit. */
  readonly capacity: number;
}

/** All regions of the services that use the policy. */
export interface Regions extends Iterable<Region> {
  byId(id: number): Region | undefined;
  named(service: string, name: string): Region | undefined;
  labelled(label: string, value: string): Region[];
}

/** A region that may serve the request, as the router sees it now. */
export interface Candidate {
  readonly id: number;
  readonly name: string;
  readonly region: Region | undefined;
  readonly health: Health;
  /** For how long it has been in this state, seconds. */
  readonly healthAgeS: number;
  /** From the client, or from the PoP when the client's place is unknown. */
  readonly distanceKm: number;
  /** Measured round trip from this PoP, microseconds. */
  readonly rttUs: number | undefined;
  /** Moving average of time to first byte, microseconds; none before the first traffic. */
  readonly latencyUs: number | undefined;
  /** Requests in flight from this PoP. */
  readonly inFlight: number;
  readonly weight: number;
  /** Every state but down. */
  readonly serves: boolean;
  /** Neither down nor draining. */
  readonly takesNew: boolean;
  label(key: string): string | undefined;
}

/** The session's pin. The router has checked its signature, service and age. */
export interface Pin {
  /** None when the region is no longer configured. */
  readonly region: number | undefined;
  readonly regionName: string;
  readonly sessionAgeS: number;
  readonly ageS: number;
  /** What the policy stored with it. */
  readonly payload: Octets;
}

/** The request to route. */
export interface Request {
  /** Milliseconds since 1970-01-01 UTC. */
  readonly nowMs: number;
  /** Uniform in [0, 1), new for each request. */
  readonly entropy: number;
  readonly client: Location | undefined;
  readonly service: string;
  readonly pin: Pin | undefined;
  readonly regions: Regions;
  /** Nearest first, also those that are down. */
  readonly candidates: Candidate[];
  /** A declared field, such as `header:x-tenant`; throws when it was not declared. */
  field(name: string): Octets | undefined;
  /** The same as text; none when it is not UTF-8. */
  text(name: string): string | undefined;
}

type Place = number | { readonly id: number };

/** Where the request should go. */
export class Plan {
  /** These regions, best first. */
  static to(order: Iterable<Place>): Plan;
  /** The request must not leave these regions. */
  fence(regions: Iterable<Place>): this;
  /** Only the regions in the order may serve. */
  strict(): this;
  /** Pin the session to the region that serves, with this payload of at most 256 bytes; 0 s is the service's own lifetime. */
  bind(payload?: string | Octets, ttlS?: number): this;
  /** Serve by the order, and leave the pin as it is. */
  hold(): this;
  /** Serve by the order, and end the pin. */
  clear(): this;
  cacheKey(part: string): this;
  cacheTtl(seconds: number): this;
  bypassCache(): this;
  /** Edits of the request to the origin. */
  header(name: string, value: string | Octets): this;
  addHeader(name: string, value: string | Octets): this;
  withoutHeader(name: string): this;
  /** Shortens the limit for the whole exchange. */
  timeout(milliseconds: number): this;
}

/** An answer in place of the application's. */
export class Reply {
  constructor(status: number, body?: string | Octets);
  static text(status: number, words: string): Reply;
  static redirect(status: number, location: string): Reply;
  header(name: string, value: string | Octets): this;
}

/** How an origin answered, for the hook `response`. */
export interface Answer {
  /** The region that answered. */
  readonly region: number;
  readonly regionName: string;
  readonly status: number;
  /** From 1. */
  readonly attempt: number;
  /** From the begin of the attempt to the head of the answer, microseconds. */
  readonly ttfbUs: number;
  /** Whether `Next` can be heeded. */
  readonly mayRetry: boolean;
  /** A declared field of the response, such as `header:x-node`; throws when it was not declared. */
  field(name: string): Octets | undefined;
  /** The same as text; none when it is not UTF-8. */
  text(name: string): string | undefined;
}

/**
 * The plan's next region should be asked in place of this one: a retry like any other. Where that cannot be, or no other region
 * answers, the client has this answer after all.
 */
export const Next: { readonly reaction: "next" };

/** How an origin's answer is changed. */
export class Amendment {
  /** Edits of the answer's headers. */
  header(name: string, value: string | Octets): this;
  addHeader(name: string, value: string | Octets): this;
  withoutHeader(name: string): this;
  /** Pin the session to the region that answered. */
  bind(payload?: string | Octets, ttlS?: number): this;
  /** Leave the pin as it is. */
  hold(): this;
  /** End the pin. */
  clear(): this;
}

/** What became of a region. */
export interface Change {
  readonly region: Region;
  /** What was told last; unknown before anything was. */
  readonly before: Health;
  readonly now: Health;
  /** Since when, milliseconds since 1970-01-01 UTC. */
  readonly sinceMs: number;
}

/**
 * What became of regions since the last call, for the hook `health`: one for each that changed, all of them in the first call of an
 * instance, nothing when it is only time again.
 */
export interface Changes extends Iterable<Change> {
  /** Milliseconds since 1970-01-01 UTC. */
  readonly nowMs: number;
  /** Uniform in [0, 1), new for each call. */
  readonly entropy: number;
  readonly regions: Regions;
}

/** A metric that the policy writes with the classes of `portolan-policy/telemetry`. */
export interface Metric {
  name: string;
  kind: "counter" | "gauge" | "histogram";
  /** The values of its one label, at most 16; none is no label. */
  labels?: string[];
}

/** What the policy wants to see and to use; nothing that is not declared is passed. */
export interface Manifest {
  fields?: string[];
  /** Headers, cookies and query parameters to look up with `portolan-policy/view`, such as `header:authorization`. */
  lookups?: string[];
  /** Fields of the response, for the hook `response`. */
  responseFields?: string[];
  /** Buckets, for `portolan-policy/kv`. */
  buckets?: string[];
  metrics?: Metric[];
}

/** A policy. What its functions throw refuses the configuration, or ends the call, in the words of the error. */
export interface Policy<Config = object> {
  new (config: Config, regions: Regions): {
    /** The hook `route`. */
    route?(request: Request): Plan | Reply | undefined | null | void;
    /** The hook `affinity`: the session's key, at most 1024 bytes. The request has no candidates. */
    key?(request: Request): string | Octets | undefined | null | void;
    /** The hook `response`. The request has no candidates. */
    response?(request: Request, answer: Answer): Amendment | typeof Next | undefined | null | void;
    /**
     * The hook `health`: hears what became of regions, or that time has passed, apart from any request, and may ask servers with
     * `portolan-policy/http`. Returns how long it wants to be left alone, milliseconds, 250 at least; nothing is until a region changes.
     */
    watch?(changes: Changes): number | undefined | null | void;
  };
  describe?(config: Config): Manifest;
}

/** The hooks of a policy's component: `export const { lifecycle, route } = policy(MyPolicy);` */
export function policy<Config>(policy: Policy<Config>): {
  lifecycle: object;
  route: object;
  affinity: object;
  response: object;
  health: object;
};

/** For `describe`: refuses a configuration that has other keys than these. */
export function onlyKeys(config: object, ...known: string[]): void;

/** The bytes of a text in UTF-8; bytes stay what they are. */
export function octets(value: string | Octets): Octets;
/** The text of bytes in UTF-8, or none when they are no such text. */
export function text(bytes: Octets | undefined | null): string | undefined;
