"""What holds for every contribution: more objections never help, contributors never count, names do not matter."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from itertools import combinations, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.policy.asking import Shared, plan_ask
from gate.policy.decision import Answer, Decision
from gate.policy.effective import EffectivePolicy
from gate.policy.evaluate import evaluate
from gate.policy.exceptions import find_open
from gate.policy.explain import explain_decision, one_line
from gate.policy.facts import ApprovalFacts, ClearanceFacts, ContributorFacts, Facts
from gate.policy.matching import cheapest, match
from gate.policy.record import decision_bytes, facts_bytes, parse_decision, parse_facts
from tests.support.policies import (
    EFFECTIVE,
    H1,
    H2,
    NOW,
    POLICY,
    REPOSITORIES,
    STAFF,
    approve,
    build_check,
    build_facts,
    build_policy,
    contributor,
    paths,
)
from tests.unit.test_policy_scope import SCOPED

LOGINS = [one.login for one in STAFF]
ROLES = ["maintainer:ledger", "maintainer:payments", "maintainer:platform", "qa", "security", "change-board"]
HELD = [(one.login, f"{held.role}:{held.team}" if held.team else held.role) for one in STAFF for held in one.roles]
PATHS = [
    "ledger/posting/a.py",
    "ledger/b.py",
    "payments/c.py",
    "docs/d.md",
    "policies/e.yaml",
    "docs/a -> ledger/posting/a",
]
PARTS = ["author", "committer", "co-author", "pusher", "shared"]


@st.composite
def acts(draw: st.DrawFn) -> ApprovalFacts:
    login, role = draw(
        st.one_of(
            st.sampled_from(HELD), st.sampled_from(HELD), st.tuples(st.sampled_from(LOGINS), st.sampled_from(ROLES))
        )
    )
    one = approve(login, role, index=draw(st.integers(1, 40)), head=draw(st.sampled_from([H2, H2, H2, H1])))
    age = draw(st.sampled_from([timedelta(hours=1), timedelta(hours=1), timedelta(days=13), timedelta(days=15)]))
    return replace(one, act=draw(st.sampled_from(["approve"] * 7 + ["reject"])), signed_at=NOW - age)


@st.composite
def contributors(draw: st.DrawFn) -> ContributorFacts:
    login = draw(st.sampled_from([*LOGINS, None]) if draw(st.integers(0, 9)) == 0 else st.sampled_from(LOGINS))
    return contributor(login, draw(st.sampled_from(PARTS)), revisions=(draw(st.integers(1, 3)),))


@st.composite
def situations(draw: st.DrawFn, policy: EffectivePolicy = EFFECTIVE) -> Facts:
    base = draw(st.sampled_from([(), (approve("bob", "maintainer:ledger", index=41), approve("dana", "qa", index=42))]))
    given_acts = {
        one.index: replace(one, policy_digest=policy.digest) for one in (*base, *draw(st.lists(acts(), max_size=7)))
    }
    more = draw(st.lists(contributors(), max_size=2))
    opener = draw(st.sampled_from(["alice", "alice", "carl"]))
    return build_facts(
        policy=policy,
        approvals=tuple(given_acts.values()),
        author=f"corp:{opener}",
        contributors=(contributor(opener), *more),
        paths=paths(
            *draw(st.one_of(st.just(PATHS[:1]), st.lists(st.sampled_from(PATHS), min_size=1, max_size=3, unique=True)))
        ),
        change_request=draw(st.sampled_from(["CHG-1", "CHG-1", "CHG-1", None])),
        checks=draw(st.sampled_from([(build_check(),), (build_check(),), (build_check(outcome="failure"),)])),
    )


@pytest.mark.req("INV-01")
@given(situations(), st.data())
def test_taking_an_approval_away_never_helps(facts: Facts, data: st.DataObject) -> None:
    allowed = evaluate(EFFECTIVE, facts).answer.allows
    approvals = [one for one in facts.approvals if one.act == "approve"]
    if not approvals or allowed:
        return
    gone = data.draw(st.sampled_from(approvals))
    less = replace(facts, approvals=tuple(one for one in facts.approvals if one is not gone))
    assert not evaluate(EFFECTIVE, less).answer.allows


@pytest.mark.req("INV-01", "POL-03")
@given(situations(), acts())
def test_adding_a_rejection_never_helps(facts: Facts, rejection: ApprovalFacts) -> None:
    more = replace(facts, approvals=(*facts.approvals, replace(rejection, act="reject", index=rejection.index + 100)))
    before, after = evaluate(EFFECTIVE, facts), evaluate(EFFECTIVE, more)
    assert before.answer.allows or not after.answer.allows


@pytest.mark.req("INV-03")
@given(situations(), contributors())
def test_adding_a_contributor_never_makes_a_refusal_a_yes_by_separation(facts: Facts, more: ContributorFacts) -> None:
    decision = evaluate(EFFECTIVE, replace(facts, contributors=(*facts.contributors, more)))
    people = {one.person for one in facts.approvals if one.index in decision.counted}
    everyone = {one.person for one in (*facts.contributors, more)} | {facts.author}
    assert not people & everyone


@pytest.mark.req("INV-03")
@given(situations())
def test_one_person_fills_one_slot(facts: Facts) -> None:
    decision = evaluate(EFFECTIVE, facts)
    filled = [slot.person for rule in decision.rules for one in rule.requirements for slot in one.filled]
    assert len(filled) == len(set(filled)) == len(decision.counted)


@pytest.mark.req("INV-02")
@given(situations())
def test_what_counts_was_given_for_this_head_in_a_role_still_held(facts: Facts) -> None:
    decision = evaluate(EFFECTIVE, facts)
    people = {one.id: one for one in facts.people}
    for one in facts.approvals:
        if one.index in decision.counted:
            assert one.head == facts.head
            assert any((held.role, held.team) == (one.role, one.team) for held in people[one.person].roles)
            assert facts.now < one.signed_at + timedelta(days=14)


@pytest.mark.req("INV-07", "INV-01")
@given(situations(), situations(SCOPED))
def test_evaluation_depends_on_its_arguments_alone_and_survives_storage(facts: Facts, other: Facts) -> None:
    decision = evaluate(EFFECTIVE, facts)
    evaluate(SCOPED, other)
    again = evaluate(build_policy(), parse_facts(facts_bytes(facts)))
    assert again == decision
    assert decision_bytes(again) == decision_bytes(decision)
    assert parse_decision(decision_bytes(decision)) == decision


@pytest.mark.req("INV-01")
@given(situations())
def test_the_order_of_facts_does_not_matter(facts: Facts) -> None:
    turned = replace(
        facts,
        approvals=facts.approvals[::-1],
        people=facts.people[::-1],
        role_members=facts.role_members[::-1],
        checks=facts.checks[::-1],
    )
    assert evaluate(EFFECTIVE, turned) == evaluate(EFFECTIVE, facts)


RENAMED = {
    "ledger": "aurora",
    "payments": "boreas",
    "platform": "cirrus",
    "alice": "zara",
    "maintainer": "keeper",
    "technical-review": "looked-at",
    "baseline": "other",
    "CHG-": "RFC-",
}


def rename(text: str) -> str:
    for old, new in RENAMED.items():
        text = text.replace(old, new).replace(old.capitalize(), new.capitalize())
    return text


@pytest.mark.req("INV-13", "INV-01")
@given(situations())
def test_consistent_renaming_changes_nothing(facts: Facts) -> None:
    policy = build_policy(rename(POLICY), rename(REPOSITORIES))
    text = rename(facts_bytes(facts).decode()).replace(EFFECTIVE.digest, policy.digest)
    renamed = evaluate(policy, parse_facts(json.dumps(json.loads(text)).encode()))
    assert shape(renamed) == shape(evaluate(EFFECTIVE, facts))


def shape(decision: Decision) -> object:
    missing = [one.missing for rule in decision.rules for one in rule.requirements]
    states = [rule.state for rule in decision.rules]
    codes = sorted(reason.code for reason in decision.reasons)
    return (decision.answer, decision.is_cross_team, sorted(decision.counted), sum(missing), states, codes)


@pytest.mark.req("INV-12")
@given(situations())
def test_every_refusal_explains_itself(facts: Facts) -> None:
    decision = evaluate(EFFECTIVE, facts)
    lines = "\n".join(explain_decision(decision))
    assert decision.answer.allows == (not decision.reasons)
    for reason in decision.reasons:
        assert reason.sentence.rstrip(".") in lines
    for rule in decision.rules:
        for one in rule.requirements:
            assert not one.missing or one.candidates or one.disqualified or decision.answer is Answer.ERROR
    assert len(one_line(decision)) <= 140


@pytest.mark.req("INV-12")
@given(situations())
def test_those_asked_would_be_enough_and_none_of_them_is_superfluous(facts: Facts) -> None:
    decision = evaluate(EFFECTIVE, facts)
    if decision.answer is not Answer.PENDING or decision.notes or any(not one.is_met for one in decision.conditions):
        return
    asked = [one.person for one in decision.ask]
    assert asked
    assert allows_with(facts, asked)
    for left_out in asked:
        assert not allows_with(facts, [one for one in asked if one != left_out])


def allows_with(facts: Facts, people: list[str], policy: EffectivePolicy = EFFECTIVE) -> bool:
    """Whether these people can unblock it, each signing in any of their roles, whatever else stands signed."""
    signed = tuple(
        approve(
            one.login,
            f"{held.role}:{held.team}" if held.team else held.role,
            index=200 + number * 10 + at,
            policy=policy,
        )
        for number, one in enumerate(facts.people)
        for at, held in enumerate(one.roles)
        if one.id in people
    )
    return evaluate(policy, replace(facts, approvals=(*facts.approvals, *signed))).answer.allows


@pytest.mark.req("INV-12")
def test_what_somebody_could_sign() -> None:
    decision = evaluate(EFFECTIVE, build_facts())
    asked = [(one.need.role, {each.person for each in one.need.candidates}) for one in find_open(decision)]
    assert [role for role, people in asked if "corp:ivan" in people] == ["maintainer", "qa"]
    assert not [role for role, people in asked if "corp:alice" in people]
    assert {one.name for one in decision.ask} == {"Bob", "Dana"}


# --- matching, against trying everything

SLOTS = st.lists(st.lists(st.integers(0, 5), unique=True, max_size=4), max_size=5)


@pytest.mark.req("INV-03", "POL-01")
@given(SLOTS)
def test_match_is_as_large_as_trying_everything(slots: list[list[int]]) -> None:
    found = match(slots)
    assert len(set(found.values())) == len(found)
    assert all(person in slots[slot] for slot, person in found.items())
    assert len(found) == best_by_trying([dict.fromkeys(slot, 0) for slot in slots])[0]


@pytest.mark.req("INV-12")
@given(st.lists(st.dictionaries(st.integers(0, 5), st.integers(0, 1), max_size=4), max_size=5))
def test_cheapest_is_as_large_and_as_cheap_as_trying_everything(slots: list[dict[int, int]]) -> None:
    found = cheapest(slots)
    size, _ = best_by_trying(slots)
    assert len(set(found.values())) == len(found) == size
    if size == len(slots):
        assert sum(slots[slot][person] for slot, person in found.items()) == best_by_trying(slots)[1]


@pytest.mark.req("INV-12")
def test_a_signature_given_is_used_where_somebody_else_can_be_asked_for_the_other_slot() -> None:
    assert cheapest([{"ann": 1, "ben": 1}, {"ann": 0, "ben": 1}]) == {0: "ben", 1: "ann"}


def best_by_trying(slots: list[dict[int, int]]) -> tuple[int, int]:
    """The largest size and, for that size, the least cost: every order of the people over the slots."""
    best = (0, 0)
    for order in permutations([*range(6)], len(slots)):
        taken = [(slots[slot][person]) for slot, person in enumerate(order) if person in slots[slot]]
        best = max(best, (len(taken), -sum(taken)))
    return best[0], -best[1]


# --- whom to ask, against trying everybody

PEOPLE = [*"abcdef"]
COSTS = st.lists(st.dictionaries(st.sampled_from(PEOPLE), st.integers(0, 1), max_size=5), min_size=1, max_size=3)
SHARED = st.lists(st.tuples(st.integers(0, 3), st.frozensets(st.sampled_from(PEOPLE), max_size=5)), max_size=2)


@pytest.mark.req("INV-12")
@given(COSTS, st.lists(st.integers(1, 2), min_size=3, max_size=3), SHARED)
def test_no_fewer_people_would_be_enough(
    costs: list[dict[str, int]], counts: list[int], lacking: list[tuple[int, frozenset[str]]]
) -> None:
    slots = [need for need in range(len(costs)) for _ in range(counts[need])]
    shared = [Shared(missing=missing, able=able) for missing, able in lacking]
    ask = plan_ask(slots, costs, shared)
    sizes = (
        len(asked)
        for size in range(7)
        for asked in combinations(PEOPLE, size)
        if is_enough(asked, slots, costs, shared)
    )
    smallest = next(sizes, None)
    assert ask.is_smallest
    if smallest is not None:
        assert is_enough(tuple(ask.asked), slots, costs, shared)
        assert len(ask.asked) == smallest
        assert sorted(ask.plan) == list(range(len(slots)))
        assert all(person in costs[slots[slot]] for slot, person in ask.plan.items())
        assert len(set(ask.plan.values())) == len(slots)


def is_enough(asked: tuple[str, ...], slots: list[int], costs: list[dict[str, int]], shared: list[Shared]) -> bool:
    could = [[person for person, cost in costs[need].items() if not cost or person in asked] for need in slots]
    return len(match(could)) == len(slots) and all(len({*one.able} & {*asked}) >= one.missing for one in shared)


@pytest.mark.req("INV-12")
def test_above_twelve_open_slots_the_set_is_only_said_to_be_sufficient() -> None:
    people = [f"p{number:03}" for number in range(200)]
    for count, is_smallest in ((12, True), (13, False), (20, False)):
        ask = plan_ask([0] * count, [dict.fromkeys(people, 1)], [])
        assert (len(ask.asked), ask.is_smallest) == (count, is_smallest)


# --- the whole language at once

LANGUAGE = build_policy(
    POLICY.replace("survives_push: true}", "survives_push: true, cleared_by: [change-board]}")
    .replace("valid_for: 14d,", "valid_for: 14d, carry_over: same_tree,")
    .replace("verified this change independently., kind: approval", "verified this change independently., kind: review")
    .replace(
        "terms:\n",
        'classification: {levels: [low, high], default: low, paths: [{level: high, paths: ["payments/**"]}]}\nterms:\n',
        1,
    )
    .replace(
        "count: 1, meaning: independent-verification}",
        "count: 1, meaning: independent-verification, forge_review: true}",
    )
    + """\
  - id: two-people
    description: Two people, who may sign for other rules too.
    when: {files_over: 1}
    require:
      - {any_role: [maintainer, security], of: any_owning_team, count: 2, shared: true, meaning: technical-review}
  - id: high
    description: The board sees what is high.
    when: {classification: [high], author_kind: [person]}
    require: [{role: change-board, count: 1, meaning: policy-approval}]
