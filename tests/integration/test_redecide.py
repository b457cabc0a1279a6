"""Deciding many anew: one reading for a batch, never taken for a fresher one; each is fenced and fails by itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gate.directory.api import Directory
from gate.directory.remembered import RememberedDirectory
from gate.domain.approval import Act
from gate.domain.errors import UnavailableError
from gate.domain.people import Person, PersonRef, RoleGroup, RoleSnapshot
from gate.policy.decision import Decision
from gate.policy.effective import EffectivePolicy
from gate.store import contributions, freshness
from gate.store.command import Command
from gate.store.contributions import ContributionRow
from gate.store.engine import Source
from gate.store.fetch import Place
from gate.store.writer import Outcome
from gate.workflow import evaluate
from gate.workflow.entry import SYSTEM
from gate.workflow.gather import Reading
from gate.workflow.recorded import Recorded, Records
from gate.workflow.redecide import redecide, redecide_open
from gate.workflow.work import Worker
from tests.support.databases import TestDatabase
from tests.support.journey import MAIN, POLICY, RELEASE, REPOSITORY, START, World, open_world

pytestmark = pytest.mark.req("POL-04")
FIRST, SECOND = Place(REPOSITORY, 1), Place(REPOSITORY, 2)
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


def recorded(world: World, place: Place) -> Decision:
    found = evaluate.recorded_decision(world.parts, contributions.load(world.parts.engine, *place))
    assert found is not None
    return found


def epochs(world: World) -> list[int | None]:
    return [row.policy_epoch for row in contributions.open_for(world.parts.engine)]


def test_a_batch_asks_the_directory_once(world: World) -> None:
    counter = counting(world)
    evaluate.decide(world.parts, REPOSITORY, 1)
    for_one = counter.asked
    world.activate(TWO_QA)
    counter.asked = 0
    assert redecide_open(world.parts) == 5
    assert counter.asked == for_one
    assert answers(world) == ["pending"] * 5


def test_a_decision_is_as_old_as_the_reading_it_rests_on(world: World) -> None:
    batch = Reading(world.parts, [FIRST, SECOND])
    batch.gather(FIRST)
    world.clock.move(seconds=60)
    seen = evaluate.weigh(world.parts, batch, SECOND, by=SYSTEM)
    assert batch.gather(SECOND).facts.directory_checked_at == START
    assert seen.decision.valid_until == START + timedelta(seconds=world.parts.settings.policy.max_age_seconds)
    assert evaluate.look(world.parts, *SECOND).gathered.facts.directory_checked_at == START + timedelta(minutes=1)


def test_an_outage_is_raised_and_not_remembered(world: World) -> None:
    counter = counting(world)
    directory = RememberedDirectory(live=world.parts.directory)
    counter.is_away = True
    with pytest.raises(UnavailableError):
        directory.person_by_login("bob")
    counter.is_away = False
    assert directory.person_by_login("bob") is not None


def test_a_directory_that_is_away_is_asked_once_in_a_batch(world: World) -> None:
    counter = counting(world)
    counter.is_away = True
    counter.asked = 0
    outcomes = [outcome for _, outcome in redecide(world.parts, contributions.open_for(world.parts.engine))]
    assert [getattr(one, "code", None) for one in outcomes] == ["unreachable"] * 5
    assert counter.asked == 1


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
    world.sign("bob")
    redecide_open(world.parts)
    world.staff.left = ("bob",)
    world.reload_staff()
    redecide_open(world.parts)
    assert [one.code for one in recorded(world, FIRST).not_counted] == ["not-active"]


def test_what_moved_since_it_was_read_is_read_and_decided_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the reading of a batch and its appending somebody signs: the signature is in what is recorded."""
    append_all = world.parts.ledger.append_all

    def signed_before(commands: Sequence[Command], **more: Any) -> tuple[Outcome, ...]:
        monkeypatch.setattr(world.parts.ledger, "append_all", append_all)
        world.sign("bob", number=2)
        return append_all(commands, **more)

    world.activate(TWO_QA)
    monkeypatch.setattr(world.parts.ledger, "append_all", signed_before)
    assert redecide_open(world.parts) == 5
    assert [len(recorded(world, Place(REPOSITORY, number)).counted) for number in range(1, 6)] == [0, 1, 0, 0, 0]
    assert world.audit().ok


