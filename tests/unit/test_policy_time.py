"""Nothing but what is asked for changes with time: until a decision ends, the clock alone never changes its answer."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.policy.evaluate import evaluate
from gate.policy.facts import Facts
from tests.support.exceptional import EXCEPTIONAL, FROZEN, cosign, exempt, facts, hand_over, invoke, owe, sign_for
from tests.support.policies import NOW, approve

AHEAD = st.timedeltas(timedelta(hours=-30), timedelta(days=12))
OFTEN = st.sampled_from([True, True, True, False])


@st.composite
def situations(draw: st.DrawFn) -> Facts:
    """Whoever is needed may have signed, under freezes, delegations and invocations that come and go."""
    acts = [approve("bob", "maintainer:ledger", index=10)] if draw(OFTEN) else []
    acts += [sign_for("dana")] if draw(OFTEN) else [approve("dana", "qa", index=11)] if draw(st.booleans()) else []
    acts += [exempt("liz", 12), exempt("lou", 13)] if draw(st.booleans()) else []
    aged = [
        replace(one, signed_at=one.signed_at - draw(st.sampled_from([timedelta(), timedelta(days=9)]))) for one in acts
    ]
    handed = [hand_over(starts_at=NOW - timedelta(days=10), ends_at=NOW + draw(AHEAD))]
    if draw(st.booleans()):
        starts = NOW + draw(AHEAD)
        handed.append(hand_over("eve", "dana", index=6, starts_at=starts, ends_at=starts + timedelta(days=3)))
    glass = invoke(cosign(), invoked_at=NOW - draw(st.timedeltas(timedelta(hours=-1), timedelta(hours=5))))
    return facts(
        *aged,
        policy=draw(st.sampled_from([EXCEPTIONAL, FROZEN])),
        now=NOW + draw(AHEAD),
        directory_checked_at=NOW - timedelta(days=2),
        max_age_seconds=60 * 60 * 24 * 30,
        delegations=tuple(handed),
        break_glass=glass if draw(OFTEN) else None,
        owed_reviews=tuple(owe(NOW + draw(AHEAD)) for _ in range(draw(st.integers(0, 1)))),
    )


def policy_of(one: Facts) -> Any:
    return next(each for each in (EXCEPTIONAL, FROZEN) if each.digest == one.policy_digest)


@pytest.mark.req("INV-01")
@given(situations(), st.floats(0, 1))
def test_a_decision_holds_until_it_ends(one: Facts, part: float) -> None:
    decision = evaluate(policy_of(one), one)
    last = decision.valid_until - timedelta(microseconds=1)
    later = min(one.now + (decision.valid_until - one.now) * part, last)
    assert one.now <= later
    again = evaluate(policy_of(one), replace(one, now=later))
    assert (again.answer, again.counted, again.until) == (decision.answer, decision.counted, decision.until)
    assert again.valid_until == decision.valid_until
