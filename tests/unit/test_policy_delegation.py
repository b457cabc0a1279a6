"""Roles handed over: every condition in both directions, one slot for two people, circles that count for nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import pairwise, product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.policy.decision import Answer, Decision
from gate.policy.delegation import find_cyclic
from gate.policy.evaluate import evaluate
from gate.policy.explain import explain_decision, explain_policy
from gate.policy.facts import ApprovalFacts, DelegationFacts, Facts, PersonFacts, RoleHeld, TrainingHeld
from gate.policy.matching import MOST_WAYS, untangle
from tests.support.exceptional import BASE, EXCEPTIONAL, PEOPLE, decide, facts, hand_over, sign_for, staff_with
from tests.support.policies import H1, NOW, approve, build_policy, contributor, reject

BOB = approve("bob", "maintainer:ledger", index=10)
DANA = approve("dana", "qa", index=11)
EVE = sign_for("dana")
SECOND = timedelta(seconds=1)


def handed(*approvals: ApprovalFacts, **changes: Any) -> Decision:
    return decide(*(approvals or (BOB, EVE)), **{"delegations": (hand_over(),), **changes})


def why(decision: Decision, index: int = 20) -> list[str]:
    return [one.code for one in decision.not_counted if one.index == index]


@pytest.mark.req("POL-01", "INV-12")
def test_who_was_handed_the_role_fills_the_slot() -> None:
    decision = handed()
    assert (decision.answer, decision.counted) == (Answer.APPROVED, (10, 20))
    qa = next(rule for rule in decision.rules if rule.id == "qa-signoff").requirements[0]
    assert (qa.filled[0].name, qa.filled[0].on_behalf_of) == ("Eve", "Dana")
    assert qa.sentence == "Eve for Dana approved as qa"


def trained(until: datetime | None) -> tuple[TrainingHeld, ...]:
    return (TrainingHeld(code="GXP-101", valid_until=until, as_of=date(2026, 6, 1), source="x"),)


BOTH_TEAMS = tuple(RoleHeld(role="maintainer", team=team) for team in ("ledger", "platform"))
BAD: dict[str, tuple[dict[str, Any], ApprovalFacts, str]] = {
    "no delegation": ({"delegations": ()}, EVE, "delegation"),
    "by somebody else": ({"delegations": (hand_over("ivan"),)}, EVE, "delegation"),
    "to somebody else": ({"delegations": (hand_over(receiver="carl"),)}, EVE, "delegation"),
    "for another role": ({"delegations": (hand_over(role="maintainer:ledger"),)}, EVE, "delegation"),
    "for another role that the giver holds as well": (
        {
            "delegations": (hand_over(role="maintainer:ledger"),),
            "staff": staff_with("dana", roles=(RoleHeld(role="qa"), RoleHeld(role="maintainer", team="ledger"))),
        },
        EVE,
        "delegation",
    ),
    "for the role of a team": ({"delegations": (hand_over(role="qa:ledger"),)}, EVE, "delegation"),
    "for the role of another team that the giver holds as well": (
        {
            "delegations": (hand_over("bob", role="maintainer:platform"),),
            "staff": staff_with("bob", roles=BOTH_TEAMS),
        },
        sign_for("bob", role="maintainer:ledger"),
        "delegation",
    ),
    "for longer than the policy lets": (
        {"delegations": (hand_over(starts_at=NOW - timedelta(days=2), ends_at=NOW + timedelta(days=19) + SECOND),)},
        EVE,
        "delegation",
    ),
    "starts after it was signed": ({"delegations": (hand_over(starts_at=EVE.signed_at + SECOND),)}, EVE, "delegation"),
    "ended when it was signed": ({}, replace(EVE, signed_at=NOW + timedelta(days=5)), "delegation"),
    "ends now": ({"delegations": (hand_over(ends_at=NOW),)}, EVE, "delegation"),
    "one covers then, another now": (
        {"delegations": (hand_over(ends_at=NOW - SECOND), hand_over(index=6, starts_at=NOW - SECOND))},
        EVE,
        "delegation",
    ),
    "the giver lost the role": ({"staff": staff_with("dana", roles=())}, EVE, "delegation"),
    "the giver holds it for another team": (
        {"staff": staff_with("dana", roles=(RoleHeld(role="qa", team="ledger"),))},
        EVE,
        "delegation",
    ),
    "the giver is disabled": ({"staff": staff_with("dana", state="inactive")}, EVE, "delegation"),
    "the giver's state is unknown": ({"staff": staff_with("dana", state="unknown")}, EVE, "delegation"),
    "the giver is a robot": ({"staff": staff_with("dana", robot=True)}, EVE, "delegation"),
    "the giver is gone": ({"staff": tuple(one for one in PEOPLE if one.login != "dana")}, EVE, "delegation"),
    "the giver contributed": ({"contributors": (contributor("alice"), contributor("dana"))}, EVE, "contributor"),
    "the receiver contributed": ({"contributors": (contributor("alice"), contributor("eve"))}, EVE, "contributor"),
    "the receiver opened it": ({"author": "corp:eve"}, EVE, "contributor"),
    "the receiver is disabled": ({"staff": staff_with("eve", state="inactive")}, EVE, "not-active"),
    "the receiver is a robot": ({"staff": staff_with("eve", robot=True)}, EVE, "robot"),
    "the receiver is not trained": ({"staff": staff_with("eve", trainings=())}, EVE, "prerequisite"),
    "the receiver is gone": ({"staff": tuple(one for one in PEOPLE if one.login != "eve")}, EVE, "unknown-person"),
    "for an earlier head": ({}, replace(EVE, head=H1), "stale-head"),
    "handed to themselves": ({"delegations": (hand_over(receiver="dana"),)}, sign_for("dana", "dana"), "delegation"),
}


@pytest.mark.req("INV-01", "INV-02", "INV-03")
@pytest.mark.parametrize("name", BAD)
def test_what_does_not_count_for_somebody(name: str) -> None:
    changes, approval, code = BAD[name]
    decision = handed(BOB, approval, **changes)
    assert not decision.answer.allows
    assert why(decision) == [code]


NO_QA = build_policy(BASE + "delegation: {roles: [maintainer], max_period: 36h}\n")
BOTH_HANDS = {"contributors": (contributor("alice"), contributor("dana", "committer"))}
WHY: dict[str, tuple[dict[str, Any], ApprovalFacts, str]] = {
    "no delegation": ({"delegations": ()}, EVE, "Dana has not handed over the role qa to Eve"),
    "none for the role of that team": (
        {},
        sign_for("bob", role="maintainer:ledger"),
        "Bob has not handed over the role maintainer of ledger to Eve",
    ),
    "by somebody the directory does not know": ({}, sign_for("zed"), "corp:zed has not handed over the role qa to Eve"),
    "a role that the policy does not name": ({"policy": NO_QA}, EVE, "the policy lets nobody hand over the role qa"),
    "not in force then": (
        {"delegations": (hand_over(starts_at=EVE.signed_at + SECOND),)},
        EVE,
        "the delegation of Dana to Eve was not in force when it was signed",
    ),
    "for too long": (
        {"delegations": (hand_over("bob", role="maintainer:ledger"),), "policy": NO_QA},
        sign_for("bob", role="maintainer:ledger"),
        "Bob handed the role over to Eve for longer than the policy lets (36 hours)",
    ),
    "starts later than it was signed for": (
        {"delegations": (hand_over(starts_at=NOW + SECOND),)},
        replace(EVE, signed_at=NOW + SECOND),
        "the delegation of Dana to Eve starts on 2026-07-01 12:00 UTC",
    ),
    "ended": (
        {"delegations": (hand_over(ends_at=NOW),)},
        EVE,
        "the delegation of Dana to Eve ended on 2026-07-01 12:00 UTC",
    ),
    "to themselves": (
        {"delegations": (hand_over(receiver="dana"),)},
        sign_for("dana", "dana"),
        "the delegations of the role qa by Dana go in a circle",
    ),
    "the giver is gone": (
        {"staff": tuple(one for one in PEOPLE if one.login != "dana")},
        EVE,
        "the directory says nothing about corp:dana now, who handed the role over to Eve",
    ),
    "the giver contributed": (
        BOTH_HANDS,
        EVE,
        "what is signed for Dana is their own signature, and Dana committed revision 1",
    ),
    "the giver is a robot": (
        {"staff": staff_with("dana", robot=True)},
        EVE,
        "Dana, who handed the role over to Eve, is a robot",
    ),
    "the giver is disabled": (
        {"staff": staff_with("dana", state="inactive")},
        EVE,
        "Dana, who handed the role over to Eve, is inactive in the directory",
    ),
    "the giver lost the role": (
        {"staff": staff_with("dana", roles=())},
        EVE,
        "Dana does not hold the role qa in the directory now, and what was handed over cannot be handed on",
    ),
}


@pytest.mark.req("INV-12")
@pytest.mark.parametrize("name", WHY)
def test_why_what_was_signed_for_somebody_does_not_count(name: str) -> None:
    changes, approval, reason = WHY[name]
    assert [(one.index, one.reason) for one in handed(approval, **changes).not_counted] == [(20, reason)]


@pytest.mark.req("POL-03")
def test_what_the_giver_rejected_is_not_approved_for_them() -> None:
    decision = handed(BOB, EVE, reject("dana", "change-board"))
    assert decision.answer is Answer.PENDING
    assert why(decision) == ["rejected-later"]


@pytest.mark.req("INV-03")
def test_a_sponsor_neither_hands_over_nor_receives() -> None:
    bot = contributor(None, address="bot@renovate.example", how="nobody")
    for giver, receiver in (("alice", "eve"), ("dana", "alice")):
        staff = staff_with("alice", roles=(RoleHeld(role="qa"),))
        decision = handed(
            BOB,
            sign_for(giver, receiver),
            staff=staff,
            author="corp:carl",
            contributors=(contributor("carl"), bot),
            delegations=(hand_over(giver, receiver),),
        )
        assert why(decision) == ["sponsor"]
        assert not decision.answer.allows


@pytest.mark.req("POL-01")
def test_a_policy_that_lets_nothing_be_handed_over() -> None:
    for text in (BASE, BASE + "delegation: {roles: [maintainer], max_period: 21d}\n"):
        decision = handed(policy=build_policy(text))
        assert why(decision) == ["delegation"]
        assert decision.answer is Answer.PENDING


@pytest.mark.req("POL-01")
def test_bounds_are_half_open_and_the_longest_period_counts() -> None:
    start = EVE.signed_at
    assert handed(delegations=(hand_over(starts_at=start),)).answer is Answer.APPROVED
    assert handed(delegations=(hand_over(ends_at=NOW + SECOND),)).answer is Answer.APPROVED
    longest = hand_over(starts_at=start, ends_at=start + timedelta(days=21))
    assert handed(delegations=(longest,)).answer is Answer.APPROVED
    assert not handed(delegations=(replace(longest, ends_at=longest.ends_at + SECOND),)).answer.allows


@pytest.mark.req("INV-01")
def test_an_end_and_a_start_to_come_end_the_decision() -> None:
    ends = NOW + timedelta(minutes=1)
    assert handed(delegations=(hand_over(ends_at=ends),)).valid_until == ends
    back = hand_over("eve", "dana", index=6, starts_at=NOW + timedelta(seconds=30))
    assert handed(delegations=(hand_over(), back)).valid_until == back.starts_at
    assert not handed(delegations=(hand_over(), replace(back, starts_at=NOW))).answer.allows


@pytest.mark.req("INV-03", "INV-12")
@pytest.mark.parametrize("others", [("eve",), ("carl", "eve"), ("carl", "pat", "eve")])
def test_circles_count_for_nothing_and_are_named(others: tuple[str, ...]) -> None:
    chain = ["dana", "eve", *others[:-1], "dana"]
    circle = tuple(hand_over(a, b, index=5 + n) for n, (a, b) in enumerate(pairwise(chain)))
    holders = tuple(
        replace(one, roles=(*one.roles, RoleHeld(role="qa"))) if one.login in chain else one for one in PEOPLE
    )
    decision = handed(BOB, EVE, staff=holders, delegations=circle)
    assert why(decision) == ["delegation"]
    assert any("go in a circle" in note and "Dana to Eve" in note for note in decision.notes)
    assert not decision.answer.allows


@pytest.mark.req("INV-13")
def test_a_circle_of_other_times_or_roles_is_none() -> None:
    over = hand_over("eve", "dana", index=6, ends_at=NOW - SECOND)
    other = hand_over("eve", "dana", "maintainer:ledger", index=6)
    for back in (over, other):
        assert handed(delegations=(hand_over(), back)).answer is Answer.APPROVED


@pytest.mark.req("INV-03")
def test_what_was_handed_over_cannot_be_handed_on() -> None:
    chain = (hand_over("dana", "carl"), hand_over("carl", "eve", index=6))
    decision = handed(BOB, sign_for("carl"), delegations=chain)
    assert why(decision) == ["delegation"]
    assert "cannot be handed on" in decision.not_counted[0].reason
    own = staff_with("carl", roles=(RoleHeld(role="qa"),))
    assert handed(BOB, sign_for("carl"), delegations=chain, staff=own).answer is Answer.APPROVED


TWO_QA = BASE.replace("require: [{role: qa, count: 1,", "require: [{role: qa, count: 2,")
TWO = build_policy(TWO_QA + "delegation: {roles: [maintainer, qa], max_period: 21d}\n")


@pytest.mark.req("INV-03")
def test_giver_and_receiver_fill_one_slot_together() -> None:
    both = handed(BOB, DANA, EVE, policy=TWO)
    assert (both.answer, len(both.counted)) == (Answer.PENDING, 2)
    assert why(both, 20) == ["one-slot"], "what Dana signed herself counts before what was signed for her"
    assert both.counted == (10, 11)
    assert handed(BOB, EVE, approve("ivan", "qa", index=12), policy=TWO).answer is Answer.APPROVED


@pytest.mark.req("INV-03")
def test_the_receiver_in_an_own_role_and_for_somebody_is_one_person() -> None:
    staff = staff_with("eve", roles=(RoleHeld(role="maintainer", team="ledger"),))
    own = approve("eve", "maintainer:ledger", index=12)
    alone = handed(own, EVE, staff=staff)
    assert (alone.answer, len(alone.counted)) == (Answer.PENDING, 1)
    assert handed(own, EVE, BOB, staff=staff).answer is Answer.APPROVED
    assert handed(own, EVE, DANA, staff=staff).answer is Answer.APPROVED


@pytest.mark.req("INV-03")
def test_the_giver_in_another_role_and_by_the_receiver_is_one_person() -> None:
    staff = staff_with("dana", roles=(RoleHeld(role="qa"), RoleHeld(role="maintainer", team="ledger")))
    own = approve("dana", "maintainer:ledger", index=12)
    assert handed(own, EVE, staff=staff).answer is Answer.PENDING
    assert handed(own, EVE, approve("ivan", "qa", index=13), staff=staff).answer is Answer.APPROVED


@pytest.mark.req("INV-03")
def test_two_receivers_of_one_giver_and_two_givers_of_one_receiver_are_one() -> None:
    two = (hand_over(), hand_over(receiver="carl", index=6))
    assert not handed(BOB, EVE, sign_for("dana", "carl", index=21), policy=TWO, delegations=two).answer.allows
    givers = (hand_over(), hand_over("ivan", index=6))
    assert not handed(BOB, EVE, sign_for("ivan", index=21), policy=TWO, delegations=givers).answer.allows


@pytest.mark.req("INV-12")
def test_receivers_are_candidates_and_named_for_whom() -> None:
    decision = handed(BOB)
    qa = next(rule for rule in decision.rules if rule.id == "qa-signoff").requirements[0]
    assert [(one.person, one.name) for one in qa.candidates] == [
        ("corp:dana", "Dana"),
        ("corp:eve", "Eve (for Dana)"),
        ("corp:ivan", "Ivan"),
    ]
    own = handed(BOB, staff=staff_with("eve", roles=(RoleHeld(role="qa"),))).rules[2].requirements[0]
    assert [one.name for one in own.candidates] == ["Dana", "Eve", "Ivan"]
    elsewhere = handed(BOB, delegations=(hand_over("pat", "eve", "maintainer:platform"),))
    assert "Eve" not in "\n".join(explain_decision(elsewhere))
    over = handed(BOB, delegations=(hand_over(ends_at=NOW),))
    assert "Eve" not in "\n".join(explain_decision(over))


@pytest.mark.req("INV-03", "INV-12")
def test_whose_delegation_a_contributor_stands_behind_is_named_as_one_who_cannot() -> None:
    """A contributor's role used in their name would be their own approval; so would it be with a contributor's hand."""
    for who, reason in (
        ("dana", "what is signed for Dana is their own signature, and Dana wrote revision 1"),
        ("eve", "Eve wrote revision 1"),
    ):
        decision = handed(BOB, contributors=(contributor("alice"), contributor(who)))
        qa = next(rule for rule in decision.rules if rule.id == "qa-signoff").requirements[0]
        assert "corp:eve" not in [one.person for one in (*qa.candidates, *decision.ask)]
        (eve,) = (one for one in qa.disqualified if one.person == "corp:eve")
        assert (eve.name, eve.code, eve.reason) == ("Eve (for Dana)", "contributor", reason)
    for elsewhere in (hand_over(role="maintainer:platform"), hand_over(starts_at=NOW + SECOND), hand_over(ends_at=NOW)):
        decision = handed(
            BOB, delegations=(elsewhere,), contributors=(contributor("alice"), contributor("dana"), contributor("eve"))
        )
        qa = next(rule for rule in decision.rules if rule.id == "qa-signoff").requirements[0]
        assert "corp:eve" not in [one.person for one in qa.disqualified]


@pytest.mark.req("INV-12")
@pytest.mark.parametrize(
    ("staff", "code", "reason"),
    [
        (staff_with("eve", state="inactive"), "not-active", "Eve is inactive in the directory"),
        (staff_with("eve", robot=True), "robot", "Eve is a robot, and robots never approve"),
        (staff_with("eve", trainings=()), "prerequisite", "Eve has no training GXP-101 on record"),
        (
            tuple(one for one in PEOPLE if one.login != "eve"),
            "unknown-person",
            "the directory says nothing about corp:eve",
        ),
    ],
    ids=["disabled", "a robot", "untrained", "gone"],
)
def test_a_receiver_who_could_sign_nothing_is_no_candidate(staff: tuple[Any, ...], code: str, reason: str) -> None:
    qa = next(rule for rule in handed(BOB, staff=staff).rules if rule.id == "qa-signoff").requirements[0]
    assert [one.name for one in qa.candidates] == ["Dana", "Ivan"]
    assert [(one.person, one.code, one.reason) for one in qa.disqualified] == [("corp:eve", code, reason)]


@pytest.mark.req("INV-12")
def test_nobody_is_asked_to_sign_for_somebody_before_the_delegation_starts() -> None:
    for start, names in ((NOW, ["Dana", "Eve (for Dana)", "Ivan"]), (NOW + SECOND, ["Dana", "Ivan"])):
        decision = handed(BOB, delegations=(hand_over(starts_at=start),))
        qa = next(rule for rule in decision.rules if rule.id == "qa-signoff").requirements[0]
        assert [one.name for one in qa.candidates] == names


@pytest.mark.req("INV-12")
def test_what_the_policy_does_not_let_be_handed_over_is_left_aside() -> None:
    """Neither whom to ask, nor how long the answer holds, nor what is noted comes from it."""
    soon = NOW + SECOND
    circle = (hand_over(ends_at=soon), hand_over("eve", "dana", index=6, ends_at=soon))
    assert handed(BOB, policy=NO_QA, delegations=circle) == handed(BOB, policy=NO_QA, delegations=())


@pytest.mark.req("INV-12")
def test_circles_are_told_by_role_and_team() -> None:
    circle = [("bob", "eve", "maintainer:ledger"), ("eve", "bob", "maintainer:ledger")]
    circle += [("dana", "eve", "qa"), ("eve", "zed", "qa"), ("zed", "dana", "qa")]
    delegations = tuple(hand_over(*one, index=number) for number, one in enumerate(circle))
    assert [note for note in handed(BOB, delegations=delegations).notes if "circle" in note] == [
        (
            "The delegations of the role maintainer of ledger go in a circle and count for nothing: "
            "Bob to Eve, Eve to Bob."
        ),
        (
            "The delegations of the role qa go in a circle and count for nothing: "
            "Dana to Eve, Eve to corp:zed, corp:zed to Dana."
        ),
    ]


@pytest.mark.req("INV-03", "INV-13")
def test_handing_a_role_to_a_contributor_makes_nobody_one() -> None:
    """Dana's own signature is hers, whoever else may use her role; nor is Ivan's spoilt by Dana's part in it."""
    by_eve = {"contributors": (contributor("alice"), contributor("eve"))}
    assert handed(BOB, DANA, **by_eve).answer is Answer.APPROVED
    by_dana = {"contributors": (contributor("alice"), contributor("dana"))}
    two = (hand_over(), hand_over("ivan", index=6))
    assert handed(BOB, sign_for("ivan"), delegations=two, **by_dana).answer is Answer.APPROVED
    assert not handed(BOB, EVE, delegations=two, **by_dana).answer.allows


