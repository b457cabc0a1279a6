"""Break-glass from invocation to closed review, on real parts: who may, what it lets through, what it owes, the lock."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from gate.domain.clock import parse_instant
from gate.domain.errors import ConflictError, InputError, NotPermittedError, NotSignedInError
from gate.store import acts
from gate.store.tables import break_glass as break_glass_table
from gate.workflow import override_list
from gate.workflow.override_statement import Outcome, OverrideAct
from gate.workflow.verdict import EXTENSION
from tests.support.glass_world import DUE, GLASS_POLICY, break_glass, do, form, glass_staff, open_glass_world, send
from tests.support.journey import MAIN, REPOSITORY, World, build_pack, check_pack

pytestmark = pytest.mark.req("POL-08")
INVOKE, COSIGN, REVIEW = OverrideAct.INVOKE, OverrideAct.COSIGN, OverrideAct.REVIEW


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with open_glass_world(tmp_path) as opened:
        yield opened


@pytest.fixture
def head(world: World) -> str:
    """Anna's change, approved by its owner; quality has not signed."""
    head = world.push("fix", {"src/post.py": "def post(): return 1\n"})
    world.sign("bob")
    assert world.word(head) == "pending"
    return head


def test_from_invocation_to_closed_review(world: World, head: str) -> None:
    do(world, "gil", INVOKE)
    assert world.word(head) == "pending"
    do(world, "carl", COSIGN)
    answer = world.answer(head)
    assert (answer.answer, answer.http) == ("overridden", 200)
    assert answer.body["missing"] == []
    world.land(head)
    assert world.word(head) == "overridden"
    owed = override_list.overrides(world.parts)
    assert [(one.is_owed, one.is_overdue, one.review_due_at) for one in owed] == [(True, False, DUE)]
    do(world, "iris", REVIEW, outcome=Outcome.NOT_JUSTIFIED)
    (closed,) = override_list.overrides(world.parts)
    assert (closed.is_owed, closed.outcome, closed.reviewer) == (False, Outcome.NOT_JUSTIFIED, "Iris Noor")
    assert world.word(head) == "overridden"
    assert world.kinds()[-1] == "break-glass-reviewed"
    assert world.audit().faults == 0
