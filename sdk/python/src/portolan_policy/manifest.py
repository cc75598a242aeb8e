"""What a policy wants to see and to use. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Metric:
    """A metric that the policy writes; a counter only rises, a gauge stands at its last value, a histogram counts by size."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    #: The values of its one label, at most 16; none is no label.
    labels: Iterable[str] = ()


@dataclass(frozen=True)
class Manifest:
    """What `describe` returns; fields alone may be returned as a list. Nothing that is not declared is passed."""

    #: Fields of the request, such as `header:x-tenant`.
    fields: Iterable[str] = ()
    #: Fields of the response, for the hook `response`: `header:NAME`.
    response_fields: Iterable[str] = ()
    #: Buckets, which `kv.Bucket` names by their place.
    buckets: Iterable[str] = ()
    #: Metrics, which `telemetry` names by their place.
    metrics: Iterable[Metric] = ()
    #: Headers, cookies and query parameters to look up with `view`, such as `header:authorization`.
    lookups: Iterable[str] = ()
