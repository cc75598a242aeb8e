"""Joins a policy to what the router calls: reads the config, keeps the one instance, wraps each call."""

from collections.abc import Callable
from typing import Any

from componentize_py_types import Err
from wit_world.exports import lifecycle

from . import answer, changes, verdict
from . import config as configuration
from .manifest import Manifest
from .request import Regions, Request

try:
    from wit_world.imports import telemetry
except ImportError:  # the policy does not import the router's log
    telemetry = None  # type: ignore[assignment]


def _words(error: Exception) -> str:
    """An error of the author's own is its message alone; a slip says what kind it is and where."""
    if isinstance(error, ValueError):
        return str(error)
    # By hand: the library's own way reads the source's file, and there are no files.
    at = error.__traceback__
    while at and at.tb_next:
        at = at.tb_next
    place = f" ({at.tb_frame.f_code.co_filename}:{at.tb_lineno})" if at else ""
    return f"{type(error).__name__}: {error}{place}"


def _manifest(policy: Any, config: dict[str, Any]) -> Any:
    describe = getattr(policy, "describe", None)
    said = describe(config) if describe else Manifest()
    if not isinstance(said, Manifest):
        said = Manifest(fields=said)
    metrics = [lifecycle.Metric(metric.name, metric.kind, list(metric.labels)) for metric in said.metrics]
    fields = [*said.fields, *(f"lazy:{name}" for name in said.lookups)]
    return lifecycle.Manifest(fields, list(said.response_fields), list(said.buckets), metrics, [])


class _NoCandidates:
    """What a hook that is not about candidates has of them."""

    width = 0
    cells: list[int] = []


def _reporting(call: Callable[[], Any]) -> Any:
    """What a hook raises ends the instance; the router goes on without the policy's word."""
    try:
        return call()
    except Exception as error:
        if telemetry:
            telemetry.log(telemetry.Level.ERROR, _words(error))
        raise


def export(policy: Any) -> tuple[Any, ...]:
    """The hooks of a policy's component: `Lifecycle, Route = export(MyPolicy)`.

    Those of the methods that the class has, in this order: `Lifecycle`, `Route` (`route`), `Affinity` (`key`), `Response`
    (`response`), `Health` (`watch`).
    """
    instance: Any = None
    names: list[str] = []
    answered: list[str] = []
    regions = Regions([])

    class Lifecycle:
        def describe(self, config: bytes) -> Any:
            try:
                return _manifest(policy, configuration.read(config))
            except Exception as error:
                raise Err(_words(error)) from error

        def init(self, config: bytes, infos: list[Any]) -> None:
            nonlocal instance, names, answered, regions
            try:
                # `describe` ran in another instance; it is pure, so asking again gives the order of the fields.
                table = configuration.read(config)
                manifest = _manifest(policy, table)
                names, answered = manifest.fields, manifest.response_fields
                regions = Regions(infos)
                instance = policy(table, regions)
            except Exception as error:
                raise Err(_words(error)) from error

    class Route:
        def route(self, req: Any, fields: bytes, candidates: Any) -> Any:
            request = Request(req, names, fields, candidates, regions)
            return _reporting(lambda: verdict.raw(instance.route(request)))

    class Affinity:
        def key(self, req: Any, fields: bytes) -> bytes | None:
            request = Request(req, names, fields, _NoCandidates, regions)
            key = _reporting(lambda: instance.key(request))
            return key.encode() if isinstance(key, str) else key

    class Response:
        def response(self, req: Any, outcome: Any, fields: bytes, response_fields: bytes) -> Any:
            request = Request(req, names, fields, _NoCandidates, regions)
            heard = answer.Answer(outcome, answered, response_fields, regions)
            return _reporting(lambda: answer.raw(instance.response(request, heard)))

    class Health:
        def watch(self, now_ms: float, entropy: float, told: list[Any]) -> int:
            heard = changes.Changes(now_ms, entropy, told, regions)
            return _reporting(lambda: changes.pause(instance.watch(heard)))

    hooks = ((Route, "route"), (Affinity, "key"), (Response, "response"), (Health, "watch"))
    return Lifecycle, *(hook for hook, method in hooks if hasattr(policy, method))
