// Every request the page makes, each with a deadline, and the one meaning of "failed".
// Owns no state and shows nothing. Called by the hooks.

import { cacheSaid } from "./cacheStatus";
import type { CacheSaid } from "./cacheStatus";
import type { Demo, Goods, RegionState, Where, Whoami } from "./types";

/** Longer than this without an answer counts as a failed request. */
const DEADLINE_MS = 6000;

export class Failed extends Error {}

/** An answer whose fields matter too. */
interface Answered<T> {
  value: T;
  headers: Headers;
}

async function ask<T>(path: string, options: RequestInit, address?: string): Promise<T> {
  return (await answered<T>(path, { cache: "no-store", ...options }, address)).value;
}

async function answered<T>(path: string, options: RequestInit, address?: string): Promise<Answered<T>> {
  const headers = new Headers(options.headers);
  if (address) headers.set("x-forwarded-for", address);
  let response: Response;
  try {
    response = await fetch(path, { ...options, headers, signal: AbortSignal.timeout(DEADLINE_MS) });
  } catch (error) {
    const late = error instanceof DOMException && error.name === "TimeoutError";
    throw new Failed(late ? `no answer in ${DEADLINE_MS / 1000} s` : "no connection");
  }
  if (!response.ok) throw new Failed(`status ${response.status}`);
  try {
    return { value: (await response.json()) as T, headers: response.headers };
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

/** The goods, and what the PoP's cache says of them. Without `no-store`, which would have the PoP ask the application. */
export async function goods(): Promise<{ answer: Goods; said: CacheSaid; age: number | null }> {
  const { value, headers } = await answered<Goods>("/api/goods", { credentials: "omit" });
  const age = headers.get("age");
  return { answer: value, said: cacheSaid(headers), age: age === null ? null : Number(age) };
}

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
