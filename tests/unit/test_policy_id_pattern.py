"""Patterns of ids: no pattern and no id holds anybody up, and only a whole id matches."""

from __future__ import annotations

import pytest

from gate.policy.decision import Answer
from gate.policy.evaluate import evaluate
from gate.policy.id_pattern import MAX_ID, is_id
from gate.workflow.change_request import find_change_request
from tests.support.policies import POLICY, approve, build_facts, build_policy

CATASTROPHIC = POLICY.replace('{pattern: "CHG-[0-9]+", example: CHG-1042}', '{pattern: "(a+)+b", example: aab}')


@pytest.mark.req("POL-05")
@pytest.mark.timeout(20)
def test_a_pattern_that_backtracks_for_ever_elsewhere_is_answered_at_once() -> None:
    policy = build_policy(CATASTROPHIC)
    hostile = "a" * MAX_ID
    decision = evaluate(policy, build_facts(policy=policy, change_request=hostile))
    assert decision.answer is Answer.BLOCKED
    assert find_change_request(["(a+)+b"], [hostile, "fixes aab"]) == "aab"


@pytest.mark.req("INV-13")
def test_such_a_pattern_still_means_what_it_says() -> None:
    policy = build_policy(CATASTROPHIC)
    approvals = (
        approve("ivan", "qa", policy=policy),
        approve("bob", "maintainer:ledger", index=11, policy=policy),
    )
    facts = build_facts(policy=policy, change_request="aaab", approvals=approvals)
    assert evaluate(policy, facts).answer is Answer.APPROVED


@pytest.mark.req("POL-03")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CHG-7", True),
        ("xCHG-7", False),
        ("CHG-7x", False),
        ("CHG-7\n", False),
        ("CHG-", False),
        ("CHG-٧", False),
        ("CHG-" + "7" * (MAX_ID - 4), True),
        ("CHG-" + "7" * (MAX_ID - 3), False),
    ],
)
def test_only_a_whole_id_of_a_bounded_length_matches(text: str, expected: bool) -> None:
    assert is_id(r"CHG-\d+", text) is expected
