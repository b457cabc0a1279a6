"""May this reader contribute to a repository? Each prerequisite of contributors, answered before any work starts."""

from __future__ import annotations

from gate.policy.document import Subject
from gate.policy.effective import EffectivePolicy
from gate.store import people
from gate.workflow.parts import Parts
from gate.workflow.shown import EligibleShown, SignedIn


def find_eligible(parts: Parts, who: SignedIn, effective: EffectivePolicy) -> tuple[EligibleShown, ...]:
    """Each prerequisite of contributors."""
    terms = {one.terms for one in people.terms(parts.engine, [who.key])}
    trainings = {one.code: one for one in people.trainings(parts.engine, [who.key])}
    now = parts.clock.now()
    found = []
    for need in effective.policy.prerequisites:
        if Subject.CONTRIBUTORS not in need.subjects:
            continue
        if need.terms is not None:
            met = need.terms in terms
            sentence = f"You have {'' if met else 'not '}accepted the terms {need.terms}."
        else:
            held = trainings.get(need.training or "")
            met = held is not None and (held.valid_until is None or now < held.valid_until)
            until = f", valid until {held.valid_until:%Y-%m-%d}" if held and held.valid_until else ""
            sentence = f"Training {need.training}: {'completed' if met else 'missing or expired'}{until}."
        missing = need.terms if not met else None
        found.append(EligibleShown(id=need.id, is_met=met, sentence=sentence, terms=missing))
    return tuple(found)


def find_terms(parts: Parts, repository: str, target: str) -> dict[str, str]:
    """The terms that prerequisites in force ask for, by the prerequisite's id: where pages lead."""
    effective = parts.in_force().policies.policy_for(repository, target)
    asked = effective.policy.prerequisites if effective else ()
    return {one.id: one.terms for one in asked if one.terms is not None}
