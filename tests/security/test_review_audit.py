"""Whatever a decision rests on cannot be changed in the tables unseen (INV-10)."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import text

from gate.workflow import registers
from tests.support.journey import OPERATOR, World, open_world


def tamper(world: World, statement: str) -> list[tuple[int | None, str]]:
    with world.parts.engine.begin() as connection:
        names = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")).all()
        for name, _ in names:
            connection.execute(text(f'DROP TRIGGER "{name}"'))
        assert connection.execute(text(statement)).rowcount == 1
        for _, made in names:
            connection.execute(text(made))
    return [(one.index, one.sentence) for one in world.audit().findings if one.is_fault]


@pytest.mark.req("INV-10", "INV-03", "LOG-04")
@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM contributor WHERE part = 'pusher'",
        "UPDATE contributor SET person = 'main:somebody-else' WHERE part = 'pusher'",
        "UPDATE contributor SET person = NULL WHERE part = 'pusher'",
        "INSERT INTO contributor SELECT repository, number, revision, 'pusher', 'x', 'main:x', 'login' FROM revision",
    ],
)
def test_who_contributed_cannot_be_changed_unseen(tmp_path: Path, statement: str) -> None:
    with open_world(tmp_path / "world") as world:
        world.push("t", {"a": "1"}, pusher="bob")
        assert world.audit().ok
        index = next(index for index, kind in world.entries() if kind == "revision-recorded")
        assert [found for found, sentence in tamper(world, statement) if "contributor" in sentence] == [index]


@pytest.mark.req("INV-10", "LOG-04")
def test_a_training_cannot_be_prolonged_unseen(tmp_path: Path) -> None:
    with open_world(tmp_path / "world") as world:
        rows = "login,code,valid_until\nbob,GXP-101,2026-11-23\ndana,GXP-101,\n"
        registers.import_trainings(world.parts, "lms.csv", rows, date(2026, 11, 1), by=OPERATOR)
        assert world.audit().ok
        (found,) = tamper(world, "UPDATE training SET valid_until = NULL WHERE valid_until IS NOT NULL")
        assert "has valid_until None; what was signed is '2026-11-23T23:59:59.999999Z'" in found[1]
