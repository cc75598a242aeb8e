// Every request the page makes, each with a deadline, and the one meaning of "failed".
// Owns no state and shows nothing. Called by the hooks.

import type { Demo, RegionState, Where, Whoami } from "./types";

/** Longer than this without an answer counts as a failed request. */
const DEADLINE_MS = 6000;

export class Failed extends Error {}

async function ask<T>(path: string, options: RequestInit, address?: string): Promise<T> {
  const headers = new Headers(options.headers);
  if (address) headers.set("x-forwarded-for", address);
  let response: Response;
  try {
    response = await fetch(path, { ...options, headers, cache: "no-store", signal: AbortSignal.timeout(DEADLINE_MS) });
  } catch (error) {
    const late = error instanceof DOMException && error.name === "TimeoutError";
    throw new Failed(late ? `no answer in ${DEADLINE_MS / 1000} s` : "no connection");
  }
  if (!response.ok) throw new Failed(`status ${response.status}`);
  try {
    return (await response.json()) as T;
  } catch {
    throw new Failed("not an answer of the application");
  }
}

export const readDemo = () => ask<Demo>("/demo.json", {});

/** A visit with the session's cookies. */
export const whoami = (address?: string) => ask<Whoami>("/api/whoami", { credentials: "same-origin" }, address);

/** Where somebody without a session would be served. */
export const whereWouldNewcomerGo = (address?: string) => ask<Where>("/api/where", { credentials: "omit" }, address);

export const addToCart = (item: string, address?: string) =>
  ask<Whoami>("/api/cart", { method: "POST", credentials: "same-origin", body: JSON.stringify({ item }) }, address);

export const endSession = (address?: string) =>
  ask<Where>("/api/session/end", { method: "POST", credentials: "same-origin" }, address);

interface Switches {
  regions: Record<string, { on: boolean }>;
}

/** Asks a region's own switch; "gone" when nobody answers there. */
export async function regionState(name: string, control: string): Promise<RegionState> {
  try {
    const state = await ask<Switches>(`${control}/control/state`, { credentials: "omit" });
    return state.regions[name]?.on === false ? "off" : "on";
  } catch {
    return "gone";
  }
}

export const switchRegion = (control: string, to: "on" | "off") =>
  ask<Switches>(`${control}/control/${to}`, { method: "POST", credentials: "omit" });
