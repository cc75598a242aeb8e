// Who answered the newest request: PoP, region, endpoint, the visitor's country, and the headers the origin was sent.
// Draws what it is given. Used by App.

import { titleOf, toneOf } from "./regions";
import type { Demo, Where, Whoami } from "./types";

const names = new Intl.DisplayNames(["en"], { type: "region" });

export function countryName(code: string | null | undefined): string {
  if (!code) return "not known";
  try {
    return `${names.of(code) ?? code} (${code})`;
  } catch {
    return code;
  }
}

export function AnswerCard({ demo, answer, newcomer }: { demo: Demo; answer: Whoami | null; newcomer: Where | null }) {
  return (
    <section className="card" aria-labelledby="answer-title">
      <header className="card-head">
        <h2 id="answer-title">Who answered</h2>
      </header>
      <dl className="facts">
        <dt>Point of presence</dt>
        <dd>{answer?.pop ?? demo.pop.name}</dd>
        <dt>Region</dt>
        <dd data-testid="region">
          {answer ? <span className={`tag ${toneOf(demo, answer.region)}`}>{titleOf(demo, answer.region)}</span> : "–"}
        </dd>
        <dt>Endpoint</dt>
        <dd className="mono">{answer?.endpoint ?? "–"}</dd>
        <dt>You are in</dt>
        <dd>{answer ? countryName(answer.country) : "–"}</dd>
        <dt>A new visitor would get</dt>
        <dd>{newcomer ? <span className={`tag ${toneOf(demo, newcomer.region)}`}>{titleOf(demo, newcomer.region)}</span> : "–"}</dd>
      </dl>
      {answer && newcomer && answer.region !== newcomer.region && (
        <p className="note">
          Your session is pinned to {titleOf(demo, answer.region)}: it stays there although {titleOf(demo, newcomer.region)} is
          what a new visitor gets.
        </p>
      )}
      {answer && (
        <details>
          <summary>Headers the origin received</summary>
          <table className="headers">
            <tbody>
              {Object.entries(answer.request).map(([name, value]) => (
                <tr key={name}>
                  <th scope="row">{name}</th>
                  <td>{value}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </details>
      )}
    </section>
  );
}
