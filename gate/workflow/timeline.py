"""Audit entries in words, for the pages: the stream of one contribution, or the newest of the whole log."""

from __future__ import annotations

from collections.abc import Iterable

from gate.auditlog.entry import EntryKind, Statement, parse_statement
from gate.signing.envelope import parse_envelope
from gate.store.auditlog import EntryRow
from gate.workflow.free_text import text_of
from gate.workflow.narrate import narrate
from gate.workflow.parts import Parts
from gate.workflow.shown import TimelineItem

_WITH_REASON = (
    EntryKind.APPROVAL,
    EntryKind.VETO_CLEARED,
    EntryKind.BREAK_GLASS,
    EntryKind.BREAK_GLASS_COSIGNED,
    EntryKind.BREAK_GLASS_REVIEWED,
)


def build_timeline(parts: Parts, rows: Iterable[EntryRow]) -> tuple[TimelineItem, ...]:
    """One item an entry, in the order given."""
    return tuple(_item(parts, row) for row in rows)


def read_statement(parts: Parts, index: int) -> Statement:
    """What one entry says. ``NotFoundError``."""
    return parse_statement(parse_envelope(parts.log.entry(index).envelope).payload)


def _item(parts: Parts, row: EntryRow) -> TimelineItem:
    statement = parse_statement(parse_envelope(row.envelope).payload)
    return TimelineItem(
        index=row.index,
        at=statement.at,
        kind=row.kind,
        sentence=narrate(statement),
        person=_person(statement),
        reason=_reason(parts, statement),
    )


def _person(statement: Statement) -> str | None:
    reviewer = statement.predicate.get("reviewer")
    return str(reviewer["displayName"]) if isinstance(reviewer, dict) else None


def _reason(parts: Parts, statement: Statement) -> str | None:
    committed = statement.predicate.get("reasonCommitment")
    if statement.kind not in _WITH_REASON or not isinstance(committed, dict):
        return None
    return text_of(parts, bytes.fromhex(str(committed["sha256"])))
