"""Keeps each tenant in one region: the policy `tenant-hash` in Python.

../../README.md has the configuration, ../../src the same policy in Rust; both are held to ../../cases.toml.
"""

import json
import re
from typing import Any

from portolan_policy import Plan, Regions, Request, export, only_keys

from claim import claim_of
from place import places_of


class TenantHash:
    """The policy."""

    @staticmethod
    def describe(config: dict[str, Any]) -> list[str]:
        field, _, _ = _read(config)
        return [field]

    def __init__(self, config: dict[str, Any], regions: Regions) -> None:
        self.field, self.claim, self.load = _read(config)

    def route(self, request: Request) -> Plan | None:
        key = request.field(self.field)
        if key is not None and self.claim is not None:
            key = claim_of(key, self.claim)
        if key is None:
            return None
        order = places_of(key, request.candidates, self.load)
        if not order:
            return None
        pin = request.pin
        # A pin that agrees keeps its endpoint; any other follows the tenant.
        if pin and pin.region == order[0]:
            return Plan.to(order)
        return Plan.to(order).bind(pin.payload if pin else b"")


def _read(config: dict[str, Any]) -> tuple[str, str | None, float]:
    """The field, the claim in it, and the bound: its default is what Mirrokni, Thorup and Zadimoghaddam advise (2017)."""
    only_keys(config, "by", "load")
    load = config.get("load", 1.25)
    if not isinstance(load, int | float) or not 1 <= load <= 100:
        raise ValueError(f"config.load: {json.dumps(load)} is not between 1 and 100")
    if "by" not in config:
        raise ValueError("config: missing field `by`")
    found = re.fullmatch(r"(?s)(header|cookie|query|jwt):(.+)", str(config["by"]))
    if not found:
        accepted = "`header:NAME`, `cookie:NAME`, `query:NAME` and `jwt:CLAIM`"
        raise ValueError(f"config.by: {json.dumps(config['by'])} is none of {accepted}")
    if found[1] == "jwt":
        return "header:authorization", found[2], load
    return found[0], None, load


Lifecycle, Route = export(TenantHash)
