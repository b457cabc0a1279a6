"""Reviews given on a forge: recorded as that, counted where the policy lets them, never called signatures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.forges import FORGES, ForgeClient, connect
from tests.support.journey import POLICY, World, open_world

FORGE_POLICY = POLICY.replace(
    "of: each_owning_team, count: 1, meaning: technical-review}",
    "of: each_owning_team, count: 1, meaning: technical-review, forge_review: true}",
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with open_world(tmp_path / "world", policy=FORGE_POLICY, more=FORGES) as opened:
        yield opened


@pytest.fixture(params=["hub", "tea"])
def forge(world: World, vectors: Path, request: pytest.FixtureRequest) -> ForgeClient:
    return connect(world, vectors, request.param)


@pytest.mark.req("RCV-08", "POL-01")
def test_a_review_on_the_forge_stands_in(world: World, forge: ForgeClient) -> None:
    head = forge.head({"a": "1"})
    forge.open(head)
    assert forge.say("bob", "approved", head) == []
    assert world.word(head) == "pending"
    world.sign("dana")
    assert world.word(head) == "approved", world.answer(head)
    assert world.audit().ok
