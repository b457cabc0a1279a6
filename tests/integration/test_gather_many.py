"""Facts of many contributions, read together, are those that each has alone: nothing of one gets among another's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, insert

from gate.domain.errors import NotFoundError, UnavailableError
from gate.policy.facts import Facts
from gate.policy.record import facts_bytes
from gate.store import contributions
from gate.store.acts import clearances_each
from gate.store.commits import sharing_each
from gate.store.engine import migrate, open_engine, snapshot, writing
from gate.store.fetch import Place
from gate.store.tables import revision_commit, veto_clearance
from gate.workflow.evaluate import look
from gate.workflow.gather import Reading, gather
from tests.support.crowded_world import open_crowded
from tests.support.databases import TestDatabase
from tests.support.journey import POLICY, REPOSITORY, START, World

pytestmark = [pytest.mark.req("POL-04"), pytest.mark.req("INV-01")]
CLEARED = {"veto": 0, "person": "corp:p", "name": "P", "role": "qa", "team": None, "signed_at": START}
EVERY = tuple(Place(REPOSITORY, number) for number in range(1, 11))


@pytest.fixture
def world(database: TestDatabase, tmp_path: Path) -> Iterator[World]:
    with open_crowded(tmp_path / "world", database=database.url) as opened:
        yield opened


def facts(world: World, number: int) -> Facts:
    return gather(world.parts, REPOSITORY, number).facts


def test_the_world_is_as_crowded_as_it_says(world: World) -> None:
    """Otherwise the next test would compare nothing with nothing."""
    assert [(one.act, one.name) for one in facts(world, 1).approvals] == [
        ("approve", "Bob Lind"), ("reject", "Carl Ohm, in ledger-core#3,"),
    ]  # fmt: skip
    assert {one.address for one in facts(world, 3).contributors if one.part == "shared"} >= {"anna@example.org"}
    assert [one.act for one in facts(world, 3).approvals] == ["reject"]
    assert [(one.act, one.name) for one in facts(world, 2).approvals] == [("reject", "Erin Vale")]
    unsaid = {
        number: [one.how for one in facts(world, number).contributors if one.part == "pusher"] for number in (4, 5)
    }
    assert unsaid == {4: [], 5: ["unsaid"]}
    assert len(facts(world, 7).delegations) == 2
    assert len(facts(world, 1).delegations) == 1
    assert facts(world, 8).break_glass is not None
    assert facts(world, 1).break_glass is None
    assert [one.number for one in facts(world, 1).owed_reviews] == [8]
    assert [one.carried_by for one in facts(world, 9).approvals] == ["same_diff"]
    assert [one.name for one in facts(world, 8).checks] == ["build0", "build1"]
    assert {len(one.trainings) for one in facts(world, 1).people} == {0, 1, 2}
    assert gather(world.parts, REPOSITORY, 10).row.state == "closed"


def test_facts_read_together_are_those_read_alone(world: World) -> None:
    alone = {place: facts_bytes(gather(world.parts, *place).facts) for place in EVERY}
    for places in (EVERY, EVERY[::-1], EVERY[:3], EVERY[2::3]):
        reading = Reading(world.parts, places)
        assert {place: facts_bytes(reading.gather(place).facts) for place in places} == {
            place: alone[place] for place in places
        }
        vetoed = {place: reading.gather(place).vetoed_in for place in places}
        assert vetoed == {place: gather(world.parts, *place).vetoed_in for place in places}


def test_a_decision_is_the_same_alone_and_among_others(world: World) -> None:
    reading = Reading(world.parts, EVERY)
    together = [reading.gather(place) for place in EVERY]
    assert [one.facts for one in together] == [look(world.parts, *place).gathered.facts for place in EVERY]


def test_what_is_not_there_or_under_no_policy_is_its_own_problem(world: World) -> None:
    registry = world.policies / "repositories.yaml"
    registry.write_text(registry.read_text().replace("protected: [main, release]", "protected: [main]"))
    world.activate(POLICY.replace('branches: ["*"]', "branches: [main]"))
    reading = Reading(world.parts, (*EVERY[:3], Place(REPOSITORY, 99)))
    with pytest.raises(NotFoundError):
        reading.gather(Place(REPOSITORY, 99))
    with pytest.raises(UnavailableError) as caught:
        reading.gather(EVERY[1])
    assert caught.value.code == "no-policy"
    assert reading.gather(EVERY[0]).facts.number == 1


def test_a_reading_is_of_one_moment(database: TestDatabase, world: World) -> None:
    """What is recorded between two questions is in neither answer; a batch is never half before an act, half after."""
    with snapshot(world.parts.engine) as connection:
        before = contributions.find_each(connection, EVERY)
        world.sign("dana", number=1)
        world.push("later", {"src/z.py": "z = 1\n"})
        assert contributions.find_each(connection, EVERY) == before
        assert len(contributions.open_for(connection)) == 9
    assert len(contributions.open_for(world.parts.engine)) == 10


@pytest.fixture(scope="module")
def rows_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = open_engine(f"sqlite:///{tmp_path_factory.mktemp('rows') / 'gate.db'}")
    migrate(engine)
    yield engine
    engine.dispose()


places = st.builds(Place, st.sampled_from(["a", "a-1", "b"]), st.integers(1, 3))


@given(held=st.lists(places, max_size=12), wanted=st.lists(places, max_size=6))
def test_rows_are_grouped_by_repository_and_number(rows_engine: Engine, held: list[Place], wanted: list[Place]) -> None:
    """Two contributions with one number in two repositories are two."""
    rows = [
        {"idx": idx, "repository": place.repository, "number": place.number, **CLEARED}
        for idx, place in enumerate(held)
    ]
    with writing(rows_engine) as connection:
        connection.execute(delete(veto_clearance))
        if rows:
            connection.execute(insert(veto_clearance), rows)
    found = clearances_each(rows_engine, wanted)
    assert {place: [one.idx for one in held_there] for place, held_there in found.items()} == {
        place: [idx for idx, at in enumerate(held) if at == place] for place in wanted
    }


commits = st.lists(st.tuples(places, st.sampled_from("abcd"), st.sampled_from(["p", "q", None])), max_size=10)


@given(held=commits, wanted=st.lists(places, max_size=4))
def test_who_shares_a_commit_or_a_patch(
    rows_engine: Engine, held: list[tuple[Place, str, str | None]], wanted: list[Place]
) -> None:
    """Against the definition: the same repository, another number, one commit or one patch in common."""
    kept = {(place, sha): patch for place, sha, patch in held}
    rows = [
        {"repository": place.repository, "number": place.number, "revision": 1, "sha": sha, "patch_id": patch}
        for (place, sha), patch in kept.items()
    ]
    with writing(rows_engine) as connection:
        connection.execute(delete(revision_commit))
        if rows:
            connection.execute(insert(revision_commit), rows)
    expected = {
        place: tuple(
            sorted(
                {
                    other.number
                    for (own, sha), patch in kept.items()
                    for (other, other_sha), other_patch in kept.items()
                    if own == place and other.repository == place.repository and other.number != place.number
                    if sha == other_sha or (patch is not None and patch == other_patch)
                }
            )
        )
        for place in wanted
    }
    assert sharing_each(rows_engine, wanted) == expected
