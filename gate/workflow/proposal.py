"""One proposal of policies, as its signed entries tell it: what is proposed, by whom, who approved, whether it ended.

Stream ``proposal/<n>``: version 1 proposes, each further version approves or withdraws. What counts is read from these
envelopes, each verified, and never from rows: a row changed behind the gate's back brings nothing into force. The
*digest* of a proposal is over its files, the policy epoch it takes the place of, and when it is to be in force; it is
what approvers sign, and it names no number, so that a proposer can sign it before one is given.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from gate.auditlog.entry import EntryKind, Statement, parse_statement
from gate.domain.clock import format_instant, parse_instant
from gate.domain.errors import NotFoundError, VerificationError
from gate.signing.api import public_key_of
from gate.signing.canonical import canonical
from gate.signing.envelope import verify_envelope
from gate.store import blobs
from gate.workflow.parts import Parts

FORMAT: Final = "gate-proposal/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """What is proposed. ``files`` are (name, hex SHA-256) by name; ``effective_at`` None: as soon as it is approved."""

    files: tuple[tuple[str, str], ...]
    base_epoch: int
    effective_at: datetime | None

    @property
    def digest(self) -> bytes:
        document = {
            "format": FORMAT,
            "files": dict(self.files),
            "baseEpoch": self.base_epoch,
            "effectiveAt": self.from_when,
        }
        return hashlib.sha256(canonical(document)).digest()

    @property
    def from_when(self) -> str | None:
        return format_instant(self.effective_at) if self.effective_at is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """One signed word on a proposal. ``index`` is its audit entry, ``person`` a key."""

    index: int
    person: str
    name: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """``version`` is the stream's; ``withdrawn`` is set for ever once somebody withdrew it."""

    number: int
    version: int
    content: Proposed
    proposed: Given
    approvals: tuple[Given, ...]
    withdrawn: Given | None

    @property
    def stream(self) -> str:
        return proposal_stream(self.number)


def proposal_stream(number: int) -> str:
    return f"proposal/{number}"


def digests_of(files: Mapping[str, bytes]) -> tuple[tuple[str, str], ...]:
    return tuple((name, hashlib.sha256(raw).hexdigest()) for name, raw in sorted(files.items()))


def load_proposal(parts: Parts, number: int) -> Proposal:
    """Raises ``NotFoundError``; ``VerificationError`` when an entry is not as it was signed."""
    entries = parts.log.stream(proposal_stream(number))
    if not entries:
        raise NotFoundError(f"There is no policy proposal {number}.", remedy="See the page of policies.")
    key = public_key_of(parts.keys.act)
    told = [(row.index, parse_statement(verify_envelope(row.envelope, [key]).payload)) for row in entries]
    first = told[0][1]
    content = _content(first)
    for version, (index, statement) in enumerate(told, start=1):
        _check_place(number, content, version, index, statement)
    return Proposal(
        number=number,
        version=len(told),
        content=content,
        proposed=_given(*told[0]),
        approvals=tuple(_given(*one) for one in told if one[1].kind is EntryKind.POLICY_APPROVED),
        withdrawn=next((_given(*one) for one in told if one[1].kind is EntryKind.POLICY_PROPOSAL_WITHDRAWN), None),
    )


def load_texts(parts: Parts, content: Proposed) -> dict[str, bytes]:
    """The proposed files. Raises ``VerificationError`` for a text that is not the one that was signed."""
    found: dict[str, bytes] = {}
    for name, digest in content.files:
        raw = blobs.load(parts.engine, bytes.fromhex(digest))
        if hashlib.sha256(raw).hexdigest() != digest:
            raise VerificationError(f"The stored text of {name} is not the one that was proposed.")
        found[name] = raw
    return found


def _content(first: Statement) -> Proposed:
    said: Mapping[str, Any] = first.predicate
    if first.kind is not EntryKind.POLICY_PROPOSED:
        raise VerificationError("The first entry of a proposal proposes nothing.")
    effective = said["effectiveAt"]
    return Proposed(
        files=tuple((str(one["name"]), str(one["sha256"])) for one in said["files"]),
        base_epoch=int(said["baseEpoch"]),
        effective_at=parse_instant(effective) if effective is not None else None,
    )


def _check_place(number: int, content: Proposed, version: int, index: int, statement: Statement) -> None:
    """Every entry is in its place and about the same digest: an approval of other files counts for nothing here."""
    said: Mapping[str, Any] = statement.predicate
    is_first = statement.kind is EntryKind.POLICY_PROPOSED
    place = (statement.stream, statement.version, said.get("proposal"), is_first)
    digest = said["digest"]["sha256"]
    if place != (proposal_stream(number), version, number, version == 1) or digest != content.digest.hex():
        raise VerificationError(f"Audit entry {index} does not belong to policy proposal {number}.")


def _given(index: int, statement: Statement) -> Given:
    reviewer: Any = statement.predicate["reviewer"]
    return Given(index=index, person=str(reviewer["id"]), name=str(reviewer["displayName"]), at=statement.at)
