"""Evaluation depends on its two arguments alone, and on no name, whatever sections a policy has."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from random import Random
from types import ModuleType
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.policy import expressions, paths, separation
from gate.policy.decision import Decision
from gate.policy.evaluate import evaluate
from gate.policy.facts import Facts
from gate.policy.record import decision_bytes, facts_bytes, parse_facts
from tests.support.exceptional import cosign, decide, invoke
from tests.support.whole_facts import contributions
from tests.support.whole_policies import SWITCHED, build, build_text, write

T = TypeVar("T")
NUMBERS = count()
REMEMBERING: tuple[ModuleType, ...] = (expressions, paths, separation)


def forget() -> None:
    """Drops everything that evaluation remembers from earlier ones."""
    for module in REMEMBERING:
        for one in vars(module).values():
            if hasattr(one, "cache_clear"):
                one.cache_clear()


@pytest.mark.req("INV-07", "INV-01")
@settings(max_examples=40)
@given(st.data())
def test_nothing_is_left_over_from_another_evaluation(data: st.DataObject) -> None:
    """What is told of people of whom nothing was ever asked before is what is told of them after others, and again."""
    switches = data.draw(SWITCHED)
    facts = data.draw(contributions(build(switches)))
    forget()
    unheard_of = f"corp{next(NUMBERS)}:".encode()
    unknown = parse_facts(facts_bytes(facts).replace(b"corp:", unheard_of))
    fresh = decision_bytes(evaluate(build_text(write(switches)), unknown)).replace(unheard_of, b"corp:")
    untrained = tuple(replace(one, trainings=(), terms=()) for one in facts.people)
    evaluate(build(switches), replace(facts, people=untrained))
    other = build(data.draw(SWITCHED))
    others = data.draw(contributions(other))
    evaluate(other, others)
    evaluate(other, replace(facts, policy_digest=other.digest))
    evaluate(build(switches), replace(others, policy_digest=build(switches).digest))
    assert decision_bytes(evaluate(build(switches), facts)) == fresh


@pytest.mark.req("INV-01")
@settings(max_examples=60)
@given(st.data())
def test_order_says_nothing(data: st.DataObject) -> None:
    policy = build(data.draw(SWITCHED))
    facts = data.draw(contributions(policy))
    random = Random(data.draw(st.integers(0, 2**32)))
    turned = shuffle(facts, random)
    assert decision_bytes(evaluate(policy, turned)) == decision_bytes(evaluate(policy, facts))
    anyhow = replace(
        turned,
        contributors=mix(turned.contributors, random),
        paths=mix(turned.paths, random),
        labels=mix(turned.labels, random) if turned.labels is not None else None,
    )
    assert outline(evaluate(policy, anyhow)) == outline(evaluate(policy, facts))


def mix(values: Sequence[T], random: Random) -> tuple[T, ...]:
    return tuple(random.sample(values, len(values)))


def shuffle(facts: Facts, random: Random) -> Facts:
    """Whatever was recorded at its own time or is a set: not even a word changes. Who comes first is named first."""
    glass = facts.break_glass
    people = [
        replace(one, roles=mix(one.roles, random), trainings=mix(one.trainings, random), terms=mix(one.terms, random))
        for one in facts.people
    ]
    return replace(
        facts,
        approvals=mix(facts.approvals, random),
        people=mix(people, random),
        role_members=mix([replace(one, members=mix(one.members, random)) for one in facts.role_members], random),
        checks=mix(facts.checks, random),
        clearances=mix(facts.clearances, random),
        delegations=mix(facts.delegations, random),
        owed_reviews=mix(facts.owed_reviews, random),
        break_glass=replace(glass, cosigners=mix(glass.cosigners, random)) if glass is not None else None,
    )


_SPARE = ("one-slot", "not-needed")
_PART = dict.fromkeys(("shared", "sponsor", "robot"), "contributor")  # of several parts in it the first is said


def outline(decision: Decision) -> object:
    """What was decided, without a name or a sentence."""
    needs = [need for rule in decision.rules for need in rule.requirements]
    return (
        decision.answer,
        decision.valid_until,
        decision.until,
        decision.is_cross_team,
        decision.is_ask_smallest,
        len(decision.ask) if decision.is_ask_smallest else None,
        sorted(reason.code for reason in decision.reasons),
        [rule.state for rule in decision.rules],
        sorted((need.count, need.missing, len(need.candidates), need.is_satisfiable) for need in needs),
        sorted((one.index, _PART.get(one.code, one.code)) for one in decision.not_counted if one.code not in _SPARE),
        len(decision.counted),
        [(one.until, len(one.exempted_by)) for one in decision.freezes],
        [one.is_met for one in decision.conditions],
        (decision.override.is_effective, len(decision.override.waived)) if decision.override else None,
        decision.out_of_scope is None,
        len(decision.excluded),
    )


NAMES = [
    *("maintainer", "qa", "security", "change-board", "incident-commander"),
    *("owner-review", "same-team-review", "qa-signoff", "agent-authored", "big-change-other-department"),
    *("policy-change", "quarter-close", "anybody", "labelled", "many-files", "other-company", "guarded"),
    *("ledger", "payments", "platform", "quality", "risk", "board"),
    *("corp:alice", "corp:bob", "corp:carl", "corp:dana", "corp:ivan", "corp:pat", "corp:paula", "corp:sam"),
    *("corp:liz", "corp:lou", "corp:mia", "corp:eve", "corp:bot"),
    *("technical-review", "independent-verification", "human-review", "policy-approval", "freeze-exemption"),
    *("override", "retrospective", "gxp-training", "cla", "inner-source-terms-v3"),
]
_WORD = re.compile(rf"(?<![\w-])(?:{'|'.join(sorted(NAMES, key=len, reverse=True))})(?![\w-])")


@pytest.mark.req("INV-13", "INV-01")
@settings(max_examples=60)
@given(st.data())
def test_names_say_nothing(data: st.DataObject) -> None:
    """Roles, rules, teams, people, meanings, freezes and prerequisites renamed at once, in any order of the alphabet.

    Labels are no names of ours; the one that is called like a role is renamed with it.
    """
    switches = data.draw(SWITCHED)
    policy = build(switches)
    facts = data.draw(contributions(policy))
    order = mix(range(len(NAMES)), Random(data.draw(st.integers(0, 2**32))))
    new = {old: f"{'corp:' if ':' in old else ''}n{number:02}" for old, number in zip(NAMES, order, strict=True)}

    def rename(text: str) -> str:
        return _WORD.sub(lambda found: new[found.group()], text)

    renamed = build_text(rename(write(switches)))
    told = rename(json.dumps(json.loads(facts_bytes(facts)))).replace(policy.digest, renamed.digest)
    moved = parse_facts(told.replace('"Security"', f'"{new["security"].upper()}"').encode())
    assert outline(evaluate(renamed, moved)) == outline(evaluate(policy, facts))


@pytest.mark.req("INV-07", "POL-08")
def test_of_several_co_signatures_the_first_in_the_log_counts() -> None:
    """Which one counts says until when the break-glass holds, so the order in which they were read must not say it."""
    signed = (cosign("bob", index=51), cosign("ivan", index=52))
    for cosigners in (signed, signed[::-1]):
        override = decide(break_glass=invoke(*cosigners)).override
        assert override is not None
        assert override.cosign is not None
        assert [one.name for one in override.cosign.filled] == ["Bob"]
