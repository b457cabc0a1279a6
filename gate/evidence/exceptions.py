"""What an approval entry says beside being one: for whom it was signed, through which freeze; and what is none: cleared
vetoes and reviews on a forge.

Read from the entries of a pack alone, for its sheets. The blocks that the verifier compares stay as they are.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from gate.evidence.envelopes import OpenedEntry
from gate.evidence.twin import EntryRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Under:
    """``giver`` is named as in the entry, with the index of the delegation."""

    giver: str | None
    delegation: int | None
    freeze: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleared:
    """A rejection (``veto``: its entry) that somebody else cleared."""

    index: int
    at: str
    name: str
    role: str
    veto: int
    veto_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewOnForge:
    """A review that was given, or dismissed, on a forge. ``person`` None: the login is nobody's."""

    index: int
    result: str
    forge: str
    review: str
    name: str
    person: str | None
    roles: tuple[str, ...]
    submitted_at: str
    revision: int
    head: str


_TELLING = (b'"onBehalfOf":{', b'"freeze":"', b":veto-cleared:", b":break-glass", b":forge-review:")


def tells_exception(row: EntryRow) -> bool:
    """Whether an entry may hold what this module reads: a look at its payload, because most do not and there are many.

    Statements are canonical JSON, so there is one way to spell these. True for what is no envelope of ours, so that
    reading it says what is wrong.
    """
    try:
        outer = binascii.a2b_base64(row.envelope)
        payload = outer.partition(b'"payload":"')[2].partition(b'"')[0]
        statement = binascii.a2b_base64(payload)
    except ValueError:
        return True
    return not statement or any(mark in statement for mark in _TELLING)


def read_under(entries: Iterable[OpenedEntry]) -> dict[int, Under]:
    """By index, the approvals that were signed for somebody or through a freeze."""
    found = {one.index: _under(one) for one in entries if one.kind == "approval"}
    return {index: one for index, one in found.items() if one.giver is not None or one.freeze is not None}


def read_cleared(entries: Iterable[OpenedEntry]) -> tuple[Cleared, ...]:
    return tuple(_cleared(one) for one in entries if one.kind == "veto-cleared")


def read_reviews(entries: Iterable[OpenedEntry]) -> tuple[ReviewOnForge, ...]:
    return tuple(_reviewed(one) for one in entries if one.kind == "forge-review")


def _reviewed(entry: OpenedEntry) -> ReviewOnForge:
    said, reviewer = entry.predicate, _object(entry.predicate.get("reviewer"))
    roles = (
        f"{one['role']} of {one['team']}" if one.get("team") else str(one["role"]) for one in reviewer.get("roles", ())
    )
    return ReviewOnForge(
        index=entry.index,
        result=str(said["result"]),
        forge=str(said["forge"]),
        review=str(said["review"]),
        name=str(reviewer.get("displayName", said["login"])),
        person=reviewer.get("id"),
        roles=tuple(roles),
        submitted_at=str(said["submittedAt"]),
        revision=int(said["revision"]),
        head=str(said["head"]),
    )


def _under(entry: OpenedEntry) -> Under:
    giver, freeze = _object(entry.predicate.get("onBehalfOf")), entry.predicate.get("freeze")
    return Under(
        giver=str(giver["displayName"]) if "displayName" in giver else None,
        delegation=giver.get("delegation"),
        freeze=str(freeze) if freeze is not None else None,
    )


def _cleared(entry: OpenedEntry) -> Cleared:
    reviewer, by = _object(entry.predicate.get("reviewer")), _object(entry.predicate.get("vetoBy"))
    team = f" of {reviewer['team']}" if reviewer.get("team") else ""
    return Cleared(
        index=entry.index,
        at=entry.timestamp,
        name=str(reviewer.get("displayName")),
        role=f"{reviewer.get('role')}{team}",
        veto=int(entry.predicate["veto"]),
        veto_by=str(by.get("displayName")),
    )


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
