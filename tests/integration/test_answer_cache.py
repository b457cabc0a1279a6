"""Answers recalled in one process are never behind the record: each thing that could move one, and none that serves
a yes past its time. The world's clock stands still, so nothing but the record and the test moves an answer."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gate.app import build_parts
from gate.domain.approval import Act
from gate.domain.clock import parse_instant
from gate.domain.errors import NotSignedInError
from gate.store.watermark import log_size
from gate.workflow import answer_cache, status, tokens
from gate.workflow.parts import Parts
from gate.workflow.redecide import redecide_open
from gate.workflow.shown import AnswerShown
from gate.workflow.verdict import EXTENSION
from tests.support.databases import TestDatabase
from tests.support.journey import MAIN, OPERATOR, REPOSITORY, World, open_world

pytestmark = pytest.mark.req("ASK-01")


@pytest.fixture
def world(database: TestDatabase, tmp_path: Path) -> Iterator[World]:
    with open_world(tmp_path / "world", database=database.url) as opened:
        yield opened


@pytest.fixture
def head(world: World) -> str:
    """Approved, asked for once, and recalled."""
    pushed = world.push("retry", {"src/post.py": "def post(): retry()\n"})
    world.sign("bob")
    world.sign("dana")
    assert world.word(pushed) == "approved"
    return pushed


@pytest.fixture
def worked_out(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which heads were worked out, in order."""
    seen: list[str] = []
    really = status._work_out

    def counting(parts: Parts, repository: str, sha: str, target: str | None) -> AnswerShown:
        seen.append(sha)
        return really(parts, repository, sha, target)

    monkeypatch.setattr(status, "_work_out", counting)
    return seen


def test_the_same_question_is_answered_from_memory_with_the_same_bytes(
    world: World, head: str, worked_out: list[str]
) -> None:
    first = world.answer(head)
    assert world.answer(head) == first
    assert worked_out == []
    world.answer(head, MAIN)
    assert worked_out == [head], "another target is another question"


def push_again(world: World) -> None:
    world.push("retry", {"src/post.py": "def post(): pass\n"})


def withdraw(world: World) -> None:
    world.sign("bob", Act.WITHDRAW)


def reject(world: World) -> None:
    world.sign("carl", Act.REJECT)


def activate(world: World) -> None:
    world.activate((world.policies / "base.yaml").read_text().replace("count: 1", "count: 2"))


def activate_and_redecide(world: World) -> None:
    activate(world)
    redecide_open(world.parts)


def close(world: World) -> None:
    tip = world.repo.tip("refs/heads/contrib/main/retry")
    world.repo.git("update-ref", "-d", "refs/heads/contrib/main/retry")
    world.tell("refs/heads/contrib/main/retry", tip, None, "anna")


MOVES: list[tuple[Callable[[World], None], str]] = [
    (push_again, "stale"),
    (withdraw, "pending"),
    (reject, "rejected"),
    (activate, "error"),
    (activate_and_redecide, "pending"),
    (close, "blocked"),
]


@pytest.mark.req("INV-01", "INV-02")
@pytest.mark.parametrize(("move", "word"), MOVES, ids=[move.__name__ for move, _ in MOVES])
def test_whatever_is_recorded_shows_at_once(world: World, head: str, move: Callable[[World], None], word: str) -> None:
    move(world)
    now = world.answer(head)
    assert now.answer == word
    assert now.body.get("verdict") is None


@pytest.mark.req("INV-01", "INV-02")
@pytest.mark.parametrize(("move", "word"), MOVES, ids=[move.__name__ for move, _ in MOVES])
def test_it_shows_at_once_in_every_other_process(
    world: World, head: str, move: Callable[[World], None], word: str
) -> None:
    """A second set of parts on the same database stands for another process: it shares no memory."""
    other = build_parts(world.parts.settings, clock=world.clock)
    try:
        assert status.answer(other, REPOSITORY, head, None).answer == "approved"
        move(world)
        assert status.answer(other, REPOSITORY, head, None).answer == word
    finally:
        other.ledger.close()
        other.engine.dispose()


ELSEWHERE = """
import sys
from pathlib import Path
from gate.app import build_parts
from gate.auditlog.entry import Recorder, RecorderKind
from gate.settings import load_settings
from gate.workflow import tokens
parts = build_parts(load_settings(Path(sys.argv[1]), {}))
tokens.revoke(parts, "ci", by=Recorder(kind=RecorderKind.SYSTEM, id="operator"))
parts.ledger.close()
"""


