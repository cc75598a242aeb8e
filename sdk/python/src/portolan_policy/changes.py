"""What became of regions, as a policy that watches them hears of it: views of what the router passed."""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from .request import STATES, Health, Region, Regions

#: The longest pause that the router makes.
_DAY_MS = 24 * 60 * 60 * 1000


class Change(NamedTuple):
    """What became of one region."""

    region: Region
    #: What was told last; unknown before anything was.
    before: Health
    now: Health
    #: Since when, milliseconds since 1970-01-01 UTC.
    since_ms: float


class Changes:
    """What became of regions since the last call: one for each that changed, all of them in the first call of an instance, nothing
    when it is only time again."""

    def __init__(self, now_ms: float, entropy: float, raw: list[Any], regions: Regions) -> None:
        #: Milliseconds since 1970-01-01 UTC.
        self.now_ms = now_ms
        #: Uniform in [0, 1), new for each call.
        self.entropy = entropy
        #: Every region as configured.
        self.regions = regions
        self._raw = raw

    def __iter__(self) -> Iterator[Change]:
        for change in self._raw:
            region = self.regions.by_id(change.region)
            if region:
                yield Change(region, STATES[change.before.value], STATES[change.now.value], change.since_ms)


def pause(said: float | None) -> int:
    """What `watch` returned, seconds, as the contract has it; None is until a region changes."""
    return 0 if said is None else max(1, math.ceil(min(said * 1000, _DAY_MS)))
