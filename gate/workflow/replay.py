"""What the rows must hold: the signed entries told once more, row by row. Pure; ``audit_rows.py`` compares.

Projections can be rebuilt from entries and stored bytes (``gate/store/tables.py``), and this is how. Each kind that
leaves rows behind has one function here or in ``replay_acts.py``, ``replay_registers.py``; a kind without one leaves
none. Values are as entries say them: digests in hex, times as text.

Entries come stream by stream; a landing comes twice: in its repository's stream, and in its place among the entries of
the contribution that it merged (``merge``).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from gate.auditlog.entry import EntryKind, Statement
from gate.domain.clock import format_instant
from gate.domain.contribution import ContributionState
from gate.store.projections import key_names

DECISION: Final = ("answer", "decision_index", "decision_digest", "facts_digest", "decided_at")
_UNDECIDED: Final[Mapping[str, Any]] = dict.fromkeys(DECISION)
_ALSO_LATE: Final = (
    EntryKind.BREAK_GLASS,
    EntryKind.BREAK_GLASS_COSIGNED,
    EntryKind.BREAK_GLASS_REVIEWED,
    EntryKind.FORGE_REVIEW,
)
"""What may be told of a contribution that is over; then its last decision stands."""
Key = tuple[Any, ...]
ReadBlob = Callable[[str], bytes | None]


@dataclass(frozen=True, slots=True)
class Said:
    """One entry: ``said("policy", "digest", "sha256")`` is that member, None where there is none."""

    index: int
    statement: Statement

    def __call__(self, *path: str) -> Any:
        value: Any = self.statement.predicate
        for name in path:
            value = value.get(name) if isinstance(value, Mapping) else None
        return value

    def each(self, *path: str) -> list[Any]:
        value = self(*path)
        return value if isinstance(value, list) else []

    @property
    def at(self) -> str:
        return format_instant(self.statement.at)


@dataclass(slots=True)
class Replayed:
    """Rows as they must be, by table and key, and which entry said so last. ``missing``: stored bytes not found."""

    read: ReadBlob
    rows: dict[str, dict[Key, dict[str, Any]]] = field(default_factory=dict)
    last: dict[tuple[str, Key], int] = field(default_factory=dict)
    counts: dict[Key, int] = field(default_factory=dict)
    missing: list[tuple[int, str]] = field(default_factory=list)

    def put(self, said: Said, table: str, **values: Any) -> None:
        """A new row, or another in its place."""
        key = _check_key(tuple(values[name] for name in key_names(table)))
        self.rows.setdefault(table, {})[key] = values
        self.last[table, key] = said.index

    def change(self, said: Said, table: str, key: Key, **values: Any) -> None:
        """New values of a row; the row itself may be told later."""
        named = dict(zip(key_names(table), _check_key(key), strict=True))
        held = self.rows.setdefault(table, {}).setdefault(key, named)
        held |= values
        self.last[table, key] = said.index

    def stored(self, said: Said, what: str, *path: str) -> Any:
        """The JSON behind a digest that the entry names; None, and said, where it is not there."""
        digest = said(*path, "sha256")
        raw = self.read(digest) if isinstance(digest, str) else None
        try:
            return json.loads(raw) if raw is not None else self.missing.append((said.index, what))
        except ValueError:
            self.missing.append((said.index, what))
            return None


def _check_key(key: Key) -> Key:
    """Raises ``TypeError`` for what names no row."""
    if not all(isinstance(part, str | int) for part in key):
        raise TypeError(f"no key: {key!r}")
    return key


def replay(rows: Replayed, said: Said, handlers: Mapping[EntryKind, Callable[[Replayed, Said], None]]) -> None:
    """Tell one entry. Raises ``TypeError``, ``KeyError``, ``ValueError`` for members that no gate writes."""
    handler = handlers.get(said.statement.kind)
    if handler is not None:
        handler(rows, said)
    if said.statement.stream.startswith("contribution/"):
        _touch(rows, said)


def merge(rows: Replayed, said: Said) -> None:
    """The landing of a contribution, told in its place among the contribution's own entries."""
    place = (said("repository"), said("number"))
    rows.change(said, "contribution", place, state=ContributionState.MERGED.value, updated_at=said.at)


