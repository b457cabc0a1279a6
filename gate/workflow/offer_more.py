"""What a person may sign beside their own roles: for somebody who handed a role over, and through a freeze.

Only what could count now is offered: delegations as the policy reads them, exemptions that are still asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gate.domain.approval import Act
from gate.policy.classification import find_level
from gate.policy.delegation import read_delegations
from gate.policy.facts import ApprovalFacts, PersonFacts
from gate.policy.prerequisites import build_asking
from gate.policy.separation import separate
from gate.workflow.evaluate import Look
from gate.workflow.shown import SignChoice


def find_delegated(
    look: Look, reader: PersonFacts, asked: Mapping[tuple[str, str | None], SignChoice]
) -> tuple[SignChoice, ...]:
    """The ``asked`` choices that somebody handed over to the reader, one for each delegation."""
    gathered = look.gathered
    facts, policy = gathered.facts, gathered.policy
    if not any(one.receiver == reader.id for one in facts.delegations):
        return ()
    people = {one.id: one for one in facts.people}
    asking = build_asking(facts, find_level(policy.policy.classification, facts.paths))
    found = read_delegations(policy.policy, facts, people, separate(policy, facts, people), asking)
    return tuple(
        SignChoice(
            role=one.role,
            team=one.team,
            meanings=asked[one.role, one.team].meanings,
            satisfies=asked[one.role, one.team].satisfies,
            delegation=one.index,
            giver=one.giver,
            giver_name=people[one.giver].name,
            until=one.ends_at,
        )
        for one in found.counting
        if one.receiver == reader.id and one.starts_at <= facts.now < one.ends_at and (one.role, one.team) in asked
    )


def find_exemptions(look: Look, reader: PersonFacts, standing: Iterable[ApprovalFacts]) -> tuple[SignChoice, ...]:
    """Freezes that hold, that this person may let it through, and that they have not yet."""
    facts, policy = look.gathered.facts, look.gathered.policy.policy
    given = list(standing)
    word = next((one for one in given if one.freeze is None), None)
    if word is not None and word.act == Act.REJECT:
        return ()  # it would count for nothing while they reject the change
    lapsed = {one.index for one in look.decision.not_counted}
    done = {
        one.freeze for one in given if one.freeze is not None and one.head == facts.head and one.index not in lapsed
    }
    held = {(one.role, one.team) for one in reader.roles}
    return tuple(
        SignChoice(
            role=role,
            team=team,
            meanings=((freeze.exempt.meaning, policy.meaning(freeze.exempt.meaning).text),),
            satisfies=(freeze.exempt.sentence,),
            freeze=freeze.id,
            until=freeze.until,
        )
        for freeze in look.decision.freezes
        if freeze.exempt is not None and freeze.exempt.missing and freeze.id not in done
        for role, team in freeze.exempt.places
        if (role, team) in held
    )
