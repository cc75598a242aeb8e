"""A claim of a JSON Web Token (RFC 7519), for placement only: nothing is verified here, the application does that."""

import base64
import json
import re


class _Integer(str):
    """An integer as it was written."""


def _integer(written: str) -> _Integer | None:
    return _Integer(written) if -(2**63) <= int(written) < 2**64 and written != "-0" else None


def claim_of(authorization: bytes, claim: str) -> bytes | None:
    """A claim that is a text, an integer of 64 bits or a truth value, as text."""
    try:
        found = re.fullmatch(r"(?is)bearer +(.*)", authorization.decode().strip())
        claims = json.loads(_base64url(found[1].split(".")[1]), parse_int=_integer)  # type: ignore[index]
        value = claims.get(claim)
        if isinstance(value, bool):
            return b"true" if value else b"false"
        return value.encode() if isinstance(value, str) and value else None
    except (ValueError, IndexError, TypeError, AttributeError):
        return None


def _base64url(letters: str) -> bytes:
    """RFC 4648, section 5, without padding as RFC 7515 has it."""
    if re.search(r"[^A-Za-z0-9_-]", letters):
        raise ValueError("no base64url")
    return base64.urlsafe_b64decode(letters + "=" * (-len(letters) % 4))
