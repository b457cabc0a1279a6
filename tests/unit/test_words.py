"""Words that rooms and standalone tools write alike: plurals, names and answers said once, needs listed once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from gate.domain.words import address_person, count_words, leave_out_answer, say_span
from gate.standalone import check, hook

NEED = "Needs 1 more with the role qa (2 people can do this)"
OTHER = "Needs 1 more with the role maintainer of ledger (1 person can do this)"
BODY: dict[str, Any] = {
    "format": check.FORMAT,
    "answer": "pending",
    "repository": "ledger",
    "number": 7,
    "head": "a" * 40,
    "summary": f"Pending: {OTHER} (and 2 more reasons).",
    "reasons": [{"sentence": OTHER}, {"sentence": NEED}, {"sentence": "The check build has not been reported."}],
    "missing": [
        {"sentence": OTHER, "candidates": [{"name": "Bob"}]},
        {"sentence": NEED, "candidates": [{"name": "Dana"}, {"name": "Fay"}]},
    ],
    "page": "https://gate.example/contributions/ledger/7",
}


@pytest.mark.req("ASK-02", "INV-12")
def test_check_says_each_need_once() -> None:
    told = check.render(check.Answer(200, BODY, None), "a" * 40, 8)
    assert told.count(NEED) == told.count(OTHER) == 1
    assert told.splitlines()[1:] == [
        "  - The check build has not been reported.",
        f"  needs: {OTHER} Ask: Bob.",
        f"  needs: {NEED} Ask: Dana, Fay.",
        "  page: https://gate.example/contributions/ledger/7",
    ]


@pytest.mark.req("ASK-02")
def test_check_says_the_summary_where_there_is_nothing_else() -> None:
    body = {"answer": "approved", "summary": "Approved: all 2 rules that apply are satisfied.", "head": "a" * 40}
    told = check.render(check.Answer(200, body, None), "a" * 40, 0)
    assert told == f"APPROVED  revision at {'a' * 40}\n  All 2 rules that apply are satisfied."


@pytest.mark.req("LND-03", "INV-12")
def test_the_hook_says_each_need_once() -> None:
    lines = hook.told_lines(BODY)
    assert lines == [
        "Pending: The check build has not been reported.",
        f"{OTHER} Ask: Bob.",
        f"{NEED} Ask: Dana, Fay.",
    ]
    assert hook.told_lines({"answer": "stale", "summary": "It was revision 1."}) == ["It was revision 1."]


@pytest.mark.parametrize(("number", "said"), [(0, "0 policies"), (1, "1 policy"), (2, "2 policies")])
def test_a_number_and_its_noun(number: int, said: str) -> None:
    assert count_words(number, "policy", "policies") == said


@pytest.mark.parametrize(
    ("span", "said"),
    [
        (timedelta(days=1), "1 day"),
        (timedelta(days=21), "21 days"),
        (timedelta(hours=36), "36 hours"),
        (timedelta(hours=1), "1 hour"),
        (timedelta(minutes=90), "90 minutes"),
        (timedelta(minutes=45), "45 minutes"),
    ],
)
def test_a_span_is_said_in_the_largest_whole_numbers(span: timedelta, said: str) -> None:
    assert say_span(span) == said


def test_an_answer_is_said_once() -> None:
    assert leave_out_answer("pending", "Pending: needs 1 more.") == "Needs 1 more."
    assert leave_out_answer("approved", "Out of scope by rule robots.") == "Out of scope by rule robots."


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("Anna Berg wrote revision 1; Anna Berg pushed revision 2", "you wrote revision 1; you pushed revision 2"),
        ("Anna Berg is inactive in the directory", "you are inactive in the directory"),
        ("Anna Berg has not accepted “Terms”", "you have not accepted “Terms”"),
        ("their group is empty", "their group is empty"),
    ],
)
def test_what_is_said_of_somebody_is_said_to_them(reason: str, said: str) -> None:
    assert address_person(reason, "Anna Berg") == said
