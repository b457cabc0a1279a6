"""Break-glass: whether an invocation lets a contribution through, what of it, until when, and the review it owes.

It waives only what the policy names (rules, freezes, ``freeze`` for all of them) and never what is on the ceiling;
separation, vetoes, prerequisites, checks and errors are no rules and no freezes, so nothing here can reach them.
It is bound to head, target and effective policy like an approval, lives for ``valid_for`` (half-open), needs an invoker
who is active, holds the role now and did not contribute, and a co-signature by somebody else. A review that is overdue
in the repository locks it. The review that it owes is due after business days, Monday to Friday in UTC.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from gate.domain.approval import Act
from gate.domain.people import PersonState
from gate.policy.approvals import Acts, Valid, lapse_of, why_not_counted
from gate.policy.change import Change, read_change
from gate.policy.decision import Disqualified, OverrideResult, RequirementResult
from gate.policy.document import BreakGlass, Policy
from gate.policy.effective import EffectivePolicy
from gate.policy.facts import ApprovalFacts, BreakGlassFacts, CosignFacts, Facts
from gate.policy.filling import fill
from gate.policy.id_pattern import is_id
from gate.policy.paths import branch_name
from gate.policy.requirements import Need, expand_requirement, find_fault
from gate.policy.sections import ANY_FREEZE
from gate.policy.separation import Separation

_WEEK = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Glass:
    """An invocation as found: ``faults`` are half-sentences that say why it waives nothing; none when it does.

    ``waives`` are the rules and freezes it reaches; ``lapses`` are the instants at which time alone could change it.
    """

    invoked: BreakGlassFacts
    rule: BreakGlass
    faults: tuple[str, ...]
    waives: frozenset[str]
    cosign: RequirementResult
    lapses: tuple[datetime, ...]

    @property
    def until(self) -> datetime:
        return self.invoked.invoked_at + self.rule.valid_for

    @property
    def due_at(self) -> datetime:
        return add_business_days(self.invoked.invoked_at, self.rule.review.within_days)


def add_business_days(start: datetime, days: int) -> datetime:
    """``days`` whole business days after ``start``. From a weekend they are counted from Monday 00:00 UTC."""
    at = start.astimezone(UTC)
    if at.weekday() >= _WEEK:
        at = datetime(at.year, at.month, at.day, tzinfo=UTC) + timedelta(days=7 - at.weekday())
    weeks, rest = divmod(days, _WEEK)
    over_weekend = at.weekday() + rest >= _WEEK
    return at + timedelta(weeks=weeks, days=rest + (2 if over_weekend else 0))


def read_glass(change: Change, acts: Acts) -> Glass | None:
    """The invocation on this contribution, if there is one and the policy knows break-glass at all."""
    facts, policy = change.facts, change.policy
    invoked, rule = facts.break_glass, policy.break_glass
    if invoked is None or rule is None:
        return None
    need, cosign, signed = _read_cosign(change, acts, invoked, rule)
    faults = [
        *_binding_faults(change, invoked, rule),
        *_invoker_faults(change, invoked, rule),
        *(sentence for _, sentence in check_reason(invoked, rule)),
        *_cosign_faults(need, cosign, facts),
        *find_locks(facts),
    ]
    ends = [invoked.invoked_at, invoked.invoked_at + rule.valid_for, *(one.due_at for one in facts.owed_reviews)]
    ends += [one.lapses_at for one in signed if one.lapses_at is not None]
    return Glass(
        invoked=invoked,
        rule=rule,
        faults=tuple(faults),
        waives=find_reached(policy, rule) if not faults else frozenset(),
        cosign=cosign,
        lapses=tuple(ends),
    )


def check_invocation(effective: EffectivePolicy, facts: Facts, invoked: BreakGlassFacts) -> tuple[str, ...]:
    """Half-sentences why ``invoked`` could waive nothing, co-signed or not; its reason is ``check_reason``'s."""
    rule = effective.policy.break_glass
    if rule is None:
        return (f"the policy {effective.id} knows no break-glass",)
    change = read_change(effective, facts)
    return (
        *_binding_faults(change, invoked, rule),
        *_invoker_faults(change, invoked, rule),
        *find_locks(facts),
    )


def find_reached(policy: Policy, rule: BreakGlass) -> frozenset[str]:
    """The names it waives: the ceiling comes last, so it wins."""
    freezes = {one.id for one in policy.freezes}
    named = set(rule.waives) | (freezes if ANY_FREEZE in rule.waives else set())
    held = set(rule.never_waives) | (freezes if ANY_FREEZE in rule.never_waives else set())
    return frozenset((named - held) & ({one.id for one in policy.rules} | freezes))


def _binding_faults(change: Change, invoked: BreakGlassFacts, rule: BreakGlass) -> Iterator[str]:
    facts = change.facts
    end = invoked.invoked_at + rule.valid_for
    if invoked.head != facts.head:
        yield f"it was invoked for the earlier head {invoked.head[:10]}; the head is now {facts.head[:10]}"
    if branch_name(invoked.target) != branch_name(facts.target):
        yield f"it was invoked for the target {branch_name(invoked.target)}, not {branch_name(facts.target)}"
    if invoked.policy_digest != change.effective.digest:
        yield "it was invoked under another version of the policy"
    if facts.now < invoked.invoked_at:
        yield f"it was invoked for later, {_minute(invoked.invoked_at)}"
    if facts.now >= end:
        yield f"it ended on {_minute(end)}"


