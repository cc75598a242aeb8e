// The page: joins the heartbeat, the regions and the visitor's place, and says clearly when nobody answers.
// Holds only the choice of place and the pause; the rest is in the hooks. Mounted by main.

import { useState } from "react";
import { AnswerCard } from "./AnswerCard";
import { CacheCard } from "./CacheCard";
import { RegionRow } from "./RegionRow";
import { SessionCard } from "./SessionCard";
import { Strip } from "./Strip";
import { WorldMap } from "./WorldMap";
import { VISITORS } from "./places";
import { useDemo, useNewcomer, useSwitches } from "./useRegions";
import { usePulse } from "./usePulse";
import type { Demo, Region } from "./types";

const NO_REGIONS: Region[] = [];

export function App() {
  const { demo, missing } = useDemo();
  if (demo) return <Console demo={demo} />;
  return (
    <main className="page">
      <h1>Portolan demo</h1>
      {missing ? (
        <p className="banner" role="alert">
          <strong>The demo is not reachable.</strong> /demo.json did not come from this address. Start it with <code>cargo xtask demo</code>; this
          page keeps asking.
        </p>
      ) : (
        <p className="muted">Asking the PoP…</p>
      )}
    </main>
  );
}

function Console({ demo }: { demo: Demo }) {
  const [place, setPlace] = useState("DE");
  const [running, setRunning] = useState(true);
  const visitor = VISITORS.find((candidate) => candidate.id === place) ?? null;
  const pulse = usePulse(visitor?.address, running);
  const newcomer = useNewcomer(visitor?.address, running);
  const switches = useSwitches(demo.regions ?? NO_REGIONS);
  const silent = pulse.failedInRow >= 3;
  const answering = silent ? undefined : pulse.answer?.region;
  return (
    <main className="page">
      <header className="top">
        <div>
          <h1>Portolan demo</h1>
          <p className="muted">
            One application, {demo.regions.length} regions, one point of presence in {demo.pop.title}
          </p>
        </div>
        <div className="controls">
          <label>
            Pretend to be in{" "}
            <select value={place} onChange={(event) => setPlace(event.target.value)}>
              {VISITORS.map((candidate) => (
                <option key={candidate.id} value={candidate.id}>
                  {candidate.title}
                </option>
              ))}
              <option value="">(my own address)</option>
            </select>
          </label>
          <button type="button" className="quiet" aria-pressed={!running} onClick={() => setRunning(!running)}>
            {running ? "Pause" : "Resume"}
          </button>
        </div>
      </header>
      {silent && (
        <p className="banner" role="alert" data-testid="silent">
          <strong>The application does not answer.</strong> {pulse.failedInRow} requests in a row failed. Is every region off, or the demo stopped? The page
          keeps asking; what you see below is the last that was known.
        </p>
      )}
      <div className="grid">
        <section className="card card-map" aria-labelledby="map-title">
          <header className="card-head">
            <h2 id="map-title">The way of a request</h2>
          </header>
          <WorldMap demo={demo} states={switches.states} visitor={visitor} answering={answering} />
        </section>
        <AnswerCard demo={demo} answer={pulse.answer} newcomer={newcomer} />
        <SessionCard demo={demo} session={pulse.answer?.session} address={visitor?.address} onAnswer={pulse.accept} />
        <RegionRow demo={demo} switches={switches} answering={answering} />
      </div>
      <Strip demo={demo} pulse={pulse} />
      <CacheCard demo={demo} running={running} />
      <footer className="foot muted">
        The place is sent as <code>x-forwarded-for</code>, which this PoP believes from this machine.
        {demo.admin && (
          <>
            {" "}
            Its state: <a href={`${demo.admin}/status`}>status</a>, <a href={`${demo.admin}/metrics`}>metrics</a>.
          </>
        )}
      </footer>
    </main>
  );
}
