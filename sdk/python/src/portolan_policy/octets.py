"""Bytes of texts. Pure."""


def octets(value: str | bytes) -> bytes:
    """The bytes of a text in UTF-8; bytes stay what they are."""
    return value.encode() if isinstance(value, str) else bytes(value)
