"""The worked example: its 24 tests pass, through the very runner that people use for their own."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gate.policy.cases import Case
from gate.policy.coverage import check_coverage, parts_of
from gate.policy.decision import Answer
from gate.policy.parse import parse_policy
from gate.policy.suite import run_suite, try_case

FILE = Path(__file__).resolve().parents[1] / "vectors" / "worked.yaml"
WORKED = parse_policy(FILE.name, FILE.read_bytes())


def test_there_are_24() -> None:
    assert len(WORKED.cases) == 24


@pytest.mark.req("POL-01")
@pytest.mark.parametrize("case", WORKED.cases, ids=lambda case: case.name)
def test_it_comes_out_as_expected(case: Case) -> None:
    tried = try_case(WORKED, case)
    assert tried.differences == (), "\n".join(tried.explanation)


@pytest.mark.req("POL-01")
def test_each_rule_is_the_only_thing_unmet_in_one_of_them() -> None:
    assert [part.id for part in check_coverage(parts_of(WORKED), run_suite(WORKED))] == ["cla"]


@pytest.mark.req("INV-01")
def test_no_decision_on_a_directory_of_more_than_five_minutes_ago() -> None:
    case = WORKED.cases[0]
    for age, answer in ((299, Answer.APPROVED), (300, Answer.ERROR)):
        read = case.facts.now - timedelta(seconds=age)
        aged = replace(case, facts=replace(case.facts, directory_checked_at=read))
        assert try_case(WORKED, aged).decision.answer is answer
