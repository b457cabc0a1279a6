"""Whether one person meets a prerequisite: terms accepted, training valid; and whether they could approve at all.

A training counts up to and including its last instant. ``lapses_at`` is the first instant at which time alone would
change the answer, for ``Decision.valid_until``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from gate.domain.people import PersonState
from gate.policy.document import Policy, Prerequisite, Subject
from gate.policy.facts import PersonFacts

_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Met:
    """``missing`` is None when met, else a finished half-sentence: "has not accepted …"."""

    missing: str | None = None
    lapses_at: datetime | None = None


def check_person(policy: Policy, one: Prerequisite, person: PersonFacts, now: datetime) -> Met:
    """One prerequisite for one person at ``now``."""
    if one.terms is not None:
        title = next(terms.title for terms in policy.terms if terms.id == one.terms)
        return Met() if one.terms in person.terms else Met(missing=f"has not accepted “{title}”")
    held = [training for training in person.trainings if training.code == one.training]
    if not held:
        return Met(missing=f"has no training {one.training} on record")
    if any(training.valid_until is None for training in held):
        return Met()
    last = max(training.valid_until for training in held if training.valid_until is not None)
    if last < now:
        return Met(missing=f"had the training {one.training} only until {last:%Y-%m-%d}")
    return Met(lapses_at=last + _TICK)


def prerequisites_for(policy: Policy, subject: Subject) -> Iterator[Prerequisite]:
    return (one for one in policy.prerequisites if subject in one.subjects)


def check_approver(policy: Policy, person: PersonFacts, now: datetime) -> Met:
    """All prerequisites of approvers for one person: what is missing, and when the first of them lapses."""
    lapses = []
    for one in prerequisites_for(policy, Subject.APPROVERS):
        met = check_person(policy, one, person, now)
        if met.missing is not None:
            return met
        if met.lapses_at is not None:
            lapses.append(met.lapses_at)
    return Met(lapses_at=min(lapses, default=None))


def why_unfit(policy: Policy, person: PersonFacts, now: datetime) -> tuple[str, str] | None:
    """Why somebody cannot approve anything under this policy now, contributions aside: code and reason."""
    if person.robot:
        return "robot", f"{person.name} is a robot, and robots never approve"
    if person.state != PersonState.ACTIVE:
        detail = f" ({', '.join(person.state_reasons)})" if person.state_reasons else ""
        return "not-active", f"{person.name} is {person.state} in the directory{detail}"
    missing = check_approver(policy, person, now).missing
    return ("prerequisite", f"{person.name} {missing}") if missing is not None else None
