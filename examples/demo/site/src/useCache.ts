// What caches did for this page: for each of its own files once, for one answer of the application again and again.
// Asks as any client would: it never says `no-cache`, which a cache would heed. Used by CacheCard.

import { useEffect, useState } from "react";
import { goods } from "./api";
import { cacheSaid } from "./cacheStatus";
import type { CacheSaid, Outcome } from "./cacheStatus";
import type { Goods } from "./types";

const PERIOD_MS = 1000;
const OUTCOMES_MAX = 30;
const KINDS = ["script", "link", "css", "img"];

export interface Asset {
  name: string;
  /** What the browser did: had it, was told that its copy is still good, or fetched it. */
  browser: "had it" | "still good" | "fetched";
  /** Bytes that came or would come over the network, and those they unfold to. */
  sent: number;
  whole: number;
  coding: string | null;
  said: CacheSaid;
}

/** The page's own files, as they came. */
export function useAssets(): Asset[] {
  const [assets, setAssets] = useState<Asset[]>([]);
  useEffect(() => {
    let stopped = false;
    void Promise.all(ownFiles().map(look)).then((found) => !stopped && setAssets(found.filter((asset) => asset !== null)));
    return () => {
      stopped = true;
    };
  }, []);
  return assets;
}

function ownFiles(): PerformanceResourceTiming[] {
  const page = performance.getEntriesByType("navigation") as PerformanceResourceTiming[];
  const files = performance.getEntriesByType("resource") as PerformanceResourceTiming[];
  const own = files.filter((file) => KINDS.includes(file.initiatorType) && file.name.startsWith(`${location.origin}/`));
  return [...page, ...own];
}

async function look(entry: PerformanceResourceTiming): Promise<Asset | null> {
  try {
    // The copy that the page was made of, with the fields that came with it; asked for again only if there is none.
    const accept = entry.entryType === "navigation" ? "text/html" : "*/*";
    const { headers } = await fetch(entry.name, { cache: "force-cache", credentials: "same-origin", headers: { accept } });
    const nothingCame = entry.transferSize === 0 && entry.decodedBodySize > 0;
    const bodyCame = entry.transferSize > entry.encodedBodySize;
    return {
      name: new URL(entry.name).pathname,
      browser: nothingCame ? "had it" : bodyCame ? "fetched" : "still good",
      sent: entry.encodedBodySize,
      whole: entry.decodedBodySize,
      coding: headers.get("content-encoding"),
      said: cacheSaid(headers),
    };
  } catch {
    return null;
  }
}

export interface GoodsSeen {
  answer: Goods | null;
  said: CacheSaid | null;
  age: number | null;
  tookMs: number;
  /** The last outcomes, oldest first; a failure is none of them. */
  outcomes: { number: number; outcome: Outcome | "failed" }[];
}

/** The goods, asked for each second. */
export function useGoods(running: boolean): GoodsSeen {
  const [seen, setSeen] = useState<GoodsSeen>({ answer: null, said: null, age: null, tookMs: 0, outcomes: [] });
  useEffect(() => {
    if (!running) return;
    let stopped = false;
    let open = false;
    const beat = async () => {
      if (open) return;
      open = true;
      const began = performance.now();
      const got = await goods().catch(() => null);
      open = false;
      if (stopped) return;
      setSeen((old) => {
        const number = (old.outcomes.at(-1)?.number ?? 0) + 1;
        const outcomes = [...old.outcomes, { number, outcome: got ? got.said.outcome : ("failed" as const) }].slice(-OUTCOMES_MAX);
        return got ? { ...got, tookMs: performance.now() - began, outcomes } : { ...old, outcomes };
      });
    };
    void beat();
    const timer = window.setInterval(() => void beat(), PERIOD_MS);
    return () => {
      stopped = true;
      window.clearInterval(timer);
    };
  }, [running]);
  return seen;
}
