"""What evaluation collects on its way, and the one sentence that sums it up.

The answer is never set: it is the worst of the reasons found, so a later finding cannot talk an earlier one away.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from gate.policy.decision import (
    Answer,
    Candidate,
    ConditionResult,
    FreezeResult,
    NotCounted,
    OverrideResult,
    Reason,
    RuleResult,
    RuleState,
)
from gate.policy.document import OutOfScope

WORST_FIRST = (Answer.ERROR, Answer.BLOCKED, Answer.REJECTED, Answer.OVERRIDDEN, Answer.PENDING, Answer.APPROVED)


@dataclass(slots=True, kw_only=True)
class Findings:
    """What evaluation has found so far; ``lapses`` are instants at which time alone could change the answer.

    ``waived`` are the rules and freezes that would stand in the way, had a break-glass not let them through.
    """

    reasons: list[tuple[Answer, Reason]] = field(default_factory=list)
    rules: list[RuleResult] = field(default_factory=list)
    conditions: list[ConditionResult] = field(default_factory=list)
    not_counted: list[NotCounted] = field(default_factory=list)
    counted: list[int] = field(default_factory=list)
    ask: tuple[Candidate, ...] = ()
    is_ask_smallest: bool = True
    notes: list[str] = field(default_factory=list)
    lapses: list[datetime] = field(default_factory=list)
    freezes: tuple[FreezeResult, ...] = ()
    waived: list[str] = field(default_factory=list)
    override: OverrideResult | None = None

    def add(self, answer: Answer, code: str, sentence: str, rule: str | None = None) -> None:
        self.reasons.append((answer, Reason(code=code, sentence=sentence, rule=rule)))

    @property
    def answer(self) -> Answer:
        given = {answer for answer, _ in self.reasons}
        return next((answer for answer in WORST_FIRST if answer in given), Answer.APPROVED)

    @property
    def until(self) -> datetime | None:
        """When the last of the freezes ends that nobody exempted this from and nothing waives."""
        standing = [one.until for one in self.freezes if not one.exempted_by and one.id not in self.waived]
        return max(standing, default=None)


def summarise(answer: Answer, found: Findings, scope: OutOfScope | None) -> str:
    if answer is Answer.APPROVED and scope is not None:
        return f"Out of scope by rule {scope.id}: {scope.because}"
    if answer is Answer.APPROVED:
        applied = sum(1 for rule in found.rules if rule.state is RuleState.SATISFIED)
        which = "the rule that applies is" if applied == 1 else f"all {applied} rules that apply are"
        return f"Approved: {which} satisfied."
    if answer is Answer.OVERRIDDEN and found.override is not None:
        return _summarise_override(found.override)
    sentences = [reason.sentence for given, reason in found.reasons if given is answer]
    more = len(found.reasons) - 1
    tail = f" (and {more} more reason{'s' if more > 1 else ''})" if more > 0 else ""
    return f"{answer.value.capitalize()}: {sentences[0].rstrip('.')}{tail}."


def _summarise_override(one: OverrideResult) -> str:
    """Whoever reads one line only must read that a rule was not met, who let that pass, and what is owed."""
    who = f"OVERRIDDEN by {one.name} ({one.code}, incident {one.incident}) until {one.until:%Y-%m-%d %H:%M} UTC"
    owed = f"a review by {one.review_role} is owed by {one.review_due_at:%Y-%m-%d %H:%M} UTC"
    return f"{who}: {', '.join(one.waived)} waived; {owed}."
