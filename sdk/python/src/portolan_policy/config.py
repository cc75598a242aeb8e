"""Reads a policy's configuration: the operator's `config` table, as JSON bytes. Pure."""

import json
from typing import Any


def read(octets: bytes) -> dict[str, Any]:
    """No bytes, or `null`, are an empty table."""
    config = json.loads(octets) if octets.strip() else None
    if config is None:
        return {}
    if not isinstance(config, dict):
        raise ValueError("config: it is no table")
    return config


def only_keys(config: dict[str, Any], *known: str) -> None:
    """For `describe`: refuses a configuration that has other keys than these."""
    for key in config:
        if key not in known:
            names = ", ".join(f"`{name}`" for name in known)
            accepted = f"expected {names}" if known else "there are none"
            raise ValueError(f"config.{key}: unknown field, {accepted}")
