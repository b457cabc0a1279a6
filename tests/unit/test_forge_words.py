"""Whose word a review on a forge is, and that saying no there never makes a yes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.policy.evaluate import evaluate
from gate.policy.facts import ApprovalFacts, Facts, RoleHeld
from gate.store.forge_reviews import ForgeReviewRow
from gate.workflow.forge_words import build_review_facts, find_words, read_role, why_no_news, write_role
from tests.support.policies import H1, H2, NOW, POLICY, STAFF, approve, build_facts, build_policy, paths

pytestmark = pytest.mark.req("RCV-08", "INV-01")

FORGE = build_policy(
    POLICY.replace(
        "of: each_owning_team, count: 1, meaning: technical-review}",
        "of: each_owning_team, count: 1, meaning: technical-review, forge_review: true}",
    )
)
ROLES = {
    "bob": ("maintainer:ledger",),
    "ivan": ("maintainer:ledger", "qa"),
    "alice": (),
    "pat": ("maintainer:platform",),
}


def review(login: str, act: str = "approve", minute: int = 0, **changes: Any) -> ForgeReviewRow:
    base = ForgeReviewRow(
        idx=20 + minute,
        repository="core",
        number=1,
        revision=2,
        act=act,
        forge="hub",
        review=str(100 + minute),
        account=login,
        login=login,
        person=f"corp:{login}",
        how="login",
        name=login.capitalize(),
        roles=ROLES[login],
        head=H2,
        target="refs/heads/main",
        policy_digest=bytes.fromhex(FORGE.digest),
        submitted_at=NOW - timedelta(hours=1) + timedelta(minutes=minute),
        recorded_at=NOW,
        expires_at=None,
    )
    return replace(base, **changes)


def record(delivered: Sequence[ForgeReviewRow], known: Sequence[ForgeReviewRow] = ()) -> list[ForgeReviewRow]:
    """What is on record when they came in this order."""
    rows = list(known)
    for one in delivered:
        if why_no_news(rows, one) is None:
            rows.append(replace(one, idx=20 + len(rows)))
    return rows


def words(rows: Sequence[ForgeReviewRow]) -> set[tuple[str, str, str | None, tuple[object, ...]]]:
    return {(one.row.review, one.row.act, one.row.person, one.roles) for one in find_words(rows)}


def decide(rows: Sequence[ForgeReviewRow], facts: Facts) -> bool:
    found = tuple(build_review_facts(rows, FORGE))
    return evaluate(FORGE, replace(facts, approvals=(*facts.approvals, *found))).answer.allows


@st.composite
def deliveries(draw: st.DrawFn) -> list[ForgeReviewRow]:
    found = []
    for minute in range(draw(st.integers(0, 6))):
        login = draw(st.sampled_from(sorted(ROLES)))
        one = review(login, draw(st.sampled_from(["approve", "reject"])), minute)
        if draw(st.integers(0, 5)) == 0:
            one = replace(one, person=None, roles=())
        if draw(st.integers(0, 5)) == 0:
            one = replace(one, roles=())
        if draw(st.integers(0, 4)) == 0:
            one = replace(one, head=H1)
        if draw(st.integers(0, 3)) == 0:
            one = replace(one, submitted_at=NOW - timedelta(hours=1))
        found.append(one)
        if draw(st.integers(0, 3)) == 0:
            found.append(replace(draw(st.sampled_from(found)), act="withdraw"))
    return found


SIGNED = st.lists(
    st.sampled_from([approve("dana", "qa", index=10), approve("bob", "maintainer:ledger", index=11)]), unique=True
)


@given(deliveries(), SIGNED, st.sampled_from(sorted(ROLES)), st.integers(0, 30), st.booleans())
def test_one_more_change_request_never_makes_a_yes(
    told: list[ForgeReviewRow], signed: list[ApprovalFacts], login: str, minute: int, known: bool
) -> None:
    facts = build_facts(policy=FORGE, approvals=tuple(replace(one, policy_digest=FORGE.digest) for one in signed))
    before = record(told)
    more = review(login, "reject", minute, review="900")
    after = record([more if known else replace(more, person=None, roles=())], before)
    assert decide(before, facts) or not decide(after, facts)
    for one in told:
        dismissed = record([gone(one)], before)
        assert one.act != "approve" or decide(before, facts) or not decide(dismissed, facts), (
            "nor does taking an approval back"
        )


@given(deliveries(), st.randoms(use_true_random=False))
def test_words_do_not_hang_on_the_order_of_delivery(told: list[ForgeReviewRow], random: Random) -> None:
    turned = list(told)
    random.shuffle(turned)
    assert words(record(told)) == words(record(turned))
    assert record(told, record(told)) == record(told), "and repeats add nothing"


@given(deliveries())
def test_each_person_has_one_word_and_it_is_their_own(told: list[ForgeReviewRow]) -> None:
    rows = record(told)
    found = find_words(rows)
    assert len({one.row.person for one in found}) == len(found)
    for word in found:
        later = [one for one in rows if one.person == word.row.person and one.submitted_at > word.row.submitted_at]
        assert word.row.person is not None
        assert word.row.act == "reject" or not later


def gone(one: ForgeReviewRow) -> ForgeReviewRow:
    """The same review, dismissed on the forge."""
    return replace(one, act="withdraw")


YES, NO, AGAIN = review("bob", minute=1), review("bob", "reject", 2), review("bob", "reject", 3)
UNKNOWN = review("bob", "reject", 2, person=None, roles=())
Case = tuple[list[ForgeReviewRow], list[ForgeReviewRow | str]]


def at_once(act: str, id: str) -> ForgeReviewRow:
    return review("bob", act, review=id, submitted_at=NOW)


CASES: dict[str, Case] = {
    "the newer one": ([YES, NO], [NO]),
    "the newer one, delivered first": ([NO, YES], [NO]),
    "dismissed": ([YES, gone(YES)], []),
    "dismissed before it was delivered": ([gone(YES), YES], []),
    "an approval does not come back": ([YES, NO, gone(NO)], []),
    "a change request comes back": ([NO, AGAIN, gone(AGAIN)], [NO]),
    "until it is dismissed too": ([NO, AGAIN, gone(NO), gone(AGAIN)], []),
    "another account of the same person": ([YES, review("bob", "reject", 2, account="bob2")], ["102"]),
    "an account that is nobody's now": ([YES, UNKNOWN], []),
    "a change request of an account that is nobody's now": ([NO, review("bob", "approve", 3, person=None)], [NO]),
    "an account that is somebody else's now": ([YES, review("ivan", "approve", 2, account="bob")], ["102"]),
    "of one second, the higher number": (
        [at_once("approve", "9"), at_once("reject", "8")],
        ["9"],
    ),
    "of one second without numbers, the stricter": (
        [at_once("reject", "sha256:a"), at_once("approve", "sha256:b")],
        ["sha256:a"],
    ),
    "numbers of different forges": ([YES, review("ivan", "reject", 2, review="101", forge="tea"), gone(YES)], ["101"]),
}


@pytest.mark.parametrize("case", CASES)
def test_whose_word_it_is(case: str) -> None:
    told, wanted = CASES[case]
    found = [one.row.review for one in find_words(record(told))]
    assert found == [one if isinstance(one, str) else one.review for one in wanted]


def test_an_approval_stands_in_only_in_the_role_and_meaning_it_may() -> None:
    (one,) = build_review_facts([review("ivan")], FORGE)
    assert (one.role, one.team, one.meaning, one.kind) == ("maintainer", "ledger", "technical-review", "forge-review")
    facts = build_facts(policy=FORGE)
    dana = replace(approve("dana", "qa", policy=FORGE), index=10)
    assert decide([review("ivan")], replace(facts, approvals=(dana,)))
    assert not decide([review("ivan")], facts), "qa asks for a signature"
    assert list(build_review_facts([review("alice")], FORGE)) == []


def test_a_change_request_counts_where_an_approval_would_and_in_a_role_with_a_veto() -> None:
    (one,) = build_review_facts([review("ivan", "reject")], FORGE)
    assert (one.act, one.role, one.team) == ("reject", "maintainer", "ledger")
    assert list(build_review_facts([review("ivan", "reject", roles=("qa",))], FORGE)) == [], "qa signs, or says nothing"
    assert list(build_review_facts([review("ivan", "reject")], build_policy())) == []


def test_to_say_no_again_with_fewer_roles_takes_nothing_back() -> None:
    rows = record([review("bob", "reject", 1), review("bob", "reject", 2, roles=())])
    (one,) = build_review_facts(rows, FORGE)
    assert (one.index, one.role) == (21, "maintainer")


def test_one_reviewer_of_two_teams_fills_one_slot_and_is_told_of_once() -> None:
    staff = tuple(
        replace(one, roles=(*one.roles, RoleHeld(role="maintainer", team="payments"))) if one.login == "ivan" else one
        for one in STAFF
    )
    both = ("maintainer:ledger", "maintainer:payments")
    found = tuple(build_review_facts([review("ivan", roles=both)], FORGE))
    assert [one.team for one in found] == ["ledger", "payments"]
    facts = build_facts(policy=FORGE, staff=staff, approvals=found, paths=paths("ledger/a.py", "payments/b.py"))
    decision = evaluate(FORGE, facts)
    filled = [one for rule in decision.rules for need in rule.requirements for one in need.filled]
    assert [one.index for one in filled] == [20]
    assert decision.counted == (20,)
    assert decision.not_counted == ()
    stale = evaluate(FORGE, replace(facts, approvals=tuple(replace(one, head=H1) for one in found)))
    assert [(one.index, one.code) for one in stale.not_counted] == [(20, "stale-head")]


def test_what_a_review_said_of_the_past_is_not_of_the_future() -> None:
    late = review("bob", submitted_at=NOW + timedelta(minutes=4))
    (one,) = build_review_facts([late], FORGE)
    assert one.signed_at == NOW, "it ages from when it came, if the forge's clock is ahead"


def test_roles_are_kept_as_they_were_held() -> None:
    for held in (("qa", None), ("maintainer", "ledger"), ("maintainer", "a:b")):
        assert read_role(write_role(*held)) == held
