"""Break-glass as the pack tells it: who invoked and co-signed it, why, and what became of the review it owes.

Read from the signed entries of a contribution's stream alone. The reason is free text: the entries only commit to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gate.evidence.envelopes import OpenedEntry

_OUTCOMES = {"justified": "justified", "not-justified": "not justified"}


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideRecord:
    """One invocation. ``review`` is None while it is owed, or when nothing is owed because nobody co-signed."""

    index: int
    head: str
    at: str
    name: str
    role: str
    code: str
    incident: str
    waives: tuple[str, ...]
    expires_at: str
    cosigned: tuple[tuple[str, int], ...]
    review_role: str
    review_due_at: str
    review: str | None

    @property
    def who(self) -> str:
        signed = " and ".join(f"{name} (entry {index})" for name, index in self.cosigned) or "nobody"
        return f"{self.name} (entry {self.index}; {self.code}, {self.incident}), co-signed by {signed}"

    @property
    def review_state(self) -> str:
        if not self.cosigned:
            return "no review is owed, because nothing was let through"
        return self.review or f"the review by {self.review_role} is owed by {self.review_due_at}"


def read_overrides(entries: Iterable[OpenedEntry]) -> tuple[OverrideRecord, ...]:
    """The invocations among the entries of one stream, in log order."""
    listed = tuple(entries)
    return tuple(_read(one, listed) for one in listed if one.kind == "break-glass")


def find_override(records: Sequence[OverrideRecord], head: str | None, before: int) -> OverrideRecord | None:
    """The one by which ``head`` landed in entry ``before``: the last before it that is bound to that head."""
    fitting = [one for one in records if one.index < before and one.cosigned and head in (None, one.head)]
    return fitting[-1] if fitting else None


def _read(invoked: OpenedEntry, entries: Sequence[OpenedEntry]) -> OverrideRecord:
    said = invoked.predicate
    about = [one for one in entries if one.predicate.get("invocation") == invoked.index]
    reviews = [one for one in about if one.kind == "break-glass-reviewed"]
    return OverrideRecord(
        index=invoked.index,
        head=str(said["head"]),
        at=invoked.timestamp,
        name=str(said["reviewer"]["displayName"]),
        role=str(said["reviewer"]["role"]),
        code=str(said["code"]),
        incident=str(said["incident"]),
        waives=tuple(str(one) for one in said["waives"]),
        expires_at=str(said["expiresAt"]),
        cosigned=tuple(
            (str(one.predicate["reviewer"]["displayName"]), one.index)
            for one in about
            if one.kind == "break-glass-cosigned"
        ),
        review_role=str(said["reviewRole"]),
        review_due_at=str(said["reviewDueAt"]),
        review=_say_review(reviews[0]) if reviews else None,
    )


def _say_review(entry: OpenedEntry) -> str:
    name = entry.predicate["reviewer"]["displayName"]
    return f"{name} found it {_OUTCOMES[str(entry.predicate['outcome'])]} at {entry.timestamp} (entry {entry.index})"
