"""Which recorded approvals count now, which do not and why, and which rejections stand.

A person's latest act is their word: a rejection takes back what they approved before, an approval what they rejected
before. An approval counts only for this head, target and effective policy, before it expires, from somebody who is
active, holds that role (and team) now, meets the approvers' prerequisites and did not contribute; or was handed the
role by somebody who does. One that was carried to this head counts only if the policy permits what was proven equal.
What a person signed, only a signature takes back: a review on the forge does not, nor does an exemption from a freeze,
which is no word on the change. Vetoes are read in ``vetoes.py``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from gate.domain.approval import Act
from gate.policy.change import Change
from gate.policy.classification import Level
from gate.policy.decision import NotCounted
from gate.policy.delegation import Delegations, read_delegations, why_not_delegated
from gate.policy.document import CarryOver, Policy
from gate.policy.facts import ApprovalFacts, PersonFacts
from gate.policy.paths import branch_name
from gate.policy.prerequisites import check_approver, why_unfit

SIGNATURE, FORGE_REVIEW = "signature", "forge-review"


@dataclass(frozen=True, slots=True, kw_only=True)
class Valid:
    """An approval that counts, if a requirement asks for it, until ``lapses_at`` (exclusive).

    ``party`` are its signer and whom they signed for: together they fill one slot, which is the ``seat`` of the latter.
    """

    approval: ApprovalFacts
    lapses_at: datetime | None
    giver_name: str | None = None
    seat: str = field(init=False)
    party: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        seat = self.approval.on_behalf_of or self.approval.person
        object.__setattr__(self, "seat", seat)
        object.__setattr__(self, "party", frozenset((self.approval.person, seat)))


@dataclass(slots=True, kw_only=True)
class Acts:
    """``rejected`` holds, by person, the rejection that stands, whether or not it is a veto."""

    valid: list[Valid] = field(default_factory=list)
    not_counted: list[NotCounted] = field(default_factory=list)
    rejected: dict[str, ApprovalFacts] = field(default_factory=dict)
    delegations: Delegations = field(default_factory=Delegations)


def read_acts(change: Change) -> Acts:
    """Sorts every recorded act of the contribution."""
    ordered = sorted(change.facts.approvals, key=lambda approval: approval.index)
    acts = Acts(rejected=_rejections(ordered, change), delegations=read_delegations(change))
    for approval in ordered:
        against = next(
            (acts.rejected[key] for key in (approval.person, approval.on_behalf_of) if key in acts.rejected), None
        )
        if approval.act == Act.APPROVE and against is None:
            _read_approval(acts, change, approval)
        elif approval.act == Act.APPROVE and against is not None:
            when = "later" if against.index > approval.index else "before"
            _refuse(acts, approval, f"rejected-{when}", f"{against.name} rejected this {when}")
    return acts


def _rejections(ordered: list[ApprovalFacts], change: Change) -> dict[str, ApprovalFacts]:
    """By person, the rejection that stands: of those that no approval took back, the latest veto, or else the latest.

    So a veto is not lost when its giver rejects again in a role without one, or an earlier head.
    """
    standing: dict[str, list[ApprovalFacts]] = {}
    for one in ordered:
        mine = standing.setdefault(one.person, [])
        if one.act == Act.REJECT:
            mine.append(one)
        elif one.freeze is None:
            mine[:] = [each for each in mine if each.kind == SIGNATURE and one.kind != SIGNATURE]
    return {
        person: next((one for one in reversed(mine) if is_veto(change, one)), mine[-1])
        for person, mine in standing.items()
        if mine
    }


def is_veto(change: Change, one: ApprovalFacts) -> bool:
    """Whether the policy makes a veto of this rejection; cleared or not."""
    veto = change.policy.veto
    return veto is not None and one.role in veto.roles and (veto.survives_push or one.head == change.facts.head)


def _read_approval(acts: Acts, change: Change, one: ApprovalFacts) -> None:
    found = why_not_counted(change, acts.delegations, one)
    if found is not None:
        _refuse(acts, one, *found)
        return
    giver = change.people[one.on_behalf_of].name if one.on_behalf_of is not None else None
    acts.valid.append(Valid(approval=one, lapses_at=lapse_of(change, one), giver_name=giver))


def why_not_counted(change: Change, delegations: Delegations, one: ApprovalFacts) -> tuple[str, str] | None:
    """Why an approval counts nowhere now: code and half-sentence. None when it counts where it is asked."""
    return _wrong_kind(one) or _wrong_binding(change, one) or _wrong_person(change, delegations, one)


def lapse_of(change: Change, one: ApprovalFacts) -> datetime | None:
    """The first instant at which an approval that counts no longer does, delegations apart."""
    training = check_approver(change.people[one.person], change.asking).lapses_at
    return _earlier(expiry_of(change.policy, one), training)


def expiry_of(policy: Policy, one: ApprovalFacts) -> datetime | None:
    """The first instant at which the approval no longer counts."""
    by_age = one.signed_at + policy.valid_for if policy.valid_for is not None else None
    return _earlier(one.expires_at, by_age)


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    if one is None or other is None:
        return one or other
    return min(one, other)


def _wrong_kind(one: ApprovalFacts) -> tuple[str, str] | None:
    if one.kind == FORGE_REVIEW and one.on_behalf_of is not None:
        return "forge-for", "nobody reviews on the forge in somebody else's name"
    if one.kind in (SIGNATURE, FORGE_REVIEW):
        return None
    return "unknown-kind", f"it is neither a signature nor a review on the forge but {one.kind!r}"


def _wrong_binding(change: Change, one: ApprovalFacts) -> tuple[str, str] | None:
    facts = change.facts
    if one.head != facts.head:
        return "stale-head", f"it was given for the earlier head {one.head[:10]}; the head is now {facts.head[:10]}"
    if branch_name(one.target) != branch_name(facts.target):
        return "other-target", f"it was given for the target {branch_name(one.target)}, not {branch_name(facts.target)}"
    if one.policy_digest != change.effective.digest:
        return "other-policy", "it was given under another version of the policy"
    expires = expiry_of(change.policy, one)
    if expires is not None and facts.now >= expires:
        return "expired", f"it expired on {expires:%Y-%m-%d %H:%M} UTC"
    return _wrong_carry(change, one)


def permitted_carry_over(policy: Policy, level: Level | None) -> CarryOver:
    """What the policy lets an approval be carried over; where several levels hold, the strictest of theirs."""
    own = {one.level: one.carry_over for one in policy.carry_over_at}
    held = [own.get(name, policy.carry_over) for name in level.held] if level is not None else [policy.carry_over]
    return min(held, key=_LOOSENESS.index)


_LOOSENESS = tuple(CarryOver)
PROVEN = {CarryOver.SAME_TREE.value: "the same tree", CarryOver.SAME_DIFF.value: "the same changes"}


def _wrong_carry(change: Change, one: ApprovalFacts) -> tuple[str, str] | None:
    """An equal tree is proof of more than equal changes, so it is enough where those would be."""
    if one.carried_from is None and one.carried_by is None:
        return None
    permitted = permitted_carry_over(change.policy, change.level)
    origin = f"it was given for the head {(one.carried_from or 'nobody knows')[:10]}"
    if one.carried_from is None or one.carried_by not in PROVEN:
        return "carried", f"{origin}, and nothing that is proven equal carried it to {change.facts.head[:10]}"
    if _LOOSENESS.index(CarryOver(one.carried_by)) > _LOOSENESS.index(permitted):
        at = f" for a change that is {change.level.name}" if change.level is not None else ""
        allowed = PROVEN.get(permitted.value)
        what = f"the policy carries approvals over only for {allowed}" if allowed else "the policy carries nothing over"
        return "carried", f"{origin} and carried here because of {PROVEN[one.carried_by]}; {what}{at}"
    return None


def _wrong_person(change: Change, delegations: Delegations, one: ApprovalFacts) -> tuple[str, str] | None:
    excluded = change.separation.excluded.get(one.person)
    if excluded is not None:
        return excluded.code, excluded.reason
    person = change.people.get(one.person)
    if person is None:
        return "unknown-person", f"the directory says nothing about {one.name} now"
    if (unfit := why_unfit(person, change.asking)) is not None:
        return unfit
    if one.on_behalf_of is not None:
        return why_not_delegated(change, delegations, one, one.on_behalf_of)
    if not holds_role(person, one.role, one.team):
        team = f" of {one.team}" if one.team is not None else ""
        return "role-lost", f"{person.name} does not hold the role {one.role}{team} now"
    return None


def holds_role(person: PersonFacts, role: str, team: str | None) -> bool:
    return any(held.role == role and held.team == team for held in person.roles)


def _refuse(acts: Acts, one: ApprovalFacts, code: str, reason: str) -> None:
    acts.not_counted.append(
        NotCounted(index=one.index, person=one.person, name=one.name, code=code, reason=reason, kind=one.kind)
    )
