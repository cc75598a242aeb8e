// Uses every form of the SDK beside those of route: ../../README.md says what for.

import { Amendment, Next, Reply, policy } from "portolan-policy";
import { Bucket, KvError } from "portolan-policy/kv";
import { Counter, Gauge, Histogram, log } from "portolan-policy/telemetry";

const book = new Bucket(0);
const stray = new Bucket(7);
const asked = new Counter(0);
const last = new Gauge(1);
const sizes = new Histogram(2);

const TTL_S = 60;
const TTL_MS = TTL_S * 1000;

class Ledger {
  static describe() {
    return {
      fields: ["path", "header:x-key", "header:x-value"],
      responseFields: ["header:x-node"],
      buckets: ["book"],
      metrics: [
        { name: "asked", kind: "counter", labels: ["well", "in-vain"] },
        { name: "last", kind: "gauge" },
        { name: "sizes", kind: "histogram" },
      ],
    };
  }

  route(request) {
    const key = request.field("header:x-key") ?? "";
    const value = request.field("header:x-value") ?? "";
    try {
      const said = act(request.text("path"), key, value);
      if (said === undefined) return;
      asked.add();
      last.set(value.length);
      sizes.observe(value.length);
      return new Reply(200, String(said));
    } catch (error) {
      if (!(error instanceof KvError)) throw error;
      asked.add(1, 1);
      return new Reply(507, error.code);
    }
  }

  response(_, answer) {
    if (answer.status === 404 && answer.mayRetry) return Next;
    if (answer.status >= 500) return new Amendment().clear();
    const amendment = new Amendment()
      .header("x-region", answer.regionName)
      .addHeader("x-heard", `${answer.status} ${answer.attempt} ${answer.ttfbUs}`);
    const node = answer.field("header:x-node");
    return node === undefined ? amendment : amendment.withoutHeader("x-node").bind(node, TTL_S);
  }
}

function act(path, key, value) {
  switch (path) {
    case "/get":
      return book.get(key) === undefined ? "none" : `is ${book.text(key)}`;
    case "/set":
      book.set(key, value, TTL_MS);
      return "set";
    case "/keep":
      book.set(key, value);
      return "kept";
    case "/replace":
      return book.replace(key, "old", value, TTL_MS);
    case "/claim":
      return book.replace(key, undefined, value, TTL_MS);
    case "/add":
      return book.add(key, -5, TTL_MS);
    case "/delete":
      return book.delete(key);
    case "/stray":
      return stray.set(key, value, TTL_MS);
    case "/log":
      log("warn", "the ledger is full");
      return "said";
    case "/fail":
      throw new Error("the ledger is torn");
  }
}

export const { lifecycle, route, response } = policy(Ledger);
