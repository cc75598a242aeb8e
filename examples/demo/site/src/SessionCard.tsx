// The session: where it was created, its visits, cart and moves; the proof that it came along when its region died.
// Sends cart items and the end of the session; everything else it is given. Used by App.

import { useState } from "react";
import type { FormEvent } from "react";
import { addToCart, endSession } from "./api";
import { titleOf, toneOf } from "./regions";
import type { Demo, Move, Session, Whoami } from "./types";

interface Props {
  demo: Demo;
  session: Session | undefined;
  address: string | undefined;
  onAnswer: (answer: Whoami) => void;
}

const GOODS = ["Compass", "Sextant", "Chart of the Levant", "Hourglass", "Lead line"];

function CameAlong({ demo, move }: { demo: Demo; move: Move }) {
  return (
    <p className="came-along" role="status" data-testid="came-along">
      <strong>Your session came along from {titleOf(demo, move.from)}.</strong> {titleOf(demo, move.to)} took it over at{" "}
      {new Date(move.at).toLocaleTimeString()}, cart included{move.reason ? ` (reason: ${move.reason})` : ""}.
    </p>
  );
}

export function SessionCard({ demo, session, address, onAnswer }: Props) {
  const [item, setItem] = useState("");
  const [problem, setProblem] = useState<string | null>(null);
  const last = session?.moved.at(-1);

  const add = async (event: FormEvent) => {
    event.preventDefault();
    const count = session?.cart.length ?? 0;
    try {
      onAnswer(await addToCart(item.trim() || (GOODS[count % GOODS.length] ?? "Compass"), address));
      setItem("");
      setProblem(null);
    } catch (error) {
      setProblem(`Not added: ${error instanceof Error ? error.message : "failed"}`);
    }
  };
  const end = () => endSession(address).then(() => setProblem(null), () => setProblem("The session could not be ended."));

  return (
    <section className="card" aria-labelledby="session-title">
      <header className="card-head">
        <h2 id="session-title">Your session</h2>
        <button type="button" className="quiet" onClick={() => void end()}>
          Start a new one
        </button>
      </header>
      {last && <CameAlong demo={demo} move={last} />}
      {session ? (
        <dl className="facts">
          <dt>Session</dt>
          <dd className="mono" title={session.id}>
            {session.id.slice(0, 8)}…
          </dd>
          <dt>Created in</dt>
          <dd>
            <span className={`tag ${toneOf(demo, session.created_in)}`}>{titleOf(demo, session.created_in)}</span>
          </dd>
          <dt>Visits</dt>
          <dd>{session.visits}</dd>
          <dt>Moves</dt>
          <dd>{session.moved.length === 0 ? "none" : [session.moved[0], ...session.moved].map((move, index) => titleOf(demo, index === 0 ? move!.from : move!.to)).join(" → ")}</dd>
          <dt>Cart</dt>
          <dd data-testid="cart">
            {session.cart.length === 0 ? (
              <span className="muted">empty: put something in, then switch the region off</span>
            ) : (
              <ul className="cart">
                {session.cart.map((thing, index) => (
                  <li key={`${index}-${thing}`}>{thing}</li>
                ))}
              </ul>
            )}
          </dd>
        </dl>
      ) : (
        <p className="muted">No answer yet.</p>
      )}
      <form className="add" onSubmit={(event) => void add(event)}>
        <label className="hidden" htmlFor="item">
          Item
        </label>
        <input id="item" value={item} maxLength={80} placeholder={GOODS[(session?.cart.length ?? 0) % GOODS.length]} onChange={(event) => setItem(event.target.value)} />
        <button type="submit">Add to cart</button>
      </form>
      {problem && <p className="problem" role="alert">{problem}</p>}
    </section>
  );
}
