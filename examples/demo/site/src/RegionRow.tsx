// One row for each region: its state by its own word, whether it serves you, and the button that switches it.
// Draws what it is given, and calls back. Used by App.

import { toneOf } from "./regions";
import type { Switches } from "./useRegions";
import type { Demo, Region, RegionState } from "./types";

const WORDS: Record<RegionState, string> = {
  on: "serving",
  off: "switched off",
  gone: "not reachable",
  unknown: "asking…",
};

interface Props {
  demo: Demo;
  switches: Switches;
  answering: string | undefined;
}

function Row({ region, tone, state, answering, onToggle }: { region: Region; tone: string; state: RegionState; answering: boolean; onToggle: () => void }) {
  const verb = state === "off" ? "Switch on" : "Switch off";
  return (
    <li className={`region ${tone} ${answering ? "region-answering" : ""}`}>
      <span className="region-name">
        <strong>{region.title}</strong>
        <span className="mono muted">{region.name}</span>
      </span>
      <span className={`state state-${state}`}>
        <span className="state-dot" aria-hidden="true" />
        {WORDS[state]}
        {answering && " · serves you"}
      </span>
      <button type="button" className={state === "off" ? "" : "danger"} disabled={state === "gone" || state === "unknown"} onClick={onToggle} aria-label={`${verb} ${region.title}`}>
        {verb}
      </button>
    </li>
  );
}

export function RegionRow({ demo, switches, answering }: Props) {
  return (
    <section className="card" aria-labelledby="regions-title">
      <header className="card-head">
        <h2 id="regions-title">Regions</h2>
        <p className="muted">a region that is off drops every connection without an answer</p>
      </header>
      <ul className="regions">
        {demo.regions.map((region) => (
          <Row
            key={region.name}
            region={region}
            tone={toneOf(demo, region.name)}
            state={switches.states[region.name] ?? "unknown"}
            answering={region.name === answering}
            onToggle={() => void switches.toggle(region)}
          />
        ))}
      </ul>
    </section>
  );
}
