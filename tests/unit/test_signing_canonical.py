"""Canonical JSON: equal to RFC 8785 on the subset, refused outside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from gate.domain.errors import InputError
from gate.signing.canonical import MAX_DEPTH, MAX_INTEGER, canonical, parse_canonical

pytestmark = pytest.mark.req("INV-08", "LOG-01")

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_KEY = st.text(st.characters(max_codepoint=127), max_size=10)
_LEAF = st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | _TEXT
VALUES = st.recursive(
    _LEAF, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(_KEY, inner, max_size=5), max_leaves=20
)


class _Word(StrEnum):
    YES = "yes"


@given(VALUES)
def test_equals_rfc8785_and_round_trips(value: Any) -> None:
    raw = canonical(value)
    assert raw == rfc8785.dumps(value)
    assert parse_canonical(raw) == value


def test_tuples_are_arrays_and_enums_are_text() -> None:
    assert canonical({"b": (1, _Word.YES), "a": None}) == b'{"a":null,"b":[1,"yes"]}'


class _Number(int):
    pass


def _nested(depth: int) -> object:
    value: object = 1
    for _ in range(depth):
        value = [value]
    return value


def _circle() -> list[object]:
    items: list[object] = []
    items.append(items)
    return items


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        float("nan"),
        float("inf"),
        {"a": [0.5]},
        2**53,
        -(2**53),
        {1: "a"},
        {None: "a"},
        {True: "a"},
        {"é": 1},
        "\ud800",
        {"a": "x\udfff"},
        b"bytes",
        {"a"},
        object(),
        _Number(5),
        _nested(MAX_DEPTH + 1),
        _nested(100_000),
        _circle(),
    ],
    ids=lambda value: type(value).__name__,
)
def test_refused_outside_the_subset(value: object) -> None:
    with pytest.raises(InputError):
        canonical(value)


def test_depth_up_to_the_bound_is_taken() -> None:
    value = _nested(MAX_DEPTH)
    assert parse_canonical(canonical(value)) == value


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"nul",
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"1.0",
        b"1e3",
        b"01",
        b"9007199254740992",
        b"-9007199254740992",
        b"9" * 5000,
        b'{"a":1,"a":2}',
        b'{"a":1,"\\u0061":2}',
        b'{"\xc3\xa9":1}',
        b'"\\ud800"',
        b'{"\\ud800":1}',
        b'"\xff"',
        b'\xef\xbb\xbf"bom"',
        '"wide"'.encode("utf-16"),
        b'"\x01"',
        b"1 2",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
    ],
    ids=lambda raw: repr(raw[:24]),
)
def test_parse_refuses(raw: bytes) -> None:
    with pytest.raises(InputError):
        parse_canonical(raw)


def test_parse_is_bounded() -> None:
    with pytest.raises(InputError, match="at most 10"):
        parse_canonical(b'"0123456789"', max_size=10)


@given(st.binary(max_size=200) | st.text(alphabet='{}[]",:\\u0123dDnulltrefas.eE+- ', max_size=60).map(str.encode))
def test_only_input_error_escapes(raw: bytes) -> None:
    try:
        value = parse_canonical(raw)
    except InputError:
        return
    assert parse_canonical(canonical(value)) == value


def test_public_vectors(vectors: Path) -> None:
    """Within the subset we write what RFC 8785 says; the cases outside it are refused, not written wrongly."""
    written = refused = 0
    for case in json.loads((vectors / "jcs.json").read_text("utf-8")):
        try:
            raw = canonical(json.loads(case["input"]))
        except InputError:
            refused += 1
            continue
        assert raw == case["output"].encode("utf-8"), case["name"]
        written += 1
    assert (written, refused) == (2, 4)


def test_members_keep_ascii_order() -> None:
    value: Mapping[str, object] = {"b": 1, "B": 2, "~": 3, "": 4, "a\n": 5}
    assert canonical(value) == b'{"":4,"B":2,"a\\n":5,"b":1,"~":3}'
