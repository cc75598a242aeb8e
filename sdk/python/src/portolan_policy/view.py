"""What a policy looks up of the request in progress, instead of having it passed with every call.

A policy that imports this module has imports = ["view"] in its policy.toml, and what it looks up in the manifest's `lookups`.
"""

from wit_world.imports import view

from .imports import Refusal, asked
from .request import Request

#: Why there is no answer: NO_FIELD, TOO_MUCH (beyond 256 times or 256 KiB in a call), UNAVAILABLE (there is no request).
Reason = view.Error


class ViewError(Refusal):
    """There is no answer; `reason` says why."""


def lookup(request: Request, name: str) -> bytes | None:
    """A field of `lookups`, such as `header:authorization`; None when the request has none. Raises a `ViewError`."""
    return lookup_at(request._fields.lazy_place(name))


def lookup_text(request: Request, name: str) -> str | None:
    """The same as text; None also when it cannot be had or is not UTF-8."""
    try:
        value = lookup(request, name)
        return None if value is None else value.decode()
    except (ViewError, UnicodeDecodeError):
        return None


def lookup_at(place: int) -> bytes | None:
    """The same by its place in the manifest: those of `lookups` stand behind `fields`. Raises a `ViewError`."""
    return asked(ViewError, view.field, place)
