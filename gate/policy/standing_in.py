"""Who could give what a requirement still asks for in somebody else's name, and who was handed the role in vain."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from gate.policy.change import Change
from gate.policy.decision import Candidate, Disqualified
from gate.policy.delegation import Delegations
from gate.policy.facts import DelegationFacts
from gate.policy.requirements import Need
from gate.policy.separation import People


def find_able(
    need: Need, people: People, delegations: Delegations, own: Collection[str], taken: Collection[str]
) -> tuple[tuple[Candidate, str], ...]:
    """ "Eve (for Dana)", each with the giver; neither of them is ``taken`` (counts already, or rejected it).

    Whoever can give it in a role of their ``own`` is left out.
    """
    found: dict[str, tuple[Candidate, str]] = {}
    for one in delegations.counting:
        is_free = one.receiver not in own and not {one.giver, one.receiver} & {*taken, *need.not_admitted}
        if is_free and need.fits(one.role, one.team):
            able = Candidate(person=one.receiver, name=_name(one, people), on_behalf_of=people[one.giver].name)
            found.setdefault(one.receiver, (able, one.giver))
    return tuple(found.values())


def find_barred(need: Need, change: Change, delegations: Delegations) -> Iterator[Disqualified]:
    """Who was handed the role for now, and why nothing they sign in it could count."""
    for one, (code, reason) in delegations.void:
        if need.fits(one.role, one.team) and one.starts_at <= change.facts.now < one.ends_at:
            yield Disqualified(person=one.receiver, name=_name(one, change.people), code=code, reason=reason)


def _name(one: DelegationFacts, people: People) -> str:
    receiver, giver = (people[key].name if key in people else key for key in (one.receiver, one.giver))
    return f"{receiver} (for {giver})"
