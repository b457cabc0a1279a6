"""What a person may sign beside their own roles: for somebody who handed a role over, and through a freeze.

Only what could count now is offered: delegations as the policy reads them, exemptions that are still asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from gate.domain.approval import Act
from gate.policy.change import read_change
from gate.policy.delegation import Delegations, read_delegations
from gate.policy.exceptions import Open, find_open
from gate.policy.facts import ApprovalFacts, DelegationFacts, PersonFacts
from gate.workflow.act_form import say_role
from gate.workflow.evaluate import Look
from gate.workflow.sign_shown import SignChoice


def find_handed(look: Look, person: str) -> Delegations:
    """What was handed over to this person for now: what they can use here, and what they cannot and why."""
    gathered = look.gathered
    if not any(_is_theirs(look, one, person) for one in gathered.facts.delegations):
        return Delegations()
    found = read_delegations(read_change(gathered.policy, gathered.facts))
    return replace(
        found,
        counting=tuple(one for one in found.counting if _is_theirs(look, one, person)),
        void=tuple((one, why) for one, why in found.void if _is_theirs(look, one, person)),
    )


def _is_theirs(look: Look, one: DelegationFacts, person: str) -> bool:
    return one.receiver == person and one.starts_at <= look.gathered.facts.now < one.ends_at


def find_delegated(
    look: Look, handed: Delegations, asked: Mapping[tuple[str, str | None], SignChoice]
) -> tuple[SignChoice, ...]:
    """The ``asked`` choices that somebody handed over to the reader, one for each delegation."""
    return tuple(
        _in_the_name(look, asked[one.role, one.team], one) for one in handed.counting if (one.role, one.team) in asked
    )


def _in_the_name(look: Look, choice: SignChoice, one: DelegationFacts) -> SignChoice:
    until = min(filter(None, (one.ends_at, choice.until)))
    return replace(choice, delegation=one.index, giver=one.giver, giver_name=_name(look, one.giver), until=until)


def say_void(look: Look, handed: Delegations, places: Collection[tuple[str, str | None]]) -> Iterator[str]:
    """Why what was handed over to the reader lets them sign in none of these ``places``, a sentence each."""
    for one, (_, reason) in handed.void:
        if (one.role, one.team) in places:
            role = say_role(one.role, one.team)
            giver = _name(look, one.giver)
            yield f"{giver} handed the role {role} over to you, and you cannot use it here: {reason}."


def _name(look: Look, person: str) -> str:
    return next((one.name for one in look.gathered.facts.people if one.id == person), person)


def find_exemptions(
    look: Look, reader: PersonFacts, handed: Delegations, standing: Iterable[ApprovalFacts]
) -> tuple[SignChoice, ...]:
    """Freezes that stand, that this person may let it through, for themselves or for somebody, and have not yet."""
    head = look.gathered.facts.head
    given = list(standing)
    word = next((one for one in given if one.freeze is None), None)
    if word is not None and word.act == Act.REJECT:
        return ()  # it would count for nothing while they reject the change
    lapsed = {one.index for one in look.decision.not_counted}
    done = {one.freeze for one in given if one.freeze is not None and one.head == head and one.index not in lapsed}
    held = {(one.role, one.team) for one in reader.roles}
    return tuple(
        choice
        for one in find_open(look.decision)
        if one.is_exemption and one.of not in done
        for place, exemption in _exemptions(look, one).items()
        for choice in (
            *((exemption,) if place in held else ()),
            *(_in_the_name(look, exemption, each) for each in handed.counting if (each.role, each.team) == place),
        )
    )


def _exemptions(look: Look, one: Open) -> dict[tuple[str, str | None], SignChoice]:
    text = look.gathered.policy.policy.meaning(one.need.meaning).text
    until = next(freeze.until for freeze in look.decision.freezes if freeze.id == one.of)
    return {
        (role, team): SignChoice(
            role=role,
            team=team,
            meanings=((one.need.meaning, text),),
            satisfies=(one.sentence,),
            freeze=one.of,
            until=until,
        )
        for role, team in one.need.places
    }
