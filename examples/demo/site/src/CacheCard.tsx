// What came from a cache: the page's own files, and one answer of the application that is the same for everybody.
// Draws what the hooks saw. Used by App.

import { titleOf, toneOf } from "./regions";
import { useAssets, useGoods } from "./useCache";
import type { Asset, GoodsSeen } from "./useCache";
import type { Outcome } from "./cacheStatus";
import type { Demo } from "./types";

const WORDS: Record<Outcome | "failed", string> = {
  hit: "hit",
  stale: "stale",
  asked: "asked again",
  miss: "miss",
  none: "bundle",
  failed: "failed",
};

const ABOUT: Record<Outcome, string> = {
  hit: "The PoP answered from its cache.",
  stale: "The PoP answered with what is stale, and asks the application meanwhile or cannot reach it.",
  asked: "The PoP asked the application whether its copy is still good.",
  miss: "The PoP asked the application, and keeps the answer.",
  none: "Part of the PoP's static bundle: there is no origin to ask.",
};

const BROWSER: Record<Asset["browser"], string> = {
  "had it": "own copy, unasked",
  "still good": "own copy, still good",
  fetched: "fetched",
};

function Badge({ outcome }: { outcome: Outcome }) {
  return (
    <span className={`badge badge-${outcome}`} title={ABOUT[outcome]}>
      {WORDS[outcome]}
    </span>
  );
}

function size(bytes: number): string {
  return bytes < 1024 ? `${bytes} B` : `${(bytes / 1024).toFixed(1)} KiB`;
}

function AssetRow({ asset }: { asset: Asset }) {
  return (
    <tr>
      <th scope="row" className="mono" title={asset.name}>
        {asset.name}
      </th>
      <td>
        <Badge outcome={asset.said.outcome} />
      </td>
      <td>{BROWSER[asset.browser]}</td>
      <td className="number">
        {size(asset.sent)}
        {asset.coding && <span className="muted"> {asset.coding}</span>}
        <span className="muted"> of {size(asset.whole)}</span>
      </td>
    </tr>
  );
}

function Answer({ demo, seen }: { demo: Demo; seen: GoodsSeen }) {
  const { answer, said, age } = seen;
  if (!answer || !said) return <p className="muted">No answer yet.</p>;
  const left = said.ttl === null ? null : said.ttl >= 0 ? `fresh for ${said.ttl} s more` : `stale for ${-said.ttl} s`;
  return (
    <dl className="facts">
      <dt>This answer</dt>
      <dd data-testid="goods-outcome">
        <Badge outcome={said.outcome} /> <span className="muted">in {Math.max(1, Math.round(seen.tookMs))} ms</span>
      </dd>
      <dt>Made by</dt>
      <dd>
        <span className={`tag ${toneOf(demo, answer.region)}`}>{titleOf(demo, answer.region)}</span>{" "}
        <span className="muted">at {new Date(answer.made_at).toLocaleTimeString()}</span>
      </dd>
      <dt>Age</dt>
      <dd>
        {age ?? 0} s{left && <span className="muted">, {left}</span>}
      </dd>
      <dt>It says</dt>
      <dd className="mono wrap">{said.text ?? "nothing of a cache"}</dd>
    </dl>
  );
}

export function CacheCard({ demo, running }: { demo: Demo; running: boolean }) {
  const assets = useAssets();
  const seen = useGoods(running);
  const outcomes = seen.outcomes;
  return (
    <section className="card cache" aria-labelledby="cache-title">
      <header className="card-head">
        <h2 id="cache-title">What the cache did</h2>
        <p className="muted">for this page's own files, and for the goods, which everybody is shown alike</p>
      </header>
      <div className="cache-halves">
        <table className="assets">
          <thead>
            <tr>
              <th scope="col">File</th>
              <th scope="col">PoP</th>
              <th scope="col">Browser</th>
              <th scope="col" className="number">
                Bytes
              </th>
            </tr>
          </thead>
          <tbody data-testid="assets">
            {assets.map((asset) => (
              <AssetRow key={asset.name} asset={asset} />
            ))}
          </tbody>
        </table>
        <div>
          <p className="cache-what">
            <code>/api/goods</code>{" "}
            <span className="muted">{seen.answer ? seen.answer.goods.map((good) => good.name).join(", ") : ""}</span>
          </p>
          <Answer demo={demo} seen={seen} />
          <ol className="outcomes" aria-label="Last answers, oldest first">
            {outcomes.map(({ number, outcome }) => (
              <li key={number} className={`badge-${outcome}`} title={WORDS[outcome]} aria-label={WORDS[outcome]} />
            ))}
          </ol>
        </div>
      </div>
    </section>
  );
}
