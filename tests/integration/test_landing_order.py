"""Whether the yes was there before the branch moved is shown, or said not to be (INV-11, LND-04)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from gate.auditlog.entry import parse_statement
from gate.domain.clock import format_instant
from gate.evidence.deviations import DeviationClass
from gate.git.mirror import Mirror
from gate.policy.decision import Answer
from gate.signing.envelope import parse_envelope
from gate.workflow import receive
from gate.workflow.evaluate import decide
from gate.workflow.land import walk_repository
from tests.support.forges import FORGES, MODE, connect
from tests.support.journey import MAIN, REPOSITORY, World, build_pack, check_pack, hint_body, identity, open_world

pytestmark = pytest.mark.req("INV-11", "LND-04")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with open_world(tmp_path / "world") as opened:
        yield opened


def approve(world: World, number: int = 1) -> None:
    world.sign("bob", number=number)
    world.sign("dana", number=number)


def landed(world: World) -> list[tuple[str, str | None]]:
    """Class of each landing, and what shows that the yes was there before; "-" where it rests on none."""
    found = []
    for index, kind in world.entries():
        if kind == "landed":
            said: Any = parse_statement(parse_envelope(world.parts.log.entry(index).envelope).payload).predicate
            found.append((said["outcome"], said["order"]["proven"] if said["order"] else "-"))
    return found


def past_the_hook(world: World, head: str) -> None:
    """A push that nobody told of."""
    world.repo.git("update-ref", MAIN, head)


def tell(world: World, old: str, new: str, pushed: datetime) -> None:
    """The hook's hint of a push, delivered now."""
    body = hint_body(f"spooled-{new}", [{"ref": MAIN, "old": old, "new": new}], pusher="bob")
    receive.hint(world.parts, REPOSITORY, world.holder, body | {"at": format_instant(pushed)})


def doubted(world: World, folder: Path) -> int:
    """How many landings the pack says are not proven; the pack passes the verifier, and the equation holds."""
    made = build_pack(world)
    assert check_pack(world, made, folder) == 0
    assert all(branch.holds for branch in made.pack.completeness)
    assert world.audit().ok
    return sum(one.id == DeviationClass.ORDER_NOT_PROVEN for one in made.pack.deviations)


def test_through_the_hook_the_order_is_told(world: World, tmp_path: Path) -> None:
    head = world.push("t", {"a": "1"})
    approve(world)
    world.clock.move(minutes=10)
    world.land(head)
    assert landed(world) == [("approved", "git-server")]
    assert doubted(world, tmp_path) == 0


def test_signed_between_a_push_past_the_hook_and_the_look(world: World, tmp_path: Path) -> None:
    head = world.push("t", {"a": "1"})
    past_the_hook(world, head)
    approve(world)
    walk_repository(world.parts, REPOSITORY)
    assert landed(world) == [("approved", None)]
    assert doubted(world, tmp_path) == 1


def test_a_later_push_through_the_hook_vouches_for_itself_only(world: World, tmp_path: Path) -> None:
    first = world.push("t", {"a": "1"})
    past_the_hook(world, first)
    second = world.push("u", {"b": "1"}, base=first)
    approve(world)
    approve(world, 2)
    world.land(second)
    assert landed(world) == [("approved", None), ("approved", "git-server")]
    assert doubted(world, tmp_path) == 1


def test_what_was_decided_before_the_last_record_of_the_old_tip_needs_nobodys_word(world: World) -> None:
    head = world.push("t", {"a": "1"})
    approve(world)
    tip = world.repo.tip(MAIN) or ""
    world.land(world.repo.commit({"b": "1"}, "Straight in", parents=[tip], author=identity("gil")))
    past_the_hook(world, world.repo.merge(world.repo.tip(MAIN) or "", head))
    walk_repository(world.parts, REPOSITORY)
    assert landed(world) == [("unexplained", "-"), ("approved", "record")]


def test_spooled_hints_speak_each_of_its_own_move(world: World) -> None:
    start = world.repo.tip(MAIN) or ""
    first = world.push("t", {"a": "1"})
    second = world.push("u", {"b": "1"}, base=first)
    approve(world)
    approve(world, 2)
    pushed = world.clock.now()
    past_the_hook(world, second)
    world.clock.move(hours=2)
    for old, new in ((start, first), (first, second)):
        tell(world, old, new, pushed)
    assert landed(world) == [("approved", "git-server")] * 2


