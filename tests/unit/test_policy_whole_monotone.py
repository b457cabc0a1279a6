"""Less support and more objection never turn a refusal into a yes, whatever sections a policy has.

Each example takes away step by step, most often something that counted, so that the step from yes to no is among them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from gate.policy.decision import Decision
from gate.policy.delegation import find_cyclic
from gate.policy.effective import EffectivePolicy
from gate.policy.evaluate import evaluate
from gate.policy.facts import Facts
from tests.support.whole_facts import SIGNERS, bind, contributions, rejections
from tests.support.whole_policies import policies

STEPS = 10
Weakening = Callable[[Facts, Decision, Random], Facts]


def fewer_approvals(facts: Facts, decision: Decision, random: Random) -> Facts:
    """Exemptions are among them."""
    approvals = [one for one in facts.approvals if one.act == "approve"]
    exempting = {index for one in decision.freezes for index in one.exempted_by}
    counted = [one for one in approvals if one.index in exempting.union(decision.counted)]
    pool = counted if counted and random.random() < 0.7 else approvals
    gone = random.sample(pool, min(len(pool), random.choice([1, 1, 1, 2, 5])))
    return replace(facts, approvals=tuple(one for one in facts.approvals if one not in gone))


def fewer_clearances(facts: Facts, _: Decision, random: Random) -> Facts:
    gone = random.randrange(len(facts.clearances) + 1)
    return replace(facts, clearances=facts.clearances[:gone] + facts.clearances[gone + 1 :])


def fewer_delegations(facts: Facts, _: Decision, random: Random) -> Facts:
    """Of a circle all count for nothing, so that to take one out of it lets the others count: those stay."""
    cyclic = find_cyclic(facts.delegations)
    free = [one for one in facts.delegations if one not in cyclic]
    gone = random.choice(free) if free else None
    return replace(facts, delegations=tuple(one for one in facts.delegations if one is not gone))


def fewer_cosigners(facts: Facts, _: Decision, random: Random) -> Facts:
    glass = facts.break_glass
    if glass is None:
        return facts
    gone = random.randrange(len(glass.cosigners) + 1)
    return replace(facts, break_glass=replace(glass, cosigners=glass.cosigners[:gone] + glass.cosigners[gone + 1 :]))


def no_break_glass(facts: Facts, _: Decision, __: Random) -> Facts:
    return replace(facts, break_glass=None)


WEAKENINGS: dict[str, Weakening] = {
    "approvals and exemptions": fewer_approvals,
    "clearances": fewer_clearances,
    "delegations": fewer_delegations,
    "co-signatures": fewer_cosigners,
    "the break-glass": no_break_glass,
}


def descend(policy: EffectivePolicy, facts: Facts, random: Random, kind: str) -> None:
    """Takes away ``kind`` or approvals, step by step; after the first refusal nothing is allowed any more."""
    decision = evaluate(policy, facts)
    for step in range(STEPS):
        name = kind if step % 2 == 0 else "approvals and exemptions"
        less = WEAKENINGS[name](facts, decision, random)
        after = evaluate(policy, less)
        assert decision.answer.allows or not after.answer.allows, f"{decision.answer} and without {name} {after.answer}"
        if decision.answer is not after.answer:
            event(f"{decision.answer} without {name}: {after.answer}")
        if name != "the break-glass":  # which is tried without at each step, and kept
            facts, decision = less, after


@pytest.mark.req("INV-01", "POL-01", "POL-07", "POL-08")
@pytest.mark.parametrize("kind", WEAKENINGS)
@settings(max_examples=60)
@given(data=st.data())
def test_what_is_taken_away_never_makes_a_refusal_a_yes(kind: str, data: st.DataObject) -> None:
    policy = data.draw(policies())
    facts = data.draw(contributions(policy))
    descend(policy, facts, Random(data.draw(st.integers(0, 2**32))), kind)


@pytest.mark.req("INV-01", "POL-03")
@settings(max_examples=60)
@given(data=st.data())
def test_a_further_rejection_never_makes_a_refusal_a_yes(data: st.DataObject) -> None:
    """Of one person, who rejects in several roles, by signature and on the forge, for this head and an earlier one."""
    policy = data.draw(policies())
    facts = data.draw(contributions(policy))
    decision = evaluate(policy, facts)
    by = (data.draw(st.sampled_from(SIGNERS)),)
    for index in data.draw(st.permutations(range(400, 405))):
        objection = replace(data.draw(rejections(facts.now, by)), index=index)
        facts = replace(facts, approvals=(*facts.approvals, bind(objection, policy)))
        after = evaluate(policy, facts)
        assert decision.answer.allows or not after.answer.allows, f"{decision.answer}, then {after.answer}"
        if decision.answer is not after.answer:
            event(f"{decision.answer} and rejected as {objection.role} ({objection.kind}): {after.answer}")
        decision = after
