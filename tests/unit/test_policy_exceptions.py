"""Freezes and break-glass in plain words: who can let something through, who cannot and why, and what asking brings."""

from __future__ import annotations

from typing import Any

import pytest

from gate.policy.decision import Answer, Decision
from gate.policy.exceptions import find_open
from gate.policy.explain import explain_decision, explain_policy
from gate.policy.facts import ApprovalFacts
from tests.support.exceptional import BASE, BREAK_GLASS, EXCEPTIONAL, FREEZES, FROZEN, decide, exempt, invoke
from tests.support.policies import EFFECTIVE, H1, approve, build_policy, contributor

BOB = approve("bob", "maintainer:ledger", index=10)
DANA = approve("dana", "qa", index=11)
EXEMPTED = (exempt("liz", 12), exempt("lou", 13))
EXEMPT = ",\n     exempt: {role: change-board, count: 2, meaning: policy-approval}"
FIXED = build_policy(BASE + FREEZES.replace(EXEMPT, "") + BREAK_GLASS)
ENOUGH, NOT_ENOUGH = "their signatures would be enough", "their signatures are needed, and not enough"


def contributed(*logins: str) -> dict[str, Any]:
    return {"contributors": (contributor("alice"), *(contributor(login) for login in logins))}


def lines(*approvals: ApprovalFacts, about: str, **changes: Any) -> list[str]:
    """The line that begins with ``about``, and those below it that belong to it."""
    text = explain_decision(decide(*approvals, **changes))
    start = next(at for at, line in enumerate(text) if line.startswith(about))
    end = next(at for at in range(start + 1, len(text)) if not text[at].startswith("  "))
    return list(text[start:end])


@pytest.mark.req("INV-12")
def test_who_can_exempt_from_a_freeze_and_who_cannot() -> None:
    def below(**changes: Any) -> list[str]:
        return lines(BOB, DANA, about="Freeze quarter-close: Frozen", policy=FROZEN, **changes)[1:]

    assert below() == ["  Can exempt from it: Liz, Lou."]
    assert below(**contributed("liz")) == ["  Can exempt from it: Lou.", "  Cannot: Liz wrote revision 1."]
    assert below(**contributed("liz", "lou")) == ["  Cannot: Liz wrote revision 1.", "  Cannot: Lou wrote revision 1."]


@pytest.mark.req("INV-12")
def test_a_freeze_that_stops_nothing_any_more_names_nobody_to_ask() -> None:
    exempted = lines(BOB, DANA, *EXEMPTED, about="Freeze quarter-close", policy=FROZEN)
    (only,) = exempted
    assert only.startswith("Freeze quarter-close: Liz and Lou exempted this")
    waived = lines(BOB, DANA, about="Freeze quarter-close", policy=FROZEN, break_glass=invoke())
    assert waived == ["Freeze quarter-close: waived. It holds until 2026-07-03 04:00 UTC."]
    (fixed,) = lines(BOB, DANA, about="Freeze quarter-close", policy=FIXED)
    assert fixed.endswith("Nobody may exempt from it.")


@pytest.mark.req("INV-12")
def test_who_can_co_sign_is_named_while_that_is_missing_and_somebody_can() -> None:
    def below(*cosigners: Any, **changes: Any) -> list[str]:
        glass = invoke(cosigners=cosigners) if changes.pop("is_bare", False) else invoke()
        return lines(BOB, about="Break-glass: ", break_glass=glass, **changes)[1:]

    assert below() == []
    assert below(is_bare=True) == ["  Can co-sign it: Bob, Ivan."]
    assert below(is_bare=True, **contributed("bob", "ivan")) == []


@pytest.mark.req("INV-12")
def test_what_is_open_says_what_it_is_for() -> None:
    decision = decide(BOB, policy=FROZEN)
    assert [(one.of, one.is_exemption, one.sentence) for one in find_open(decision)] == [
        ("qa-signoff", False, "Needs 1 more with the role qa (2 people can do this)"),
        (
            "quarter-close",
            True,
            (
                "To be exempt from the freeze quarter-close: needs 2 more with the role change-board "
                "(2 people can do this)"
            ),
        ),
    ]
    assert [one.of for one in find_open(decide(DANA, *EXEMPTED, policy=FROZEN))] == ["owner-review"]
    assert find_open(decide(BOB, policy=FROZEN, break_glass=invoke())) == ()


# --- who is asked, and whether that would be enough
ASKED: dict[str, tuple[Decision, str]] = {
    "one who can": (decide(DANA), ENOUGH),
    "of two, one that nobody can give": (decide(**contributed("dana", "ivan")), NOT_ENOUGH),
    "in a freeze that others can exempt from": (decide(DANA, policy=FROZEN), ENOUGH),
    "in a freeze that they exempted from": (decide(DANA, *EXEMPTED, policy=FROZEN), ENOUGH),
    "in a freeze that nobody may exempt from": (decide(DANA, policy=FIXED), NOT_ENOUGH),
    "in a freeze that is waived": (decide(DANA, policy=FIXED, break_glass=invoke()), ENOUGH),
    "in a freeze that would have been waived": (decide(DANA, policy=FIXED, break_glass=invoke(head=H1)), NOT_ENOUGH),
}


@pytest.mark.req("INV-12")
@pytest.mark.parametrize("name", ASKED)
def test_whether_those_asked_would_be_enough(name: str) -> None:
    decision, said = ASKED[name]
    assert decision.answer is Answer.PENDING
    assert decision.ask
    (line,) = (one for one in explain_decision(decision) if one.startswith("Ask "))
    assert line.endswith(f": {said}.")


@pytest.mark.req("INV-12")
def test_a_policy_says_nothing_of_what_it_does_not_know() -> None:
    exceptional = {"When nothing lands", "Who may sign for somebody", "Break-glass"}
    assert not exceptional & {section.title for section in explain_policy(EFFECTIVE)}
    assert {section.title for section in explain_policy(EXCEPTIONAL)} >= exceptional - {"When nothing lands"}
    assert {section.title for section in explain_policy(FROZEN)} >= exceptional