@pytest.mark.req("INV-12")
def test_a_candidate_says_for_whom() -> None:
    qa = next(rule for rule in handed(BOB).rules if rule.id == "qa-signoff").requirements[0]
    assert {one.person: one.on_behalf_of for one in qa.candidates} == {
        "corp:dana": None,
        "corp:eve": "Dana",
        "corp:ivan": None,
    }


@pytest.mark.req("INV-12")
def test_a_receiver_is_asked_when_only_they_can_sign() -> None:
    staff = tuple(replace(one, trainings=()) if one.login == "dana" else one for one in PEOPLE if one.login != "ivan")
    decision = handed(BOB, staff=staff)
    assert [one.name for one in decision.ask] == ["Eve (for Dana)"]
    assert not [note for note in decision.notes if "Nobody" in note]
    assert handed(BOB, EVE, staff=staff).answer is Answer.APPROVED


@pytest.mark.req("INV-12")
def test_who_is_taken_is_no_candidate() -> None:
    for approvals in ((EVE,), (DANA,)):
        decision = handed(*approvals, policy=TWO)
        qa = next(rule for rule in decision.rules if rule.id == "qa-signoff").requirements[0]
        assert [one.name for one in qa.candidates] == ["Ivan"]


@pytest.mark.req("INV-03", "INV-12")
def test_giver_and_receiver_are_not_both_planned_for() -> None:
    """Dana could sign, and Eve for Dana: that is one signature, and two are asked."""
    staff = tuple(one for one in PEOPLE if one.login != "ivan")
    decision = handed(BOB, policy=TWO, staff=staff)
    qa = next(rule for rule in decision.rules if rule.id == "qa-signoff").requirements[0]
    assert [one.name for one in qa.candidates] == ["Dana", "Eve (for Dana)"]
    assert not qa.is_satisfiable
    assert [one.name for one in decision.ask] == ["Dana"]


