"""A repository layer never weakens, whatever sections the policy has that it is put on."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from gate.policy.decision import Answer, RuleState
from gate.policy.document import (
    CarryOver,
    ChangeRequest,
    Check,
    Freeze,
    LevelPaths,
    Of,
    Ownership,
    Policy,
    Prerequisite,
    Requirement,
    Rule,
    Subject,
    When,
)
from gate.policy.effective import build_effective
from gate.policy.evaluate import evaluate
from gate.policy.layer_document import Layer, Tightened
from gate.policy.layers import apply_layers
from gate.policy.ownership import find_owned
from tests.support.policies import NOW
from tests.support.whole_facts import DURING_FREEZE, contributions, under
from tests.support.whole_policies import policies

T = TypeVar("T")
BEST_FIRST = [Answer.APPROVED, Answer.OVERRIDDEN, Answer.PENDING, Answer.REJECTED, Answer.BLOCKED, Answer.ERROR]
PATTERNS = st.sampled_from([("ledger/**",), ("docs/**",), ("payments/**", "policies/**"), ("**",)])
ROLES = ["maintainer", "qa", "security", "change-board"]
MEANINGS = ["technical-review", "independent-verification", "human-review", "policy-approval"]


@st.composite
def requirements(draw: st.DrawFn) -> Requirement:
    role = draw(st.sampled_from(ROLES))
    return Requirement(
        roles=(role,),
        of=draw(st.sampled_from(Of)) if role == "maintainer" else None,
        count=draw(st.integers(1, 2)),
        meaning=draw(st.sampled_from(MEANINGS)),
        is_shared=draw(st.booleans()),
        forge_review=draw(st.booleans()),
    )


@st.composite
def layers(draw: st.DrawFn, policy: Policy, id: str) -> Layer:
    """Any of the members a layer can have, each of any strength."""

    def some(strategy: st.SearchStrategy[T]) -> tuple[T, ...]:
        return (draw(strategy),) if draw(_FEW) else ()

    levels = policy.classification.levels if policy.classification is not None else ()
    names = [*(rule.id for rule in policy.rules), *(one.id for one in policy.freezes), "freeze"]
    at = st.sampled_from([(), *((level,) for level in levels)])
    when = st.builds(When, cross_team=st.sampled_from([None, True, False]), levels=at)
    rule = st.builds(
        Rule, id=st.just(f"{id}-rule"), description=st.just(""), when=when, require=st.tuples(requirements())
    )
    freeze = st.builds(
        Freeze,
        id=st.just(f"{id}-freeze"),
        start=st.sampled_from([NOW, DURING_FREEZE]),
        end=st.just(DURING_FREEZE + timedelta(days=1)),
        zone=st.just("UTC"),
        because=st.just("Moving."),
        levels=at,
        exempt=st.none() | requirements().map(lambda one: replace(one, is_shared=False, forge_review=False)),
    )
    tighten = st.builds(
        Tightened,
        rule=st.sampled_from(policy.rules).map(lambda one: one.id),
        number=st.just(0),
        count=st.integers(1, 3),
    )
    asked = st.builds(
        Prerequisite,
        id=st.just(f"{id}-course"),
        subjects=st.sampled_from([(Subject.APPROVERS,), tuple(Subject)]),
        training=st.sampled_from(["GXP-101", "SEC-1"]),
        at=at,
    )
    raised = st.builds(LevelPaths, level=st.sampled_from(levels), paths=PATTERNS) if levels else st.nothing()
    return Layer(
        file="layer.yaml",
        id=id,
        title=id,
        extends=policy.id,
        owners=("team",),
        repositories=("*",),
        branches=("main",),
        rules=tuple(replace(one, layer=id) for one in some(rule)),
        tighten=tuple(draw(st.lists(tighten, max_size=2))),
        valid_for=draw(st.sampled_from([None, timedelta(days=7), timedelta(days=30)])),
        carry_over=draw(st.sampled_from([None, *CarryOver])),
        ownership=tuple(draw(st.lists(st.builds(Ownership, paths=PATTERNS, team=_TEAMS), max_size=2))),
        raised=tuple(draw(st.lists(raised, max_size=2 if levels else 0))),
        prerequisites=some(asked),
        checks=(Check(name=f"{id}-scan", reporters=("ci",)),) if draw(_FEW) else (),
        freezes=some(freeze),
        veto_roles=tuple(draw(st.lists(st.sampled_from(ROLES), max_size=2, unique=True))),
        change_request=ChangeRequest(pattern="CHG-[0-9]{2}", example="CHG-10") if draw(_FEW) else None,
        never_waives=tuple(draw(st.lists(st.sampled_from(names), max_size=2))) if policy.break_glass else (),
    )


_FEW = st.sampled_from([False, False, True])
_TEAMS = st.sampled_from(["ledger", "payments", "platform", None])


@pytest.mark.req("INV-01", "POL-01")
@settings(max_examples=60)
@given(st.data())
def test_a_layer_makes_no_answer_better_and_takes_no_ownership(data: st.DataObject) -> None:
    base = data.draw(policies())
    facts = data.draw(contributions(base, data.draw(st.booleans())))
    more = [data.draw(layers(base.policy, id)) for id in ("one", "two")[: data.draw(st.integers(1, 2))]]
    if data.draw(st.booleans()):
        kept = data.draw(st.sets(st.integers(0, len(facts.approvals) - 1), min_size=15))
        facts = replace(facts, approvals=tuple(one for at, one in enumerate(facts.approvals) if at in kept))
    layered = build_effective(apply_layers(base.policy, more), base.repository, base.robots)
    before, after = evaluate(base, facts), evaluate(layered, under(layered, facts))
    event(f"{before.answer}, layered {after.answer}")
    assert BEST_FIRST.index(after.answer) >= BEST_FIRST.index(before.answer)
    own, given_ = find_owned(base, facts.paths), find_owned(layered, facts.paths)
    assert (given_.own_teams, given_.sets) == (own.teams, own.sets)
    assert after.is_cross_team == before.is_cross_team
    asked = {need.id: need.count for rule in after.rules for need in rule.requirements}
    for rule in before.rules:
        for need in rule.requirements if rule.state is not RuleState.NOT_APPLICABLE else ():
            assert asked.get(need.id, 0) >= need.count, f"{need.id} is asked no more"
