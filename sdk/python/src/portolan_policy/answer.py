"""How an origin answered, and ways to say what becomes of its answer. Nothing is checked here: the router checks it."""

from typing import Any

from .edits import EditsAndPin
from .request import Fields, Regions


class Answer:
    """How an origin answered."""

    def __init__(self, raw: Any, names: list[str], fields: bytes, regions: Regions) -> None:
        self._fields = Fields(names, 0, fields)
        #: The region that answered.
        self.region: int = raw.region
        region = regions.by_id(raw.region)
        self.region_name = region.name if region else ""
        self.status: int = raw.status
        #: From 1.
        self.attempt: int = raw.attempt
        #: From the begin of the attempt to the head of the answer, microseconds.
        self.ttfb_us: int = raw.ttfb_us
        #: Whether `NEXT` can be heeded.
        self.may_retry: bool = raw.may_retry

    def field(self, name: str) -> bytes | None:
        """A declared field, such as `header:x-node`; raises `KeyError` when it was not declared."""
        return self._fields.of(name)

    def text(self, name: str) -> str | None:
        """The same as text; None when it is not UTF-8."""
        return self._fields.text(name)


class _Next:
    """The plan's next region."""


#: The plan's next region should be asked in place of this one: a retry like any other. Where that cannot be, or no other
#: region answers, the client has this answer after all.
NEXT = _Next()


class Amendment(EditsAndPin):
    """How the answer is changed."""


def raw(said: Amendment | _Next | None) -> Any:
    """What `response` returned, as the contract has it: None is no opinion."""
    # Only a policy that has the hook has these bindings.
    from wit_world.exports import response

    if said is None:
        return response.Reaction_Pass()
    if isinstance(said, _Next):
        return response.Reaction_Next()
    return response.Reaction_Amend(response.Amendment(said._edits, said._pin))
