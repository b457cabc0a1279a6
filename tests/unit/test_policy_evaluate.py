"""Named cases of ``evaluate``: the worked tests of the policy model that this language can express, then the ways in
which other gates are known to fail open, each as a case that must not allow."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from gate.policy.decision import Answer, Decision, RuleState
from gate.policy.evaluate import evaluate
from gate.policy.facts import ApprovalFacts, TrainingHeld
from tests.support.policies import (
    EFFECTIVE,
    H1,
    NOW,
    STAFF,
    approve,
    build_facts,
    contributor,
    paths,
    reject,
)

BOB = approve("bob", "maintainer:ledger", index=10)
DANA = approve("dana", "qa", index=11)
IVAN_QA = approve("ivan", "qa", index=12)
IVAN = approve("ivan", "maintainer:ledger", index=13)
PAT = approve("pat", "maintainer:platform", index=14)
BOTH = (BOB, DANA)
TRAINED_UNTIL_MAY = TrainingHeld(
    code="GXP-101", valid_until=datetime(2026, 5, 31, tzinfo=UTC), as_of=date(2026, 6, 1), source="register"
)


def staff_with(login: str, **changes: Any) -> dict[str, Any]:
    return {"staff": tuple(replace(one, **changes) if one.login == login else one for one in STAFF)}


@dataclass(frozen=True, kw_only=True)
class Case:
    """``unmet`` are the rules that must be unsatisfied, exactly; ``codes`` reasons that must be given."""

    name: str
    approvals: tuple[ApprovalFacts, ...] = BOTH
    facts: dict[str, Any] = field(default_factory=dict)
    expect: Answer
    unmet: tuple[str, ...] | None = None
    codes: tuple[str, ...] = ()


WORKED = (
    Case(name="owner and QA", expect=Answer.APPROVED),
    Case(
        name="one person cannot fill two slots", approvals=(IVAN_QA, IVAN), expect=Answer.PENDING, unmet=("qa-signoff",)
    ),
    Case(
        name="slots are matched not greedily taken",
        approvals=(IVAN_QA, IVAN, replace(BOB, index=20)),
        expect=Answer.APPROVED,
    ),
    Case(name="stale head", approvals=(replace(BOB, head=H1), DANA), expect=Answer.PENDING, unmet=("owner-review",)),
    Case(
        name="contributor of an earlier revision",
        facts={"contributors": (contributor("alice"), contributor("bob"))},
        expect=Answer.PENDING,
        unmet=("owner-review",),
    ),
    Case(
        name="unattributed commit",
        facts={"contributors": (contributor("alice"), contributor(None, how="nobody"))},
        expect=Answer.ERROR,
        codes=("unattributed",),
    ),
    Case(
        name="expired",
        approvals=(replace(BOB, signed_at=NOW - timedelta(days=30)), DANA),
        expect=Answer.PENDING,
        unmet=("owner-review",),
    ),
    Case(name="training lapsed", facts=staff_with("dana", trainings=()), expect=Answer.PENDING, unmet=("qa-signoff",)),
    Case(
        name="author lacks training",
        facts=staff_with("alice", trainings=()),
        expect=Answer.BLOCKED,
        codes=("prerequisite",),
    ),
    Case(
        name="veto beats quorum",
        approvals=(*BOTH, reject("ivan", "maintainer:ledger", head=H1)),
        expect=Answer.REJECTED,
        codes=("veto",),
    ),
    Case(
        name="rename out of a protected path",
        approvals=(PAT,),
        facts={"paths": paths("ledger/posting/a.py -> docs/a.py")},
        expect=Answer.PENDING,
        unmet=("owner-review", "qa-signoff"),
    ),
    Case(
        name="policy edit needs the board",
        facts={"paths": paths("policies/x.yaml")},
        expect=Answer.PENDING,
        unmet=("owner-review", "policy-change"),
    ),
    Case(
        name="a bot approval does not count",
        facts=staff_with("bob", robot=True),
        expect=Answer.PENDING,
        unmet=("owner-review",),
    ),
    Case(
        name="same team still needs a peer",
        approvals=(DANA,),
        facts={"author": "corp:carl", "contributors": (contributor("carl"),)},
        expect=Answer.PENDING,
        unmet=("same-team-review",),
    ),
    Case(
        name="board of one is not enough",
        facts={"paths": paths("policies/x.yaml")},
        approvals=(PAT, DANA, approve("liz", "change-board")),
        expect=Answer.PENDING,
        unmet=("policy-change",),
    ),
    Case(
        name="the whole board",
        facts={"paths": paths("policies/x.yaml")},
        approvals=(PAT, approve("liz", "change-board"), approve("lou", "change-board", index=15)),
        expect=Answer.APPROVED,
    ),
)


def run(case: Case) -> Decision:
    return evaluate(EFFECTIVE, build_facts(approvals=case.approvals, **case.facts))


@pytest.mark.req("POL-01", "INV-02", "INV-03")
@pytest.mark.parametrize("case", WORKED, ids=lambda case: case.name)
def test_worked_policy(case: Case) -> None:
    check(case, run(case))


def check(case: Case, decision: Decision) -> None:
    assert decision.answer is case.expect, decision.summary
    if case.unmet is not None:
        unmet = tuple(rule.id for rule in decision.rules if rule.state is RuleState.UNSATISFIED)
        assert unmet == case.unmet
    assert set(case.codes) <= {reason.code for reason in decision.reasons}
    assert decision.answer.allows or decision.reasons
