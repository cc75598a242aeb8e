"""Which regions a key belongs to, best first: weighted rendezvous hashing, bounded by load. Pure.

The same key, names and weights give the same order in every region table, PoP and language.
"""

from math import ceil, log

from portolan_policy import Candidate

#: FNV-1a, 64 bits.
_OFFSET = 0xCBF2_9CE4_8422_2325
_PRIME = 0x0000_0100_0000_01B3
_MASK = 0xFFFF_FFFF_FFFF_FFFF
#: Between key and name: a byte that no text holds.
_BETWEEN = b"\xff"


def places_of(key: bytes, candidates: list[Candidate], load: float) -> list[int]:
    """The regions that take new sessions, best first for this key; those above `load` times their share come last."""
    takes = [region for region in candidates if region.takes_new and region.weight > 0]
    in_flight = sum(region.in_flight for region in takes)
    weights = sum(region.weight for region in takes)
    prefix = _hashed(_OFFSET, key + _BETWEEN)

    def place(region: Candidate) -> tuple[bool, float, int]:
        # With the request that asks; rounded up, so that the average is always within the bound.
        bound = ceil((in_flight + 1) * load * region.weight / weights)
        return region.in_flight + 1 > bound, -_score(prefix, region), region.id

    return [number for _, _, number in sorted(map(place, takes))]


def _score(key: int, region: Candidate) -> float:
    """Highest for the region that the key belongs to.

    Mosharaf Ahmad et al.; weights as in Schindelhauer and Schomaker (2005).
    """
    hashed = _mix(_hashed(key, region.name.encode()))
    # In (0, 1): neither end has a finite logarithm that divides.
    unit = ((hashed >> 11) + 0.5) / (1 << 53)
    return region.weight / -log(unit)


def _hashed(hashed: int, octets: bytes) -> int:
    for octet in octets:
        hashed = (hashed ^ octet) * _PRIME & _MASK
    return hashed


def _mix(hashed: int) -> int:
    """Spreads what FNV leaves close together (the finaliser of splitmix64)."""
    hashed = (hashed ^ hashed >> 30) * 0xBF58_476D_1CE4_E5B9 & _MASK
    hashed = (hashed ^ hashed >> 27) * 0x94D0_49BB_1331_11EB & _MASK
    return hashed ^ hashed >> 31
