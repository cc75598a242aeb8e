"""What a plan and an amendment have in common: edits of headers, and what becomes of the session's pin."""

from typing import Any, Self

from wit_world.imports import types

from .octets import octets


class EditsAndPin:
    """Edits of the request to the origin and the pin to the region that serves, in a plan; in an amendment edits of the answer
    and the pin to the region that answered."""

    def __init__(self) -> None:
        self._edits: list[Any] = []
        self._pin: Any = types.PinAction_Keep()

    def header(self, name: str, value: str | bytes) -> Self:
        """Sets a header."""
        return self._edit(types.EditOp.SET, name, value)

    def add_header(self, name: str, value: str | bytes) -> Self:
        """Adds one more header of this name."""
        return self._edit(types.EditOp.ADD, name, value)

    def without_header(self, name: str) -> Self:
        """Removes a header."""
        return self._edit(types.EditOp.REMOVE, name, b"")

    def _edit(self, op: Any, name: str, value: str | bytes) -> Self:
        self._edits.append(types.Edit(op, name, octets(value)))
        return self

    def bind(self, payload: str | bytes = b"", ttl_s: int = 0) -> Self:
        """Pin the session to that region; at most 256 bytes, and 0 s is the service's own lifetime."""
        self._pin = types.PinAction_Bind(types.Binding(octets(payload), ttl_s))
        return self

    def hold(self) -> Self:
        """Leave the pin as it is; in a plan, serve by the order."""
        self._pin = types.PinAction_Hold()
        return self

    def clear(self) -> Self:
        """End the pin; in a plan, serve by the order."""
        self._pin = types.PinAction_Clear()
        return self