def test_a_token_revoked_here_or_in_another_process_is_refused_at_once(world: World) -> None:
    other = tokens.issue(world.parts, "other", repository=None, scopes=["status:read"], by=OPERATOR)
    for secret in (world.token, other):
        assert tokens.bearer(world.parts, f"Bearer {secret}").scopes
        assert tokens.bearer(world.parts, f"Bearer {secret}").scopes
    tokens.revoke(world.parts, "other", by=OPERATOR)
    with pytest.raises(NotSignedInError):
        tokens.bearer(world.parts, f"Bearer {other}")
    assert tokens.bearer(world.parts, f"Bearer {world.token}").name == "ci"
    subprocess.run(
        [sys.executable, "-c", ELSEWHERE, str(world.instance)],
        check=True,
        timeout=100,
        cwd=Path(__file__).resolve().parents[2],
    )
    with pytest.raises(NotSignedInError):
        tokens.bearer(world.parts, f"Bearer {world.token}")


def test_a_token_is_refused_from_the_instant_it_expires(world: World) -> None:
    ends = world.clock.now() + timedelta(seconds=2)
    secret = tokens.issue(world.parts, "short", repository=None, scopes=["status:read"], by=OPERATOR, expires_at=ends)
    assert tokens.bearer(world.parts, f"Bearer {secret}").name == "short"
    world.clock.at = ends
    with pytest.raises(NotSignedInError):
        tokens.bearer(world.parts, f"Bearer {secret}")


@pytest.mark.req("INV-01")
def test_no_yes_is_served_past_its_time(world: World, head: str, worked_out: list[str]) -> None:
    """Up to its last instant from memory, then worked out anew, with a directory that is gone: an error."""
    ends = parse_instant(str(world.answer(head).body["valid_until"]))
    world.clock.at = ends - timedelta(microseconds=1)
    assert world.word(head) == "approved"
    (world.instance / "people.ldif").unlink()
    world.clock.at = ends
    late = world.answer(head)
    assert (late.answer, late.http, late.body["verdict"]) == ("error", 503, None)
    assert worked_out == [head, head], "never recalled at or after its end"


@pytest.mark.req("INV-01")
def test_what_was_worked_out_live_is_not_recalled(world: World, head: str, worked_out: list[str]) -> None:
    world.clock.move(seconds=301)
    assert [world.word(head), world.word(head)] == ["approved", "approved"]
    assert worked_out == [head, head]
    (world.instance / "people.ldif").unlink()
    assert world.word(head) == "error"


def test_a_recalled_verdict_is_fresh_and_within_its_own_lifetime(world: World, head: str) -> None:
    first = lifetime(world.answer(head))
    world.clock.move(seconds=answer_cache.MOST_SECONDS - 1)
    assert lifetime(world.answer(head)) == first
    assert first[0] <= world.clock.now() < first[1]
    world.clock.move(seconds=1)
    assert lifetime(world.answer(head))[0] == world.clock.now(), "signed anew after a few seconds"


@pytest.fixture
def short_world(tmp_path: Path) -> Iterator[World]:
    with open_world(tmp_path / "short", max_age="300\nverdict_lifetime_seconds = 2") as opened:
        yield opened


def test_a_verdict_shorter_than_the_memory_is_not_served_past_its_end(short_world: World) -> None:
    pushed = short_world.push("own", {"b.txt": "1\n"}, author="carl", pusher="carl")
    ends = lifetime(short_world.answer(pushed))[1]
    short_world.clock.at = ends
    assert lifetime(short_world.answer(pushed))[0] == ends


def lifetime(answer: AnswerShown) -> tuple[datetime, datetime]:
    envelope: Any = answer.body["verdict"]
    said = json.loads(base64.b64decode(envelope["payload"]))["predicate"][EXTENSION]
    return parse_instant(said["notBefore"]), parse_instant(said["notAfter"])


def test_unknown_stale_and_errors_are_never_recalled(world: World, head: str, worked_out: list[str]) -> None:
    push_again(world)
    nobody = "1" * 40
    for sha in (head, nobody, head, nobody):
        world.answer(sha)
    assert worked_out == [head, nobody, head, nobody]


def test_the_size_of_the_log_is_what_the_log_says(world: World, head: str) -> None:
    before = log_size(world.parts.engine)
    assert before == world.parts.log.head().size
    world.sign("carl")
    assert log_size(world.parts.engine) == world.parts.log.head().size > before
