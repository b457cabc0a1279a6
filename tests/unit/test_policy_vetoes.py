"""Vetoes: which rejections are one, what is said of it, and who clears it; that nobody else does."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from gate.policy.decision import Answer, Decision
from gate.policy.effective import EffectivePolicy
from gate.policy.evaluate import evaluate
from gate.policy.explain import explain_decision
from gate.policy.facts import ClearanceFacts, TrainingHeld
from gate.policy.record import facts_bytes, parse_facts
from tests.support.policies import (
    EFFECTIVE,
    H1,
    NOW,
    POLICY,
    STAFF,
    approve,
    build_facts,
    build_policy,
    contributor,
    reject,
)

BOB, DANA = approve("bob", "maintainer:ledger"), approve("dana", "qa", index=11)


def decide(policy: EffectivePolicy, **changes: Any) -> Decision:
    """The everyday case, signed by everybody it needs and with Sam's veto, under ``policy``."""
    signed = changes.pop("approvals", (BOB, DANA, VETO))
    mine = tuple(replace(one, policy_digest=policy.digest) for one in signed)
    facts = build_facts(policy=policy, approvals=mine, **changes)
    assert parse_facts(facts_bytes(facts)) == facts
    return evaluate(policy, facts)


def lines_of(decision: Decision) -> str:
    return "\n".join(explain_decision(decision))


def staff(login: str, **changes: Any) -> dict[str, Any]:
    return {"staff": tuple(replace(one, **changes) if one.login == login else one for one in STAFF)}


CLEARED = build_policy(POLICY.replace("survives_push: true}", "survives_push: true, cleared_by: [change-board]}"))
FORGE = build_policy(POLICY.replace("each_owning_team, count: 1", "each_owning_team, count: 1, forge_review: true"))
VETO = reject("sam", "security", index=90)


def clear(login: str = "liz", role: str = "change-board", **changes: Any) -> ClearanceFacts:
    base = ClearanceFacts(
        index=95,
        veto=90,
        person=f"corp:{login}",
        name=login.capitalize(),
        role=role,
        signed_at=NOW - timedelta(hours=1),
    )
    return replace(base, **changes)


CLEARANCES: dict[str, tuple[tuple[ClearanceFacts, ...], dict[str, Any], Answer, str]] = {
    "nobody": ((), {}, Answer.REJECTED, "or until somebody with the role change-board clears it"),
    "the board": ((clear(),), {}, Answer.APPROVED, "Liz cleared that as change-board"),
    "a role that clears nothing": ((clear("dana", "qa"),), {}, Answer.REJECTED, "the role qa clears no veto"),
    "who lost the role": ((clear(),), staff("liz", roles=()), Answer.REJECTED, "Liz does not hold the role"),
    "who has left": ((clear(),), staff("liz", state="inactive"), Answer.REJECTED, "Liz is inactive"),
    "who lost the training": ((clear(),), staff("liz", trainings=()), Answer.REJECTED, "Liz has no training GXP-101"),
    "a contributor": (
        (clear(),),
        {"contributors": (contributor("alice"), contributor("liz", "co-author"))},
        Answer.REJECTED,
        "Liz is named as co-author",
    ),
    "who opened it": ((clear(),), {"author": "corp:liz"}, Answer.REJECTED, "Liz opened this contribution"),
    "nobody the directory knows": ((clear("zed"),), {}, Answer.REJECTED, "the directory says nothing about Zed"),
    "another veto": ((clear(veto=80),), {}, Answer.REJECTED, "or until somebody"),
    "before the veto": ((clear(index=89),), {}, Answer.REJECTED, "came before this rejection"),
    "one of two who may": ((clear("dana", "qa"), clear(index=96)), {}, Answer.APPROVED, "Liz cleared that"),
}


@pytest.mark.req("POL-03", "INV-01", "INV-03", "INV-12")
@pytest.mark.parametrize("name", CLEARANCES)
def test_who_clears_a_veto(name: str) -> None:
    clearances, changes, answer, said = CLEARANCES[name]
    decision = decide(CLEARED, clearances=clearances, **changes)
    assert decision.answer is answer
    assert said in lines_of(decision)