@pytest.mark.req("INV-12")
def test_whoever_can_sign_in_a_role_of_their_own_is_asked_for_that() -> None:
    """Eve is the only maintainer left, and Dana, who cannot sign, handed hers over to her."""
    changes: dict[str, dict[str, Any]] = {
        "eve": {"roles": (RoleHeld(role="maintainer", team="ledger"),)},
        "dana": {"trainings": ()},
    }
    people = (one for one in PEOPLE if one.login not in ("bob", "ivan"))
    staff = tuple(replace(one, **changes.get(one.login, {})) for one in people)
    decision = decide(staff=staff, delegations=(hand_over(),))
    assert [(one.name, one.on_behalf_of) for one in decision.ask] == [("Eve", None)]


SHARED_TOO = """\
  - id: more
    description: Quality looks as well.
    require: [{role: qa, count: 1, shared: true, meaning: technical-review}]
"""


@pytest.mark.req("INV-03", "INV-12")
@pytest.mark.parametrize("has_signed", [True, False])
def test_nobody_is_planned_for_as_themselves_and_for_somebody_even_in_a_shared_count(has_signed: bool) -> None:
    """Eve as a maintainer and Eve for Dana: one of the two would not count, so she alone is not enough."""
    policy = build_policy(BASE + SHARED_TOO + "delegation: {roles: [qa], max_period: 21d}\n")
    changes: dict[str, dict[str, Any]] = {
        "eve": {"roles": (RoleHeld(role="maintainer", team="ledger"),)},
        "dana": {"trainings": ()},
    }
    people = (one for one in PEOPLE if one.login not in ("bob", "ivan"))
    staff = tuple(replace(one, **changes.get(one.login, {})) for one in people)
    signed = (approve("eve", "maintainer:ledger", index=12),) if has_signed else ()
    decision = decide(*signed, policy=policy, staff=staff, delegations=(hand_over(),))
    more = next(rule for rule in decision.rules if rule.id == "more").requirements[0]
    assert not more.is_satisfiable


