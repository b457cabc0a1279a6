"""Who could give what is missing, who cannot and why, and why a recorded approval fills nothing: all in plain words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gate.policy.decision import Answer, Decision, RequirementResult, RuleState
from gate.policy.effective import EffectivePolicy
from gate.policy.evaluate import evaluate
from gate.policy.facts import ApprovalFacts
from tests.support.policies import (
    EFFECTIVE,
    H1,
    NOW,
    POLICY,
    STAFF,
    approve,
    build_facts,
    build_policy,
    paths,
    person,
    reject,
)

BOB, DANA = approve("bob", "maintainer:ledger", index=10), approve("dana", "qa", index=11)
IVAN_QA = approve("ivan", "qa", index=12)
PAT = approve("pat", "maintainer:platform", index=14)
LEDGER = paths("ledger/b.py")
SECOND_RULE = """\
  - id: more
    description: Somebody looks as well.
    require: [ASK]
"""


def decide(*approvals: ApprovalFacts, policy: EffectivePolicy = EFFECTIVE, **changes: Any) -> Decision:
    mine = tuple(replace(one, policy_digest=policy.digest) for one in approvals)
    return evaluate(policy, build_facts(policy=policy, approvals=mine, **changes))


def with_rule(ask: str) -> EffectivePolicy:
    return build_policy(POLICY + SECOND_RULE.replace("ASK", ask))


def asked(decision: Decision, rule: str) -> RequirementResult:
    return next(one for one in decision.rules if one.id == rule).requirements[0]


def without(*logins: str) -> dict[str, Any]:
    return {"staff": tuple(one for one in STAFF if one.login not in logins)}


def why(decision: Decision, index: int) -> tuple[str, str]:
    return next((one.code, one.reason) for one in decision.not_counted if one.index == index)


@pytest.mark.req("INV-12")
def test_each_requirement_has_an_id_of_its_own() -> None:
    ids = [one.id for rule in decide(paths=paths("ledger/posting/a.py", "x.py")).rules for one in rule.requirements]
    assert ids == ["owner-review/1/ledger", "owner-review/1/platform", "qa-signoff/1"]


# --- who holds the role

BOARD: dict[str, Any] = {"paths": paths("policies/x.yaml")}


@pytest.mark.req("INV-12")
def test_as_many_as_are_asked_are_named_and_no_more() -> None:
    policy = build_policy(POLICY.replace("of: each_owning_team, count: 1,", "of: each_owning_team, count: 2,"))
    decision = decide(policy=policy, paths=LEDGER)
    assert [one.name for one in decision.ask] == ["Bob", "Ivan"]
    assert asked(decision, "owner-review").is_satisfiable
    assert decision.notes == ()


@pytest.mark.req("INV-12")
def test_a_board_of_one_cannot_give_two_signatures_and_the_owner_of_the_policy_is_named() -> None:
    decision = decide(PAT, **BOARD, **without("lou"))
    board = asked(decision, "policy-change")
    assert (board.is_satisfiable, [one.name for one in board.candidates]) == (False, ["Liz"])
    assert board.sentence.endswith("(1 person can do this, too few for all that is asked)")
    (note,) = decision.notes
    assert note == (
        "Nobody can satisfy this now: rule policy-change needs 2 of change-board. "
        "Ask change-board, who own the policy baseline."
    )


@pytest.mark.req("INV-12")
def test_who_rejected_it_or_is_unknown_to_the_directory_is_no_candidate() -> None:
    facts = build_facts(approvals=(PAT, reject("liz", "change-board")), **BOARD)
    rows = tuple(
        replace(row, members=(*row.members, "corp:ghost")) if row.role == "change-board" else row
        for row in facts.role_members
    )
    board = asked(evaluate(EFFECTIVE, replace(facts, role_members=rows)), "policy-change")
    assert [one.name for one in board.candidates] == ["Lou"]
    assert [(one.person, one.code, one.reason) for one in board.disqualified] == [
        ("corp:liz", "rejected", "Liz rejected it"),
        (
            "corp:ghost",
            "unknown-person",
            "corp:ghost is in the group, and the directory says nothing else about them",
        ),
    ]


@pytest.mark.req("INV-12")
def test_who_has_signed_elsewhere_can_move_once_somebody_else_signs_for_that() -> None:
    """Only those are named who would sign for this very requirement, not everybody who has signed."""
    decision = decide(IVAN_QA, PAT, paths=paths("ledger/posting/a.py", "x.py"), **without("bob"))
    assert asked(decision, "owner-review").sentence == (
        "Needs 1 more with the role maintainer of ledger "
        "(Ivan can do this, once somebody else signs for what they have signed)"
    )
    assert [one.name for one in decision.ask] == ["Dana", "Ivan"]


@pytest.mark.req("INV-12")
def test_who_has_signed_for_this_very_requirement_is_not_told_to_move() -> None:
    policy = build_policy(POLICY.replace("of: each_owning_team, count: 1,", "of: each_owning_team, count: 2,"))
    decision = decide(BOB, IVAN_QA, policy=policy)
    assert asked(decision, "owner-review").sentence.endswith(
        "(Ivan can do this, once somebody else signs for what they have signed)"
    )


# --- shared counts

TWO_EYES = with_rule(
    "{any_role: [maintainer, qa], of: any_owning_team, count: 2, shared: true, meaning: MEANING}".replace(
        "MEANING", "technical-review"
    )
)


@pytest.mark.req("INV-12")
def test_a_shared_count_asks_for_people_of_its_own_where_the_rules_ask_too_few() -> None:
    decision = decide(policy=TWO_EYES, paths=LEDGER)
    assert len(decision.ask) == 2
    more = asked(decision, "more")
    assert more.is_satisfiable
    assert more.sentence.startswith("Needs 2 more with the role maintainer of ledger or qa, who may be somebody that")


@pytest.mark.req("INV-12")
@pytest.mark.parametrize(("gone", "is_satisfiable"), [(("dana",), True), (("dana", "ivan"), False)])
def test_a_shared_count_that_too_few_could_give_is_said(gone: tuple[str, ...], is_satisfiable: bool) -> None:
    qa = person("quentin", "quality", "qa", trainings=())
    staff = (*(one for one in STAFF if one.login not in gone), qa)
    decision = decide(policy=TWO_EYES, paths=LEDGER, staff=staff)
    assert asked(decision, "more").is_satisfiable is is_satisfiable
    assert any("rule more needs 2" in note for note in decision.notes) is not is_satisfiable


# --- groups of which it cannot be told who is in them


@pytest.mark.req("INV-01", "INV-12")
def test_a_rule_whose_group_could_not_be_read_is_in_error_and_says_so() -> None:
    rows = build_facts().role_members
    broken = tuple(replace(row, members=(), error="timed out") if row.role == "qa" else row for row in rows)
    decision = decide(BOB, DANA, role_members=broken)
    states = {rule.id: (rule.state, rule.error) for rule in decision.rules}
    said = "The group of the role qa (cn=qa-approvers,ou=groups,dc=ex,dc=com) could not be read: timed out"
    assert states["qa-signoff"] == (RuleState.ERROR, said)
    assert states["owner-review"] == (RuleState.SATISFIED, None)
    unread = decide(BOB, DANA, role_members=())
    assert [one.sentence for one in unread.reasons if one.code == "missing-facts"] == [
        "The members of the role maintainer of ledger were not read.",
        "The members of the role qa were not read.",
    ]


@pytest.mark.req("INV-13")
def test_of_several_roles_one_may_be_held_by_nobody() -> None:
    policy = with_rule("{any_role: [security, qa], count: 1, meaning: technical-review}")
    sam = approve("sam", "security", index=13)
    staff = tuple(one for one in STAFF if one.login not in ("dana", "ivan"))
    assert decide(BOB, sam, policy=policy, paths=LEDGER, staff=staff).answer is Answer.APPROVED


# --- why a recorded approval fills nothing


@pytest.mark.req("INV-12")
def test_what_does_not_count_is_listed_in_the_order_of_the_log() -> None:
    late = replace(BOB, index=30, head=H1)
    board = approve("liz", "change-board", index=5)
    decision = decide(board, BOB, DANA, late)
    assert [(one.index, one.code) for one in decision.not_counted] == [(5, "not-asked"), (30, "stale-head")]


@pytest.mark.req("INV-12")
def test_a_role_that_no_rule_asks_for_is_named() -> None:
    paula, liz = approve("paula", "maintainer:payments", index=20), approve("liz", "change-board", index=21)
    decision = decide(BOB, DANA, paula, liz)
    assert why(decision, 20) == ("not-asked", "no rule that applies asks for maintainer of payments")
    assert why(decision, 21) == ("not-asked", "no rule that applies asks for change-board")
    for changes in ({}, BOARD):
        elsewhere = decide(PAT, replace(liz, freeze="release-week"), **changes)
        assert why(elsewhere, 21) == (
            "not-asked",
            "it exempts from release-week, and no freeze of that name now asks for change-board",
        )


@pytest.mark.req("INV-12")
def test_a_role_asked_for_with_two_meanings() -> None:
    """Whoever gave one of the two that are asked is not told that the meaning is wrong."""
    policy = with_rule("{role: qa, count: 1, meaning: technical-review}")
    decision = decide(BOB, DANA, IVAN_QA, policy=policy)
    assert why(decision, 12) == ("not-needed", "enough others have approved; it is not needed")
    wrong = decide(BOB, DANA, replace(IVAN_QA, meaning="policy-approval"), policy=policy)
    assert why(wrong, 12) == (
        "meaning",
        "it says policy-approval, and what is asked is independent-verification or technical-review",
    )


@pytest.mark.req("INV-05", "INV-12")
def test_a_review_on_the_forge_with_the_meaning_that_asks_for_a_signature() -> None:
    policy = with_rule("{role: qa, count: 1, meaning: technical-review, forge_review: true}")
    review = replace(IVAN_QA, kind="forge-review")
    decision = decide(BOB, review, policy=policy)
    assert why(decision, 12) == (
        "forge-review",
        "it is a review made on the forge, and qa-signoff and more asks for a signature",
    )
    light = replace(review, meaning="technical-review")
    dana_too = replace(DANA, index=9, meaning="technical-review")
    assert why(decide(BOB, dana_too, light, policy=policy), 12)[0] == "not-needed"


@pytest.mark.req("INV-12")
def test_a_rejection_is_no_approval_that_does_not_count() -> None:
    decision = decide(BOB, DANA, reject("ivan", "qa"), reject("liz", "change-board", index=91))
    assert decision.answer is Answer.REJECTED
    assert decision.not_counted == ()


@pytest.mark.req("INV-01", "POL-03")
def test_a_rejection_taken_back_is_no_approval_in_the_role_it_was_given_in() -> None:
    rejected = reject("ivan", "maintainer:ledger", index=5)
    decision = decide(rejected, DANA, replace(IVAN_QA, index=95))
    assert decision.answer is Answer.PENDING
    assert [reason.rule for reason in decision.reasons] == ["owner-review"]
    assert 5 not in decision.counted


@pytest.mark.req("INV-12")
def test_a_lost_role_is_named_with_its_team_if_it_has_one() -> None:
    gone = tuple(replace(one, roles=()) if one.login in ("bob", "dana") else one for one in STAFF)
    decision = decide(BOB, DANA, staff=gone)
    assert why(decision, 10) == ("role-lost", "Bob does not hold the role maintainer of ledger now")
    assert why(decision, 11) == ("role-lost", "Dana does not hold the role qa now")


@pytest.mark.req("INV-02")
def test_where_approvals_do_not_age_only_the_directory_ends_the_decision() -> None:
    ageless = build_policy(POLICY.replace("valid_for: 14d, ", ""))
    old = tuple(replace(one, signed_at=NOW.replace(year=2020)) for one in (BOB, DANA))
    decision = decide(*old, policy=ageless)
    assert decision.answer is Answer.APPROVED
    assert (decision.valid_until - NOW).total_seconds() == 290
