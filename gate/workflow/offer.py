"""What one person may sign on one contribution now, in which role and with which meaning; or why not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gate.domain.approval import Act
from gate.domain.contribution import ContributionState
from gate.domain.words import address_person
from gate.policy.approvals import SIGNATURE
from gate.policy.change import read_change
from gate.policy.decision import RuleState
from gate.policy.delegation import Delegations
from gate.policy.facts import ApprovalFacts, PersonFacts
from gate.policy.prerequisites import why_unfit
from gate.workflow.evaluate import Look
from gate.workflow.offer_more import find_delegated, find_exemptions, find_handed, say_void
from gate.workflow.sign_shown import SignChoice

# Why a standing approval may fill no slot: nothing that signing once more would mend.
_SPARE: Final = frozenset({"not-asked", "meaning", "one-slot", "not-needed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """``may`` are the acts open to the person. ``why_not`` explains in a sentence why approving is not among them.

    ``own`` is their standing act, which a withdrawal would take back.
    """

    may: tuple[Act, ...]
    approve: tuple[SignChoice, ...]
    reject: tuple[SignChoice, ...]
    own: ApprovalFacts | None
    why_not: str | None

    def choices(self, act: Act) -> tuple[SignChoice, ...]:
        match act:
            case Act.APPROVE:
                return self.approve
            case Act.REJECT:
                return self.reject
            case Act.WITHDRAW:
                return ()


def offer(look: Look, person: str) -> Offer:
    """Work it out from a decision and its facts. Signing checks the role again, live."""
    facts = look.gathered.facts
    reader = next((one for one in facts.people if one.id == person), None)
    # What they said on a forge is no signature, and is taken back there.
    standing = [one for one in reversed(facts.approvals) if one.person == person and one.kind == SIGNATURE]
    own = next(iter(standing), None)
    word = next((one for one in standing if one.freeze is None), None)
    reject = _vetoes(look, reader)
    handed = find_handed(look, person)
    approve, why_not = _approvals(look, reader, word, handed)
    if reader is not None and _bar(look, reader) is None:
        exempt = find_exemptions(look, reader, handed, standing)
        approve, why_not = (*approve, *exempt), None if exempt else why_not
    may: list[Act] = []
    if look.gathered.row.state == ContributionState.OPEN:
        may += [Act.APPROVE] if approve else []
        cleared = {one.veto for one in facts.clearances}
        may += [Act.REJECT] if reject and (word is None or word.act != Act.REJECT or word.index in cleared) else []
        may += [Act.WITHDRAW] if own is not None else []
    return Offer(may=tuple(may), approve=approve, reject=reject, own=own, why_not=why_not)


def _approvals(
    look: Look, reader: PersonFacts | None, own: ApprovalFacts | None, handed: Delegations
) -> tuple[tuple[SignChoice, ...], str | None]:
    refusal = _refusal(look, reader, own)
    if refusal is not None or reader is None:
        return (), refusal
    found: dict[tuple[str, str | None], tuple[dict[str, str], dict[str, None]]] = {}
    for rule in look.decision.rules:
        if rule.state is RuleState.NOT_APPLICABLE:
            continue
        for need in rule.requirements:
            for place in need.places:
                meanings, satisfies = found.setdefault(place, ({}, {}))
                meanings[need.meaning] = look.gathered.policy.policy.meaning(need.meaning).text
                satisfies[need.sentence] = None
    asked = {
        (role, team): SignChoice(role=role, team=team, meanings=tuple(meanings.items()), satisfies=tuple(satisfies))
        for (role, team), (meanings, satisfies) in sorted(found.items(), key=str)
    }
    held = {(one.role, one.team) for one in reader.roles}
    own_roles = tuple(choice for place, choice in asked.items() if place in held)
    choices = (*own_roles, *find_delegated(look, handed, asked))
    if not choices:
        needed = f"None of the roles this contribution needs is yours: {_needed(look)}."
        return (), " ".join((needed, *say_void(look, handed, asked)))
    return choices, None


def _refusal(look: Look, reader: PersonFacts | None, own: ApprovalFacts | None) -> str | None:
    if look.gathered.row.state != ContributionState.OPEN:
        return f"The contribution is {look.gathered.row.state}; there is nothing left to approve."
    if reader is None:
        return "The directory could not be asked about you just now."
    barred = _bar(look, reader)
    if barred is None and own is not None and own.act == Act.APPROVE and not _has_lapsed(look, own):
        return f"You have approved this revision (audit entry {own.index})."
    return barred


def _bar(look: Look, reader: PersonFacts) -> str | None:
    """Why nothing this person signs could count, whatever their roles."""
    row, decision = look.gathered.row, look.decision
    excluded = next((one for one in decision.excluded if one.person == reader.id), None)
    if excluded is not None:
        return f"You cannot approve it: {address_person(excluded.reason, excluded.name)}."
    unfit = why_unfit(reader, read_change(look.gathered.policy, look.gathered.facts).asking)
    if unfit is not None:
        return f"You cannot approve it: {address_person(unfit[1], reader.name)}."
    if row.draft:
        return "It is a draft; its author has not asked for review yet."
    return None


def _has_lapsed(look: Look, own: ApprovalFacts) -> bool:
    """Whether an approval counts for nothing now (another head or policy, expired, …): it may be given anew."""
    return any(one.index == own.index and one.code not in _SPARE for one in look.decision.not_counted)


def _needed(look: Look) -> str:
    needs = {
        f"{need.role} of {need.team}" if need.team else need.role
        for rule in look.decision.rules
        if rule.state is not RuleState.NOT_APPLICABLE
        for need in rule.requirements
    }
    return ", ".join(sorted(needs)) or "no rule asks for anybody"


def _vetoes(look: Look, reader: PersonFacts | None) -> tuple[SignChoice, ...]:
    veto = look.gathered.policy.policy.veto
    if veto is None or reader is None:
        return ()
    return tuple(
        SignChoice(role=one.role, team=one.team, meanings=(("rejection", "I reject this revision"),), satisfies=())
        for one in reader.roles
        if one.role in veto.roles
    )
