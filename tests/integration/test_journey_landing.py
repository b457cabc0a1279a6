"""What reached a protected branch: every commit in one class, the sum equal to git's count (INV-11, LND-04, AUD-05)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gate.domain.errors import InputError, NotFoundError, UnavailableError
from gate.evidence.twin import EvidencePack, OutcomeCounts
from gate.store import contributions, landings
from gate.store.landings import LandingRow
from gate.workflow import export
from gate.workflow.land import walk_repository
from gate.workflow.shown import PackRequest
from gate.workflow.work import Worker
from tests.support.journey import MAIN, REPOSITORY, START, World, build_pack, check_pack, identity, open_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with open_world(tmp_path / "world") as opened:
        yield opened


def approve(world: World, topic: str, path: str, number: int) -> str:
    head = world.push(topic, {path: f"{topic}\n"})
    world.sign("bob", number=number)
    world.sign("dana", number=number)
    assert world.word(head) == "approved"
    return head


def tip(world: World) -> str:
    found = world.repo.tip(MAIN)
    assert found is not None
    return found


def landed(world: World) -> list[tuple[str, str, int | None]]:
    """Kind, class and contribution of every commit recorded on main, in order."""
    rows = landings.between(world.parts.engine, REPOSITORY, START.replace(year=2020), START.replace(year=2030))
    ordered: list[LandingRow] = sorted((one for one in rows if one.branch == MAIN), key=lambda one: one.seq)
    return [(one.kind, one.classification, one.number) for one in ordered]


def check_equation(world: World, folder: Path, **expected: int) -> EvidencePack:
    """The classes as expected, their sum git's own count, the pack genuine, and nothing amiss in the record."""
    made = build_pack(world)
    (branch,) = [one for one in made.pack.completeness if one.branch == MAIN]
    assert branch.counts == OutcomeCounts(**expected)
    counted = world.repo.git("rev-list", "--count", "--first-parent", f"{branch.from_commit}..{branch.to_commit}")
    assert branch.first_parent_count == branch.counts.total == int(counted)
    assert branch.holds
    assert check_pack(world, made, folder) == 0
    report = world.audit()
    assert report.ok, report.findings
    return made.pack


@pytest.mark.req("INV-11", "LND-04", "AUD-05", "POL-02", "INV-13")
def test_every_class_is_counted_and_the_sum_is_gits(world: World, tmp_path: Path) -> None:
    world.clock.move(seconds=1)
    start = tip(world)
    world.land(approve(world, "ff", "a", 1))
    head = world.push("merge", {"b": "1"}, base=start)
    world.sign("bob", number=2)
    world.sign("dana", number=2)
    world.land(world.repo.merge(tip(world), head))
    world.land(world.push("own", {"c": "1"}, author="carl", pusher="carl"))
    world.land(world.push("bot", {"d": "1"}, author="robo", pusher="robo"))
    pending = world.push("early", {"e": "1"})
    world.land(pending)
    world.land(world.repo.commit({"f": "1"}, "Straight in", author=identity("gil")))
    assert landed(world) == [
        ("fast-forward", "approved", 1),
        ("merge", "approved", 2),
        ("fast-forward", "out_of_scope", 3),
        ("fast-forward", "robot", 4),
        ("unexplained", "unexplained", 5),
        ("unexplained", "unexplained", None),
    ]
    for number in range(1, 6):
        assert contributions.load(world.parts.engine, REPOSITORY, number).state == "merged"
    check_equation(world, tmp_path, approved=2, out_of_scope=1, robots=1, unexplained=2)


@pytest.mark.req("POL-02", "AUD-01")
def test_a_declared_robot_that_the_directory_does_not_know_is_no_deviation(world: World, tmp_path: Path) -> None:
    world.clock.move(seconds=1)
    world.land(world.push("notes", {"d": "1"}, author=("Notes", "notes@robots.example"), pusher="notes"))
    pack = check_equation(world, tmp_path, robots=1)
    (sheet,) = pack.contributions
    assert {(one.person, one.how) for one in sheet.contributors} == {("robot:Licence notes", "robot")}
    assert not [one for one in pack.deviations if one.id == "unattributed"]


@pytest.mark.req("INV-11", "LND-04", "INV-03")
def test_an_evil_merge_and_a_commit_on_top_are_unexplained(world: World, tmp_path: Path) -> None:
    world.clock.move(seconds=1)
    start = tip(world)
    world.land(world.push("own", {"c": "1"}, author="carl", pusher="carl"))
    head = world.push("evil", {"b": "1"}, base=start)
    world.sign("bob", number=2)
    world.sign("dana", number=2)
    world.land(world.repo.merge(tip(world), head, {"b": "1 and a line nobody saw"}))
    assert landed(world)[-1][:2] == ("unexplained", "unexplained")
    head = approve(world, "top", "t", 3)
    world.land(world.repo.commit({"t": "more"}, "One more line", parents=[head], author=identity("anna")))
    assert landed(world)[-2:] == [("fast-forward", "approved", 3), ("unexplained", "unexplained", None)]
    check_equation(world, tmp_path, approved=1, out_of_scope=1, unexplained=2)


