"""Write Portolan policies in Python.

A policy is a class with `describe`, `__init__` and `route`; `export` makes the component's hooks of it. Everything here
works on what the router passed in; nothing is asked of it but to log.
"""

from .component import export
from .config import only_keys
from .request import Candidate, Health, Pin, Region, Regions, Request
from .verdict import Plan, Reply

__all__ = [
    "Candidate",
    "Health",
    "Pin",
    "Plan",
    "Region",
    "Regions",
    "Reply",
    "Request",
    "export",
    "only_keys",
]
