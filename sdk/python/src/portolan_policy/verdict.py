"""Ways to say a verdict. Nothing is checked here: the router checks every verdict."""

import math
from collections.abc import Iterable
from typing import Any, Self

from wit_world.imports import types

from .edits import EditsAndPin
from .octets import octets

#: A region by its number, or anything that has one as `id`.
Place = Any


def _ids(regions: Iterable[Place]) -> list[int]:
    return [region if isinstance(region, int) else region.id for region in regions]


class Plan(EditsAndPin):
    """Where the request should go."""

    def __init__(self) -> None:
        super().__init__()
        self._plan = types.Plan([], None, False, self._pin, types.CacheAction_Keep(), self._edits, 0, [])

    @classmethod
    def to(cls, order: Iterable[Place]) -> Self:
        """These regions, best first."""
        plan = cls()
        plan._plan.order = _ids(order)
        return plan

    def fence(self, regions: Iterable[Place]) -> Self:
        """The request must not leave these regions."""
        self._plan.fence = _ids(regions)
        return self

    def strict(self) -> Self:
        """Only the regions in the order may serve."""
        self._plan.strict = True
        return self

    def _terms(self) -> Any:
        if isinstance(self._plan.cache, types.CacheAction_Keep):
            self._plan.cache = types.CacheAction_Terms(types.CacheTerms(None, None))
        return getattr(self._plan.cache, "value", types.CacheTerms(None, None))

    def cache_key(self, part: str) -> Self:
        """Adds this to the key under which the cache keeps the answer."""
        self._terms().key = part
        return self

    def cache_ttl(self, seconds: float) -> Self:
        """An answer that this request brings into the cache is fresh for this long."""
        self._terms().ttl_s = math.ceil(seconds)
        return self

    def bypass_cache(self) -> Self:
        """The answer is neither taken from the cache nor kept in it."""
        self._plan.cache = types.CacheAction_Bypass()
        return self

    def timeout(self, milliseconds: float) -> Self:
        """Shortens the limit for the whole exchange."""
        self._plan.timeout_ms = math.ceil(milliseconds)
        return self

    def _raw(self) -> Any:
        self._plan.pin = self._pin
        return types.Verdict_Route(self._plan)


class Reply:
    """An answer in place of the application's."""

    def __init__(self, status: int, body: str | bytes = b"") -> None:
        self._reply = types.Reply(status, [], octets(body))

    @classmethod
    def text(cls, status: int, words: str) -> Self:
        """An answer in plain text."""
        return cls(status, words).header("content-type", "text/plain; charset=utf-8")

    @classmethod
    def redirect(cls, status: int, location: str) -> Self:
        """A redirect to this place."""
        return cls(status).header("location", location)

    def header(self, name: str, value: str | bytes) -> Self:
        """Adds a header."""
        self._reply.headers.append((name, octets(value)))
        return self

    def _raw(self) -> Any:
        return types.Verdict_Respond(self._reply)


def raw(said: Plan | Reply | None) -> Any:
    """What `route` returned, as the contract has it: None is no opinion."""
    return types.Verdict_Pass() if said is None else said._raw()