@pytest.mark.req("INV-11", "LND-04")
def test_several_landings_in_one_push_squash_and_rebase_are_told_apart(world: World, tmp_path: Path) -> None:
    world.clock.move(seconds=1)
    start = tip(world)
    first, second = approve(world, "one", "a", 1), approve(world, "two", "b", 2)
    squashed = world.push("three", {"c": "1"})
    squashed = world.push("three", {"d": "2"})
    world.sign("bob", number=3)
    world.sign("dana", number=3)
    assert world.repo.git("rev-list", "--count", f"{start}..{squashed}") == "2"
    merged = world.repo.merge(first, second)
    squash = world.repo.commit({"c": "1", "d": "2"}, "Squashed", parents=[merged], author=identity("carl"))
    world.land(squash)
    assert landed(world) == [
        ("fast-forward", "approved", 1),
        ("merge", "approved", 2),
        ("squash", "approved", 3),
    ]
    check_equation(world, tmp_path, approved=3)


@pytest.mark.req("INV-11", "LND-04")
def test_a_fast_forward_of_several_commits_is_one_contribution(world: World, tmp_path: Path) -> None:
    world.clock.move(seconds=1)
    world.push("long", {"a": "1"})
    world.push("long", {"b": "2"})
    head = approve(world, "long", "c", 1)
    world.land(head)
    assert landed(world) == [("fast-forward", "approved", 1)] * 3
    check_equation(world, tmp_path, approved=3)


@pytest.mark.req("INV-11", "LND-04", "AUD-05")
@pytest.mark.parametrize("to", ["rewound", "replaced"])
def test_a_rewritten_branch_is_unexplained_and_said_to_be_rewritten(world: World, tmp_path: Path, to: str) -> None:
    world.clock.move(seconds=1)
    start = tip(world)
    world.land(approve(world, "one", "a", 1))
    new = start
    if to == "replaced":
        new = world.repo.commit({"a": "other"}, "Another history", parents=[start], author=identity("gil"))
    world.land(new)
    assert "landed" in world.kinds()[-3:]
    assert world.kinds().count("landed") == 2
    made = build_pack(world)
    (branch,) = [one for one in made.pack.completeness if one.branch == MAIN]
    assert branch.rewritten
    assert check_pack(world, made, tmp_path) in (0, 1)
    report = world.audit()
    assert report.ok, report.findings
    # The gate goes on from the new tip.
    world.land(approve(world, "again", "z", 2))
    assert landed(world)[-1] == ("fast-forward", "approved", 2)


@pytest.mark.req("INV-11", "LND-04")
@pytest.mark.parametrize("mode", ["observe", "warn"])
def test_where_the_gate_only_watches_a_landing_is_observed(tmp_path: Path, mode: str) -> None:
    with open_world(tmp_path / "world", mode=mode) as world:
        world.clock.move(seconds=1)
        head = world.push("t", {"a": "1"})
        world.land(head)
        world.land(world.repo.commit({"f": "1"}, "Straight in", author=identity("gil")))
        assert landed(world) == [("fast-forward", "observed", 1), ("unexplained", "unexplained", None)]
        check_equation(world, tmp_path, observed=1, unexplained=1)


@pytest.mark.req("LND-04", "AUD-05")
def test_what_nobody_told_us_of_is_found_by_walking_the_branch(world: World) -> None:
    world.clock.move(seconds=1)
    world.repo.commit({"f": "1"}, "Hook off", author=identity("gil"), branch=MAIN)
    assert walk_repository(world.parts, REPOSITORY) == 1
    assert walk_repository(world.parts, REPOSITORY) == 0
    assert landed(world) == [("unexplained", "unexplained", None)]
    world.repo.commit({"g": "1"}, "Hook off again", author=identity("gil"), branch=MAIN)
    Worker(world.parts, lambda what, problem: pytest.fail(f"{what}: {problem}")).round()
    assert len(landed(world)) == 2


@pytest.mark.req("LND-04", "INV-02", "INV-01")
def test_an_approval_that_ended_before_the_landing_does_not_explain_it(world: World) -> None:
    head = approve(world, "late", "a", 1)
    world.clock.move(days=15)
    assert world.word(head) == "pending"
    world.land(head)
    assert landed(world)[-1][1] == "unexplained"


