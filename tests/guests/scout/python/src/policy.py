"""Looks fields up, watches regions and asks servers by every form of the SDK: ../../README.md says what for."""

from portolan_policy import Amendment, Manifest, Reply, export, http
from portolan_policy.imports import Refusal
from portolan_policy.kv import Bucket
from portolan_policy.view import lookup, lookup_at, lookup_text

SEEN = Bucket(0)

FIELDS = ["path", "header:x-key"]
LOOKUPS = ["header:x-user", "cookie:id", "query:q"]
#: More than a call may.
OFTEN = 300


class Scout:
    """The policy."""

    @staticmethod
    def describe(config):
        return Manifest(fields=FIELDS, lookups=LOOKUPS, buckets=["seen"])

    def __init__(self, config, regions):
        self.config = config
        self.early = word(lambda: lookup_at(len(FIELDS)))

    def route(self, request):
        said = self.say(request)
        return None if said is None else Reply(200, said)

    def say(self, request):
        user = LOOKUPS[0]
        match request.text("path"):
            case "/look":
                return ",".join(text(request, name) for name in LOOKUPS)
            case "/size":
                return size(lookup(request, user))
            case "/text":
                return text(request, user)
            case "/place":
                return word(lambda: size(lookup_at(len(FIELDS) + 2)))
            case "/passed":
                return word(lambda: lookup_at(0))
            case "/stray":
                return word(lambda: lookup(request, "header:x-secret"))
            case "/stray-text":
                return text(request, "header:x-secret")
            case "/often":
                return word(lambda: [lookup(request, user) for _ in range(OFTEN)][0].decode())
            case "/early":
                return self.early
            case "/ask":
                return word(lambda: told(http.fetch("http://127.0.0.1:9/")))
            case "/seen":
                return SEEN.get(request.field("header:x-key") or b"") or "none"
        return None

    def key(self, request):
        return lookup(request, "header:x-user")

    def response(self, request, answer):
        id = lookup(request, "cookie:id")
        return None if id is None else Amendment().header("x-id", id)

    def watch(self, changes):
        for change in changes:
            SEEN.set(change.region.name, f"{change.before.name}>{change.now.name}".lower())
        if self.config.get("fail"):
            raise RuntimeError("the glass is broken")
        asks = [http.Request(url, headers={"x-asked-by": "scout"}, timeout_s=0.5) for url in self.config.get("urls", [])]
        for place, answer in enumerate(http.fetch_all(asks)):
            SEEN.set(f"url-{place}", told(answer))
        if post := self.config.get("post"):
            headers = {"content-type": "text/plain", "x-asked-by": "scout"}
            SEEN.set("post", told(http.fetch(http.Request(post, "POST", headers, "tide: 3 m"))))
        every = self.config.get("every_ms")
        return None if every is None else every / 1000


def text(request, name):
    value = lookup_text(request, name)
    return "none" if value is None else value


def size(value):
    return "none" if value is None else str(len(value))


def word(call):
    """What a call says, or why it says nothing."""
    try:
        return call() or "well"
    except Refusal as refusal:
        return str(refusal)


def told(answer):
    """An answer in short: its status, the length of its body, a header, and its first letters; or why there is none."""
    if isinstance(answer, http.HttpError):
        return str(answer)
    well = str(answer.is_success).lower()
    text = answer.text()
    return f"{answer.status} {well} {len(answer.body)} {size(answer.header('X-Node'))} {'?' if text is None else text[:32]}"


Lifecycle, Route, Affinity, Response, Health = export(Scout)