def _invoker_faults(change: Change, invoked: BreakGlassFacts, rule: BreakGlass) -> Iterator[str]:
    person = change.people.get(invoked.person)
    if invoked.role != rule.invoker:
        yield f"{invoked.name} invoked it as {invoked.role}, and only the role {rule.invoker} may"
    if invoked.person in change.separation.excluded:
        yield change.separation.excluded[invoked.person].reason
    if person is None:
        yield f"the directory says nothing about {invoked.name} now"
        return
    if person.robot:
        yield f"{person.name} is a robot, and robots never break the glass"
    if person.state != PersonState.ACTIVE:
        yield f"{person.name} is {person.state} in the directory"
    teams = change.owned.own_teams if change.policy.role(rule.invoker).is_per_team else (None,)
    if not any(held.role == rule.invoker and held.team in teams for held in person.roles):
        yield f"{person.name} does not hold the role {rule.invoker} now"


def check_reason(invoked: BreakGlassFacts, rule: BreakGlass) -> Iterator[tuple[str, str]]:
    """What is wrong with code, incident and reason: which of them, and a half-sentence."""
    if invoked.code not in rule.codes:
        yield "code", f"the reason {invoked.code!r} is none of {', '.join(rule.codes)}"
    if not is_id(rule.incident.pattern, invoked.incident):
        yield "incident", f"the incident {invoked.incident[:60]!r} does not look like {rule.incident.example}"
    if invoked.reason_chars < rule.min_chars:
        yield "reason", f"the reason has {invoked.reason_chars} characters, and {rule.min_chars} are the least"


def find_locks(facts: Facts) -> Iterator[str]:
    """Half-sentences on reviews that are overdue in the repository: each locks it."""
    for one in facts.owed_reviews:
        if one.due_at <= facts.now:
            due = f"was due on {_minute(one.due_at)} and is still owed"
            yield f"break-glass is locked here: the review after {facts.repository.id}#{one.number} {due}"


def _read_cosign(
    change: Change, acts: Acts, invoked: BreakGlassFacts, rule: BreakGlass
) -> tuple[Need, RequirementResult, list[Valid]]:
    """The co-signature as a requirement of its own, asked of everybody but the invoker."""
    apart = replace(change, separation=_without_invoker(change.separation, invoked))
    need = expand_requirement("break-glass", "break-glass/cosign", rule.cosign, change)[0]
    ordered = sorted(invoked.cosigners, key=lambda one: one.index)
    signed = [_as_approval(one, invoked, rule) for one in ordered]
    valid = [
        Valid(approval=one, lapses_at=lapse_of(change, one))
        for one in signed
        if one.person not in acts.rejected and why_not_counted(apart, acts.delegations, one) is None
    ]
    filling = fill((need,), apart, Acts(valid=valid, rejected=acts.rejected))
    return need, filling.results[0], list(filling.used.values())


def _without_invoker(separation: Separation, invoked: BreakGlassFacts) -> Separation:
    reason = f"{invoked.name} invoked the break-glass and cannot co-sign it"
    own = Disqualified(person=invoked.person, name=invoked.name, code="invoker", reason=reason)
    return replace(separation, excluded={invoked.person: own, **separation.excluded})


def _as_approval(one: CosignFacts, invoked: BreakGlassFacts, rule: BreakGlass) -> ApprovalFacts:
    """A co-signature is bound to what the invocation is bound to, and judged like any approval."""
    return ApprovalFacts(
        index=one.index,
        act=Act.APPROVE,
        person=one.person,
        name=one.name,
        role=one.role,
        team=one.team,
        meaning=rule.cosign.meaning,
        head=invoked.head,
        target=invoked.target,
        policy_digest=invoked.policy_digest,
        signed_at=one.signed_at,
    )


def _cosign_faults(need: Need, cosign: RequirementResult, facts: Facts) -> Iterator[str]:
    fault = find_fault(need, facts)
    if fault is not None:
        yield fault.sentence.rstrip(".")
    elif cosign.missing:
        yield f"it is not co-signed: {cosign.sentence[0].lower()}{cosign.sentence[1:]}"


def conclude(glass: Glass, waived: tuple[str, ...], still_open: tuple[str, ...]) -> OverrideResult:
    """What became of it: ``waived`` is what it let through, ``still_open`` what it does not reach."""
    invoked, review = glass.invoked, glass.rule.review
    return OverrideResult(
        index=invoked.index,
        person=invoked.person,
        name=invoked.name,
        code=invoked.code,
        incident=invoked.incident,
        is_effective=bool(waived),
        sentence=_sentence(glass, waived, still_open),
        until=glass.until,
        waived=waived,
        cosign=glass.cosign,
        review_role=review.role,
        review_due_at=glass.due_at,
    )


def _sentence(glass: Glass, waived: tuple[str, ...], still_open: tuple[str, ...]) -> str:
    invoked = glass.invoked
    who = f"{invoked.name} broke the glass ({invoked.code}, {invoked.incident})"
    if glass.faults:
        return f"{who}, and it waives nothing: {'; '.join(glass.faults)}."
    if not waived:
        return f"{who}, and it waives nothing: nothing is missing that it could let through."
    signed = " and ".join(one.name for one in glass.cosign.filled)
    lets = f"{who}, co-signed by {signed}: it waives {', '.join(waived)} until {_minute(glass.until)}"
    if still_open:
        return f"{lets}. It does not reach {', '.join(still_open)}."
    return f"{lets}. A review by {glass.rule.review.role} is owed by {_minute(glass.due_at)}."


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
