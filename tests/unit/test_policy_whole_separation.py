"""Who contributed counts in no role, under no delegation, co-signature, exemption, clearance or review on the forge."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from gate.policy.decision import Decision, RequirementResult
from gate.policy.delegation import find_cyclic
from gate.policy.effective import EffectivePolicy
from gate.policy.evaluate import evaluate
from gate.policy.facts import ApprovalFacts, Facts
from tests.support.policies import contributor
from tests.support.whole_facts import SIGNERS, contributions
from tests.support.whole_policies import policies


@st.composite
def contributed(draw: st.DrawFn) -> tuple[EffectivePolicy, Facts]:
    """Some of those who sign took part, too."""
    policy = draw(policies())
    facts = draw(contributions(policy, draw(st.booleans())))
    logins = draw(st.lists(st.sampled_from([one.login for one in SIGNERS]), min_size=1, max_size=4, unique=True))
    parts = st.sampled_from(["author", "committer", "co-author", "pusher", "shared"])
    logins += [one.name.lower() for one in facts.clearances[:1]]
    more = tuple(contributor(login, draw(parts), revisions=(1,)) for login in logins)
    return policy, replace(facts, contributors=(*facts.contributors, *more))


def contributors_of(facts: Facts) -> set[str]:
    """Worked out here on its own: everybody on a commit or push, who opened it, and who answers for their robots."""
    people = {one.id: one for one in facts.people}
    found = {one.person for one in facts.contributors if one.person} | ({facts.author} if facts.author else set())
    return found | {sponsor for key in found if (sponsor := people[key].sponsor)}


def needs_of(decision: Decision) -> Iterator[RequirementResult]:
    for rule in decision.rules:
        yield from rule.requirements
    yield from (one.exempt for one in decision.freezes if one.exempt is not None)
    if decision.override is not None and decision.override.cosign is not None:
        yield decision.override.cosign


@pytest.mark.req("INV-03", "POL-07", "POL-08")
@settings(max_examples=80)
@given(contributed())
def test_no_contributor_counts_or_is_asked(given_: tuple[EffectivePolicy, Facts]) -> None:
    policy, facts = given_
    decision = evaluate(policy, facts)
    barred = contributors_of(facts)
    acts = {one.index: one for one in facts.approvals}
    used = {acts[index] for index in decision.counted}
    assert not barred & {one.person for one in used}
    assert not barred & {one.on_behalf_of for one in used}
    for need in needs_of(decision):
        assert not barred & {one.person for one in need.filled}
        assert not barred & {one.person for one in need.candidates}
    assert not barred & {one.person for one in decision.ask}
    if decision.override is not None and decision.override.is_effective:
        assert decision.override.person not in barred
    assert barred <= {one.person for one in decision.excluded}


@pytest.mark.req("INV-03", "POL-07", "POL-08")
@settings(max_examples=80)
@given(contributed())
def test_what_contributors_do_for_it_changes_no_answer(given_: tuple[EffectivePolicy, Facts]) -> None:
    policy, facts = given_
    barred = contributors_of(facts)
    before, after = evaluate(policy, facts), evaluate(policy, without_support_of(barred, facts))
    event(before.answer.value)
    assert before.answer is after.answer


def without_support_of(barred: set[str], facts: Facts) -> Facts:
    """All that they did to get it through; taking back a rejection of their own is theirs to do."""
    rejecting = {one.person for one in facts.approvals if one.act == "reject"}
    cyclic = find_cyclic(facts.delegations)
    glass = facts.break_glass
    if glass is not None:
        kept = tuple(one for one in glass.cosigners if one.person not in barred)
        glass = replace(glass, cosigners=kept) if glass.person not in barred else None

    def supports(one: ApprovalFacts) -> bool:
        return one.act == "approve" and one.person not in rejecting and bool({one.person, one.on_behalf_of} & barred)

    return replace(
        facts,
        approvals=tuple(one for one in facts.approvals if not supports(one)),
        delegations=tuple(one for one in facts.delegations if one in cyclic or not {one.giver, one.receiver} & barred),
        clearances=tuple(one for one in facts.clearances if one.person not in barred),
        break_glass=glass,
        checks=tuple(one for one in facts.checks if one.reporter_person not in barred),
    )