@pytest.mark.req("POL-03", "INV-01")
def test_a_clearance_never_clears_a_later_veto_nor_one_of_somebody_else() -> None:
    again = replace(VETO, index=97)
    assert decide(CLEARED, approvals=(BOB, DANA, VETO, again), clearances=(clear(),)).answer is Answer.REJECTED
    other = reject("pat", "maintainer:platform", index=91)
    assert decide(CLEARED, approvals=(BOB, DANA, VETO, other), clearances=(clear(),)).answer is Answer.REJECTED
    assert decide(EFFECTIVE, clearances=(clear(),)).answer is Answer.REJECTED


@pytest.mark.req("POL-03", "INV-01")
def test_a_clearance_needs_a_group_that_was_read_and_a_team_that_owns_something() -> None:
    facts = build_facts(policy=CLEARED, approvals=())
    unread = tuple(replace(row, error="timed out") if row.role == "change-board" else row for row in facts.role_members)
    others = tuple(row for row in facts.role_members if row.role != "change-board")
    left = tuple(
        replace(row, members=("corp:lou",)) if row.role == "change-board" else row for row in facts.role_members
    )
    for rows in (unread, others, left):
        decision = decide(CLEARED, clearances=(clear(),), role_members=rows)
        assert decision.answer is Answer.REJECTED
    text = POLICY.replace("survives_push: true}", "survives_push: true, cleared_by: [maintainer]}")
    for login, team, answer in (("ivan", "ledger", Answer.APPROVED), ("pat", "platform", Answer.REJECTED)):
        mine = clear(login, "maintainer", team=team)
        assert decide(build_policy(text), clearances=(mine,)).answer is answer


NO_VETO = build_policy(POLICY.replace("veto: {roles: [maintainer, qa, security], survives_push: true}\n", ""))
ENDS_WITH_PUSH = build_policy(POLICY.replace("survives_push: true", "survives_push: false"))
BY_IVAN = reject("ivan", "maintainer:ledger", index=91)
BY_MAINTAINERS = build_policy(POLICY.replace("survives_push: true}", "survives_push: true, cleared_by: [maintainer]}"))


@pytest.mark.req("POL-03", "INV-12")
@pytest.mark.parametrize(
    ("policy", "rejection", "note"),
    [
        (NO_VETO, VETO, "Sam rejected this as security, a role without a veto."),
        (
            EFFECTIVE,
            reject("liz", "change-board"),
            "Liz rejected this as change-board, a role without a veto.",
        ),
        (
            ENDS_WITH_PUSH,
            replace(VETO, head=H1),
            "Sam rejected the earlier head 1111111111; here a rejection ends with a push.",
        ),
    ],
    ids=["a policy without vetoes", "a role without one", "of an earlier head"],
)
def test_a_rejection_that_is_no_veto_is_noted(policy: EffectivePolicy, rejection: Any, note: str) -> None:
    decision = decide(policy, approvals=(BOB, DANA, rejection))
    assert decision.answer is Answer.APPROVED
    assert note in decision.notes


@pytest.mark.req("INV-12")
def test_what_is_said_of_a_veto() -> None:
    said = "rejected this on 2026-07-01 11:00 UTC; the rejection stands until they withdraw it or approve"
    on_forge = replace(VETO, kind="forge-review")
    for policy, veto, sentence in (
        (EFFECTIVE, VETO, f"Sam (security) {said}."),
        (EFFECTIVE, BY_IVAN, f"Ivan (maintainer of ledger) {said}."),
        (EFFECTIVE, on_forge, f"Sam (security) {said.replace('this on', 'this on the forge on')}."),
        (CLEARED, VETO, f"Sam (security) {said}, or until somebody with the role change-board clears it."),
    ):
        (reason,) = decide(policy, approvals=(BOB, DANA, veto)).reasons
        assert reason.sentence == sentence


@pytest.mark.req("INV-12")
def test_what_is_said_of_a_clearance() -> None:
    (note,) = decide(CLEARED, clearances=(clear(),)).notes
    assert note == (
        "Sam (security) rejected this on 2026-07-01 11:00 UTC; "
        "Liz cleared that as change-board on 2026-07-01 11:00 UTC."
    )
    mine = clear("ivan", "maintainer", team="ledger")
    (note,) = decide(BY_MAINTAINERS, clearances=(mine,)).notes
    assert note.endswith("Ivan cleared that as maintainer of ledger on 2026-07-01 11:00 UTC.")
    tried = (clear("dana", "qa"), clear("liz", index=89))
    (reason,) = decide(CLEARED, clearances=tried).reasons
    assert reason.sentence.endswith(
        "clears it. Liz could not clear it: what was cleared came before this rejection. "
        "Dana could not clear it: the role qa clears no veto."
    )


