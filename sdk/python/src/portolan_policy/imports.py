"""What the contract's imports have in common: why nothing was done."""

from collections.abc import Callable
from typing import Any

from componentize_py_types import Err


class Refusal(Exception):
    """Nothing was done; `reason` says why."""

    def __init__(self, reason: Any) -> None:
        super().__init__(reason.name.lower().replace("_", "-"))
        self.reason = reason


def asked(refused: type[Refusal], call: Callable[..., Any], *arguments: Any) -> Any:
    """What the call returns; the contract's error is raised as one of this kind."""
    try:
        return call(*arguments)
    except Err as error:
        raise refused(error.value) from None
