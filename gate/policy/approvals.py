"""Which recorded approvals count now, which do not and why, and which rejections stand.

A person's latest act is their word: a rejection takes back what they approved before, an approval what they rejected
before. An approval counts only for this head, target and effective policy, before it expires, from somebody who is
active, holds that role (and team) now, meets the approvers' prerequisites and did not contribute. A veto stands even
if its giver has lost the role since: only they take it back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from gate.domain.approval import Act
from gate.policy.decision import NotCounted
from gate.policy.document import Policy
from gate.policy.effective import EffectivePolicy
from gate.policy.facts import ApprovalFacts, Facts, PersonFacts
from gate.policy.paths import branch_name
from gate.policy.prerequisites import check_approver, why_unfit
from gate.policy.separation import People, Separation


@dataclass(frozen=True, slots=True, kw_only=True)
class Valid:
    """An approval that counts, if a requirement asks for it, until ``lapses_at`` (exclusive)."""

    approval: ApprovalFacts
    lapses_at: datetime | None


@dataclass(slots=True, kw_only=True)
class Acts:
    """``rejected`` are the people whose latest word is a rejection, whether or not it is a veto."""

    valid: list[Valid] = field(default_factory=list)
    not_counted: list[NotCounted] = field(default_factory=list)
    vetoes: list[ApprovalFacts] = field(default_factory=list)
    rejected: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)


def read_acts(effective: EffectivePolicy, facts: Facts, people: People, separation: Separation) -> Acts:
    """Sorts every recorded act of the contribution."""
    acts = Acts()
    latest: dict[str, ApprovalFacts] = {}
    ordered = sorted(facts.approvals, key=lambda approval: approval.index)
    for approval in ordered:
        latest[approval.person] = approval
    for approval in ordered:
        last = latest[approval.person]
        if approval.act == Act.APPROVE and last.act == Act.APPROVE:
            _read_approval(acts, effective, facts, people, separation, approval)
        elif approval.act == Act.APPROVE:
            _refuse(acts, approval, "rejected-later", f"{approval.name} rejected this later")
        elif approval is last:
            _read_rejection(acts, effective.policy, facts, approval)
    return acts


def _read_approval(
    acts: Acts, effective: EffectivePolicy, facts: Facts, people: People, separation: Separation, one: ApprovalFacts
) -> None:
    found = _wrong_binding(effective, facts, one) or _wrong_person(effective.policy, facts, people, separation, one)
    if found is not None:
        _refuse(acts, one, *found)
        return
    training = check_approver(effective.policy, people[one.person], facts.now).lapses_at
    ends = [at for at in (expiry_of(effective.policy, one), training) if at is not None]
    acts.valid.append(Valid(approval=one, lapses_at=min(ends, default=None)))


def expiry_of(policy: Policy, one: ApprovalFacts) -> datetime | None:
    """The first instant at which the approval no longer counts."""
    by_age = one.signed_at + policy.valid_for if policy.valid_for is not None else None
    return min((at for at in (one.expires_at, by_age) if at is not None), default=None)


def _wrong_binding(effective: EffectivePolicy, facts: Facts, one: ApprovalFacts) -> tuple[str, str] | None:
    if one.head != facts.head:
        return "stale-head", f"it was given for the earlier head {one.head[:10]}; the head is now {facts.head[:10]}"
    if branch_name(one.target) != branch_name(facts.target):
        return "other-target", f"it was given for the target {branch_name(one.target)}, not {branch_name(facts.target)}"
    if one.policy_digest != effective.digest:
        return "other-policy", "it was given under another version of the policy"
    expires = expiry_of(effective.policy, one)
    if expires is not None and facts.now >= expires:
        return "expired", f"it expired on {expires:%Y-%m-%d %H:%M} UTC"
    return None


def _wrong_person(
    policy: Policy, facts: Facts, people: People, separation: Separation, one: ApprovalFacts
) -> tuple[str, str] | None:
    excluded = separation.excluded.get(one.person)
    if excluded is not None:
        return excluded.code, excluded.reason
    person = people.get(one.person)
    if person is None:
        return "unknown-person", f"the directory says nothing about {one.name} now"
    if (unfit := why_unfit(policy, person, facts.now)) is not None:
        return unfit
    if not holds_role(person, one.role, one.team):
        team = f" of {one.team}" if one.team is not None else ""
        return "role-lost", f"{person.name} does not hold the role {one.role}{team} now"
    return None


def holds_role(person: PersonFacts, role: str, team: str | None) -> bool:
    return any(held.role == role and held.team == team for held in person.roles)


def _refuse(acts: Acts, one: ApprovalFacts, code: str, reason: str) -> None:
    acts.not_counted.append(NotCounted(index=one.index, person=one.person, name=one.name, code=code, reason=reason))


def _read_rejection(acts: Acts, policy: Policy, facts: Facts, one: ApprovalFacts) -> None:
    acts.rejected.add(one.person)
    if policy.veto is None or one.role not in policy.veto.roles:
        acts.notes.append(f"{one.name} rejected this as {one.role}, a role without a veto.")
    elif not policy.veto.survives_push and one.head != facts.head:
        acts.notes.append(f"{one.name} rejected the earlier head {one.head[:10]}; here a rejection ends with a push.")
    else:
        acts.vetoes.append(one)