@pytest.mark.req("INV-03", "INV-12")
def test_who_counts_with_somebody_else_is_told_why_they_fill_no_other_slot() -> None:
    maintainer = RoleHeld(role="maintainer", team="ledger")
    more = {"corp:dana", "corp:eve"}
    staff = tuple(replace(one, roles=(*one.roles, maintainer)) if one.id in more else one for one in PEOPLE)
    decision = handed(EVE, staff=staff)
    owners = next(rule for rule in decision.rules if rule.id == "owner-review").requirements[0]
    reason = "Eve counts as qa for Dana, and together they fill one slot"
    assert [(one.name, one.code, one.reason) for one in owners.disqualified] == [
        ("Dana", "one-slot", reason),
        ("Eve", "delegation", reason),
    ]


@pytest.mark.req("INV-12")
def test_who_cannot_is_listed_by_name() -> None:
    decision = handed(BOB, contributors=tuple(contributor(login) for login in ("alice", "dana", "ivan")))
    qa = next(rule for rule in decision.rules if rule.id == "qa-signoff").requirements[0]
    assert [one.name for one in qa.disqualified] == ["Dana", "Eve (for Dana)", "Ivan"]


@pytest.mark.req("INV-12")
def test_delegation_in_plain_words() -> None:
    section = next(one for one in explain_policy(EXCEPTIONAL) if one.title == "Who may sign for somebody")
    assert section.lines[0] == "Who holds maintainer or qa may hand the role over to somebody for at most 21 days."


