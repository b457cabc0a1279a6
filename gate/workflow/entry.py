"""From "this happened" to a signed audit entry, ready for the ledger.

One place turns a kind, its stream and its own members into envelope bytes, so that what goes into
signed bytes is the same everywhere (``docs/formats.md``). Nothing here writes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from gate import __version__
from gate.auditlog.entry import EntryKind, Operator, Recorder, RecorderKind, Subject, build_statement
from gate.domain.contribution import GitRevision
from gate.signing.envelope import build_envelope
from gate.store.command import FreeText, NewEntry
from gate.workflow.parts import Parts

PEOPLE: Final = "people"
"""The stream of what concerns people and no contribution: registers, delegations."""

OPERATOR = Operator(software=f"contribution-gate/{__version__}")
SYSTEM = Recorder(kind=RecorderKind.SYSTEM, id="gate")


def by_person(key: str) -> Recorder:
    return Recorder(kind=RecorderKind.PERSON, id=key)


def contribution_stream(repository: str, number: int) -> str:
    return f"contribution/{repository}#{number}"


def repository_stream(repository: str) -> str:
    return f"repository/{repository}"


def new_request_id(parts: Parts) -> str:
    """A fresh id for one act: 128 random bits in hex."""
    return parts.random_bytes(16).hex()


def build_entry(
    parts: Parts,
    kind: EntryKind,
    *,
    stream: str,
    version: int,
    subjects: Sequence[Subject],
    predicate: Mapping[str, Any],
    by: Recorder,
    at: datetime,
    request_id: str | None = None,
    dedup: str | None = None,
) -> NewEntry:
    """The signed entry ``version`` of ``stream``. Raises ``InputError`` when it cannot be canonical or is too long."""
    payload = build_statement(
        kind,
        subjects,
        predicate,
        stream=stream,
        version=version,
        timestamp=at,
        request_id=request_id or new_request_id(parts),
        recorded_by=by,
        operator=OPERATOR,
    )
    envelope = build_envelope(payload, parts.keys.act)
    return NewEntry(kind=kind.value, envelope=envelope, stream=stream, version=version, dedup=dedup)


def revision_subject(repository: str, head: str, tree: str) -> Subject:
    """The in-toto subject of everything said about one revision."""
    return Subject(name=f"gate:repository/{repository}", digest={"gitCommit": head, "gitTree": tree})


def thing_subject(name: str, digest: bytes) -> Subject:
    return Subject(name=name, digest={"sha256": digest.hex()})


def commit_text(parts: Parts, text: str, about: str) -> tuple[dict[str, str], FreeText] | tuple[None, None]:
    """Personal free text: its salted commitment for the entry, and the erasable row. (None, None) when empty."""
    if not text:
        return None, None
    typed = FreeText(value=text, salt=parts.random_bytes(32), about=about)
    return {"sha256": typed.commitment.hex()}, typed


def revision_members(git: GitRevision, number: int) -> dict[str, Any]:
    """What an entry says of a revision: gittuf's names for the ids, ours for the rest."""
    return {
        "revision": number,
        "head": git.head,
        "targetRef": git.target,
        "fromID": git.merge_base,
        "targetID": git.tree,
        "mergeTree": git.merge_tree,
        "targetTip": git.target_tip,
        "commits": len(git.commits),
        "paths": len(git.paths),
    }
