"""Deciding many anew: one reading of the directory for a batch, never taken for a fresher one, outages never kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gate.directory.api import Directory
from gate.directory.remembered import RememberedDirectory
from gate.domain.errors import UnavailableError
from gate.domain.people import Person, PersonRef, RoleGroup, RoleSnapshot
from gate.policy.record import parse_decision
from gate.store import blobs, contributions
from gate.workflow import evaluate
from gate.workflow.evaluate import redecide_open, remembering
from tests.support.databases import TestDatabase
from tests.support.journey import POLICY, REPOSITORY, START, World, open_world

pytestmark = pytest.mark.req("POL-04")
TWO_QA = POLICY.replace("role: qa, count: 1", "role: qa, count: 2")


@pytest.fixture
def world(database: TestDatabase, tmp_path: Path) -> Iterator[World]:
    with open_world(tmp_path / "world", database=database.url) as opened:
        for number in range(5):
            opened.push(f"topic{number}", {f"src/{number}.py": "pass\n"})
        yield opened


class Counting:
    """A directory that counts what it is asked, and is away while ``is_away``."""

    def __init__(self, live: Directory) -> None:
        self.live, self.asked, self.is_away = live, 0, False

    def __getattr__(self, name: str) -> object:
        return getattr(self.live, name)

    def _ask(self) -> Directory:
        self.asked += 1
        if self.is_away:
            raise UnavailableError("The directory is away.", code="unreachable")
        return self.live

    def members(self, group: RoleGroup) -> tuple[Person, ...]:
        return self._ask().members(group)

    def person_by_login(self, login: str) -> Person | None:
        return self._ask().person_by_login(login)

    def snapshots(self, refs: list[PersonRef], groups: list[RoleGroup]) -> dict[str, RoleSnapshot]:
        return self._ask().snapshots(refs, groups)


def counting(world: World) -> Counting:
    counter = Counting(world.parts.directory)
    world.parts = replace(world.parts, directory=counter)  # type: ignore[arg-type]
    return counter


def answers(world: World) -> list[str | None]:
    return [row.answer for row in contributions.open_for(world.parts.engine)]


def test_a_batch_asks_the_directory_about_as_much_as_one_decision(world: World) -> None:
    counter = counting(world)
    evaluate.decide(world.parts, REPOSITORY, 1)
    for_one = counter.asked
    world.activate(TWO_QA)
    counter.asked = 0
    assert redecide_open(world.parts) == 5
    # Four threads may each ask for what none of them has heard yet.
    assert counter.asked <= evaluate.THREADS * for_one < 5 * for_one
    assert answers(world) == ["pending"] * 5


def test_a_decision_is_as_old_as_the_reading_it_rests_on(world: World) -> None:
    batch = remembering(world.parts)
    evaluate.look(batch, REPOSITORY, 1)
    world.clock.move(seconds=60)
    seen = evaluate.look(batch, REPOSITORY, 2)
    assert seen.gathered.facts.directory_checked_at == START
    assert seen.decision.valid_until == START + timedelta(seconds=world.parts.settings.policy.max_age_seconds)
    assert evaluate.look(world.parts, REPOSITORY, 2).gathered.facts.directory_checked_at == START + timedelta(minutes=1)


def test_an_outage_is_raised_and_not_remembered(world: World) -> None:
    counter = counting(world)
    batch = remembering(world.parts)
    counter.is_away = True
    with pytest.raises(UnavailableError):
        batch.directory.person_by_login("bob")
    counter.is_away = False
    assert batch.directory.person_by_login("bob") is not None


def test_an_outage_in_the_middle_leaves_the_old_yes_to_nobody(world: World) -> None:
    counter = counting(world)
    world.activate(TWO_QA)
    counter.is_away = True
    with pytest.raises(UnavailableError):
        redecide_open(world.parts)
    heads = [row.head for row in contributions.open_for(world.parts.engine)]
    assert {world.answer(head).answer for head in heads} == {"error"}
    counter.is_away = False
    assert redecide_open(world.parts) == 5


def test_somebody_who_left_is_seen_by_the_next_batch(world: World) -> None:
    first = remembering(world.parts)
    assert isinstance(first.directory, RememberedDirectory)
    world.sign("bob")
    evaluate.decide(first, REPOSITORY, 1)
    world.staff.left = ("bob",)
    world.reload_staff()
    evaluate.decide(remembering(world.parts), REPOSITORY, 1)
    digest = contributions.load(world.parts.engine, REPOSITORY, 1).decision_digest
    assert digest is not None
    decision = parse_decision(blobs.load(world.parts.engine, digest))
    assert [one.code for one in decision.not_counted] == ["not-active"]
