// What the page knows around the heartbeat: /demo.json, each region's switch, and where a newcomer would go.
// Polls slowly, keeps the last answer of each. Used by App.

import { useCallback, useEffect, useState } from "react";
import { readDemo, regionState, switchRegion, whereWouldNewcomerGo } from "./api";
import type { Demo, Region, RegionState, Where } from "./types";

const POLL_MS = 1500;

/** /demo.json; asked again until it is there. */
export function useDemo(): { demo: Demo | null; missing: boolean } {
  const [demo, setDemo] = useState<Demo | null>(null);
  const [missing, setMissing] = useState(false);
  useEffect(() => {
    if (demo) return;
    const read = () => readDemo().then(setDemo, () => setMissing(true));
    void read();
    const timer = window.setInterval(() => void read(), POLL_MS);
    return () => window.clearInterval(timer);
  }, [demo]);
  return { demo, missing: missing && !demo };
}

export interface Switches {
  states: Record<string, RegionState>;
  toggle: (region: Region) => Promise<void>;
}

/** Each region's state by its own word, and the button that changes it. */
export function useSwitches(regions: Region[]): Switches {
  const [states, setStates] = useState<Record<string, RegionState>>({});
  const look = useCallback(async () => {
    const found = await Promise.all(regions.map(async (r) => [r.name, await regionState(r.name, r.control)] as const));
    setStates(Object.fromEntries(found));
  }, [regions]);
  useEffect(() => {
    void look();
    const timer = window.setInterval(() => void look(), POLL_MS);
    return () => window.clearInterval(timer);
  }, [look]);
  const toggle = useCallback(
    async (region: Region) => {
      await switchRegion(region.control, states[region.name] === "off" ? "on" : "off").catch(() => undefined);
      await look();
    },
    [look, states],
  );
  return { states, toggle };
}

/** Where the PoP would send somebody from `address` who has no session yet. */
export function useNewcomer(address: string | undefined, running: boolean): Where | null {
  const [where, setWhere] = useState<Where | null>(null);
  useEffect(() => {
    setWhere(null);
    if (!running) return;
    let stopped = false;
    const look = () => whereWouldNewcomerGo(address).then((w) => !stopped && setWhere(w), () => undefined);
    void look();
    const timer = window.setInterval(() => void look(), POLL_MS);
    return () => {
      stopped = true;
      window.clearInterval(timer);
    };
  }, [address, running]);
  return where;
}
