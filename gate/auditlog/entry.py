"""Audit entries: an in-toto Statement v1 in a DSSE envelope; the envelope's exact bytes are the leaf.

- Every statement names its stream and the version in it, which have no gaps: what is missing shows.
- Predicate type: ``urn:contribution-gate:<kind>:v1``. Unknown members of a predicate are ignored; a new *meaning* of a
  known one needs ``v2``, and the parser of ``v1`` stays.
- Free text of people is never in an entry, only its salted ``commitment``: the text can be erased, the log cannot.
- An entry has at most 65,535 bytes (C2SP tlog-tiles).

Which members each kind has beyond the common ones is written in ``docs/formats.md`` and built by whoever does the act.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from gate.auditlog.merkle import hash_leaf
from gate.auditlog.tiles import MAX_ENTRY
from gate.domain.clock import format_instant, parse_instant
from gate.domain.errors import InputError
from gate.signing.canonical import MAX_INTEGER, canonical, parse_canonical

STATEMENT = "https://in-toto.io/Statement/v1"
SALT_SIZE = 32
MAX_SUBJECTS = 256

_PREDICATE = re.compile(r"urn:contribution-gate:([a-z-]+):v1")
_STREAM = re.compile(
    r"gate|policy|people|packs|proposal/[1-9][0-9]{0,8}|hints/[A-Za-z0-9][A-Za-z0-9._:/@-]{0,126}"
    r"|repository/[a-z0-9][a-z0-9._-]{0,62}|contribution/[a-z0-9][a-z0-9._-]{0,62}#[1-9][0-9]{0,14}"
)
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{6})?Z")
_DIGEST = re.compile(r"(?:[0-9a-f]{2}){1,128}")


class EntryKind(StrEnum):
    """What an entry records."""

    GENESIS = "genesis"
    POLICY_ACTIVATED = "policy-activated"
    POLICY_PROPOSED = "policy-proposed"
    POLICY_APPROVED = "policy-approved"
    POLICY_PROPOSAL_WITHDRAWN = "policy-proposal-withdrawn"
    CONTRIBUTION_OPENED = "contribution-opened"
    CONTRIBUTION_CHANGED = "contribution-changed"
    REVISION_RECORDED = "revision-recorded"
    CONTRIBUTION_CLOSED = "contribution-closed"
    CONTRIBUTION_REOPENED = "contribution-reopened"
    DECISION = "decision"
    APPROVAL = "approval"
    APPROVAL_REFUSED = "approval-refused"
    APPROVAL_CARRIED = "approval-carried"
    FORGE_REVIEW = "forge-review"
    VETO_CLEARED = "veto-cleared"
    DELEGATED = "delegated"
    DELEGATION_ENDED = "delegation-ended"
    BREAK_GLASS = "break-glass"
    BREAK_GLASS_COSIGNED = "break-glass-cosigned"
    BREAK_GLASS_REVIEWED = "break-glass-reviewed"
    TERMS_ACCEPTED = "terms-accepted"
    TRAININGS_IMPORTED = "trainings-imported"
    CHECK_REPORTED = "check-reported"
    HINTS_REFUSED = "hints-refused"
    BRANCH_ENROLLED = "branch-enrolled"
    LANDED = "landed"
    PACK_ISSUED = "pack-issued"
    TOKEN_ISSUED = "token-issued"  # noqa: S105 - a name, no secret
    TOKEN_REVOKED = "token-revoked"  # noqa: S105 - a name, no secret


class RecorderKind(StrEnum):
    """What kind of caller caused an entry."""

    PERSON = "person"
    SYSTEM = "system"
    TOKEN = "token"  # noqa: S105 - a name, no secret
    HOOK = "hook"
    FORGE = "forge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorder:
    """Who caused an entry: a person's key, a token's id, a hook's repository …"""

    kind: RecorderKind
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """The software that wrote the entry (``contribution-gate/1.0.0``) and, if told, the host it ran on."""

    software: str
    host: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a statement is about: a name and its digests, as lower-case hex by algorithm."""

    name: str
    digest: Mapping[str, str]
    annotations: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A parsed statement with the members every kind has; the rest is in ``predicate``."""

    kind: EntryKind
    subjects: tuple[Subject, ...]
    predicate: Mapping[str, object]
    stream: str
    version: int
    at: datetime
    request_id: str
    recorded_by: Recorder
    software: str


def predicate_type(kind: EntryKind) -> str:
    """``urn:contribution-gate:approval:v1``."""
    return f"urn:contribution-gate:{kind}:v1"


def build_statement(
    kind: EntryKind,
    subjects: Iterable[Subject],
    predicate: Mapping[str, object],
    *,
    stream: str,
    version: int,
    timestamp: datetime,
    request_id: str,
    recorded_by: Recorder,
    operator: Operator,
) -> bytes:
    """The payload of an entry: canonical JSON. Without subjects it is about its stream. Raises ``InputError``."""
    common: dict[str, object] = {
        "stream": stream,
        "version": version,
        "timestamp": format_instant(timestamp),
        "requestId": request_id,
        "recordedBy": {"kind": recorded_by.kind, "id": recorded_by.id},
        "operator": {"software": operator.software} | ({"host": operator.host} if operator.host else {}),
    }
    if twice := sorted(common.keys() & predicate.keys()):
        raise InputError(f"The predicate sets {', '.join(twice)}, which every entry has already.", field="predicate")
    _check_place(stream, version)
    return canonical(
        {
            "_type": STATEMENT,
            "subject": [_subject_members(subject) for subject in (*subjects,) or (stream_subject(stream),)],
            "predicateType": predicate_type(kind),
            "predicate": dict(predicate) | common,
        }
    )


