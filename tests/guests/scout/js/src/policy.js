// Looks fields up, watches regions and asks servers by every form of the SDK: ../../README.md says what for.

import { Amendment, Reply, policy } from "portolan-policy";
import { HttpError, fetch, fetchAll } from "portolan-policy/http";
import { Bucket } from "portolan-policy/kv";
import { ViewError, lookup, lookupAt, lookupText } from "portolan-policy/view";

const seen = new Bucket(0);

const FIELDS = ["path", "header:x-key"];
const LOOKUPS = ["header:x-user", "cookie:id", "query:q"];
/** More than a call may. */
const OFTEN = 300;

class Scout {
  #config;
  #early;

  static describe() {
    return { fields: FIELDS, lookups: LOOKUPS, buckets: ["seen"] };
  }

  constructor(config) {
    this.#config = config;
    this.#early = word(() => lookupAt(FIELDS.length));
  }

  route(request) {
    const said = this.#say(request);
    return said === undefined ? undefined : new Reply(200, said);
  }

  #say(request) {
    const user = LOOKUPS[0];
    switch (request.text("path")) {
      case "/look":
        return LOOKUPS.map((name) => lookupText(request, name) ?? "none").join();
      case "/size":
        return String(lookup(request, user)?.length ?? "none");
      case "/text":
        return lookupText(request, user) ?? "none";
      case "/place":
        return word(() => String(lookupAt(FIELDS.length + 2)?.length ?? "none"));
      case "/passed":
        return word(() => lookupAt(0));
      case "/stray":
        return word(() => lookup(request, "header:x-secret"));
      case "/stray-text":
        return lookupText(request, "header:x-secret") ?? "none";
      case "/often":
        return word(() => {
          for (let times = 0; times < OFTEN; times++) lookup(request, user);
        });
      case "/early":
        return this.#early;
      case "/ask":
        return word(() => fetch("http://127.0.0.1:9/"));
      case "/seen":
        return seen.text(request.field("header:x-key") ?? "") ?? "none";
    }
  }

  key(request) {
    return lookup(request, "header:x-user");
  }

  response(request) {
    const id = lookup(request, "cookie:id");
    return id === undefined ? undefined : new Amendment().header("x-id", id);
  }

  watch(changes) {
    for (const { region, before, now } of changes) seen.set(region.name, `${before}>${now}`);
    const { urls = [], post, every_ms, fail } = this.#config;
    if (fail) throw new Error("the glass is broken");
    const asks = urls.map((url) => ({ url, headers: { "x-asked-by": "scout" }, timeoutMs: 500 }));
    fetchAll(asks).forEach((answer, place) => seen.set(`url-${place}`, told(answer)));
    if (post !== undefined) {
      const headers = { "content-type": "text/plain", "x-asked-by": "scout" };
      seen.set("post", told(fetch({ method: "POST", url: post, headers, body: "tide: 3 m" })));
    }
    return every_ms;
  }
}

/** What a call says, or why it says nothing. */
function word(call) {
  try {
    return call() ?? "well";
  } catch (error) {
    if (error instanceof ViewError || error instanceof HttpError) return error.code;
    throw error;
  }
}

/** An answer in short: its status, the length of its body, a header, and its first letters; or why there is none. */
function told(answer) {
  if (answer instanceof HttpError) return answer.code;
  const node = answer.header("X-Node")?.length ?? "none";
  return `${answer.status} ${answer.ok} ${answer.body.length} ${node} ${(answer.text() ?? "?").slice(0, 32)}`;
}

export const { lifecycle, route, affinity, response, health } = policy(Scout);