def test_a_policy_activated_since_it_was_read_decides(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    append_all = world.parts.ledger.append_all

    def activated_before(commands: Sequence[Command], **more: Any) -> tuple[Outcome, ...]:
        monkeypatch.setattr(world.parts.ledger, "append_all", append_all)
        world.activate(POLICY.replace("valid_for: 14d", "valid_for: 3d"))
        return append_all(commands, **more)

    world.activate(TWO_QA)
    monkeypatch.setattr(world.parts.ledger, "append_all", activated_before)
    assert redecide_open(world.parts) == 5
    assert epochs(world) == [world.parts.in_force().epoch] * 5


def test_one_that_cannot_be_decided_stops_no_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.activate(TWO_QA)
    build = Records.build

    def broken(self: Records, row: ContributionRow, policy: EffectivePolicy) -> Recorded:
        if row.number == 2:
            raise LookupError("a fault of ours")
        return build(self, row, policy)

    monkeypatch.setattr(Records, "build", broken)
    with pytest.raises(LookupError):
        redecide_open(world.parts)
    epoch = world.parts.in_force().epoch
    assert [one == epoch for one in epochs(world)] == [True, False, True, True, True]


def test_a_batch_that_cannot_be_read_together_is_read_one_by_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.activate(TWO_QA)
    find_each = contributions.find_each

    def spoilt(source: Source, places: Iterable[Place]) -> dict[Place, ContributionRow]:
        if Place(REPOSITORY, 4) in places:
            raise ValueError("a row that reads back as nothing")
        return find_each(source, places)

    monkeypatch.setattr(contributions, "find_each", spoilt)
    with pytest.raises(ValueError, match="reads back"):
        redecide_open(world.parts)
    monkeypatch.undo()
    epoch = world.parts.in_force().epoch
    assert [one == epoch for one in epochs(world)] == [True, True, True, False, True]


def test_facts_that_are_too_many_to_hold_are_appended_before_the_rest(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gate.workflow.redecide.MOST_BYTES", 1)
    world.activate(TWO_QA)
    assert redecide_open(world.parts) == 5
    assert answers(world) == ["pending"] * 5


def test_renewals_ask_the_directory_once_and_write_no_entry(world: World) -> None:
    counter = counting(world)
    worker = Worker(world.parts, lambda what, problem: pytest.fail(f"{what}: {problem}"))
    worker.round()
    counter.asked = 0
    evaluate.look(world.parts, *FIRST)
    for_one, counter.asked = counter.asked, 0
    before = len(world.entries())
    world.clock.move(seconds=world.parts.settings.policy.max_age_seconds - 1)
    assert worker.round() >= 5
    assert counter.asked == for_one
    assert len(world.entries()) == before
    for row in contributions.open_for(world.parts.engine):
        found = freshness.find(world.parts.engine, row.repository, row.number)
        assert found is not None
        assert found.checked_at == world.clock.now()
        age = timedelta(seconds=world.parts.settings.policy.max_age_seconds)
        assert found.valid_until == world.clock.now() + age


@pytest.mark.req("INV-01")
def test_while_they_are_decided_anew_the_rest_answer_error(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked between two batches: who was decided has the new answer, who was not has none, and never the old yes."""
    world.sign("bob", number=5)
    world.sign("dana", number=5)
    heads = [row.head for row in contributions.open_for(world.parts.engine)]
    assert [world.word(head) for head in heads] == ["pending"] * 4 + ["approved"]
    monkeypatch.setattr("gate.workflow.redecide.BATCH", 2)
    world.activate(TWO_QA)
    seen = []
    for number, _ in enumerate(redecide(world.parts, contributions.open_for(world.parts.engine))):
        seen.append((number, [world.word(head) for head in heads]))
    assert seen[0] == (0, ["pending"] * 2 + ["error"] * 3)
    assert seen[2] == (2, ["pending"] * 4 + ["error"])
    assert seen[4] == (4, ["pending"] * 5)


@pytest.mark.req("INV-01", "INV-03")
def test_a_veto_stands_in_all_of_the_same_work_though_one_cannot_be_decided(tmp_path: Path) -> None:
    with open_world(tmp_path / "world") as world:
        first = world.push("first", {"a": "1"})
        world.repo.git("update-ref", RELEASE, world.repo.tip(MAIN) or "")
        world.push("second", {"b": "1"}, base=first, target="release")
        third = world.push("third", {"c": "1"}, base=first)
        registry = world.policies / "repositories.yaml"
        registry.write_text(registry.read_text().replace("[main, release]", "[main]"))
        world.activate()
        for login in ("bob", "dana"):
            world.sign(login, number=3)
        assert world.word(third) == "approved"
        world.sign("erin", Act.REJECT, number=1)
        assert world.word(third) == "rejected"
