"""Roles handed over: which delegations count now, for which approvals, and why the others do not.

A delegation is from its giver to its receiver for one role (and team), from start to end (half-open). It counts while
the policy lets that role be handed over for that long, the giver is active and holds the role in the directory (not by
another delegation: depth is one), the receiver could approve, and neither of them contributed. Delegations of one role
that go in a circle count for nothing. That the two fill one slot together is ``matching.untangle``'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from gate.domain.people import PersonState
from gate.domain.words import say_span
from gate.policy.change import Change
from gate.policy.facts import ApprovalFacts, DelegationFacts, PersonFacts
from gate.policy.prerequisites import why_unfit
from gate.policy.separation import People, Separation

CODE = "delegation"
Why = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delegations:
    """``cyclic`` are log indexes. ``counting`` could be used to sign now; ``void`` could not: code and half-sentence.

    ``lapses`` are all starts and ends.
    """

    counting: tuple[DelegationFacts, ...] = ()
    void: tuple[tuple[DelegationFacts, Why], ...] = ()
    cyclic: frozenset[int] = frozenset()
    notes: tuple[str, ...] = ()
    lapses: tuple[datetime, ...] = ()


def read_delegations(change: Change) -> Delegations:
    """All delegations of roles that this policy lets hand over; none when it lets none."""
    facts, allowed = change.facts, change.policy.delegation
    if allowed is None:
        return Delegations()
    known = sorted((one for one in facts.delegations if one.role in allowed.roles), key=lambda one: one.index)
    cyclic = find_cyclic(one for one in known if _covers(one, facts.now))
    found = Delegations(
        cyclic=frozenset(one.index for one in cyclic),
        notes=tuple(_name_circles(cyclic, change.people)),
        lapses=tuple(at for one in known for at in (one.starts_at, one.ends_at)),
    )
    whys = [(one, _why_unusable(change, found, one)) for one in known]
    return Delegations(
        counting=tuple(one for one, why in whys if why is None),
        void=tuple((one, why) for one, why in whys if why is not None),
        cyclic=found.cyclic,
        notes=found.notes,
        lapses=found.lapses,
    )


def why_not_delegated(change: Change, found: Delegations, one: ApprovalFacts, given_for: str) -> Why | None:
    """Why an approval does not count for the person it was given for; None when it does.

    The receiver's own fitness is the caller's to check, as for any approval.
    """
    if change.policy.delegation is None or one.role not in change.policy.delegation.roles:
        return CODE, f"the policy lets nobody hand over the role {_place(one.role, one.team)}"
    giver, receiver = _name(given_for, change.people), _name(one.person, change.people)
    given = [each for each in change.facts.delegations if _is_for(each, one)]
    covering = [each for each in given if _covers(each, one.signed_at)]
    if not given:
        return CODE, f"{giver} has not handed over the role {_place(one.role, one.team)} to {receiver}"
    if not covering:
        return CODE, f"the delegation of {giver} to {receiver} was not in force when it was signed"
    whys = [_why_void(change, found, each) for each in covering]
    return None if None in whys else whys[-1]


def _is_for(delegation: DelegationFacts, one: ApprovalFacts) -> bool:
    parties = (delegation.giver, delegation.receiver) == (one.on_behalf_of, one.person)
    return parties and (delegation.role, delegation.team) == (one.role, one.team)


def _covers(one: DelegationFacts, at: datetime) -> bool:
    return one.starts_at <= at < one.ends_at


def _why_unusable(change: Change, found: Delegations, one: DelegationFacts) -> Why | None:
    """Why the receiver could not sign for the giver now."""
    receiver = change.people.get(one.receiver)
    if receiver is None:
        return "unknown-person", f"the directory says nothing about {one.receiver}"
    excluded = change.separation.excluded.get(one.receiver)
    if excluded is not None:
        return excluded.code, excluded.reason
    return why_unfit(receiver, change.asking) or _why_void(change, found, one)


def _why_void(change: Change, found: Delegations, one: DelegationFacts) -> Why | None:
    assert change.policy.delegation is not None  # noqa: S101 - both callers have seen to it
    facts, people = change.facts, change.people
    giver, receiver = _name(one.giver, people), _name(one.receiver, people)
    period, most = one.ends_at - one.starts_at, change.policy.delegation.max_period
    if one.index in found.cyclic:
        return CODE, f"the delegations of the role {_place(one.role, one.team)} by {giver} go in a circle"
    if period > most:
        return CODE, f"{giver} handed the role over to {receiver} for longer than the policy lets ({say_span(most)})"
    if facts.now < one.starts_at:
        return CODE, f"the delegation of {giver} to {receiver} starts on {one.starts_at:%Y-%m-%d %H:%M} UTC"
    if facts.now >= one.ends_at:
        return CODE, f"the delegation of {giver} to {receiver} ended on {one.ends_at:%Y-%m-%d %H:%M} UTC"
    return _why_giver(one, people.get(one.giver), receiver, change.separation)


def _why_giver(one: DelegationFacts, giver: PersonFacts | None, receiver: str, separation: Separation) -> Why | None:
    if giver is None:
        return CODE, f"the directory says nothing about {one.giver} now, who handed the role over to {receiver}"
    excluded = separation.excluded.get(giver.id)
    if excluded is not None:
        return excluded.code, f"what is signed for {giver.name} is their own signature, and {excluded.reason}"
    if giver.robot or giver.state != PersonState.ACTIVE:
        what = "a robot" if giver.robot else f"{giver.state} in the directory"
        return CODE, f"{giver.name}, who handed the role over to {receiver}, is {what}"
    if not any((held.role, held.team) == (one.role, one.team) for held in giver.roles):
        own = f"{giver.name} does not hold the role {_place(one.role, one.team)} in the directory now"
        return CODE, f"{own}, and what was handed over cannot be handed on"
    return None


def find_cyclic(delegations: Iterable[DelegationFacts]) -> tuple[DelegationFacts, ...]:
    """Those whose receiver leads back to their giver by delegations of the same role and team."""
    known = tuple(delegations)
    onward: dict[tuple[str, str | None, str], list[str]] = {}
    for one in known:
        onward.setdefault((one.role, one.team, one.giver), []).append(one.receiver)
    return tuple(one for one in known if one.giver in _reached(onward, one))


def _reached(onward: dict[tuple[str, str | None, str], list[str]], start: DelegationFacts) -> set[str]:
    found: set[str] = set()
    queue = [start.receiver]
    while queue:
        person = queue.pop()
        if person not in found:
            found.add(person)
            queue += onward.get((start.role, start.team, person), [])
    return found


def _name_circles(cyclic: Iterable[DelegationFacts], people: People) -> Iterator[str]:
    by_role: dict[str, list[str]] = {}
    for one in cyclic:
        words = f"{_name(one.giver, people)} to {_name(one.receiver, people)}"
        by_role.setdefault(_place(one.role, one.team), []).append(words)
    for role, pairs in sorted(by_role.items()):
        yield f"The delegations of the role {role} go in a circle and count for nothing: {', '.join(pairs)}."


def _name(key: str, people: People) -> str:
    return people[key].name if key in people else key


def _place(role: str, team: str | None) -> str:
    return f"{role} of {team}" if team is not None else role
