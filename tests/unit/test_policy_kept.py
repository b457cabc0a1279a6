"""What mutation of the evaluator (`make mutate`) showed to be untested, each in the words of what could go wrong."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from gate.policy.decision import Answer
from gate.policy.evaluate import evaluate
from gate.policy.facts import ClearanceFacts, ContributorFacts, TrainingHeld
from tests.support.policies import (
    NOW,
    POLICY,
    REPOSITORIES,
    STAFF,
    approve,
    build_facts,
    build_policy,
    contributor,
    reject,
)

ROBOTS = POLICY + "out_of_scope:\n  - {id: robots, when: {robots: true}, because: The build tests them.}\n"
TWO_ROBOTS = REPOSITORIES + "  - {name: Licences, login: licences, sponsor: pat, repositories: [core]}\n"
SCOPED = build_policy(ROBOTS, TWO_ROBOTS)
RENOVATE = contributor(None, "pusher", address="renovate")
LICENCES = contributor(None, "pusher", address="licences")
MAILED = contributor(None, "pusher", address="bot@renovate.example", how="mail")


@pytest.mark.req("POL-02", "INV-03")
@pytest.mark.parametrize(
    "contributors",
    [
        (contributor("carl"), RENOVATE),
        (MAILED, RENOVATE),
        (RENOVATE, MAILED),
        (contributor("carl", "pusher"), LICENCES),
    ],
    ids=["a person wrote it first", "an address pushed first", "an address pushed last", "a person pushed first"],
)
def test_the_last_push_of_a_robot_spares_nothing_that_came_before(contributors: tuple[ContributorFacts, ...]) -> None:
    decision = evaluate(SCOPED, build_facts(policy=SCOPED, author=None, contributors=contributors))
    assert decision.out_of_scope is None
    assert not decision.answer.allows


@pytest.mark.req("POL-02", "INV-03")
@pytest.mark.parametrize("gone", ["alice", "pat"])
def test_of_two_robots_each_has_an_active_sponsor(gone: str) -> None:
    both = (RENOVATE, LICENCES)
    assert evaluate(SCOPED, build_facts(policy=SCOPED, author=None, contributors=both)).out_of_scope == "robots"
    staff = tuple(replace(one, state="inactive") if one.login == gone else one for one in STAFF)
    decision = evaluate(SCOPED, build_facts(policy=SCOPED, author=None, contributors=both, staff=staff))
    assert decision.out_of_scope is None


CLEARED = build_policy(
    POLICY.replace("survives_push: true}", "survives_push: true, cleared_by: [change-board]}").replace(
        "for: [contributors, approvers], training", "for: [approvers], training"
    )
)


@pytest.mark.req("INV-02")
def test_a_cleared_veto_comes_back_when_the_training_of_who_cleared_it_lapses() -> None:
    until = NOW + timedelta(minutes=1)
    trained = (TrainingHeld(code="GXP-101", valid_until=until, as_of=date(2026, 6, 1), source="register"),)
    staff = tuple(replace(one, trainings=trained) if one.login == "liz" else one for one in STAFF)
    cleared = ClearanceFacts(
        index=95,
        veto=90,
        person="corp:liz",
        name="Liz",
        role="change-board",
        signed_at=datetime(2026, 7, 1, tzinfo=UTC),
    )
    facts = build_facts(
        policy=CLEARED,
        staff=staff,
        clearances=(cleared,),
        approvals=(
            approve("bob", "maintainer:ledger", policy=CLEARED),
            approve("dana", "qa", index=11, policy=CLEARED),
            reject("ivan", "qa", policy=CLEARED),
        ),
    )
    decision = evaluate(CLEARED, facts)
    assert decision.answer is Answer.APPROVED
    assert decision.valid_until == until + timedelta(microseconds=1)
    later = evaluate(CLEARED, replace(facts, now=decision.valid_until))
    assert later.answer is Answer.REJECTED