@pytest.mark.req("LND-04", "ASK-01")
def test_once_merged_the_decision_stands_as_it_was(world: World) -> None:
    head = approve(world, "t", "a", 1)
    world.land(head)
    world.staff.left = ("bob", "dana")
    world.reload_staff()
    world.clock.move(days=30)
    answer = world.answer(head)
    assert (answer.answer, answer.body["verdict"]) == ("approved", None)
    assert "has landed" in str(answer.body["summary"])


@pytest.mark.req("LND-04", "INV-01", "INV-13", "DIR-04")
def test_a_landing_during_an_outage_is_recorded_later_as_what_it_is(world: World) -> None:
    head = approve(world, "t", "a", 1)
    (world.instance / "people.ldif").write_text("this is no LDIF\n")
    world.clock.move(minutes=6)
    with pytest.raises(UnavailableError):
        world.land(head)
    assert landed(world) == []
    world.reload_staff()
    assert walk_repository(world.parts, REPOSITORY) == 1
    assert landed(world) == [("fast-forward", "approved", 1)]


@pytest.mark.req("INV-11", "AUD-05")
def test_a_deleted_branch_is_in_the_pack_and_is_a_deviation(world: World, tmp_path: Path) -> None:
    world.clock.move(seconds=1)
    world.land(approve(world, "ff", "a", 1))
    last = tip(world)
    world.repo.git("update-ref", "-d", MAIN)
    made = build_pack(world)
    (branch,) = [one for one in made.pack.completeness if one.branch == MAIN]
    assert (branch.to_commit, branch.first_parent_count, branch.holds) == (last, 1, True)
    (found,) = [one for one in made.pack.deviations if one.id == "history_rewritten"]
    assert "was deleted on the git server" in found.sentence
    assert found.commit == last
    assert check_pack(world, made, tmp_path) == 0


@pytest.mark.req("AUD-01", "AUD-03", "INV-11")
@pytest.mark.parametrize(
    ("first", "last", "sheets", "untouched"),
    [
        (-20, -10, [], [1, 2, 3]),  # before the gate was founded
        (-1, 1, [1, 2], [3]),  # last month's pack, made today
        (20, 25, [2], [1, 3]),  # between two entries of one contribution
        (35, 50, [2, 3], [1]),
        (60, 70, [], [1, 2, 3]),
    ],
)
def test_a_pack_of_any_period_made_later_verifies(
    world: World, tmp_path: Path, first: int, last: int, sheets: list[int], untouched: list[int]
) -> None:
    world.clock.move(seconds=1)
    world.land(approve(world, "ff", "a", 1))
    open_one = world.push("open", {"b": "1"})
    world.clock.move(days=40)
    world.push("open", {"b": "2"}, base=open_one)
    world.push("new", {"c": "1"})
    world.clock.move(days=40)
    made = build_pack(world, first, last)
    assert [one.number for one in made.pack.contributions] == sheets
    assert [one.number for one in made.pack.untouched] == untouched
    assert check_pack(world, made, tmp_path) == 0


@pytest.mark.req("AUD-01", "INV-11", "INV-07")
def test_a_repository_that_left_the_registry_still_has_packs_of_its_past(world: World, tmp_path: Path) -> None:
    head = approve(world, "t", "a", 1)
    world.land(head)
    registry = world.policies / "repositories.yaml"
    text = registry.read_text(encoding="utf-8")
    registry.write_text(text.replace("id: ledger-core", "id: something-else"), encoding="utf-8")
    world.clock.move(minutes=5)
    world.activate()
    with pytest.raises(NotFoundError):
        world.parts.in_force().repository(REPOSITORY)

    pack = check_equation(world, tmp_path, approved=1)
    assert [one.number for one in pack.contributions] == [1]
    assert pack.scope.repositories[0].name == "Ledger core"
    (lapse,) = [one for one in pack.deviations if one.id == "control_lapse"]
    assert lapse.sentence.startswith("ledger-core left the registry on 2026-11-22 09:05 UTC")

    wanted = PackRequest(repository=REPOSITORY, period_from=START, period_to=START + timedelta(days=1), reason="Test")
    assert b"ledger-core" in export.population_csv(world.parts, world.who("iris"), wanted)
    with pytest.raises(NotFoundError, match="ever registered as 'nothing'"):
        export.request(world.parts, world.who("iris"), replace(wanted, repository="nothing"))


@pytest.mark.req("AUD-01", "INV-12")
@pytest.mark.parametrize("reason", ["", "  \n"])
def test_a_pack_says_what_it_is_for_or_is_not_made(world: World, reason: str) -> None:
    wanted = PackRequest(repository=REPOSITORY, period_from=START, period_to=START + timedelta(days=1), reason=reason)
    with pytest.raises(InputError, match="Say what the pack is for"):
        export.request(world.parts, world.who("iris"), wanted)
    assert export.packs(world.parts) == ()
