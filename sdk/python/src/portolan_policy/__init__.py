"""Write Portolan policies in Python.

A policy is a class with `describe`, `__init__` and a method for each hook; `export` makes the component's hooks of it.
Everything here works on what the router passed in; only the modules `telemetry`, `kv`, `view` and `http` ask anything of it.
"""

from .answer import NEXT, Amendment, Answer
from .changes import Change, Changes
from .component import export
from .config import only_keys
from .manifest import Manifest, Metric
from .request import Candidate, Health, Pin, Region, Regions, Request
from .verdict import Plan, Reply

__all__ = [
    "NEXT",
    "Amendment",
    "Answer",
    "Candidate",
    "Change",
    "Changes",
    "Health",
    "Manifest",
    "Metric",
    "Pin",
    "Plan",
    "Region",
    "Regions",
    "Reply",
    "Request",
    "export",
    "only_keys",
]
