"""The router's log. A policy that imports this module has imports = ["telemetry"] in its policy.toml."""

from wit_world.imports import telemetry

Level = telemetry.Level


def log(level: Level, message: str) -> None:
    """Writes a line beside the policy's name."""
    telemetry.log(level, message)