@pytest.mark.req("INV-02", "POL-03")
def test_a_training_of_whoever_cleared_it_that_lapses_ends_the_decision() -> None:
    until = NOW + timedelta(seconds=20)
    held = TrainingHeld(code="GXP-101", valid_until=until, as_of=date(2026, 6, 1), source="register")
    decision = decide(CLEARED, clearances=(clear(),), **staff("liz", trainings=(held,)))
    assert (decision.answer, decision.valid_until) == (Answer.APPROVED, until + timedelta(microseconds=1))


@pytest.mark.req("POL-03", "INV-01")
def test_a_role_that_directory_and_group_do_not_agree_on_clears_nothing() -> None:
    """Liz is named by the group as it was read for one question, and no longer holds the role by the other."""
    rows = build_facts(policy=CLEARED).role_members
    decision = decide(CLEARED, clearances=(clear(),), role_members=rows, **staff("liz", roles=()))
    assert decision.answer is Answer.REJECTED
    assert "Liz does not hold the role change-board now" in lines_of(decision)
    board = next(row for row in rows if row.role == "change-board")
    twice = (*rows, replace(board, error="timed out"))
    assert decide(CLEARED, clearances=(clear(),), role_members=twice).answer is Answer.REJECTED


@pytest.mark.req("POL-03")
def test_a_team_that_owns_nothing_of_it_clears_nothing_though_its_group_was_read() -> None:
    rows = build_facts(policy=BY_MAINTAINERS).role_members
    platform = replace(next(row for row in rows if row.role == "maintainer"), team="platform", members=("corp:pat",))
    mine = clear("pat", "maintainer", team="platform")
    decision = decide(BY_MAINTAINERS, clearances=(mine,), role_members=(*rows, platform))
    assert decision.answer is Answer.REJECTED
    assert "Pat could not clear it: platform owns nothing that this changes." in lines_of(decision)


@pytest.mark.req("POL-03")
@pytest.mark.parametrize("kind", ["signature", "forge-review"])
def test_who_rejects_again_in_a_role_without_a_veto_keeps_their_veto(kind: str) -> None:
    again = replace(VETO, index=91, role="change-board", kind=kind)
    decision = decide(EFFECTIVE, approvals=(BOB, DANA, VETO, again))
    assert (decision.answer, [one.code for one in decision.reasons]) == (Answer.REJECTED, ["veto"])
    taken_back = (BOB, DANA, VETO, approve("sam", "security", index=92))
    assert decide(EFFECTIVE, approvals=taken_back).answer is Answer.APPROVED


@pytest.mark.req("POL-03")
def test_who_rejects_an_earlier_head_afterwards_keeps_their_veto() -> None:
    ends = build_policy(POLICY.replace("survives_push: true", "survives_push: false"))
    earlier = replace(VETO, index=91, head=H1)
    assert decide(ends, approvals=(BOB, DANA, VETO, earlier)).answer is Answer.REJECTED
    assert decide(ends, approvals=(BOB, DANA, earlier)).answer is Answer.APPROVED


@pytest.mark.req("POL-03", "RCV-08")
def test_an_approving_review_takes_back_a_change_request_on_the_forge_and_no_signed_veto() -> None:
    review = replace(BOB, index=92, kind="forge-review")
    asked_to_change = replace(reject("bob", "maintainer:ledger", index=91), kind="forge-review")
    assert decide(FORGE, approvals=(DANA, asked_to_change)).answer is Answer.REJECTED
    assert decide(FORGE, approvals=(DANA, asked_to_change, review)).answer is Answer.APPROVED
    signed = replace(asked_to_change, kind="signature")
    assert decide(FORGE, approvals=(DANA, signed, review)).answer is Answer.REJECTED


@pytest.mark.req("INV-12", "RCV-08")
def test_a_review_in_two_roles_is_not_told_of_as_uncounted_where_it_counts_in_one() -> None:
    """One review on the forge stands in every role its giver held; here they have lost one since."""
    review = replace(BOB, kind="forge-review")
    decision = decide(FORGE, approvals=(review, replace(review, role="security", team=None), DANA))
    assert decision.answer is Answer.APPROVED
    assert decision.not_counted == ()
