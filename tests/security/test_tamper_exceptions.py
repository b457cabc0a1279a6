"""What an audit finds when rows of delegations, exemptions and cleared vetoes are changed behind the gate's back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from gate.domain.approval import Act
from gate.workflow import tokens
from tests.integration.test_freeze_exemption import clear
from tests.support.exceptional_world import FROZEN, end_delegation, form_under, hand_over, open_exceptional, wish
from tests.support.journey import OPERATOR, World

pytestmark = pytest.mark.req("POL-07", "LOG-04")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One delegation used, one ended, an exemption, a cleared veto. Every test takes its change back."""
    with open_exceptional(tmp_path_factory.mktemp("world"), policy=FROZEN) as opened:
        opened.push("t", {"a": "1"})
        index = hand_over(opened)
        opened.send("gil", form_under(opened, "gil", f"delegation.{index}"))
        opened.send("iris", form_under(opened, "iris", "freeze.year-end"))
        ended = hand_over(opened, "dana", wish("carl"))
        end_delegation(opened, "carl", ended)
        tokens.issue(opened.parts, "old", repository=None, scopes=["status:read"], by=OPERATOR)
        tokens.revoke(opened.parts, "old", by=OPERATOR)
        clear(opened, "iris", opened.sign("bob", Act.REJECT).index)
        assert opened.audit().ok
        yield opened


CHANGES = [
    "UPDATE approval SET on_behalf_of = NULL WHERE on_behalf_of IS NOT NULL",
    "UPDATE approval SET on_behalf_of = person WHERE act = 'reject'",
    "UPDATE approval SET freeze = NULL WHERE freeze IS NOT NULL",
    "UPDATE approval SET freeze = 'year-end' WHERE on_behalf_of IS NOT NULL",
    "UPDATE approval SET kind = 'forge-review' WHERE on_behalf_of IS NOT NULL",
    "UPDATE approval SET signed_at = '2026-12-22 09:00:00.000000Z' WHERE on_behalf_of IS NOT NULL",
    "UPDATE delegation SET giver = receiver, receiver = giver",
    "UPDATE delegation SET ends_at = '2027-12-22 09:00:00.000000Z'",
    "UPDATE delegation SET starts_at = '2025-12-22 09:00:00.000000Z'",
    "UPDATE delegation SET role = 'board'",
    "UPDATE delegation SET team = 'ledger'",
    "UPDATE delegation SET ended_by = NULL, ended_at = NULL",
    "UPDATE delegation SET ended_at = '2027-12-22 09:00:00.000000Z' WHERE ended_by IS NOT NULL",
    "UPDATE delegation SET ended_by = 1, ended_at = starts_at WHERE ended_by IS NULL",
    "DELETE FROM delegation WHERE ended_by IS NULL",
    "UPDATE veto_clearance SET veto = veto + 1",
    "UPDATE veto_clearance SET person = 'corp:somebody-else'",
    "UPDATE veto_clearance SET role = 'qa'",
    "UPDATE veto_clearance SET number = 2",
    "DELETE FROM veto_clearance",
    "UPDATE api_token SET scopes = 'checks:write'",
    "UPDATE api_token SET person = 'corp:somebody-else'",
    "UPDATE api_token SET repository = NULL",
    "UPDATE api_token SET revoked_at = '2026-11-22 09:00:00.000000Z' WHERE revoked_at IS NULL",
    "UPDATE api_token SET revoked_at = NULL WHERE revoked_at IS NOT NULL",
]


@pytest.mark.parametrize("statement", CHANGES)
def test_no_row_of_an_exception_changes_unseen(world: World, statement: str) -> None:
    engine = world.parts.engine
    table = statement.split()[2 if statement.startswith("DELETE") else 1]
    with engine.begin() as connection:
        before = [dict(row) for row in connection.execute(text(f"SELECT * FROM {table}")).mappings()]
        assert connection.execute(text(statement)).rowcount
    try:
        assert not world.audit().ok
    finally:
        with engine.begin() as connection:
            connection.execute(text(f"DELETE FROM {table}"))
            for row in before:
                names = ", ".join(row)
                marks = ", ".join(f":{name}" for name in row)
                connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({marks})"), row)
    assert world.audit().ok
