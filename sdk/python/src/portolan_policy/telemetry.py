"""The router's log, and the metrics of the manifest.

A policy that imports this module has imports = ["telemetry"] in its policy.toml.
"""

from wit_world.imports import telemetry
from wit_world.imports.telemetry import Level


def log(level: Level, message: str) -> None:
    """Writes a line beside the policy's name."""
    telemetry.log(level, message)


class Counter:
    """A counter by its place in the manifest's metrics: it only rises. A label is the place of the value in its labels."""

    def __init__(self, place: int) -> None:
        self._place = place

    def add(self, by: int = 1, label: int = 0) -> None:
        """Adds to it."""
        telemetry.count(self._place, label, by)


class Gauge:
    """A gauge by its place in the manifest's metrics: it stands at its last value."""

    def __init__(self, place: int) -> None:
        self._place = place

    def set(self, value: float, label: int = 0) -> None:
        """Sets it."""
        telemetry.set(self._place, label, value)


class Histogram:
    """A histogram by its place in the manifest's metrics: it counts values by size."""

    def __init__(self, place: int) -> None:
        self._place = place

    def observe(self, value: float, label: int = 0) -> None:
        """Adds a value."""
        telemetry.observe(self._place, label, value)
