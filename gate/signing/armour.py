"""Base64 as the signed formats use it (RFC 4648 §4), decoded strictly.

One byte string has exactly one spelling: whitespace, missing padding and stray trailing bits are refused, so
that nobody can change a stored file without changing what it says.
"""

from __future__ import annotations

import base64
import binascii

from gate.domain.errors import InputError

_URL_SAFE = str.maketrans("-_", "+/")


def encode_base64(raw: bytes) -> str:
    """Standard alphabet, padded."""
    return base64.b64encode(raw).decode("ascii")


def decode_base64(text: str, *, field: str, url_safe: bool = False) -> bytes:
    """Bytes of strictly spelled base64; the URL-safe alphabet too with ``url_safe``. Raises ``InputError``."""
    spelled = text.translate(_URL_SAFE) if url_safe else text
    try:
        raw = base64.b64decode(spelled, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InputError("This is not base64.", field=field) from error
    if encode_base64(raw) != spelled:
        raise InputError("This is not base64 in its one canonical spelling.", field=field)
    return raw