# --- whatever is handed over by whom

LOGINS = [one.login for one in PEOPLE]
ROLES = ["qa", "maintainer:ledger", "maintainer:platform"]
DANA_OR = st.sampled_from(LOGINS)


@st.composite
def delegations(draw: st.DrawFn) -> DelegationFacts:
    starts = NOW - timedelta(hours=draw(st.integers(-2, 40)))
    return hand_over(
        draw(DANA_OR),
        draw(DANA_OR),
        draw(st.sampled_from(ROLES)),
        index=draw(st.integers(1, 9)),
        starts_at=starts,
        ends_at=starts + timedelta(hours=draw(st.integers(1, 30 * 24))),
    )


@st.composite
def situations(draw: st.DrawFn) -> Facts:
    handed_over = draw(st.lists(delegations(), max_size=5))
    acts = [
        sign_for(
            one.giver.removeprefix("corp:"),
            one.receiver.removeprefix("corp:"),
            f"{one.role}:{one.team}" if one.team else one.role,
            index=20 + number,
        )
        for number, one in enumerate(handed_over)
    ]
    held = [(one.login, f"{h.role}:{h.team}" if h.team else h.role) for one in PEOPLE for h in one.roles]
    own = draw(st.lists(st.sampled_from(held), max_size=4))
    acts += [approve(login, role, index=40 + number) for number, (login, role) in enumerate(own)]
    more = draw(st.lists(st.sampled_from(LOGINS), max_size=2))
    return facts(
        *acts,
        policy=draw(st.sampled_from([EXCEPTIONAL, TWO])),
        delegations=tuple(handed_over),
        contributors=(contributor("alice"), *(contributor(login) for login in more)),
    )


