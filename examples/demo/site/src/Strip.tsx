// The live strip: the last requests as bars, height by time taken, coloured and lettered by region, failures in red.
// Draws what usePulse counted. Used by App.

import { letterOf, titleOf, toneOf } from "./regions";
import type { Pulse } from "./usePulse";
import type { Demo, Sample } from "./types";

const SLOTS = 40;

function height(tookMs: number): number {
  // Logarithmic: 1 ms is a fifth of the bar, two seconds are all of it.
  return Math.min(100, 20 + 24 * Math.log10(Math.max(1, tookMs)));
}

function tell(demo: Demo, sample: Sample): string {
  const took = `${Math.round(sample.tookMs)} ms`;
  const { outcome } = sample;
  return outcome.ok
    ? `Request ${sample.number}: ${titleOf(demo, outcome.region)}, ${outcome.endpoint}, ${took}`
    : `Request ${sample.number}: failed, ${outcome.why}, ${took}`;
}

function Bar({ demo, sample }: { demo: Demo; sample: Sample }) {
  const { outcome } = sample;
  const tone = outcome.ok ? toneOf(demo, outcome.region) : "tone-failed";
  return (
    <li className={`bar ${tone}`} title={tell(demo, sample)} aria-label={tell(demo, sample)}>
      <span className="bar-fill" style={{ height: `${outcome.ok ? height(sample.tookMs) : 100}%` }} />
      <span className="bar-letter">{outcome.ok ? letterOf(demo, outcome.region) : "✕"}</span>
    </li>
  );
}

export function Strip({ demo, pulse }: { demo: Demo; pulse: Pulse }) {
  const empty = SLOTS - pulse.samples.length;
  const times = pulse.samples.filter((sample) => sample.outcome.ok).map((sample) => sample.tookMs).sort((a, b) => a - b);
  const median = times[Math.floor(times.length / 2)];
  return (
    <section className="card" aria-labelledby="strip-title">
      <header className="card-head">
        <h2 id="strip-title">Live requests</h2>
        <p className="muted">one each half second, newest on the right</p>
        <dl className="counts">
          <div>
            <dt>sent</dt>
            <dd>{pulse.sent}</dd>
          </div>
          <div className={pulse.failed > 0 ? "count-bad" : ""}>
            <dt>failed</dt>
            <dd data-testid="failed">{pulse.failed}</dd>
          </div>
          <div>
            <dt>median</dt>
            <dd>{median === undefined ? "–" : `${Math.round(median)} ms`}</dd>
          </div>
        </dl>
      </header>
      <ol className="strip" aria-label="Last requests">
        {Array.from({ length: empty }, (_, index) => (
          <li key={`empty-${index}`} className="bar bar-empty" aria-hidden="true" />
        ))}
        {pulse.samples.map((sample) => (
          <Bar key={sample.number} demo={demo} sample={sample} />
        ))}
      </ol>
      <ul className="legend">
        {demo.regions.map((region) => (
          <li key={region.name} className={toneOf(demo, region.name)}>
            <span className="swatch">{letterOf(demo, region.name)}</span>
            {region.title}
          </li>
        ))}
        <li className="tone-failed">
          <span className="swatch">✕</span>failed
        </li>
      </ul>
    </section>
  );
}
