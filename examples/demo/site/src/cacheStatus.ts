// What `Cache-Status` (RFC 9211) says, in the page's words.
// Reads the member of the cache nearest to us, the PoP's own; knows nothing of requests. Used by api and the cache card.

export type Outcome = "hit" | "stale" | "asked" | "miss" | "none";

export interface CacheSaid {
  outcome: Outcome;
  /** Why it was not a hit, in the word of the field. */
  why: string | null;
  /** Seconds that it stays fresh; negative once it is stale. */
  ttl: number | null;
  /** The field as it came. */
  text: string | null;
}

export function cacheSaid(headers: Headers): CacheSaid {
  const text = headers.get("cache-status");
  const parameters = new Map<string, string>();
  for (const parameter of text?.split(",").at(-1)?.split(";").slice(1) ?? []) {
    const [name, value] = parameter.trim().split("=");
    if (name) parameters.set(name, value ?? "");
  }
  const ttl = parameters.has("ttl") ? Number(parameters.get("ttl")) : null;
  const why = parameters.get("fwd") ?? null;
  return { outcome: outcomeOf(text, parameters.has("hit"), why, ttl), why, ttl, text };
}

function outcomeOf(text: string | null, hit: boolean, why: string | null, ttl: number | null): Outcome {
  if (text === null) return "none";
  if (hit) return ttl !== null && ttl < 0 ? "stale" : "hit";
  return why === "stale" || why === "request" ? "asked" : "miss";
}
