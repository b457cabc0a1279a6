"""What pages, API and CLI are given to show of break-glass: frozen answers, no logic."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gate.domain.clock import format_instant
from gate.workflow.override_statement import Outcome, OverrideAct


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideShown:
    """One invocation and what became of it. ``is_overdue``: its review is owed and the due time is over.

    ``reason`` and ``review_reason`` are None when they were erased; ``until`` is when it ends or ended.
    """

    index: int
    repository: str
    number: int
    head: str
    name: str
    role: str
    code: str
    incident: str
    reason: str | None
    invoked_at: datetime
    until: datetime | None
    cosigners: tuple[str, ...]
    review_role: str
    review_due_at: datetime
    is_owed: bool
    is_overdue: bool
    reviewed_by: int | None
    reviewer: str | None
    outcome: Outcome | None
    review_reason: str | None

    @property
    def id(self) -> str:
        return f"{self.repository}#{self.number}"

    def as_json(self) -> dict[str, object]:
        """The member of ``GET /api/v1/overrides``; free text stays on the pages."""
        return {
            "index": self.index,
            "repository": self.repository,
            "number": self.number,
            "head": self.head,
            "invoker": self.name,
            "role": self.role,
            "code": self.code,
            "incident": self.incident,
            "invoked_at": format_instant(self.invoked_at),
            "cosigners": list(self.cosigners),
            "review": {
                "role": self.review_role,
                "due_at": format_instant(self.review_due_at),
                "owed": self.is_owed,
                "overdue": self.is_overdue,
                "index": self.reviewed_by,
                "reviewer": self.reviewer,
                "outcome": self.outcome.value if self.outcome else None,
            },
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class GlassShown:
    """The section "Break glass" of a contribution's page.

    ``waives`` is what is open now and would be let through; ``why_not`` explains each act that is not open to the
    reader; ``sentence`` is the decision's word on the invocation that stands. ``may`` are the reader's acts.
    """

    invokers: tuple[str, ...]
    invoker_role: str
    waives: tuple[str, ...]
    reaches: tuple[str, ...]
    never_waives: tuple[str, ...]
    span: str
    review: str
    locks: tuple[str, ...]
    sentence: str | None
    can_cosign: tuple[str, ...]
    may: tuple[OverrideAct, ...]
    why_not: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideForm:
    """What a break-glass form shows. ``statement`` is None until code and incident, or the outcome, are chosen."""

    act: OverrideAct
    repository: str
    number: int
    title: str | None
    printed_name: str
    capacity: str
    head: str
    tree: str
    target: str
    policy_id: str
    policy_epoch: int
    policy_digest: str
    waives: tuple[str, ...]
    never_waives: tuple[str, ...]
    span: str
    review: str
    codes: tuple[str, ...]
    incident_example: str
    min_chars: int
    code: str | None
    incident: str | None
    outcome: Outcome | None
    invocation: OverrideShown | None
    statement: str | None
    statement_digest: str | None
    seen: str | None
    afterwards: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideRequest:
    """What a person sends back. ``seen`` must equal the digest of the form as it would be now."""

    act: OverrideAct
    repository: str
    number: int
    code: str | None
    incident: str | None
    outcome: Outcome | None
    reason: str
    seen: str
    request_id: str
