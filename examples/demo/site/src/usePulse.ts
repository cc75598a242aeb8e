// The page's heartbeat: one visit each half second, the strip of what came of them, the newest answer.
// Owns the samples (bounded) and the count of failures; never retries, since a failure must show as one.
// Used by App.

import { useCallback, useEffect, useRef, useState } from "react";
import { Failed, whoami } from "./api";
import type { Sample, Whoami } from "./types";

const PERIOD_MS = 500;
const SAMPLES_MAX = 40;
/** Requests waiting at once; further beats are left out while so many hang. */
const OPEN_MAX = 6;

export interface Pulse {
  samples: Sample[];
  sent: number;
  failed: number;
  answer: Whoami | null;
  /** Failures since the last answer. */
  failedInRow: number;
  /** Takes an answer that another request got. */
  accept: (answer: Whoami) => void;
}

export function usePulse(address: string | undefined, running: boolean): Pulse {
  const [state, setState] = useState({ samples: [] as Sample[], sent: 0, failed: 0, failedInRow: 0 });
  const [answer, setAnswer] = useState<Whoami | null>(null);
  const open = useRef(0);
  const number = useRef(0);
  const newest = useRef(0);

  useEffect(() => {
    if (!running) return;
    let stopped = false;
    const beat = async () => {
      // The very first visit makes the session: the others wait for its cookie.
      if (open.current >= (newest.current === 0 ? 1 : OPEN_MAX)) return;
      open.current += 1;
      const mine = (number.current += 1);
      const started = performance.now();
      let outcome: Sample["outcome"];
      let fresh: Whoami | null = null;
      try {
        fresh = await whoami(address);
        outcome = { ok: true, region: fresh.region, endpoint: fresh.endpoint };
      } catch (error) {
        outcome = { ok: false, why: error instanceof Failed ? error.message : "failed" };
      }
      open.current -= 1;
      if (stopped) return;
      const sample: Sample = { number: mine, at: Date.now(), tookMs: performance.now() - started, outcome };
      setState((old) => ({
        samples: [...old.samples, sample].slice(-SAMPLES_MAX),
        sent: old.sent + 1,
        failed: old.failed + (outcome.ok ? 0 : 1),
        failedInRow: outcome.ok ? 0 : old.failedInRow + 1,
      }));
      if (fresh && mine > newest.current) {
        newest.current = mine;
        setAnswer(fresh);
      }
    };
    void beat();
    const timer = window.setInterval(() => void beat(), PERIOD_MS);
    return () => {
      stopped = true;
      window.clearInterval(timer);
    };
  }, [address, running]);

  const accept = useCallback((fresh: Whoami) => {
    newest.current = number.current += 1;
    setAnswer(fresh);
  }, []);

  return { ...state, answer, accept };
}
