"""Whether one person meets a prerequisite (terms, training, clearance, legal entities), and could approve at all.

A training or clearance counts up to and including its last instant. ``lapses_at`` is the first instant at which time
alone would change the answer, for ``Decision.valid_until``. Work within one legal entity needs no pair; an entity
nobody knows is never taken for the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gate.domain.people import PersonState
from gate.policy.classification import Level
from gate.policy.document import Policy, Prerequisite, Subject
from gate.policy.facts import PersonFacts

_TICK = timedelta(microseconds=1)
MEND_ENTITY = "An administrator can add the legal entity to their directory entry."
MEND_REPOSITORY_ENTITY = "Add `entity:` to the repository in repositories.yaml."


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What prerequisites are asked for: ``level`` of the change (None: no levels), ``entity`` of the repository.

    ``found`` keeps, by person, what approvers must meet: it is asked often, and always of the same facts.
    """

    policy: Policy
    now: datetime
    level: Level | None = None
    entity: str | None = None
    found: dict[str, Met] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Met:
    """``missing`` is None when met, else a half-sentence, "has not accepted …"; ``mend`` is what to do then."""

    missing: str | None = None
    mend: str = ""
    lapses_at: datetime | None = None


_MET = Met()


def check_person(one: Prerequisite, person: PersonFacts, asking: Asking) -> Met:
    """One prerequisite for one person now."""
    if one.terms is not None:
        if one.terms in person.terms:
            return _MET
        title = next(terms.title for terms in asking.policy.terms if terms.id == one.terms)
        mend = "They can read and accept the terms on the gate's terms page."
        return Met(missing=f"has not accepted “{title}”", mend=mend)
    if one.entities:
        return _check_entities(one, person, asking)
    if one.clearance is not None:
        mend = "The register must be imported with the clearance."
        return _check_held("clearance", one.clearance, mend, person, asking.now)
    mend = "The training register must be imported with the completed course."
    return _check_held("training", one.training, mend, person, asking.now)


def _check_held(what: str, code: str | None, mend: str, person: PersonFacts, now: datetime) -> Met:
    held = [training for training in person.trainings if training.code == code]
    if not held:
        return Met(missing=f"has no {what} {code} on record", mend=mend)
    ends = [training.valid_until for training in held if training.valid_until is not None]
    if len(ends) < len(held):
        return _MET
    last = max(ends)
    if last < now:
        return Met(missing=f"had the {what} {code} only until {last:%Y-%m-%d}", mend=mend)
    return Met(lapses_at=last + _TICK)


def _check_entities(one: Prerequisite, person: PersonFacts, asking: Asking) -> Met:
    theirs, ours = person.entity, asking.entity
    if ours is None:
        missing = "works for a repository of which it is not known which legal entity owns it"
        return Met(missing=missing, mend=MEND_REPOSITORY_ENTITY)
    if theirs is None:
        return Met(missing="belongs to no legal entity that the directory names", mend=MEND_ENTITY)
    if theirs == ours or (theirs, ours) in one.entities:
        return _MET
    mend = f"The owners of the policy can list [{theirs}, {ours}] under {one.id}, once work may pass between them."
    return Met(missing=f"belongs to {theirs}, from which no work may pass to {ours}", mend=mend)


def prerequisites_for(asking: Asking, *subjects: Subject) -> Iterator[Prerequisite]:
    """Those that are for one of ``subjects`` and are asked at this level."""
    wanted = frozenset(subjects)
    for one in asking.policy.prerequisites:
        is_asked = not one.at or asking.level is None or asking.level.is_at(one.at)
        if is_asked and not wanted.isdisjoint(one.subjects):
            yield one


def check_approver(person: PersonFacts, asking: Asking) -> Met:
    """All prerequisites of approvers for one person: what is missing, and when the first of them lapses."""
    met = asking.found.get(person.id)
    if met is None:
        met = asking.found[person.id] = _check_approver(person, asking)
    return met


def _check_approver(person: PersonFacts, asking: Asking) -> Met:
    lapses = []
    for one in prerequisites_for(asking, Subject.APPROVERS):
        met = check_person(one, person, asking)
        if met.missing is not None:
            return met
        if met.lapses_at is not None:
            lapses.append(met.lapses_at)
    return Met(lapses_at=min(lapses)) if lapses else _MET


def why_unfit(person: PersonFacts, asking: Asking) -> tuple[str, str] | None:
    """Why somebody cannot approve anything under the policy now, contributions aside: code and reason."""
    if person.robot:
        return "robot", f"{person.name} is a robot, and robots never approve"
    if person.state != PersonState.ACTIVE:
        detail = f" ({', '.join(person.state_reasons)})" if person.state_reasons else ""
        return "not-active", f"{person.name} is {person.state} in the directory{detail}"
    missing = check_approver(person, asking).missing
    return ("prerequisite", f"{person.name} {missing}") if missing is not None else None
