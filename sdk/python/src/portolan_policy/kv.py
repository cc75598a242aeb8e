"""What a policy keeps between calls, in buckets that its manifest names and the operator grants.

A policy that imports this module has imports = ["kv"] in its policy.toml. A verdict that depends on what is kept is no longer
a function of the request alone: keep what was learned, not what was said.
"""

import math
from collections.abc import Callable
from typing import Any

from wit_world.imports import kv

from .imports import Refusal, asked
from .octets import octets

#: Why nothing was done: NO_BUCKET, TOO_LARGE, OVER_QUOTA, NOT_A_NUMBER, UNAVAILABLE.
Reason = kv.Error


class KvError(Refusal):
    """Nothing was done; `reason` says why."""


def _asked(call: Callable[..., Any], *arguments: Any) -> Any:
    return asked(KvError, call, *arguments)


def _millis(ttl_s: float) -> int:
    """As the contract counts it; a lifetime that is too long for it lasts for good."""
    millis = math.ceil(ttl_s * 1000)
    return millis if millis < 2**32 else 0


class Bucket:
    """A bucket by its place in the manifest's buckets, shared by all instances of the policy in one router.

    Each function raises a `KvError` where nothing was done. A lifetime of 0 s is for good.
    """

    def __init__(self, place: int) -> None:
        self._place = place

    def get(self, key: str | bytes) -> bytes | None:
        """The value of a key."""
        return _asked(kv.get, self._place, octets(key))

    def set(self, key: str | bytes, value: str | bytes, ttl_s: float = 0) -> None:
        """Sets a key."""
        _asked(kv.set, self._place, octets(key), octets(value), _millis(ttl_s))

    def replace(self, key: str | bytes, expected: str | bytes | None, value: str | bytes, ttl_s: float = 0) -> bool:
        """Sets a key that has the expected value, None for one that is not there; whether it had. Atomic."""
        before = None if expected is None else octets(expected)
        return _asked(kv.replace, self._place, octets(key), before, octets(value), _millis(ttl_s))

    def add(self, key: str | bytes, delta: int = 1, ttl_s: float = 0) -> int:
        """Adds to a number and gives the sum. One that is not there begins at 0 and ends `ttl_s` later. Atomic."""
        return _asked(kv.add, self._place, octets(key), delta, _millis(ttl_s))

    def delete(self, key: str | bytes) -> bool:
        """Removes a key; whether it was there."""
        return _asked(kv.delete, self._place, octets(key))
