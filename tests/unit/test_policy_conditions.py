"""What each condition says, met or not, and how to mend it; how long it holds; which reports of a check count."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from gate.policy.decision import Answer, ConditionResult, Decision
from gate.policy.evaluate import evaluate
from gate.policy.facts import PersonFacts, TrainingHeld
from tests.support.policies import (
    EFFECTIVE,
    H1,
    NOW,
    POLICY,
    STAFF,
    approve,
    build_check,
    build_facts,
    build_policy,
    contributor,
)

SIGNED = (approve("bob", "maintainer:ledger"), approve("dana", "qa", index=11))
WITH_CARL = (contributor("alice"), contributor("carl", "co-author"))
AUTHOR_ONLY = build_policy(
    POLICY.replace("id: terms-accepted, for: [contributors]", "id: terms-accepted, for: [author]")
)
MINUTE = timedelta(minutes=1)


def decide(*, policy: Any = EFFECTIVE, **changes: Any) -> Decision:
    signed = tuple(replace(one, policy_digest=policy.digest) for one in SIGNED)
    return evaluate(policy, build_facts(policy=policy, approvals=signed, **changes))


def condition(id: str, **changes: Any) -> ConditionResult:
    return next(one for one in decide(**changes).conditions if one.id == id)


def staff_with(**changes: dict[str, Any]) -> tuple[PersonFacts, ...]:
    return tuple(replace(one, **changes.get(one.login, {})) for one in STAFF)


def trained(until: datetime | None) -> dict[str, Any]:
    return {"trainings": (TrainingHeld(code="GXP-101", valid_until=until, as_of=date(2026, 6, 1), source="register"),)}


UNTRAINED: dict[str, Any] = {"trainings": ()}
NO_TERMS: dict[str, Any] = {"terms": ()}
ASK_REGISTER = "The training register must be imported with the completed course."
ASK_TERMS = "They can read and accept the terms on the gate's terms page."
GIVE = "Give the id of the change request, as CHG-1042."
REPORT = "ci or ci-backup must report success."
LONG = "CHG-" + "7" * 196

# --- condition, facts: is it met, what it says, how to mend it
SAID: dict[str, tuple[str, dict[str, Any], bool, str, str]] = {
    "all are trained": ("gxp-training", {"contributors": WITH_CARL}, True, "Every contributor meets gxp-training.", ""),
    "one of two is not": (
        "gxp-training",
        {"contributors": WITH_CARL, "staff": staff_with(carl=UNTRAINED)},
        False,
        "Carl has no training GXP-101 on record.",
        ASK_REGISTER,
    ),
    "neither is: what mends it is said once": (
        "gxp-training",
        {"contributors": WITH_CARL, "staff": staff_with(alice=UNTRAINED, carl=UNTRAINED)},
        False,
        "Alice has no training GXP-101 on record; Carl has no training GXP-101 on record.",
        ASK_REGISTER,
    ),
    "the author alone is asked": (
        "terms-accepted",
        {"policy": AUTHOR_ONLY, "contributors": WITH_CARL, "staff": staff_with(carl=NO_TERMS)},
        True,
        "The author meets terms-accepted.",
        "",
    ),
    "the author has not": (
        "terms-accepted",
        {"policy": AUTHOR_ONLY, "contributors": WITH_CARL, "staff": staff_with(alice=NO_TERMS, carl=NO_TERMS)},
        False,
        "Alice has not accepted “InnerSource terms”.",
        ASK_TERMS,
    ),
    "a change request": ("change-request", {}, True, "The change request is CHG-7.", ""),
    "the longest change request": (
        "change-request",
        {"change_request": LONG},
        True,
        f"The change request is {LONG}.",
        "",
    ),
    "a longer one": (
        "change-request",
        {"change_request": f"{LONG}7"},
        False,
        f"The change request id {LONG[:60]!r} does not look like CHG-1042.",
        GIVE,
    ),
    "no change request": (
        "change-request",
        {"change_request": None},
        False,
        "There is no change request id, such as CHG-1042.",
        GIVE,
    ),
    "an empty one": (
        "change-request",
        {"change_request": ""},
        False,
        "The change request id '' does not look like CHG-1042.",
        GIVE,
    ),
    "a check": ("build", {}, True, "The check build succeeded, reported by ci.", ""),
    "a check by both who may": (
        "build",
        {"checks": (build_check(), build_check(reporter="ci-backup"))},
        True,
        "The check build succeeded, reported by ci, ci-backup.",
        "",
    ),
    "a check that failed for one of them": (
        "build",
        {"checks": (build_check(), build_check(reporter="ci-backup", outcome="error"))},
        False,
        "The check build reported error, by ci-backup.",
        REPORT,
    ),
    "no check": ("build", {"checks": ()}, False, "The check build has not been reported for this head.", REPORT),
    "a check by others, for another head, and by a contributor's token": (
        "build",
        {
            "checks": (
                build_check(reporter="laptop"),
                build_check(head=H1),
                build_check(reporter="ci-backup", reporter_person="corp:alice"),
            )
        },
        False,
        (
            "The check build has not been reported for this head (laptop may not report it; "
            "a report by ci is for another head; ci-backup is the token of a contributor)."
        ),
        REPORT,
    ),
    "a check by the token of a colleague": (
        "build",
        {"checks": (build_check(reporter_person="corp:carl"),)},
        True,
        "The check build succeeded, reported by ci.",
        "",
    ),
}


@pytest.mark.req("POL-03", "INV-12")
@pytest.mark.parametrize("name", SAID)
def test_what_a_condition_says(name: str) -> None:
    id, changes, is_met, sentence, remedy = SAID[name]
    found = condition(id, **changes)
    assert (found.is_met, found.sentence, found.remedy) == (is_met, sentence, remedy)


@pytest.mark.req("POL-03", "INV-12")
def test_who_lacks_a_prerequisite_is_named() -> None:
    found = condition("gxp-training", contributors=WITH_CARL, staff=staff_with(carl=UNTRAINED))
    assert found.people == ("corp:carl",)
    assert condition("gxp-training", contributors=WITH_CARL).people == ()


@pytest.mark.req("INV-02", "POL-03")
def test_of_two_contributors_whose_trainings_end_the_first_ends_the_decision() -> None:
    soon, later = NOW + MINUTE, NOW + 2 * MINUTE
    for alice, carl in ((soon, later), (later, soon), (soon, None)):
        staff = staff_with(alice=trained(alice), carl=trained(carl))
        decision = decide(contributors=WITH_CARL, staff=staff)
        assert decision.answer is Answer.APPROVED
        assert decision.valid_until == soon + timedelta(microseconds=1)


@pytest.mark.req("POL-03", "INV-01")
@pytest.mark.parametrize("outcome", ["failure", "error"])
def test_the_latest_report_of_a_reporter_counts_in_whatever_order_they_stand(outcome: str) -> None:
    earlier, later = NOW - 2 * MINUTE, NOW - MINUTE
    for bad_at, good_at, is_met in ((earlier, later, True), (later, earlier, False)):
        reports = (build_check(outcome=outcome, reported_at=bad_at), build_check(reported_at=good_at))
        for checks in (reports, reports[::-1]):
            assert condition("build", checks=checks).is_met is is_met


@pytest.mark.req("POL-03", "INV-12")
def test_what_holds_a_revision_up_says_how_to_mend_it() -> None:
    found = decide(draft=True, merges_cleanly=False).conditions
    assert [(one.id, one.is_met, one.sentence, one.remedy) for one in found if one.kind == "revision"] == [
        (
            "conflicts",
            False,
            "The revision conflicts with target main: it does not merge cleanly.",
            "Merge main into it and resolve the conflicts; that makes a new revision.",
        ),
        ("draft", False, "The contribution is a draft.", "Mark it ready for review."),
    ]
    assert not [one for one in decide().conditions if one.kind == "revision"]