def _touch(rows: Replayed, said: Said) -> None:
    """What every entry of a contribution does to its row, and what all but decisions do to the decision."""
    kind, place = said.statement.kind, (said("repository"), said("number"))
    held = rows.rows.get("contribution", {}).get(place, {})
    changed: dict[str, Any] = {"version": said.statement.version}
    if kind not in (EntryKind.DECISION, EntryKind.APPROVAL_CARRIED):
        changed["updated_at"] = said.at
    is_over = kind in _ALSO_LATE and held.get("state") != ContributionState.OPEN.value
    if kind not in (EntryKind.DECISION, EntryKind.CONTRIBUTION_CLOSED) and not is_over:
        changed |= _UNDECIDED
    rows.change(said, "contribution", place, **changed)


def _opened(rows: Replayed, said: Said) -> None:
    rows.put(
        said,
        "contribution",
        repository=said("repository"),
        number=said("number"),
        target=said("targetRef"),
        topic=said("topic"),
        source_ref=said("sourceRef"),
        state=ContributionState.OPEN.value,
        draft=said("draft"),
        opened_at=said.at,
        author_person=said("author"),
        change_request=said("changeRequest"),
        labels=said("labels"),
        title_commitment=said("titleCommitment", "sha256"),
        policy_epoch=None,
    )


def _changed(rows: Replayed, said: Said) -> None:
    changed = {"change_request": said("changeRequest"), "draft": said("draft"), "labels": said("labels")}
    if said("titleCommitment") is not None:
        changed["title_commitment"] = said("titleCommitment", "sha256")
    rows.change(said, "contribution", (said("repository"), said("number")), **changed)


def _closed(rows: Replayed, said: Said) -> None:
    place = (said("repository"), said("number"))
    rows.change(said, "contribution", place, state=ContributionState.CLOSED.value)


def _decided(rows: Replayed, said: Said) -> None:
    rows.change(
        said,
        "contribution",
        (said("repository"), said("number")),
        answer=said("answer"),
        decision_index=said.index,
        decision_digest=said("decision", "sha256"),
        facts_digest=said("facts", "sha256"),
        policy_epoch=said("policy", "epoch"),
        decided_at=said.at,
    )


def _revision(rows: Replayed, said: Said) -> None:
    place = {"repository": said("repository"), "number": said("number")}
    head = {"head": said("head"), "tree": said("targetID"), "merge_base": said("fromID"), "revision": said("revision")}
    key = (said("repository"), said("number"))
    known = rows.rows.get("contribution", {}).get(key, {}).get("change_request")
    rows.change(said, "contribution", key, **head, change_request=known or said("changeRequest"))
    attribution = rows.stored(said, "account of who made it", "attribution") or {}
    rows.put(
        said,
        "revision",
        **place,
        **head,
        target=said("targetRef"),
        merge_tree=said("mergeTree"),
        pusher_login=attribution.get("headPusher"),
        pusher_person=said("pusher"),
        git_digest=said("git", "sha256"),
        recorded_at=said.at,
        idx=said.index,
    )
    place["revision"] = said("revision")
    for one in attribution.get("contributors", ()):
        rows.put(said, "contributor", **place, **one)
    git = (rows.stored(said, "git facts", "git") or {}).get("revision", {})
    for one in git.get("commits", ()):
        rows.put(said, "revision_commit", **place, sha=one["sha"], patch_id=one["patch_id"])


def _checked(rows: Replayed, said: Said) -> None:
    rows.put(
        said,
        "check_report",
        idx=said.index,
        repository=said("repository"),
        head=said("head"),
        name=said("name"),
        outcome=said("outcome"),
        reporter=said("reporter"),
        reporter_person=said("person"),
        reported_at=said.at,
    )


CONTRIBUTIONS: Final[Mapping[EntryKind, Callable[[Replayed, Said], None]]] = {
    EntryKind.CONTRIBUTION_OPENED: _opened,
    EntryKind.CONTRIBUTION_CHANGED: _changed,
    EntryKind.CONTRIBUTION_CLOSED: _closed,
    EntryKind.DECISION: _decided,
    EntryKind.REVISION_RECORDED: _revision,
    EntryKind.CHECK_REPORTED: _checked,
}
