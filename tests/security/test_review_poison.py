"""One person's odd commits must not hold up everybody else's (INV-13)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.journey import MAIN, World, open_world


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
