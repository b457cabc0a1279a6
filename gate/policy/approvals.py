"""Which recorded approvals count now, which do not and why, and which rejections stand.

A person's latest act is their word: a rejection takes back what they approved before, an approval what they rejected
before. An approval counts only for this head, target and effective policy, before it expires, from somebody who is
active, holds that role (and team) now, meets the approvers' prerequisites and did not contribute; or was handed the
role by somebody who does. A veto stands even if its giver has lost the role since: only they take it back. To exempt
from a freeze is no word on the change: it takes no rejection back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from gate.domain.approval import Act
from gate.policy.decision import NotCounted
from gate.policy.delegation import Delegations, read_delegations, why_not_delegated
from gate.policy.document import Policy
from gate.policy.effective import EffectivePolicy
from gate.policy.facts import ApprovalFacts, Facts, PersonFacts
from gate.policy.paths import branch_name
from gate.policy.prerequisites import check_approver, why_unfit
from gate.policy.separation import People, Separation


@dataclass(frozen=True, slots=True, kw_only=True)
class Valid:
    """An approval that counts, if a requirement asks for it, until ``lapses_at`` (exclusive).

    ``party`` are its signer and whom they signed for: together they fill one slot, which is the ``seat`` of the latter.
    """

    approval: ApprovalFacts
    lapses_at: datetime | None
    giver_name: str | None = None

    @property
    def seat(self) -> str:
        return self.approval.on_behalf_of or self.approval.person

    @property
    def party(self) -> frozenset[str]:
        return frozenset((self.approval.person, self.seat))


@dataclass(slots=True, kw_only=True)
class Acts:
    """``rejected`` are the people whose latest word is a rejection, whether or not it is a veto."""

    valid: list[Valid] = field(default_factory=list)
    not_counted: list[NotCounted] = field(default_factory=list)
    vetoes: list[ApprovalFacts] = field(default_factory=list)
    rejected: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    delegations: Delegations = field(default_factory=Delegations)


def read_acts(effective: EffectivePolicy, facts: Facts, people: People, separation: Separation) -> Acts:
    """Sorts every recorded act of the contribution."""
    acts = Acts(delegations=read_delegations(effective.policy, facts, people, separation))
    latest: dict[str, ApprovalFacts] = {}
    ordered = sorted(facts.approvals, key=lambda approval: approval.index)
    for approval in ordered:
        if approval.act == Act.REJECT or approval.freeze is None:
            latest[approval.person] = approval
    rejected = {key: one for key, one in latest.items() if one.act == Act.REJECT}
    for approval in ordered:
        against = next((rejected[key] for key in (approval.person, approval.on_behalf_of) if key in rejected), None)
        if approval.act == Act.APPROVE and against is None:
            _read_approval(acts, effective, facts, people, separation, approval)
        elif approval.act == Act.APPROVE and against is not None:
            when = "later" if against.index > approval.index else "before"
            _refuse(acts, approval, f"rejected-{when}", f"{against.name} rejected this {when}")
        elif approval is latest[approval.person]:
            _read_rejection(acts, effective.policy, facts, approval)
    return acts


def _read_approval(
    acts: Acts, effective: EffectivePolicy, facts: Facts, people: People, separation: Separation, one: ApprovalFacts
) -> None:
    found = why_not_counted(effective, facts, people, separation, acts.delegations, one)
    if found is not None:
        _refuse(acts, one, *found)
        return
    giver = people[one.on_behalf_of].name if one.on_behalf_of is not None else None
    acts.valid.append(Valid(approval=one, lapses_at=lapse_of(effective.policy, facts, people, one), giver_name=giver))


def why_not_counted(
    effective: EffectivePolicy,
    facts: Facts,
    people: People,
    separation: Separation,
    delegations: Delegations,
    one: ApprovalFacts,
) -> tuple[str, str] | None:
    """Why an approval counts nowhere now: code and half-sentence. None when it counts where it is asked."""
    return _wrong_binding(effective, facts, one) or _wrong_person(
        effective.policy, facts, people, separation, delegations, one
    )


def lapse_of(policy: Policy, facts: Facts, people: People, one: ApprovalFacts) -> datetime | None:
    """The first instant at which an approval that counts no longer does, delegations apart."""
    training = check_approver(policy, people[one.person], facts.now).lapses_at
    return min((at for at in (expiry_of(policy, one), training) if at is not None), default=None)


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
    policy: Policy,
    facts: Facts,
    people: People,
    separation: Separation,
    delegations: Delegations,
    one: ApprovalFacts,
) -> tuple[str, str] | None:
    excluded = separation.excluded.get(one.person)
    if excluded is not None:
        return excluded.code, excluded.reason
    person = people.get(one.person)
    if person is None:
        return "unknown-person", f"the directory says nothing about {one.name} now"
    if (unfit := why_unfit(policy, person, facts.now)) is not None:
        return unfit
    if one.on_behalf_of is not None:
        return why_not_delegated(one, delegations, policy, facts, people, separation)
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