def policy_of(given_facts: Facts) -> Any:
    return next(one for one in (EXCEPTIONAL, TWO) if one.digest == given_facts.policy_digest)


@pytest.mark.req("INV-03")
@given(situations())
def test_no_contributor_counts_and_nobody_fills_two_slots(one: Facts) -> None:
    decision = evaluate(policy_of(one), one)
    used = [act for act in one.approvals if act.index in decision.counted]
    parties = [key for act in used for key in {act.person, act.on_behalf_of} - {None}]
    assert len(parties) == len(set(parties))
    assert not set(parties) & {each.person for each in one.contributors}
    people: dict[str, PersonFacts] = {each.id: each for each in one.people}
    for act in used:
        holder = people[act.on_behalf_of or act.person]
        assert any((held.role, held.team) == (act.role, act.team) for held in holder.roles)


@pytest.mark.req("INV-01")
@given(situations(), st.data())
def test_taking_an_approval_away_never_helps(one: Facts, data: st.DataObject) -> None:
    if not one.approvals or evaluate(policy_of(one), one).answer.allows:
        return
    gone = data.draw(st.sampled_from(one.approvals))
    less = replace(one, approvals=tuple(act for act in one.approvals if act is not gone))
    assert not evaluate(policy_of(one), less).answer.allows


