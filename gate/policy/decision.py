"""What evaluation says: one tree with the actual values, for page, API, CLI, forge and PDF alike.

Stored as canonical bytes by digest (``gate-decision/v1``); "as decided" is read back from these
bytes and never recomputed. Sentences are finished English; ids stand beside them for machines.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

FORMAT = "gate-decision/v1"


class Answer(StrEnum):
    """The answers a decision can hold (`product.md`); stale and unknown are answers about a *question*."""

    APPROVED = "approved"
    OVERRIDDEN = "overridden"
    PENDING = "pending"
    REJECTED = "rejected"
    BLOCKED = "blocked"
    ERROR = "error"

    @property
    def allows(self) -> bool:
        return self in (Answer.APPROVED, Answer.OVERRIDDEN)


class RuleState(StrEnum):
    NOT_APPLICABLE = "not_applicable"
    UNSATISFIED = "unsatisfied"
    SATISFIED = "satisfied"
    WAIVED = "waived"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Somebody who could fill an open slot now; ``on_behalf_of`` names whose role they would use, if not their own."""

    person: str
    name: str
    on_behalf_of: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Disqualified:
    """Somebody who holds the role and still cannot: ``reason`` is a finished sentence."""

    person: str
    name: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """One slot and the approval (by log index) that the matching put into it.

    ``on_behalf_of`` names the giver of the delegation it was signed under; ``kind`` and ``carried_from`` are those of
    ``ApprovalFacts``: a review on the forge is no signature, and a carried one was signed for another head.
    """

    person: str
    name: str
    index: int
    signed_at: datetime
    meaning: str
    on_behalf_of: str | None = None
    kind: str = "signature"
    carried_from: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementResult:
    """``count`` people in ``role`` (of ``team``) with ``meaning``; ``missing`` = open slots.

    ``places`` are the (role, team) whose holders count; older decisions have none: there it is ``role`` and ``team``.
    """

    id: str
    role: str
    team: str | None
    count: int
    meaning: str
    sentence: str
    filled: tuple[Filled, ...] = ()
    missing: int = 0
    candidates: tuple[Candidate, ...] = ()
    disqualified: tuple[Disqualified, ...] = ()
    is_satisfiable: bool = True
    places: tuple[tuple[str, str | None], ...] = ()
    is_shared: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleResult:
    """One rule: why it applies (or not), with actual values, and what it still needs."""

    id: str
    description: str
    state: RuleState
    because: tuple[str, ...] = ()
    requirements: tuple[RequirementResult, ...] = ()
    controls: tuple[str, ...] = ()
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionResult:
    """A prerequisite, required check or change request: met or not, for whom, and how to mend it."""

    id: str
    kind: str
    is_met: bool
    sentence: str
    remedy: str = ""
    people: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NotCounted:
    """A recorded approval that does not count now, and why (stale head, expired, lost the role …)."""

    index: int
    person: str
    name: str
    code: str
    reason: str
    kind: str = "signature"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why the answer is what it is. ``rule`` names the rule, prerequisite or check, if one."""

    code: str
    sentence: str
    rule: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FreezeResult:
    """A freeze that holds now for this change. ``exempted_by`` are log indexes; empty: it stands."""

    id: str
    sentence: str
    until: datetime
    exempt: RequirementResult | None = None
    exempted_by: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideResult:
    """A break-glass on this revision. ``is_effective`` False: ``sentence`` says why it waives nothing.

    ``waived`` are rules and freezes it let through; ``review_due_at`` is when the independent review is owed.
    """

    index: int
    person: str
    name: str
    code: str
    incident: str
    is_effective: bool
    sentence: str
    until: datetime
    waived: tuple[str, ...] = ()
    cosign: RequirementResult
    review_role: str
    review_due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The answer for one revision under one policy, and everything that explains it.

    ``answer`` is the worst of the reasons' (error > blocked > rejected > overridden > pending >
    approved); all reasons are listed, not only the first. ``counted`` are the log indexes of the
    approvals it rests on. ``out_of_scope`` names the rule that put it out of scope. ``ask`` is a
    smallest set of people who could unblock it, or only a sufficient one (``is_ask_smallest``). ``valid_until`` is
    exclusive. ``level`` is the classification; ``until`` is when a freeze ends, if that is what it waits for.
    """

    answer: Answer
    summary: str
    evaluated_at: datetime
    valid_until: datetime
    head: str
    target: str
    policy_epoch: int
    policy_digest: str
    facts_digest: str = ""
    is_cross_team: bool = True
    owning_teams: tuple[str, ...] = ()
    contributing_teams: tuple[str, ...] = ()
    out_of_scope: str | None = None
    reasons: tuple[Reason, ...] = ()
    rules: tuple[RuleResult, ...] = ()
    conditions: tuple[ConditionResult, ...] = ()
    counted: tuple[int, ...] = ()
    not_counted: tuple[NotCounted, ...] = ()
    excluded: tuple[Disqualified, ...] = ()
    ask: tuple[Candidate, ...] = ()
    is_ask_smallest: bool = True
    notes: tuple[str, ...] = ()
    level: str | None = None
    freezes: tuple[FreezeResult, ...] = ()
    override: OverrideResult | None = None
    until: datetime | None = None
    format: str = field(default=FORMAT)
