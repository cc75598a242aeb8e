"""Asks HTTP servers, in the hook `health` alone; the operator grants what may be asked.

A policy that imports this module has imports = ["http"] in its policy.toml.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from componentize_py_types import Err
from wit_world.imports import http

from .imports import Refusal, asked
from .octets import octets

#: Why nothing came: INVALID, NOT_GRANTED, TOO_MANY, UNAVAILABLE (in every other hook), NO_CONNECTION, TIMEOUT, TOO_LARGE, BROKEN.
Reason = http.Error


class HttpError(Refusal):
    """Nothing came; `reason` says why."""


@dataclass(frozen=True)
class Request:
    """What is asked."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str | bytes] = field(default_factory=dict)
    body: str | bytes = b""
    #: Can only shorten what the operator allows; 0 is no opinion.
    timeout_s: float = 0

    def _raw(self) -> Any:
        headers = [(name, octets(value)) for name, value in self.headers.items()]
        timeout_ms = math.ceil(min(self.timeout_s * 1000, 2**32 - 1))
        return http.Request(self.method, self.url, headers, octets(self.body), timeout_ms)


@dataclass(frozen=True)
class Response:
    """What a server answered, whatever its status."""

    status: int
    headers: list[tuple[str, bytes]]
    body: bytes

    @property
    def is_success(self) -> bool:
        """Whether the status is one of success (2xx)."""
        return 200 <= self.status < 300

    def header(self, name: str) -> bytes | None:
        """The first header of this name, whatever its case."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def text(self) -> str | None:
        """The body without white space around it; None when it is not UTF-8."""
        try:
            return self.body.decode().strip()
        except UnicodeDecodeError:
            return None


def _response(raw: Any) -> Response:
    return Response(raw.status, raw.headers, raw.body)


def _request(ask: Request | str) -> Any:
    return (Request(ask) if isinstance(ask, str) else ask)._raw()


def fetch(ask: Request | str) -> Response:
    """Asks, with a `GET` where it is a URL alone, and waits for the answer. Raises an `HttpError` where none came."""
    return _response(asked(HttpError, http.fetch, _request(ask)))


def fetch_all(asks: Iterable[Request | str]) -> list[Response | HttpError]:
    """Asks all of these at the same time, at most 16, and waits for all; what came is in their order, errors too.

    One server that is silent then costs the others nothing.
    """
    came = http.fetch_all([_request(ask) for ask in asks])
    return [HttpError(one.value) if isinstance(one, Err) else _response(one.value) for one in came]
