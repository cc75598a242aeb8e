"""One request as a policy sees it: declared fields by name, candidates with their regions, the pin.

Views of what the router passed; made for each call and never kept.
"""

from collections.abc import Iterator, Mapping
from enum import IntEnum
from functools import cached_property
from struct import unpack_from
from typing import Any, NamedTuple

#: Marks a field that the request does not have.
_ABSENT = 0x8000_0000
#: Behind the declared fields: what was stored with the pin, and the name of the pin's region when that is no more.
_PAYLOAD, _FORMER_REGION, _BEHIND = range(3)
#: Columns of the contract's `candidates` that this SDK knows.
_COLUMNS = 8


class Health(IntEnum):
    """What is known of a region's health, in the order of the contract. Unknown is not down."""

    UNKNOWN = 0
    HEALTHY = 1
    DEGRADED = 2
    DRAINING = 3
    DOWN = 4


#: The states by their numbers.
STATES = tuple(Health)


class Region(NamedTuple):
    """A region as configured."""

    id: int
    service: str
    name: str
    labels: Mapping[str, str]
    latitude: float
    longitude: float
    #: Requests in flight it is meant to hold; 0 is no limit.
    capacity: int


class Regions:
    """All regions of the services that use the policy."""

    def __init__(self, infos: list[Any]) -> None:
        self._by_id = {
            info.id: Region(
                info.id,
                info.service,
                info.name,
                dict(info.labels),
                info.location.latitude,
                info.location.longitude,
                info.capacity,
            )
            for info in infos
        }

    def __iter__(self) -> Iterator[Region]:
        return iter(self._by_id.values())

    def by_id(self, number: int) -> Region | None:
        """The region with this number."""
        return self._by_id.get(number)

    def named(self, service: str, name: str) -> Region | None:
        """The region of this service with this name."""
        return next((region for region in self if (region.service, region.name) == (service, name)), None)

    def labelled(self, label: str, value: str) -> list[Region]:
        """Regions of every service whose label has this value."""
        return [region for region in self if region.labels.get(label) == value]


class Candidate(NamedTuple):
    """A region that may serve the request, as the router sees it now."""

    id: int
    health: Health
    health_age_s: int
    #: From the client, or from the PoP when the client's place is unknown.
    distance_km: int
    #: Measured round trip from this PoP; 0 is not measured.
    rtt_us: int
    #: Moving average of time to first byte; 0 is no traffic yet.
    latency_us: int
    #: From this PoP.
    in_flight: int
    weight: int
    region: Region | None

    @property
    def name(self) -> str:
        """The region's name."""
        return self.region.name if self.region else ""

    def label(self, key: str) -> str | None:
        """The value of one of the region's labels."""
        return self.region.labels.get(key) if self.region else None

    @property
    def serves(self) -> bool:
        """Every state but down."""
        return self.health is not Health.DOWN

    @property
    def takes_new(self) -> bool:
        """Neither down nor draining."""
        return self.health < Health.DRAINING


class Pin(NamedTuple):
    """The session's pin. The router has checked its signature, service and age."""

    #: None when the region is no longer configured.
    region: int | None
    region_name: str
    session_age_s: int
    age_s: int
    #: What the policy stored with it.
    payload: bytes


class Fields:
    """Values of declared fields, and of those without names behind them."""

    def __init__(self, names: list[str], behind: int, raw: bytes) -> None:
        self.names = names
        self._count = len(names) + behind
        self._raw = raw

    def of(self, name: str) -> bytes | None:
        """The field of this name."""
        try:
            place = self.names.index(name)
        except ValueError:
            raise KeyError(f"`{name}` was not declared in describe; declared are {self.names}") from None
        return self.at(place)

    def lazy_place(self, name: str) -> int:
        """The place of a field to look up; one that there is not where none was declared so."""
        lazy = f"lazy:{name}"
        return self.names.index(lazy) if lazy in self.names else len(self.names)

    def text(self, name: str) -> str | None:
        """The same as text; None when it is not UTF-8."""
        value = self.of(name)
        try:
            return None if value is None else value.decode()
        except UnicodeDecodeError:
            return None

    @cached_property
    def _ends(self) -> tuple[int, ...]:
        return unpack_from(f"<{self._count}I", self._raw)

    def at(self, place: int) -> bytes | None:
        """The field at this place."""
        end = self._ends[place]
        if end & _ABSENT:
            return None
        begin = self._ends[place - 1] & ~_ABSENT if place else 0
        first = 4 * self._count
        return self._raw[first + begin : first + end]


class Request:
    """The request to route."""

    def __init__(self, raw: Any, names: list[str], fields: bytes, table: Any, regions: Regions) -> None:
        self._raw = raw
        self._fields = Fields(names, _BEHIND, fields)
        self._table = table
        #: Every region as configured.
        self.regions = regions

    @property
    def now_ms(self) -> float:
        """Milliseconds since 1970-01-01 UTC."""
        return self._raw.now_ms

    @property
    def entropy(self) -> float:
        """Uniform in [0, 1), new for each request."""
        return self._raw.entropy

    @property
    def client(self) -> tuple[float, float] | None:
        """Latitude and longitude of the client, when known."""
        client = self._raw.client
        return (client.latitude, client.longitude) if client else None

    @property
    def service(self) -> str:
        """The service that the route leads to."""
        region = self.regions.by_id(self._raw.service)
        return region.service if region else ""

    @cached_property
    def pin(self) -> Pin | None:
        """The session's pin."""
        pin = self._raw.pin
        if pin is None:
            return None
        region = None if pin.region is None else self.regions.by_id(pin.region)
        behind = len(self._fields.names)
        name = region.name if region else (self._fields.at(behind + _FORMER_REGION) or b"").decode()
        payload = self._fields.at(behind + _PAYLOAD) or b""
        return Pin(pin.region, name, pin.session_age_s, pin.pin_age_s, payload)

    @cached_property
    def candidates(self) -> list[Candidate]:
        """The regions that may serve, nearest first, also those that are down."""
        cells, width = self._table.cells, self._table.width
        if width < _COLUMNS:
            return []
        rows = (cells[row : row + _COLUMNS] for row in range(0, len(cells) - width + 1, width))
        return [self._candidate(*row) for row in rows]

    def _candidate(self, number: int, health: int, *rest: int) -> Candidate:
        state = STATES[health] if health < len(STATES) else Health.UNKNOWN
        return Candidate(number, state, *rest, self.regions.by_id(number))  # type: ignore[call-arg, arg-type]

    def field(self, name: str) -> bytes | None:
        """A declared field, such as `header:x-tenant`; raises `KeyError` when it was not declared."""
        return self._fields.of(name)

    def text(self, name: str) -> str | None:
        """The same as text; None when it is not UTF-8."""
        return self._fields.text(name)
