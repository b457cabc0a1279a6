"""post-receive and the spool: nothing is lost while the gate is down, and no push ever fails for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.hooked import Ground, Stub, load_hook, make_ground, run_stub
from tests.support.repos import Repo

TOPIC = "refs/heads/contrib/main/topic"
ZERO = "0" * 40


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    return make_ground(tmp_path)


@pytest.fixture
def stub(ground: Ground) -> Iterator[Stub]:
    with run_stub() as running:
        ground.configure(server=running.url)
        yield running


def flush(ground: Ground, *words: str) -> int:
    code: int = load_hook().main(["flush", "--config", str(ground.server.path / "gate-hook.json"), *words])
    return code


def commit(repo: Repo, parent: str, name: str) -> str:
    return repo.commit({name: "1\n"}, name, parents=[parent])


@pytest.mark.req("RCV-01")
def test_opening_updating_and_deleting_a_contribution_branch_is_told(ground: Ground, stub: Stub) -> None:
    one = commit(ground.work, ground.base, "one")
    two = commit(ground.work, one, "two")
    assert "recorded" in ground.accepted(f"{one}:{TOPIC}")
    ground.accepted(f"{two}:{TOPIC}")
    ground.accepted(f":{TOPIC}")
    told = [(hint["updates"][0]["old"], hint["updates"][0]["new"]) for hint in stub.hints]
    assert told == [(ZERO, one), (one, two), (two, ZERO)]
    assert {hint["format"] for hint in stub.hints} == {"gate-hint/v1"}
    assert len({hint["id"] for hint in stub.hints}) == 3
    assert all(hint["at"].endswith("Z") for hint in stub.hints)
    assert stub.asked[0] == "POST /api/v1/repositories/app/hints"
    assert ground.hints() == []


@pytest.mark.req("INV-13")
def test_tags_and_empty_pushes_tell_nothing(ground: Ground, stub: Stub) -> None:
    ground.accepted(f"{ground.base}:refs/tags/v1")
    ground.accepted(f"{ground.base}:refs/heads/main")
    ground.accepted(f"{ground.base}:refs/heads/ordinary")
    assert [hint["updates"][0]["ref"] for hint in stub.hints] == ["refs/heads/ordinary"]


@pytest.mark.req("RCV-02")
def test_hints_wait_while_the_gate_is_down_and_go_out_oldest_first(ground: Ground) -> None:
    one = commit(ground.work, ground.base, "one")
    two = commit(ground.work, one, "two")
    said = ground.accepted(f"{one}:{TOPIC}")
    assert "spooled, will be delivered by the next push or `hook.py flush`" in said
    ground.accepted(f"{two}:{TOPIC}")
    assert [hint["updates"][0]["new"] for hint in ground.hints()] == [one, two]
    assert flush(ground) == 3
    with run_stub() as stub:
        ground.configure(server=stub.url)
        stub.hint_status = 503
        ground.accepted(f":{TOPIC}")
        assert len(stub.asked) == 1, "delivery stops at the first outage"
        stub.hint_status = 200
        assert flush(ground) == 0
        assert [hint["updates"][0]["new"] for hint in stub.hints] == [one, two, ZERO]
    assert ground.hints() == []


@pytest.mark.req("RCV-02")
def test_the_next_push_delivers_what_waited(ground: Ground) -> None:
    one = commit(ground.work, ground.base, "one")
    ground.accepted(f"{one}:{TOPIC}")
    with run_stub() as stub:
        ground.configure(server=stub.url)
        assert "recorded" in ground.accepted(f":{TOPIC}")
        assert [hint["updates"][0]["new"] for hint in stub.hints] == [one, ZERO]


@pytest.mark.req("RCV-02")
def test_a_hint_the_gate_refuses_is_put_aside_with_the_reason(ground: Ground, stub: Stub) -> None:
    one = commit(ground.work, ground.base, "one")
    stub.hint_status = 422
    assert "the gate refused this hint" in ground.accepted(f"{one}:{TOPIC}")
    assert ground.hints() == []
    (refused,) = (ground.spool / "refused").glob("*.json")
    told = json.loads(refused.read_text())
    assert (told["status"], told["reason"]) == (422, "status 422 wanted")
    assert flush(ground) == 1
    stub.hint_status = 202
    assert flush(ground, "--again") == 0
    assert [hint["updates"][0]["new"] for hint in stub.hints] == [one]


@pytest.mark.req("RCV-02")
@pytest.mark.parametrize("status", [401, 403, 429, 500, 302])
def test_a_wrong_token_or_a_busy_gate_loses_no_hint(ground: Ground, stub: Stub, status: int) -> None:
    stub.hint_status = status
    assert "spooled" in ground.accepted(f"{ground.base}:{TOPIC}")
    assert len(ground.hints()) == 1
    assert not (ground.spool / "refused").exists()


@pytest.mark.req("RCV-02", "INV-13")
def test_a_broken_spool_never_fails_a_push(ground: Ground) -> None:
    ground.spool.write_text("a file where a folder should be")
    said = ground.accepted(f"{ground.base}:{TOPIC}")
    assert "could not do its work" in said
    (ground.server.path / "gate-hook.json").write_text("{")
    hook = load_hook()
    assert hook.main(["post-receive", "--config", str(ground.server.path / "gate-hook.json")]) == 0


@pytest.mark.req("RCV-03")
def test_the_pusher_comes_from_the_git_server_only(ground: Ground, stub: Stub) -> None:
    ground.work.git("config", "user.name", "mallory")
    ground.work.git("config", "user.email", "mallory@evil.example")
    claimed = {"GIT_COMMITTER_NAME": "mallory", "GIT_AUTHOR_NAME": "mallory", "USER": "mallory", "LOGNAME": "mallory"}
    ground.accepted(f"{ground.base}:{TOPIC}", env=claimed)
    ground.accepted(f":{TOPIC}", env={**claimed, "REMOTE_USER": "cy", "GL_USERNAME": "bo"})
    ground.accepted(f"{ground.base}:{TOPIC}", env={**claimed, "GATE_PUSHER": "anna"})
    assert [hint["pusher"] for hint in stub.hints] == [None, "bo", "anna"]
    ground.configure(server=stub.url, pusher_env=[])
    ground.accepted(f":{TOPIC}", env={"GATE_PUSHER": "anna"})
    assert stub.hints[-1]["pusher"] is None


@pytest.mark.req("RCV-01")
def test_a_refused_push_tells_nothing(ground: Ground, stub: Stub) -> None:
    one = commit(ground.work, ground.base, "one")
    ground.refused(f"{one}:refs/heads/main", f"{one}:{TOPIC}")
    assert stub.hints == []
    assert ground.hints() == []


@pytest.mark.req("LND-04")
def test_landings_are_told_too(ground: Ground, stub: Stub) -> None:
    one = commit(ground.work, ground.base, "one")
    ground.accepted(f"{one}:refs/heads/main", verdicts=(ground.verdict(one),))
    assert stub.hints[0]["updates"] == [{"ref": "refs/heads/main", "old": ground.base, "new": one}]