@pytest.mark.req("INV-03")
@given(st.lists(st.frozensets(st.integers(0, 5), min_size=1, max_size=2), max_size=6))
def test_untangle_finds_the_largest_choice_of_acts_that_do_not_overlap(parties: list[frozenset[int]]) -> None:
    ways = list(untangle(parties))
    assert ways
    best = 0
    for chosen in product([False, True], repeat=len(parties)):
        kept = [parties[at] for at, is_in in enumerate(chosen) if is_in]
        if len(kept) == len(set(kept)) and sum(map(len, kept)) == len(frozenset[int]().union(*kept)):
            best = max(best, len(kept))
    assert max(len({parties[at] for at in way}) for way in ways) == best
    for way in ways:
        distinct = {parties[at] for at in way}
        assert sum(map(len, distinct)) == len(frozenset[int]().union(*distinct))


@pytest.mark.req("INV-03")
def test_signing_for_oneself_is_tried_before_signing_for_somebody() -> None:
    assert list(untangle([frozenset("a"), frozenset("ab")])) == [(0,), (1,)]


@pytest.mark.req("INV-01")
def test_the_ways_to_try_are_bounded() -> None:
    """Each pair of acts that overlap doubles them: nine pairs are tried to the end, ten are not."""
    pairs = [frozenset({f"{n}b", f"{n}{end}"}) for n in range(10) for end in "ac"]
    assert len(list(untangle(pairs[:18]))) == len(list(untangle(pairs))) == MOST_WAYS == 512


@pytest.mark.req("INV-03")
def test_only_edges_of_a_circle_are_cyclic() -> None:
    edges = [("a", "b"), ("b", "c"), ("c", "a"), ("c", "d"), ("e", "a")]
    known = [hand_over(giver, receiver, index=n) for n, (giver, receiver) in enumerate(edges)]
    assert [one.index for one in find_cyclic(known)] == [0, 1, 2]


@pytest.mark.req("INV-02")
def test_a_training_of_the_receiver_that_lapses_ends_the_decision() -> None:
    until = NOW + timedelta(seconds=20)
    decision = handed(staff=staff_with("eve", trainings=trained(until)))
    assert decision.answer is Answer.APPROVED
    assert until < decision.valid_until <= until + SECOND
