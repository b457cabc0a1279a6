"""A protected branch whose name the record cannot hold is told, and holds up no other (INV-11, RCV-04)."""

from __future__ import annotations

from pathlib import Path

import pytest

from gate.evidence.deviations import DeviationClass
from gate.workflow.activate import activate, load_proposals
from gate.workflow.land import walk_repository
from tests.support.databases import TestDatabase
from tests.support.journey import MAIN, OPERATOR, REGISTRY, REPOSITORY, build_pack, check_pack, identity, open_world

LONG = "refs/heads/release/" + "/".join("x" * 60 for _ in range(5))


@pytest.mark.req("INV-11", "LND-04")
def test_a_branch_of_more_than_255_characters(tmp_path: Path, database: TestDatabase) -> None:
    with open_world(tmp_path / "world", database=database.url) as world:
        registry = REGISTRY.format(url=world.repo.path, mode="enforce").replace("release]", '"release/**"]')
        (world.policies / "repositories.yaml").write_text(registry, encoding="utf-8")
        activate(world.parts, load_proposals(world.policies), by=OPERATOR)
        tip = world.repo.tip(MAIN) or ""
        world.repo.git("update-ref", LONG, tip)
        world.repo.commit({"a": "1"}, "Straight in", parents=[tip], author=identity("gil"), branch=MAIN)
        assert walk_repository(world.parts, REPOSITORY) == 1
        made = build_pack(world)
        (lapse,) = [one.sentence for one in made.pack.deviations if one.id == DeviationClass.CONTROL_LAPSE]
        assert "is protected, and its name is too long to be recorded" in lapse
        assert check_pack(world, made, tmp_path) == 0
