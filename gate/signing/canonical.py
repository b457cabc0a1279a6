"""Canonical JSON: RFC 8785 (JCS) on the subset that everything we sign stays in.

The subset: objects with ASCII keys, arrays, strings without lone surrogates, true, false, null, and integers of
magnitude up to 2^53-1. No floats. On it the standard library's sorted, compact encoder writes exactly what JCS
prescribes (keys in UTF-16 order are keys in ASCII order); outside it that is not so, hence the checks.

Canonical form is hygiene, not security: signatures are over stored bytes, and nothing is re-serialised to be verified.
``parse_canonical`` therefore accepts any spelling of the subset, and refuses what two readers could read differently.
"""

from __future__ import annotations

import json
from typing import Any

from gate.domain.errors import InputError

MAX_INTEGER = 2**53 - 1
"""Above it a double, and so JavaScript, loses digits (RFC 8785 §3.2.2.3)."""
MAX_DEPTH = 32
MAX_SIZE = 8 * 1024 * 1024
"""Largest document ``parse_canonical`` looks at unless told otherwise, in bytes."""

_encode = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, allow_nan=False, sort_keys=True, separators=(",", ":")
).encode


def canonical(value: object) -> bytes:
    """The one UTF-8 encoding of ``value``. Tuples are arrays. Raises ``InputError`` outside the subset."""
    _check(value, MAX_DEPTH)
    try:
        return _encode(value).encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError("A string holds half a surrogate pair, which is not text.") from error


def parse_canonical(raw: bytes, *, max_size: int = MAX_SIZE) -> object:
    """The value of strict UTF-8 JSON within the subset. Raises ``InputError`` and nothing else."""
    if len(raw) > max_size:
        raise InputError(f"The document has {len(raw)} bytes; at most {max_size} are read.", code="too-large")
    try:
        text = raw.decode("utf-8")
        value: object = _decoder.decode(text)
    except UnicodeDecodeError as error:
        raise InputError("The document is not UTF-8.") from error
    except RecursionError as error:
        raise InputError("The document is nested too deeply.") from error
    except json.JSONDecodeError as error:
        raise InputError(f"The document is not JSON: {error.msg}.", line=error.lineno) from error
    _check(value, MAX_DEPTH)
    if "\\u" in text:  # Only an escape can smuggle in half a surrogate pair.
        canonical(value)
    return value


def _check(value: object, depth: int) -> None:
    """Refuses what lies outside the subset. Written flat: it runs once for every entry appended."""
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return
    if kind is dict:
        _check_object(value, depth)  # type: ignore[arg-type]
    elif kind is list or kind is tuple:
        _check_items(value, depth)
    elif kind is int:
        if not -MAX_INTEGER <= value <= MAX_INTEGER:  # type: ignore[operator]
            raise InputError("An integer is beyond 2^53-1; write it as a string.")
    elif not isinstance(value, str):  # A StrEnum is its text.
        raise InputError(f"A {kind.__name__} has no canonical form here; use text, integers, true, false or null.")


def _check_object(value: dict[object, object], depth: int) -> None:
    try:
        ascii_only = "".join(value).isascii()  # type: ignore[arg-type]
    except TypeError as error:
        raise InputError("A member name is not a string.") from error
    if not ascii_only:
        raise InputError("A member name is not ASCII.")
    _check_items(value.values(), depth)


def _check_items(values: Any, depth: int) -> None:
    if depth <= 0:
        raise InputError(f"The value is nested more than {MAX_DEPTH} levels deep, or holds itself.")
    for item in values:
        if type(item) is not str:
            _check(item, depth - 1)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise InputError("A member name appears twice in one object.", code="duplicate-member")
    return members


def _integer(text: str) -> int:
    if len(text) > len(str(-MAX_INTEGER)):
        raise InputError("An integer is beyond 2^53-1.")
    return int(text)


def _no_float(text: str) -> float:
    raise InputError(f"Only integers are numbers here, not {text[:40]}.")


_decoder = json.JSONDecoder(
    object_pairs_hook=_unique, parse_int=_integer, parse_float=_no_float, parse_constant=_no_float
)
