"""The hook's modes, its own failures, the server it asks, and its installation, by real pushes."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gate.domain.errors import ConflictError, InputError
from gate.git.install import install_hook
from tests.support.hooked import HOOK, MAIN, Ground, load_hook, make_ground, run_stub
from tests.support.repos import make_repo


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    return make_ground(tmp_path)


def topic(ground: Ground, parent: str | None = None, **files: str) -> str:
    return ground.work.commit(files or {"x": "1\n"}, "topic", parents=[parent or ground.base])


# -- modes ---------------------------------------------------------------------------------------------------


@pytest.mark.req("INV-13", "INV-12")
@pytest.mark.parametrize(
    ("mode", "words"),
    [("observe", "In mode enforce this push would be refused"), ("warn", "WARNING. This will be refused once")],
)
def test_observe_and_warn_say_it_and_let_it_pass(ground: Ground, mode: str, words: str) -> None:
    ground.configure(mode=mode)
    head = topic(ground)
    said = ground.accepted(f"{head}:{MAIN}")
    assert words in said
    assert f"there is no verdict for {head[:12]}" in said
    assert f"/repositories/app/revisions/{head}" in said
    (ground.root / "trust.json").unlink()
    assert "could not do its work" in ground.accepted(f"{topic(ground, head, y='1')}:{MAIN}")
    assert "may land" not in ground.accepted(f"+{ground.base}:{MAIN}")


@pytest.mark.req("INV-01")
def test_enforce_fails_closed_when_its_own_parts_are_broken(ground: Ground) -> None:
    head = topic(ground)
    verdicts = (ground.verdict(head),)
    trust = ground.root / "trust.json"
    good = trust.read_text()
    for broken in ("", "{}", "[]", good.replace("gate.example", "other.example"), good.replace("+", "+0"), "{" * 9000):
        trust.write_text(broken)
        said = ground.refused(f"{head}:{MAIN}", verdicts=verdicts)
        assert "could not be checked" in said
    trust.write_text(json.dumps({**json.loads(good), "verdict": []}))
    assert "pins no verdict key" in ground.refused(f"{head}:{MAIN}", verdicts=verdicts)
    trust.write_text(good)
    config = ground.server.path / "gate-hook.json"
    kept = config.read_text()
    for changes in ({"mode": "of course"}, {"protected": "refs/heads/main"}, {"surprise": 1}, {"spool": ""}):
        config.write_text(json.dumps({**json.loads(kept), **changes}))
        assert "is wrong" in ground.refused(f"{head}:{MAIN}", verdicts=verdicts)
    config.unlink()
    assert "cannot be read" in ground.refused(f"{head}:{MAIN}", verdicts=verdicts)
    config.write_text(kept)
    ground.accepted(f"{head}:{MAIN}", verdicts=verdicts)


@pytest.mark.req("INV-01")
def test_enforce_fails_closed_on_an_internal_error(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hook = load_hook()

    def broken(*args: object) -> str:
        raise RuntimeError("a bug nobody thought of")

    monkeypatch.setattr(hook, "read_stdin", broken)
    words = ["pre-receive", "--config", str(ground.server.path / "gate-hook.json")]
    assert hook.main(words) == 1
    assert "internal error: RuntimeError" in capsys.readouterr().err
    ground.configure(mode="observe")
    assert hook.main(words) == 0
    assert hook.main(["post-receive", *words[1:]]) == 0


@pytest.mark.req("LND-02", "INV-12")
def test_an_older_git_is_named(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    head, tip = topic(ground), topic(ground, a="2\n")
    ground.accepted(f"{tip}:{MAIN}", verdicts=(ground.verdict(tip),))
    merged = ground.work.merge(tip, head)
    ground.work.git("push", "origin", f"{merged}:refs/heads/any")
    (ground.verdict_dir / f"{head}.json").write_text(json.dumps(ground.verdict(head)))
    hook = load_hook()
    monkeypatch.setattr(hook.Git, "version", lambda self: (2, 30, 2))
    monkeypatch.setattr(hook, "read_stdin", lambda: f"{tip} {merged} {MAIN}\n")
    monkeypatch.setenv("GIT_DIR", str(ground.server.path))
    words = ["--config", str(ground.server.path / "gate-hook.json")]
    assert hook.main(["pre-receive", *words]) == 1
    assert "git 2.30.2 on this server cannot compute a merge; git 2.38 or newer" in capsys.readouterr().err
    assert hook.main(["status", *words]) == 1
    assert "NOT USABLE: git 2.30.2" in capsys.readouterr().out


@pytest.mark.req("INV-12")
def test_refusals_carry_the_prefix_that_gitlab_shows(ground: Ground) -> None:
    head = topic(ground)
    pushed = ground.push(f"{head}:{MAIN}", env={"GL_ID": "user-7"})
    lines = [line.strip() for line in pushed.said.splitlines() if "page:" in line or "no verdict" in line]
    assert len(lines) == 2
    assert all(line.startswith("GL-HOOK-ERR:") for line in lines)


@pytest.mark.req("LND-02")
def test_a_pushers_environment_cannot_bring_its_own_python(ground: Ground, tmp_path: Path) -> None:
    evil = tmp_path / "evil"
    evil.mkdir()
    (evil / "json.py").write_text("import os; os._exit(0)\n")
    ground.refused(f"{topic(ground)}:{MAIN}", env={"PYTHONPATH": str(evil), "PYTHONSTARTUP": str(evil / "json.py")})
    (ground.server.path / "json.py").write_text("import os; os._exit(0)\n")
    ground.refused(f"{topic(ground)}:{MAIN}")


# -- the server ----------------------------------------------------------------------------------------------


@pytest.mark.req("LND-01", "LND-03")
def test_the_server_is_asked_when_nothing_else_suffices(ground: Ground) -> None:
    middle = topic(ground)
    head = topic(ground, middle, y="1\n")
    token = ground.root / "token"
    token.write_text("gate_secret\n")
    with run_stub() as stub:
        ground.configure(server=stub.url, token_file=str(token))
        stub.verdicts[head] = ground.verdict(head)
        ground.accepted(f"{head}:{MAIN}")
        (asked, *_), (sent, *_) = stub.asked, stub.tokens
        assert asked.startswith("GET /api/v1/repositories/app/verdicts?target=refs%2Fheads%2Fmain&sha=")
        assert head in asked
        assert middle in asked
        assert sent == "Bearer gate_secret"


class _DecidedWhenAsked(dict[str, Any]):
    """Verdicts as of a gate that decides only now: in force from the moment of the question."""

    def __init__(self, ground: Ground) -> None:
        super().__init__()
        self.ground = ground

    def get(self, head: str, default: Any = None) -> Any:
        return self.ground.verdict(head, not_before=datetime.now(UTC))


@pytest.mark.req("LND-01", "INV-13")
def test_a_verdict_younger_than_the_push_counts(ground: Ground) -> None:
    head = topic(ground)
    with run_stub() as stub:
        ground.configure(server=stub.url)
        stub.verdicts = _DecidedWhenAsked(ground)
        ground.accepted(f"{head}:{MAIN}")


@pytest.mark.req("LND-03", "INV-12")
def test_a_refusal_says_what_the_server_says_is_missing(ground: Ground) -> None:
    head = topic(ground)
    with run_stub() as stub:
        ground.configure(server=stub.url)
        page = f"{stub.url}/contributions/app/4"
        stub.answers[head] = {"answer": "pending", "summary": "One signature is missing.", "page": page}
        stub.revisions[head] = {
            "answer": "pending",
            "summary": "One signature\x1b[31m is missing.",
            "page": page,
            "missing": [{"sentence": "A maintainer must approve.", "candidates": [{"name": "Bo Lind"}, 3]}, 7],
        }
        said = ground.refused(f"{head}:{MAIN}")
        assert "A maintainer must approve. Ask: Bo Lind." in said
        assert f"page: {page}" in said
        assert "\x1b" not in said


@pytest.mark.req("LND-02", "LND-03")
def test_the_servers_word_is_not_believed_without_a_signature(ground: Ground) -> None:
    head = topic(ground)
    with run_stub() as stub:
        ground.configure(server=stub.url)
        good = ground.verdict(head)
        stub.answers[head] = {"answer": "approved", "summary": "yes", "page": "/contributions/app/1"}
        for envelope in ({**good, "signatures": []}, {}, "PASSED", [good], ground.verdict(ground.base)):
            stub.verdicts[head] = envelope
            said = ground.refused(f"{head}:{MAIN}")
            assert f"{stub.url}/contributions/app/1" in said


@pytest.mark.req("INV-01", "LND-03")
def test_a_hung_server_ends_in_a_refusal_and_never_delays_a_yes(ground: Ground) -> None:
    head = topic(ground)
    with run_stub() as stub:
        stub.hang = threading.Event()
        ground.configure(server=stub.url)
        said = ground.refused(f"{head}:{MAIN}")
        assert "no answer in time" in said
        assert f"/repositories/app/revisions/{head}" in said
        before = len(stub.asked)
        pushed = ground.push(f"{head}:{MAIN}", verdicts=(ground.verdict(head),))
        assert pushed.code == 0
        assert [line for line in stub.asked[before:] if line.startswith("GET")] == []


# -- installation --------------------------------------------------------------------------------------------


@pytest.mark.req("GND-06")
def test_installation_is_repeatable_and_leaves_the_rest_alone(ground: Ground) -> None:
    bare = ground.server.path
    ground.server.git("config", "receive.denyNonFastForwards", "false")
    ground.configure(mode="warn")
    assert stat.S_IMODE((bare / "gate-hook.json").stat().st_mode) == 0o600
    assert json.loads((bare / "gate-hook.json").read_text())["mode"] == "warn"
    assert (bare / "gate-hook.py").read_bytes() == HOOK.read_bytes()
    assert os.access(bare / "hooks" / "pre-receive", os.X_OK)
    assert ground.server.git("config", "receive.advertisePushOptions") == "true"
    assert ground.server.git("config", "receive.denyNonFastForwards") == "false"
    assert not list(bare.glob(".gate-*"))


@pytest.mark.req("INV-01", "INV-13")
def test_a_server_without_python_blocks_only_where_it_enforces(ground: Ground, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sh", "dirname", "grep"):
        (tools / name).symlink_to(str(shutil.which(name)))
    for mode, code in (("enforce", 1), ("warn", 0), ("observe", 0)):
        ground.configure(mode=mode)
        done = subprocess.run(
            [ground.server.path / "hooks" / "pre-receive"],
            input=b"",
            capture_output=True,
            timeout=30,
            check=False,
            env={"PATH": str(tools)},
            cwd=ground.server.path,
        )
        assert (done.returncode, b"python3 is missing" in done.stderr) == (code, True)


@pytest.mark.req("INV-13")
@pytest.mark.parametrize("name", ["pre-receive", "post-receive"])
def test_foreign_hooks_are_never_overwritten(tmp_path: Path, name: str) -> None:
    bare = make_repo(tmp_path / "other.git", bare=True).path
    (bare / "hooks").mkdir(exist_ok=True)
    foreign = bare / "hooks" / name
    foreign.write_text("#!/bin/sh\nexit 0\n")
    with pytest.raises(ConflictError, match="Chain them"):
        install_hook(bare, {}, HOOK)
    assert foreign.read_text() == "#!/bin/sh\nexit 0\n"
    assert not (bare / "gate-hook.py").exists()
    foreign.unlink()
    foreign.symlink_to("/nonexistent/hook")
    with pytest.raises(ConflictError):
        install_hook(bare, {}, HOOK)
    with pytest.raises(InputError):
        install_hook(tmp_path, {}, HOOK)


def test_the_hook_is_one_file_for_python_3_8_that_imports_nothing_of_ours() -> None:
    tree = ast.parse(HOOK.read_text(), feature_version=(3, 8))
    imported = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(str(node.module).split(".")[0])
    assert imported - {"cryptography"} <= sys.stdlib_module_names
    assert not re.search(r"\.remove(prefix|suffix)\(|\bmatch \w+:|zip\([^)]*strict", HOOK.read_text())


# -- command line --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verifier", ["cryptography", "openssl"])
def test_status_says_what_is_configured(
    ground: Ground, verifier: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GATE_HOOK_VERIFIER", verifier)
    words = ["status", "--config", str(ground.server.path / "gate-hook.json")]
    assert load_hook().main(words) == 0
    told = capsys.readouterr().out
    for line in ("repository  app", "mode        enforce", ground.key.key_id, "verifier    works", "0 hints"):
        assert line in told


def test_usage_and_configuration_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hook = load_hook()
    calls: list[list[str]] = [[], ["pre-receive"], ["dance", "--config", "x"], ["flush", "--surprise"]]
    for words in calls:
        with pytest.raises(SystemExit) as caught:
            hook.main(words)
        assert caught.value.code == 2
    assert hook.main(["flush", "--config", str(tmp_path / "none.json")]) == 2
    capsys.readouterr()


@pytest.mark.parametrize(
    "broken",
    [
        [],
        {"format": "gate-hook/v2"},
        {"clock_skew_seconds": True},
        {"pusher_env": [1]},
        {"token_file": 5},
        {"server": None},
    ],
)
def test_configuration_is_checked_member_by_member(ground: Ground, broken: Any) -> None:
    raw = {**ground.config(), **broken} if isinstance(broken, dict) else broken
    with pytest.raises(ValueError, match=r"."):
        load_hook().parse_config(raw)
