"""Statements of entries: built, read back, checked; commitments; the size bound."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.auditlog.entry import (
    EntryKind,
    Operator,
    Recorder,
    RecorderKind,
    Statement,
    Subject,
    build_statement,
    commitment,
    leaf_hash,
    parse_statement,
    predicate_type,
)
from gate.auditlog.tiles import MAX_ENTRY
from gate.domain.errors import InputError

pytestmark = pytest.mark.req("LOG-01")

AT = datetime(2026, 11, 22, 16, 4, 52, 1, tzinfo=UTC)
SUBJECT = Subject(name="git+https://git.example/x", digest={"gitCommit": "a" * 40, "gitTree": "b" * 40})
STREAMS = [
    "gate",
    "policy",
    "people",
    "packs",
    "hints/forge:corp",
    "repository/ledger-core",
    "contribution/ledger-core#12",
]


def _build(**changes: Any) -> bytes:
    options: dict[str, Any] = {
        "kind": EntryKind.APPROVAL,
        "subjects": (SUBJECT,),
        "predicate": {"result": "APPROVED"},
        "stream": STREAMS[-1],
        "version": 3,
        "timestamp": AT,
        "request_id": "r-1",
        "recorded_by": Recorder(kind=RecorderKind.PERSON, id="corp:1"),
        "operator": Operator(software="contribution-gate/1.0.0", host="a"),
    } | changes
    kind, subjects, predicate = (options.pop(name) for name in ("kind", "subjects", "predicate"))
    return build_statement(kind, subjects, predicate, **options)


def _parse(changes: dict[str, object], predicate: dict[str, object] | None = None) -> Statement:
    members = json.loads(_build())
    members["predicate"] |= predicate or {}
    return parse_statement(json.dumps(members | changes).encode())


@pytest.mark.parametrize("kind", EntryKind)
def test_round_trip(kind: EntryKind) -> None:
    statement = parse_statement(_build(kind=kind))
    assert statement.kind is kind
    assert statement.subjects == (SUBJECT,)
    assert statement.predicate["result"] == "APPROVED"
    assert (statement.stream, statement.version, statement.at) == (STREAMS[-1], 3, AT)
    assert (statement.request_id, statement.software) == ("r-1", "contribution-gate/1.0.0")
    assert statement.recorded_by == Recorder(kind=RecorderKind.PERSON, id="corp:1")
    assert predicate_type(kind) == f"urn:contribution-gate:{kind}:v1"


def test_kinds_are_those_of_the_format() -> None:
    """A kind is for ever: one taken away or respelt would make old entries unreadable."""
    assert {kind.value for kind in EntryKind} >= {
        "genesis",
        "policy-activated",
        "contribution-opened",
        "contribution-changed",
        "revision-recorded",
        "contribution-closed",
        "contribution-reopened",
        "decision",
        "approval",
        "approval-refused",
        "terms-accepted",
        "trainings-imported",
        "check-reported",
        "hints-refused",
        "landed",
        "pack-issued",
        "token-issued",
        "token-revoked",
    }


@pytest.mark.parametrize("stream", STREAMS)
def test_streams(stream: str) -> None:
    assert parse_statement(_build(stream=stream)).stream == stream


@pytest.mark.parametrize(
    "stream", ["", "other", "hints/", "repository/", "repository/A", "contribution/a", "contribution/a#0", "gate\n"]
)
def test_bad_streams(stream: str) -> None:
    with pytest.raises(InputError):
        _build(stream=stream)
    with pytest.raises(InputError):
        _parse({}, {"stream": stream})


def test_statement_without_subject_is_about_its_stream() -> None:
    (subject,) = parse_statement(_build(subjects=(), stream="policy")).subjects
    assert subject == Subject(name="gate:policy", digest={"sha256": hashlib.sha256(b"policy").hexdigest()})


def test_times_are_written_in_utc() -> None:
    there = AT.astimezone(timezone(timedelta(hours=5)))
    assert _build(timestamp=there) == _build()


def test_annotations_round_trip() -> None:
    subject = Subject(name="x", digest={"sha256": "00"}, annotations={"sourceRefs": ["refs/heads/main"]})
    assert parse_statement(_build(subjects=[subject])).subjects == (subject,)


def test_predicate_cannot_set_what_every_entry_has() -> None:
    with pytest.raises(InputError, match="version"):
        _build(predicate={"version": 1})


@pytest.mark.parametrize("digest", [{}, {"sha256": ""}, {"sha256": "AB"}, {"sha256": "abc"}, {"sha256": "zz"}])
def test_bad_digests(digest: dict[str, str]) -> None:
    with pytest.raises(InputError):
        _build(subjects=[Subject(name="x", digest=digest)])
    with pytest.raises(InputError):
        _parse({"subject": [{"name": "x", "digest": digest}]})


@pytest.mark.parametrize(
    "changes",
    [
        {"_type": "https://in-toto.io/Statement/v0.1"},
        {"predicateType": "urn:contribution-gate:approval:v2"},
        {"predicateType": "urn:contribution-gate:coffee:v1"},
        {"predicateType": "approval"[:-1]},
        {"predicateType": 1},
        {"predicate": []},
        {"subject": []},
        {"subject": None},
        {"subject": [1]},
        {"subject": [{"name": "x"}]},
        {"subject": [{"digest": {"sha256": "00"}}]},
        {"subject": [{"name": "x", "digest": {"sha256": "00"}, "annotations": 1}]},
        {"subject": [{"name": "x", "digest": {"sha256": "00"}}] * 257},
    ],
    ids=lambda changes: repr(changes)[:50],
)
def test_bad_statements(changes: dict[str, object]) -> None:
    with pytest.raises(InputError):
        _parse(changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"stream": None},
        {"version": 0},
        {"version": True},
        {"version": "1"},
        {"timestamp": "2026-11-22T16:04:52+00:00"},
        {"timestamp": "2026-11-22T16:04:52+01:00Z"},
        {"timestamp": "2026-W47-1T00:00:00Z"},
        {"timestamp": "2026-13-22T16:04:52Z"},
        {"timestamp": 1},
        {"requestId": None},
        {"recordedBy": "x"},
        {"recordedBy": {"kind": "ghost", "id": "x"}},
        {"recordedBy": {"kind": "person"}},
        {"operator": {}},
    ],
    ids=repr,
)
def test_bad_predicates(changes: dict[str, object]) -> None:
    with pytest.raises(InputError):
        _parse({}, changes)


def test_unknown_members_are_ignored() -> None:
    assert _parse({"later": 1}, {"later": {"x": 1}}).version == 3


@given(st.binary(max_size=100))
def test_only_input_error_escapes(raw: bytes) -> None:
    with pytest.raises(InputError):
        parse_statement(raw)


_JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["kind", "id", "name"]), inner),
    max_leaves=6,
)


@given(
    st.sampled_from(["_type", "subject", "predicateType", "predicate"]), _JUNK, st.sampled_from(["", "version"]), _JUNK
)
def test_junk_members_raise_only_input_error(name: str, value: object, inner: str, other: object) -> None:
    try:
        _parse({name: value}, {inner: other} if inner else {})
    except InputError:
        return


def test_leaf_is_bounded() -> None:
    assert leaf_hash(bytes(MAX_ENTRY)) == hashlib.sha256(bytes(MAX_ENTRY + 1)).digest()
    with pytest.raises(InputError):
        leaf_hash(bytes(MAX_ENTRY + 1))


@pytest.mark.req("LOG-05")
@given(st.binary(min_size=32, max_size=32), st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_commitment(salt: bytes, text: str) -> None:
    assert commitment(salt, text) == hashlib.sha256(salt + text.encode()).digest()


@pytest.mark.req("LOG-05")
@pytest.mark.parametrize(("salt", "text"), [(b"", "x"), (bytes(31), "x"), (bytes(33), "x"), (bytes(32), "\ud800")])
def test_commitment_refuses(salt: bytes, text: str) -> None:
    with pytest.raises(InputError):
        commitment(salt, text)