def stream_subject(stream: str) -> Subject:
    """The subject of an entry about nothing but its stream (in-toto requires one): the digest is of the name."""
    return Subject(name=f"gate:{stream}", digest={"sha256": hashlib.sha256(stream.encode("utf-8")).hexdigest()})


def parse_statement(payload: bytes) -> Statement:
    """A checked statement from a verified payload. Raises ``InputError`` naming the member."""
    members = _object(parse_canonical(payload, max_size=MAX_ENTRY), "statement")
    if members.get("_type") != STATEMENT:
        raise InputError("This is not an in-toto Statement v1.", field="_type")
    predicate = _object(members.get("predicate"), "predicate")
    stream, version = _text(predicate, "stream"), predicate.get("version")
    if type(version) is not int:
        raise InputError("A version is a whole number.", field="version")
    _check_place(stream, version)
    return Statement(
        kind=_kind(_text(members, "predicateType")),
        subjects=_subjects(members.get("subject")),
        predicate=predicate,
        stream=stream,
        version=version,
        at=_instant(_text(predicate, "timestamp")),
        request_id=_text(predicate, "requestId"),
        recorded_by=_recorder(_object(predicate.get("recordedBy"), "recordedBy")),
        software=_text(_object(predicate.get("operator"), "operator"), "software"),
    )


def leaf_hash(envelope: bytes) -> bytes:
    """The leaf of an entry. Raises ``InputError`` for one that is too large to be in a log."""
    if len(envelope) > MAX_ENTRY:
        raise InputError(f"The entry has {len(envelope)} bytes; a log takes at most {MAX_ENTRY}.", code="too-large")
    return hash_leaf(envelope)


def commitment(salt: bytes, text: str) -> bytes:
    """SHA-256(salt || UTF-8 text): binds an entry to a text that can be erased. The salt is 32 random bytes."""
    if len(salt) != SALT_SIZE:
        raise InputError(f"A salt has {SALT_SIZE} bytes.", field="salt")
    try:
        return hashlib.sha256(salt + text.encode("utf-8")).digest()
    except UnicodeEncodeError as error:
        raise InputError("The text holds half a surrogate pair.", field="text") from error


def _check_place(stream: str, version: int) -> None:
    if not _STREAM.fullmatch(stream):
        raise InputError(f"There is no stream {stream[:80]!r}.", field="stream")
    if not 1 <= version <= MAX_INTEGER:
        raise InputError("Versions in a stream count from 1.", field="version")


def _subject_members(subject: Subject) -> dict[str, object]:
    _check_digest(subject.digest)
    members: dict[str, object] = {"name": subject.name, "digest": dict(subject.digest)}
    return members | ({"annotations": dict(subject.annotations)} if subject.annotations else {})


def _check_digest(digest: Mapping[str, str]) -> None:
    if not digest or not all(_DIGEST.fullmatch(value) for value in digest.values()):
        raise InputError("A subject has digests in lower-case hex.", field="subject")


def _subjects(value: object) -> tuple[Subject, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_SUBJECTS:
        raise InputError(f"A statement has 1 to {MAX_SUBJECTS} subjects.", field="subject")
    return tuple(_subject(_object(item, "subject")) for item in value)


def _subject(members: dict[str, object]) -> Subject:
    stored = _object(members.get("digest"), "subject")
    digest = {name: _text(stored, name) for name in stored}
    _check_digest(digest)
    annotations = _object(members.get("annotations", {}), "subject")
    return Subject(name=_text(members, "name"), digest=digest, annotations=annotations)


def _kind(text: str) -> EntryKind:
    name = _PREDICATE.fullmatch(text)
    try:
        return EntryKind(name[1] if name else text)
    except ValueError as error:
        raise InputError(f"The predicate type {text[:80]!r} is not known.", field="predicateType") from error


def _recorder(members: dict[str, object]) -> Recorder:
    try:
        kind = RecorderKind(_text(members, "kind"))
    except ValueError as error:
        raise InputError("Nobody of this kind records entries.", field="recordedBy") from error
    return Recorder(kind=kind, id=_text(members, "id"))


def _instant(text: str) -> datetime:
    try:
        if not _INSTANT.fullmatch(text):
            raise ValueError("another spelling")
        return parse_instant(text)
    except ValueError as error:
        raise InputError("The timestamp is not RFC 3339 in UTC.", field="timestamp") from error


def _object(value: object, name: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise InputError("Expected a JSON object.", field=name)
    return value


def _text(members: Mapping[str, object], name: str) -> str:
    value = members.get(name)
    if not isinstance(value, str):
        raise InputError("Expected a string.", field=name)
    return value