"""
)


@st.composite
def whole(draw: st.DrawFn) -> Facts:
    facts = draw(situations(LANGUAGE))
    acts = tuple(
        replace(
            one,
            kind=draw(st.sampled_from(["signature"] * 4 + ["forge-review"])),
            carried_from=origin,
            carried_by=draw(st.sampled_from(["same_tree", "same_diff"])) if origin else None,
        )
        for one in facts.approvals
        for origin in (draw(st.sampled_from([None, None, None, H1])),)
    )
    vetoes = [one.index for one in acts if one.act == "reject"]
    cleared = tuple(
        ClearanceFacts(index=100 + at, veto=veto, person=f"corp:{who}", name=who, role="change-board", signed_at=NOW)
        for at, veto in enumerate(vetoes)
        for who in (draw(st.sampled_from(["liz", "sam", "nobody", "alice"])),)
    )
    return replace(facts, approvals=acts, clearances=cleared)


@pytest.mark.req("INV-01", "INV-03", "POL-01")
@given(whole(), st.data())
def test_less_support_and_more_objection_never_help_in_the_whole_language(facts: Facts, data: st.DataObject) -> None:
    before = evaluate(LANGUAGE, facts)
    counted = {one.person for one in facts.approvals if one.index in before.counted}
    assert not counted & {one.person for one in facts.contributors}
    objection = replace(data.draw(acts()), act="reject", index=500)
    assert (
        before.answer.allows
        or not evaluate(LANGUAGE, replace(facts, approvals=(*facts.approvals, objection))).answer.allows
    )
    support = [one for one in facts.approvals if one.act == "approve"]
    if support and not before.answer.allows:
        gone = data.draw(st.sampled_from(support))
        less = replace(facts, approvals=tuple(one for one in facts.approvals if one is not gone))
        assert not evaluate(LANGUAGE, less).answer.allows
    fewer = replace(facts, clearances=facts.clearances[1:])
    assert before.answer.allows or not evaluate(LANGUAGE, fewer).answer.allows


@pytest.mark.req("INV-12")
@given(whole())
def test_those_asked_would_be_enough_in_the_whole_language(facts: Facts) -> None:
    decision = evaluate(LANGUAGE, facts)
    lines = "\n".join(explain_decision(decision))
    assert all(reason.sentence.rstrip(".") in lines for reason in decision.reasons)
    if decision.answer is not Answer.PENDING or decision.notes or any(not one.is_met for one in decision.conditions):
        return
    asked = [one.person for one in decision.ask]
    assert allows_with(facts, asked, LANGUAGE)
    for left_out in asked:
        assert not allows_with(facts, [one for one in asked if one != left_out], LANGUAGE)


@pytest.mark.req("INV-07", "INV-01")
@given(whole())
def test_the_whole_language_survives_storage_and_order(facts: Facts) -> None:
    decision = evaluate(LANGUAGE, facts)
    turned = replace(
        facts, approvals=facts.approvals[::-1], people=facts.people[::-1], clearances=facts.clearances[::-1]
    )
    assert evaluate(LANGUAGE, turned) == decision
    assert parse_decision(decision_bytes(decision)) == decision
    assert parse_facts(facts_bytes(facts)) == facts
