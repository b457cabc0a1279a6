"""What packs, verifier and command line say: a demonstration says that it is one, and odd cases stay plain words."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from pypdf import PdfReader

from gate.auditlog.entry import parse_statement
from gate.domain.contribution import Mode
from gate.evidence.limits import LIMITS, find_demo_notice
from gate.settings import Settings
from gate.signing.envelope import parse_envelope
from gate.workflow.narrate import narrate
from gate.workflow.notice import OF_A_FILE, build_limits, find_notice
from tests.support.journey import MAIN, VERIFIER, World, build_pack, check_pack, identity, open_world
from tests.support.pack_story import usual_pack

GATE = Path(sys.executable).parent / "gate"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with open_world(tmp_path / "world", mode=Mode.OBSERVE.value) as opened:
        yield opened


def words_of(pdf: bytes, page: int) -> str:
    return " ".join(PdfReader(BytesIO(pdf)).pages[page].extract_text().split())


@pytest.mark.req("AUD-01")
def test_a_pack_of_a_gate_that_is_none_in_production_says_so_on_its_cover(world: World, tmp_path: Path) -> None:
    made = build_pack(world)
    assert made.pack.limits == (OF_A_FILE, *LIMITS)
    assert OF_A_FILE in words_of(made.sealed, 0)
    assert all("DEMO, no evidence." in words_of(made.sealed, page) for page in range(3))
    assert check_pack(world, made, tmp_path) == 0
    assert "DEMO" not in words_of(usual_pack(), 0)


@pytest.mark.req("AUD-01")
def test_only_production_says_nothing_of_a_demonstration(tmp_path: Path) -> None:
    of_a_file = Settings(instance=tmp_path)
    assert find_notice(of_a_file) == OF_A_FILE
    assert find_demo_notice(build_limits(of_a_file)) == OF_A_FILE
    assert find_demo_notice(LIMITS) is None


@pytest.mark.req("INV-11", "AUD-05", "INV-12")
def test_a_branch_that_was_moved_back_is_told_in_plain_words(world: World, tmp_path: Path) -> None:
    start = world.repo.tip(MAIN) or ""
    world.clock.move(seconds=1)
    head = world.repo.commit({"a": "1"}, "Straight in", parents=[start], author=identity("gil"))
    world.land(head)
    world.land(start)
    made = build_pack(world)
    told = next(one.sentence for one in made.pack.deviations if one.id == "history_rewritten")
    assert f"the branch was moved back from {head} to {start}." in told
    assert told.count(start) == 1
    (tmp_path / "pack.pdf").write_bytes(made.sealed)
    assert check_pack(world, made, tmp_path) == 1
    done = subprocess.run(
        [sys.executable, str(VERIFIER), "pack.pdf", "--trust", "trust.json"],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert "IS NOT" not in done.stdout
    assert "git counts 0, the record 1: " in done.stdout
    assert "history was rewritten: some that landed are no longer on the branch" in done.stdout
    entry = world.parts.log.entry(world.parts.log.head().size - 2)
    assert narrate(parse_statement(parse_envelope(entry.envelope).payload)) == (
        f"{MAIN} of ledger-core was moved back from {head} to {start}: what lies between is gone from it."
    )


@pytest.mark.req("GND-05")
def test_verify_is_called_by_the_name_it_was_called_by() -> None:
    asked = subprocess.run([str(GATE), "verify"], capture_output=True, text=True, timeout=60, check=False)
    assert (asked.returncode, asked.stderr.splitlines()[0].split("[")[0]) == (2, "usage: gate verify ")
    alone = subprocess.run([sys.executable, str(VERIFIER)], capture_output=True, text=True, timeout=60, check=False)
    assert alone.stderr.startswith("usage: verify.py ")


@pytest.mark.req("GND-05")
def test_an_instance_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    missing = tmp_path / "nowhere"
    asked = subprocess.run(
        [str(GATE), "audit", "--instance", str(missing)], capture_output=True, text=True, timeout=60, check=False
    )
    assert asked.returncode == 2
    assert f"There is no instance directory {missing}." in asked.stderr
    assert not missing.exists()


@pytest.mark.req("ASK-02")
def test_a_reader_that_closes_the_pipe_changes_nothing(tmp_path: Path) -> None:
    """`gate check … | head -0`: no traceback, and the code that was found."""
    words = ["--server", "http://127.0.0.1:9", "--repository", "app", "--sha", "a" * 40]
    with subprocess.Popen(
        [str(GATE), "check", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as asked:
        assert asked.stdout is not None
        assert asked.stderr is not None
        asked.stdout.close()
        assert asked.stderr.read() == ""
        assert asked.wait(timeout=60) == 3
