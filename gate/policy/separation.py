"""Who may not approve: everybody who contributed to any revision, and whoever answers for a robot that did.

Addresses are claims: a match adds somebody to the excluded and never takes anybody off. An identity that is nobody's
stops the decision, unless it is a declared robot with a known sponsor. What a robot may be *spared* (out of scope)
needs more than an address: every push must come from a robot's login, as the git server reports it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from gate.domain.people import PersonState
from gate.policy.decision import Disqualified, Reason
from gate.policy.document import AuthorKind
from gate.policy.effective import EffectivePolicy
from gate.policy.facts import ContributorFacts, Facts, PersonFacts
from gate.policy.registered import Robot

People = Mapping[str, PersonFacts]

_DID = {
    "author": "wrote",
    "committer": "committed",
    "co-author": "is named as co-author of",
    "pusher": "pushed",
    "opener": "opened",
    "shared": "wrote part of what is also in",
}


@dataclass(slots=True, kw_only=True)
class Separation:
    """``answerable`` are the people behind the change: contributors, and sponsors in place of their robots.

    ``author`` opened it; None for a robot or when nobody knows: then all who are answerable stand in. ``kinds`` are
    all that contributed, the opener included.
    """

    excluded: dict[str, Disqualified] = field(default_factory=dict)
    answerable: dict[str, PersonFacts] = field(default_factory=dict)
    robots: dict[str, PersonFacts | None] = field(default_factory=dict)
    errors: list[Reason] = field(default_factory=list)
    author: PersonFacts | None = None
    kinds: set[AuthorKind] = field(default_factory=set)
    is_only_robots: bool = False

    def exclude(self, person: PersonFacts, code: str, reason: str) -> None:
        known = self.excluded.get(person.id)
        if known is None:
            self.excluded[person.id] = Disqualified(person=person.id, name=person.name, code=code, reason=reason)
        elif reason not in known.reason.split("; "):
            joined = f"{known.reason}; {reason}"
            self.excluded[person.id] = Disqualified(person=person.id, name=person.name, code=known.code, reason=joined)


def separate(effective: EffectivePolicy, facts: Facts, people: People) -> Separation:
    """All contributors over all revisions and who opened it, and the errors that stop the decision."""
    found = Separation()
    is_spared, is_pushed_by_robot = bool(facts.contributors), False
    for contributor in (*facts.contributors, *_opener(facts)):
        robot = _declared_robot(effective, contributor, people)
        if robot is None:
            is_spared = False
            _add_person(found, contributor, people)
            continue
        _add_robot(found, robot, contributor, people)
        if contributor.part == "pusher":
            is_known = contributor.how == "login"  # the robot's, or it would be no declared robot
            is_spared = is_spared and is_known
            is_pushed_by_robot = is_pushed_by_robot or is_known
    if facts.author is None and not is_pushed_by_robot:
        _add_error(found, "unattributed", "It is not known who opened this contribution.")
    is_sponsored = all(one is not None and one.state == PersonState.ACTIVE for one in found.robots.values())
    found.is_only_robots = is_spared and is_pushed_by_robot and is_sponsored
    return found


def _opener(facts: Facts) -> tuple[ContributorFacts, ...]:
    if facts.author is None:
        return ()
    return (ContributorFacts(part="opener", address="", person=facts.author, how="login", revisions=()),)


@lru_cache(maxsize=4096)
def _fold(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().casefold()


def _is_same(declared: str | None, written: str) -> bool:
    """Whether what was written is what was declared; what is not declared is like nothing, not even like nothing."""
    return declared is not None and _fold(declared) == _fold(written)


def find_robot(effective: EffectivePolicy, person: PersonFacts | None) -> Robot | None:
    """The declared robot whose login this person has."""
    if person is None:
        return None
    return next((one for one in effective.robots if _is_same(one.login, person.login)), None)


def _declared_robot(effective: EffectivePolicy, one: ContributorFacts, people: People) -> Robot | None:
    if one.person is not None:
        return find_robot(effective, people.get(one.person))
    for robot in effective.robots:
        if _is_same(robot.login if one.how == "login" else robot.address, one.address):
            return robot
    return None


def _add_robot(found: Separation, robot: Robot, one: ContributorFacts, people: People) -> None:
    sponsor = next((each for each in people.values() if _is_same(robot.sponsor, each.login)), None)
    found.robots[robot.name] = sponsor
    found.kinds.add(AuthorKind.ROBOT)
    person = people.get(one.person) if one.person is not None else None
    if person is not None:
        found.exclude(person, "robot", f"{robot.name} is a robot, and robots never approve")
    if sponsor is None:
        sentence = f"The robot {robot.name} contributed, and its sponsor {robot.sponsor} is not known to the directory."
        _add_error(found, "robot-without-sponsor", sentence)
        return
    found.answerable.setdefault(sponsor.id, sponsor)
    found.exclude(sponsor, "sponsor", f"{sponsor.name} is the sponsor of the robot {robot.name}, which contributed")


def _add_person(found: Separation, one: ContributorFacts, people: People) -> None:
    if one.person is None:
        _add_error(found, "unattributed", _unattributed(one))
        return
    person = people.get(one.person)
    if person is None:
        known_as = one.address or "who opened this contribution"
        _add_error(found, "missing-facts", f"The facts say nothing about the contributor {one.person} ({known_as}).")
        return
    if person.robot:
        _add_undeclared_robot(found, person, people)
        return
    found.answerable.setdefault(person.id, person)
    found.kinds.add(AuthorKind.PERSON)
    if one.part == "opener":
        found.author = person
    code = "contributor" if one.part != "shared" else "shared"
    what = "this contribution" if one.part == "opener" else _revisions(one.revisions)
    found.exclude(person, code, f"{person.name} {_DID.get(one.part, 'contributed to')} {what}")


def _add_undeclared_robot(found: Separation, person: PersonFacts, people: People) -> None:
    found.kinds.add(AuthorKind.ROBOT)
    found.exclude(person, "robot", f"{person.name} is a robot, and robots never approve")
    sponsor = people.get(person.sponsor) if person.sponsor is not None else None
    if sponsor is None:
        _add_error(found, "robot-without-sponsor", f"The robot {person.name} contributed, and nobody answers for it.")
        return
    found.answerable.setdefault(sponsor.id, sponsor)
    found.exclude(sponsor, "sponsor", f"{sponsor.name} is the sponsor of the robot {person.name}, which contributed")


def _add_error(found: Separation, code: str, sentence: str) -> None:
    reason = Reason(code=code, sentence=sentence)
    if reason not in found.errors:
        found.errors.append(reason)


def _unattributed(one: ContributorFacts) -> str:
    why = {
        "ambiguous": "more than one person of the directory has this address",
        "malformed": "it is not an address",
        "login": "the directory knows no such login",
        "unsaid": "neither the git server, the forge nor CI has said who it was",
    }.get(one.how, "nobody in the directory has this address")
    return (
        f"{one.address or 'An empty address'} ({one.part} of {_revisions(one.revisions)}) cannot be attributed: {why}. "
        "An administrator can add the address to the person's directory entry."
    )


def _revisions(numbers: tuple[int, ...]) -> str:
    listed = [str(number) for number in numbers]
    if len(listed) <= 1:
        return f"revision {listed[0]}" if listed else "a revision"
    return f"revisions {', '.join(listed[:-1])} and {listed[-1]}"
