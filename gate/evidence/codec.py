"""The twin's bytes: canonical JSON out, strict reading in.

Members of a JSON object are the dataclass fields, no more and no fewer; so ``parse_twin`` and
``twin_bytes`` are inverse on every pack. Canonical form is ``signing.canonical`` (RFC 8785 subset).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeAlias, Union, get_args, get_origin, get_type_hints

from gate.domain.errors import InputError
from gate.evidence.twin import FORMAT, EvidencePack
from gate.signing.canonical import canonical


def twin_bytes(pack: EvidencePack) -> bytes:
    """The canonical bytes that are embedded in the PDF."""
    return canonical(_plain(pack))


def parse_twin(data: bytes) -> EvidencePack:
    """The reverse. ``InputError`` for anything that is not exactly a canonical ``gate-evidence/v1``."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InputError("the twin is not JSON") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise InputError(f"not a {FORMAT} document", field="format")
    pack: EvidencePack = _reader(EvidencePack)(document, "")
    if twin_bytes(pack) != data:
        raise InputError("the twin is not in canonical form")
    return pack


def _plain(value: Any) -> Any:
    match value:
        case StrEnum():
            return value.value
        case None | bool() | int() | str():
            return value
        case tuple() | list():
            return [_plain(item) for item in value]
        case Mapping():
            return {key: _plain(item) for key, item in value.items()}
        case _:
            return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}


_Reader: TypeAlias = Callable[[Any, str], Any]


@cache
def _reader(wanted: Any) -> _Reader:
    """A function that turns JSON into ``wanted`` or raises ``InputError`` naming the field."""
    origin = get_origin(wanted)
    if origin is tuple:
        return _tuple_reader(get_args(wanted)[0])
    if origin in (Union, UnionType):
        return _optional_reader(next(part for part in get_args(wanted) if part is not NoneType))
    if isinstance(wanted, type) and issubclass(wanted, StrEnum):
        return _enum_reader(wanted)
    if is_dataclass(wanted):
        return _object_reader(wanted)
    return _scalar_reader(dict if origin is not None else wanted)


def _scalar_reader(kind: type) -> _Reader:
    def read(value: Any, where: str) -> Any:
        if type(value) is not kind:
            raise InputError(f"expected {kind.__name__}", field=where)
        return value

    return read


def _enum_reader(kind: type[StrEnum]) -> _Reader:
    def read(value: Any, where: str) -> Any:
        try:
            return kind(value)
        except ValueError as error:
            raise InputError(f"expected one of {', '.join(kind)}", field=where) from error

    return read


def _optional_reader(inner: Any) -> _Reader:
    read_inner = _reader(inner)
    return lambda value, where: None if value is None else read_inner(value, where)


def _tuple_reader(inner: Any) -> _Reader:
    read_inner = _reader(inner)

    def read(value: Any, where: str) -> Any:
        if not isinstance(value, list):
            raise InputError("expected a list", field=where)
        return tuple([read_inner(item, f"{where}[{place}]") for place, item in enumerate(value)])

    return read


def _object_reader(kind: Any) -> _Reader:
    hints = get_type_hints(kind)
    members = [(item.name, _reader(hints[item.name])) for item in fields(kind)]
    names = {name for name, _ in members}

    def read(value: Any, where: str) -> Any:
        if not isinstance(value, dict) or value.keys() != names:
            raise InputError("expected an object with exactly " + ", ".join(sorted(names)), field=where)
        return kind(**{name: part(value[name], f"{where}.{name}".lstrip(".")) for name, part in members})

    return read
