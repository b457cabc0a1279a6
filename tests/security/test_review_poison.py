"""One person's odd commits must not hold up everybody else's (INV-13)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gate.domain.contribution import GitRevision
from gate.git.history import History
from gate.git.process import truncated
from gate.workflow import receive
from tests.support.journey import MAIN, NOTHING, REPOSITORY, World, hint_body, open_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with open_world(tmp_path / "world") as opened:
        yield opened


@pytest.mark.req("INV-13", "RCV-01", "INV-01")
def test_two_long_addresses_with_one_beginning_are_recorded_and_stop_only_their_own_contribution(world: World) -> None:
    long = "x" * 300
    message = f"Odd\n\nCo-authored-by: A <{long}1@example.org>\nCo-authored-by: B <{long}2@example.org>\n"
    head = world.push("odd", {"a": "1"}, message=message)
    assert world.word(head) == "error"
    assert world.word(world.push("plain", {"b": "1"})) == "pending"


@pytest.mark.req("INV-13", "RCV-01")
@pytest.mark.parametrize("author", [("N", ""), ("N", "a b"), ("Ünï", "ü@exämple.org"), ("N", "\ud7ff\x7f@x")])
def test_odd_authors_are_recorded(world: World, author: tuple[str, str]) -> None:
    head = world.push("odd", {"a": "1"}, author=author)
    assert world.word(head) == "error"


@pytest.mark.req("INV-13", "RCV-01")
def test_a_commit_with_very_many_co_authors_is_recorded(world: World) -> None:
    message = "Many\n\n" + "".join(f"Co-authored-by: A <a{number}@example.org>\n" for number in range(3000))
    head = world.push("many", {"a": "1"}, message=message)
    assert world.word(head) == "error"
    assert world.answer(head, MAIN).http == 503


def push_two(world: World, first: str) -> tuple[str, list[str]]:
    """One push of two branches: ``first`` and a sound one. Returns the sound head, and what was ignored."""
    heads = [
        world.repo.commit({"a": name}, name, parents=[world.repo.tip(MAIN) or ""], branch=name)
        for name in (first, "refs/heads/contrib/main/sound")
    ]
    updates = [
        {"ref": ref, "old": NOTHING, "new": head}
        for ref, head in zip((first, "refs/heads/contrib/main/sound"), heads, strict=True)
    ]
    outcome = receive.hint(world.parts, REPOSITORY, world.holder, hint_body("hint-two-refs", updates))
    return heads[1], list(outcome.ignored)


@pytest.mark.req("INV-13", "RCV-01")
def test_a_branch_for_a_target_that_does_not_exist_yet_stops_nothing(world: World) -> None:
    _, ignored = push_two(world, "refs/heads/contrib/release/early")
    assert ["no branch refs/heads/release" in one for one in ignored] == [True]


@pytest.mark.req("INV-13", "RCV-01", "INV-01")
def test_a_branch_with_more_than_can_be_looked_at_stops_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = History.revision
    huge = "refs/heads/contrib/main/huge"

    def revision(self: History, head: str, target: str) -> GitRevision:
        if head == self.tip(huge):
            raise truncated("more than 20000 commits to look at")
        return whole(self, head, target)

    monkeypatch.setattr(History, "revision", revision)
    _, ignored = push_two(world, huge)
    assert len(ignored) == 1
    assert "more than 20000 commits" in ignored[0]
    assert world.word(world.repo.tip(huge) or "") == "unknown"
    assert world.kinds().count("revision-recorded") == 1