def test_a_record_of_an_older_move_is_no_look_at_the_branch(world: World) -> None:
    """A hint that comes late tells of the first push; a second one went past the hook, and was signed for since."""
    start = world.repo.tip(MAIN) or ""
    first = world.push("t", {"a": "1"})
    approve(world)
    pushed = world.clock.now()
    second = world.push("u", {"b": "1"}, base=first)
    past_the_hook(world, second)
    approve(world, 2)
    tell(world, start, first, pushed)
    walk_repository(world.parts, REPOSITORY)
    assert landed(world) == [("approved", "git-server"), ("approved", None)]


def test_a_push_is_not_older_than_what_let_it_in(world: World, tmp_path: Path) -> None:
    """The hook only watched: it told of the push, and of a time before anybody had signed."""
    start, head = world.repo.tip(MAIN) or "", world.push("t", {"a": "1"})
    pushed = world.clock.now()
    past_the_hook(world, head)
    world.clock.move(minutes=6)
    approve(world)
    tell(world, start, head, pushed)
    assert landed(world) == [("approved", None)]
    assert doubted(world, tmp_path) == 1


def test_a_hint_that_says_no_time_shows_no_order(world: World) -> None:
    start, head = world.repo.tip(MAIN) or "", world.push("t", {"a": "1"})
    past_the_hook(world, head)
    approve(world)
    body = hint_body("timeless", [{"ref": MAIN, "old": start, "new": head}], pusher="bob") | {"at": "just now"}
    receive.hint(world.parts, REPOSITORY, world.holder, body)
    assert landed(world) == [("approved", None)]


def test_a_yes_that_came_anew_is_as_old_as_the_last_no(world: World) -> None:
    """An approval that was taken back in between does not lend its age to the one that came later."""
    head = world.push("t", {"a": "1"})
    approve(world)
    world.clock.move(hours=1)
    start, pushed = world.repo.tip(MAIN) or "", world.clock.now()
    lose_bob(world)
    past_the_hook(world, head)
    world.sign("erin")
    tell(world, start, head, pushed)
    assert landed(world) == [("approved", None)]


def test_what_is_signed_while_the_gate_looks_was_not_there_before(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look is recorded after the fetch that made it; meanwhile the branch moves on, and is signed for."""
    start = world.repo.tip(MAIN) or ""
    first = world.repo.commit({"b": "1"}, "Straight in", parents=[start], author=identity("gil"))
    head = world.push("t", {"a": "1"})
    fetch = Mirror.fetch

    def fetch_slowly(mirror: Mirror) -> None:
        fetch(mirror)
        monkeypatch.undo()
        past_the_hook(world, world.repo.merge(first, head))
        approve(world)

    past_the_hook(world, first)
    monkeypatch.setattr(Mirror, "fetch", fetch_slowly)
    walk_repository(world.parts, REPOSITORY)
    walk_repository(world.parts, REPOSITORY)
    assert landed(world) == [("unexplained", "-"), ("approved", None)]


@pytest.mark.parametrize(("branch", "proven"), [("elsewhere", None), ("main", "git-server")])
def test_what_a_forge_tells_of_another_branch_shows_nothing_of_this(
    tmp_path: Path, vectors: Path, branch: str, proven: str | None
) -> None:
    """Whoever may push any branch can push the very head that is to be called approved."""
    with open_world(tmp_path / "world", more=FORGES, mode=MODE) as world:
        head = world.push("t", {"a": "1"})
        past_the_hook(world, head)
        approve(world)
        told = {"ref": f"refs/heads/{branch}", "after": head, "sender": {"login": "anna"}}
        named = {"repository": {"full_name": "Codertocat/Hello-World"}}
        assert connect(world, vectors, "hub").send(told | named, "push").status_code == 202
        assert landed(world) == [("approved", proven)]


def lose_bob(world: World) -> None:
    """Bob leaves the role, so the yes ends; an hour later another maintainer signs."""
    world.staff.roles["ledger-maintainers"] = ("carl", "erin")
    world.reload_staff()
    world.clock.move(hours=1)
    assert decide(world.parts, REPOSITORY, 1).answer is Answer.PENDING
