"""Uses every form of the SDK beside those of route: ../../README.md says what for."""

from portolan_policy import NEXT, Amendment, Manifest, Metric, Reply, export
from portolan_policy.kv import Bucket, KvError
from portolan_policy.telemetry import Counter, Gauge, Histogram, Level, log

BOOK = Bucket(0)
STRAY = Bucket(7)
ASKED = Counter(0)
LAST = Gauge(1)
SIZES = Histogram(2)

TTL_S = 60


class Ledger:
    """The policy."""

    @staticmethod
    def describe(config):
        return Manifest(
            fields=["path", "header:x-key", "header:x-value"],
            response_fields=["header:x-node"],
            buckets=["book"],
            metrics=[
                Metric("asked", "counter", ["well", "in-vain"]),
                Metric("last", "gauge"),
                Metric("sizes", "histogram"),
            ],
        )

    def __init__(self, config, regions):
        pass

    def route(self, request):
        key = request.field("header:x-key") or b""
        value = request.field("header:x-value") or b""
        try:
            said = act(request.text("path"), key, value)
        except KvError as error:
            ASKED.add(label=1)
            return Reply(507, str(error))
        if said is None:
            return None
        ASKED.add()
        LAST.set(len(value))
        SIZES.observe(len(value))
        return Reply(200, str(said).lower() if isinstance(said, bool) else str(said))

    def response(self, request, answer):
        if answer.status == 404 and answer.may_retry:
            return NEXT
        if answer.status >= 500:
            return Amendment().clear()
        heard = f"{answer.status} {answer.attempt} {answer.ttfb_us}"
        amendment = Amendment().header("x-region", answer.region_name).add_header("x-heard", heard)
        node = answer.field("header:x-node")
        return amendment if node is None else amendment.without_header("x-node").bind(node, TTL_S)


def act(path, key, value):
    match path:
        case "/get":
            found = BOOK.get(key)
            return "none" if found is None else f"is {found.decode()}"
        case "/set":
            BOOK.set(key, value, TTL_S)
            return "set"
        case "/keep":
            BOOK.set(key, value)
            return "kept"
        case "/replace":
            return BOOK.replace(key, "old", value, TTL_S)
        case "/claim":
            return BOOK.replace(key, None, value, TTL_S)
        case "/add":
            return BOOK.add(key, -5, TTL_S)
        case "/delete":
            return BOOK.delete(key)
        case "/stray":
            STRAY.set(key, value, TTL_S)
        case "/log":
            log(Level.WARN, "the ledger is full")
            return "said"
        case "/fail":
            raise RuntimeError("the ledger is torn")
    return None


Lifecycle, Route, Response = export(Ledger)
