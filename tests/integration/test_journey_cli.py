"""The ``gate`` command: helps, exit codes, what it names when it refuses; and ``gate check`` against a live server."""

from __future__ import annotations

import gc
import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from gate.cli.main import main
from gate.domain.approval import Act
from gate.standalone import check
from gate.workflow import tokens
from gate.workflow.redecide import redecide_open
from tests.support.databases import TestDatabase
from tests.support.journey import OPERATOR, POLICY, REPOSITORY, World, open_world, write_instance
from tests.support.journey_server import served_here
from tests.support.suites import with_tests


def gate(*arguments: object) -> Result:
    """Run the command in this process. An exception that is no exit fails the test."""
    done = CliRunner().invoke(main, [str(one) for one in arguments])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    context = click.Context(group)
    for name in group.list_commands(context):  # modules are loaded when their command is asked for
        command = group.get_command(context, name)
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with open_world(tmp_path / "world") as opened:
        yield opened


@pytest.mark.req("GND-05")
@pytest.mark.parametrize("path", sorted(commands(main)), ids=" ".join)
def test_every_command_explains_itself(path: tuple[str, ...], capfd: pytest.CaptureFixture[str]) -> None:
    done = gate(*path, "--help")
    assert done.exit_code == 0
    shown = done.output + capfd.readouterr().out
    assert "usage" in shown.lower()
    assert len(shown.strip().splitlines()) >= 4


@pytest.mark.req("GND-04", "INV-10")
def test_init_makes_keys_writes_entry_0_prints_fingerprints_and_never_does_it_twice(tmp_path: Path) -> None:
    write_instance(tmp_path)
    instance = tmp_path / "instance"
    first = gate("init", "--instance", instance)
    assert first.exit_code == 0, first.output
    assert "Founded gate.test with 2 audit entries" in first.output
    trust = (instance / "trust.json").read_bytes()
    keys = {path.name: path.read_bytes() for path in (instance / "keys").iterdir()}
    assert all(
        path.stat().st_mode & 0o077 == 0 for path in (instance / "keys").glob("*.pem") if path.name != "seal.pem"
    )
    shown = gate("keys", "--instance", instance).output
    for line in shown.strip().splitlines():
        assert line in first.output
    again = gate("init", "--instance", instance)
    assert again.exit_code == 1
    assert "founded already" in again.stderr
    assert {path.name: path.read_bytes() for path in (instance / "keys").iterdir()} == keys
    assert (instance / "trust.json").read_bytes() == trust
    assert gate("audit", "--instance", instance).exit_code == 0


@pytest.mark.req("GND-04", "POL-05")
def test_init_with_a_broken_policy_founds_nothing_and_can_be_repeated(tmp_path: Path) -> None:
    write_instance(tmp_path, policy=POLICY.replace("require:", "requires:", 1))
    broken = gate("init", "--instance", tmp_path / "instance")
    assert broken.exit_code == 2
    assert "base.yaml:" in broken.stderr
    assert "`require`" in broken.stderr
    (tmp_path / "policies" / "base.yaml").write_text(with_tests(POLICY))
    assert gate("init", "--instance", tmp_path / "instance").exit_code == 0


@pytest.mark.req("GND-03")
def test_an_unknown_setting_is_named_with_its_line_and_its_neighbour(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = world.instance / "gate.toml"
    good = settings.read_text()
    settings.write_text(good.replace("max_age_seconds", "max_age_second"))
    refused = gate("audit", "--instance", world.instance)
    assert refused.exit_code == 2
    assert "policy.max_age_second" in refused.stderr
    assert "Did you mean max_age_seconds?" in refused.stderr
    assert "gate.toml:" in refused.stderr
    settings.write_text(good)
    monkeypatch.setenv("GATE_POLICY_MAX_AGE", "5")
    refused = gate("worker", "--once", "--instance", world.instance)
    assert refused.exit_code == 2
    assert "GATE_POLICY_MAX_AGE" in refused.stderr


@pytest.mark.req("GND-05", "POL-04", "POL-05")
def test_policies_are_checked_activated_and_explained(world: World) -> None:
    head = world.push("t", {"a": "1"})
    checked = gate("policy", "check", "--instance", world.instance)
    assert checked.exit_code == 0
    assert "ledger-core: main, release under base" in checked.output
    (world.policies / "base.yaml").write_text(POLICY.replace("role: qa, count", "role: qqa, count"))
    before = world.entries()
    for verb in ("check", "activate"):
        refused = gate("policy", verb, "--instance", world.instance)
        assert refused.exit_code == 2
        assert "base.yaml:" in refused.stderr
        assert "qqa" in refused.stderr
    assert world.entries() == before, "nothing is in force that does not read"
    (world.policies / "base.yaml").write_text(with_tests(POLICY.replace("count: 1", "count: 2")))
    done = gate("policy", "activate", "--instance", world.instance)
    assert (done.exit_code, "Policy epoch 2 is in force" in done.output) == (0, True)
    assert "Decided anew: 1 open contribution" in done.output
    assert world.word(head) == "pending"
    explained = gate("policy", "explain", "--instance", world.instance, REPOSITORY)
    assert explained.exit_code == 0
    assert "maintainer" in explained.output
    assert gate("policy", "explain", "--instance", world.instance, "nowhere").exit_code == 1


@pytest.mark.req("RCV-07", "GND-05", "INV-12")
def test_people_nobody_knows_are_listed_with_the_mend_until_they_are_known(world: World) -> None:
    nobody = gate("people", "unattributed", "--instance", world.instance)
    assert (nobody.exit_code, "attributed" in nobody.output) == (0, True)
    world.push("t", {"a": "1"}, author=("Stranger", "who@nowhere.example"))
    found = gate("people", "unattributed", "--instance", world.instance)
    assert found.exit_code == 1
    assert "who@nowhere.example" in found.output
    assert "ledger-core#1" in found.output
    assert "mend: " in found.output
    listed = json.loads(gate("people", "unattributed", "--instance", world.instance, "--json").output)
    assert [one["address"] for one in listed] == ["who@nowhere.example"]


@pytest.mark.req("RCV-05", "GND-05", "GND-06")
def test_tokens_are_issued_once_shown_once_and_revoked(world: World, tmp_path: Path) -> None:
    place = tmp_path / "ci.token"
    arguments = ("token", "issue", "builder", "--instance", world.instance, "--scope", "checks:write")
    issued = gate(*arguments, "--repository", REPOSITORY, "--person", "anna", "--days", 30, "--out", place)
    assert issued.exit_code == 0
    secret = place.read_text().strip()
    assert secret not in issued.output
    assert place.stat().st_mode & 0o777 == 0o600
    holder = tokens.bearer(world.parts, f"Bearer {secret}")
    assert (holder.name, holder.person) == ("builder", world.who("anna").key)
    assert gate(*arguments).exit_code == 1, "the name is taken"
    assert gate("token", "issue", "x", "--instance", world.instance, "--scope", "sign").exit_code == 2
    unknown = gate("token", "issue", "y", "--instance", world.instance, "--scope", "status:read", "--person", "zzz")
    assert (unknown.exit_code, "zzz" in unknown.stderr) == (2, True)
    assert gate("token", "revoke", "builder", "--instance", world.instance).exit_code == 0
    assert gate("token", "revoke", "builder", "--instance", world.instance).exit_code == 1


@pytest.mark.req("POL-03", "GND-05")
def test_trainings_are_imported_whole_or_not_at_all(world: World, tmp_path: Path) -> None:
    file = tmp_path / "lms.csv"
    file.write_text("login,code,valid_until\nbob,GXP-101,2027-01-01\nzzz,GXP-101,\n")
    arguments = ("trainings", "import", file, "--as-of", "2026-11-01", "--instance", world.instance)
    refused = gate(*arguments)
    assert refused.exit_code == 2
    assert "lms.csv:3" in refused.stderr
    assert "trainings-imported" not in world.kinds()
    file.write_text("login,code,valid_until\nbob,GXP-101,2027-01-01\n")
    assert gate(*arguments).exit_code == 0
    file.write_bytes(b"login,code,valid_until\nb\xf6b,GXP-101,\n")
    assert gate(*arguments).exit_code == 2


@pytest.mark.req("GND-05", "DIR-04")
def test_what_cannot_be_checked_is_exit_3(world: World) -> None:
    assert gate("directory", "health", "--instance", world.instance).exit_code == 0
    (world.instance / "people.ldif").write_text("no LDIF\n")
    sick = gate("directory", "health", "--instance", world.instance)
    assert (sick.exit_code, "FAIL" in sick.output) == (3, True)
    (world.instance / "keys" / "log.pem").rename(world.instance / "keys" / "gone")
    refused = gate("audit", "--instance", world.instance)
    assert refused.exit_code == 3
    assert "log.pem" in refused.stderr


@pytest.mark.req("AUD-01", "AUD-03", "GND-05")
def test_a_pack_is_built_and_verified_at_the_command_line(
    world: World, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    world.push("t", {"a": "1"})
    world.sign("bob")
    out, trust = tmp_path / "pack.pdf", tmp_path / "trust.json"
    assert gate("keys", "--instance", world.instance, "--trust", trust).exit_code == 0
    arguments = ("pack", "build", "--instance", world.instance, "--repository", REPOSITORY, "--out", out)
    made = gate(*arguments, "--from", "2026-11-22", "--to", "2036-11-22")
    assert made.exit_code == 0, made.output
    capfd.readouterr()
    assert gate("verify", out, "--trust", trust).exit_code == 0
    spoilt = bytearray(out.read_bytes())
    spoilt[len(spoilt) // 3] ^= 1
    out.write_bytes(spoilt)
    assert gate("verify", out, "--trust", trust).exit_code == 1
    assert gate("verify", out, "--trust", tmp_path / "none.json").exit_code == 3
    assert gate(*arguments, "--from", "2026-11-23", "--to", "2026-11-22").exit_code == 2


@pytest.mark.req("LOG-04", "INV-10", "GND-05")
@pytest.mark.parametrize("checkpoint_file", ["kept", "put back too"])
def test_an_older_database_put_back_is_found_by_audit_since(world: World, tmp_path: Path, checkpoint_file: str) -> None:
    world.push("t", {"a": "1"})
    older = tmp_path / "older.sqlite"
    database = str(world.parts.engine.url.database)
    with sqlite3.connect(database) as source, sqlite3.connect(older) as copy:
        source.backup(copy)
    copy.close()
    months = {path: path.read_bytes() for path in world.instance.glob("checkpoints-*.jsonl")}
    world.sign("bob")
    printed = gate("checkpoint", "--instance", world.instance)
    assert printed.exit_code == 0
    saved = tmp_path / "checkpoint.txt"
    saved.write_text(printed.output)
    held = gate("audit", "--instance", world.instance, "--since", saved)
    assert (held.exit_code, "NOT WITNESSED" in held.output) == (0, False)
    bare = gate("audit", "--instance", world.instance)
    assert (bare.exit_code, "NOT WITNESSED" in bare.output) == (0, True)

    with sqlite3.connect(older) as copy, sqlite3.connect(database) as target:
        copy.backup(target)
    target.close()
    if checkpoint_file == "put back too":
        for path, content in months.items():
            path.write_bytes(content)
        assert gate("audit", "--instance", world.instance).exit_code == 0, "nothing here can know"
    found = gate("audit", "--instance", world.instance, "--since", saved)
    assert found.exit_code == 1
    assert "WRONG" in found.output
    saved.write_text("not a checkpoint")
    assert gate("audit", "--instance", world.instance, "--since", saved).exit_code in (1, 2)


@pytest.mark.req("LOG-04", "INV-10", "INV-07")
def test_audit_names_the_index_of_a_changed_entry(world: World) -> None:
    world.push("t", {"a": "1"})
    done = world.sign("bob")
    with sqlite3.connect(str(world.parts.engine.url.database)) as raw:
        for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            raw.execute(f'DROP TRIGGER "{name}"')
        raw.execute("UPDATE approval SET name = 'Somebody Else' WHERE idx = ?", (done.index,))
    raw.close()
    found = gate("audit", "--instance", world.instance)
    assert found.exit_code == 1
    assert f"entry {done.index}:" in found.output


def ask(url: str, world: World, sha: str, *more: str) -> int:
    place = world.root / "ci.token"
    place.write_text(world.token)
    arguments = ["--server", url, "--repository", REPOSITORY, "--sha", sha, "--token-file", str(place), *more]
    return check.main(arguments)


@pytest.mark.req("ASK-01", "ASK-02", "INV-12")
def test_check_answers_each_case_with_its_own_exit_code(
    world: World, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    approved = world.push("one", {"a": "1"})
    world.sign("bob")
    world.sign("dana")
    old = world.push("two", {"b": "1"})
    pending = world.push("two", {"b": "2"})
    rejected = world.push("three", {"c": "1"})
    world.sign("carl", Act.REJECT, number=3)
    error = world.push("four", {"d": "1"}, author=("Stranger", "who@nowhere.example"))
    closed = world.push("five", {"e": "1"})
    world.repo.git("update-ref", "-d", "refs/heads/contrib/main/five")
    world.tell("refs/heads/contrib/main/five", closed, None, "anna")
    with served_here(world) as url:
        cases = ((approved, 0), (pending, 8), (rejected, 1), (closed, 1), (old, 5), ("1" * 40, 3), (error, 3))
        for sha, code in cases:
            assert ask(url, world, sha) == code, capsys.readouterr().out
        shown = capsys.readouterr().out
        for words in ("APPROVED  ledger-core#1", "needs: ", "Ask: ", "Carl Ohm (maintainer of ledger) rejected this"):
            assert words in shown
        assert "/contributions/ledger-core/2" in shown
        assert ask(url, world, pending, "--wait", "0.2", "--interval", "0.1") == 124
        assert ask(url, world, "HEAD") == 2
        verdict = tmp_path / "verdict.json"
        assert ask(url, world, approved, "--verdict", str(verdict)) == 0
        assert json.loads(verdict.read_text())["payloadType"] == "application/vnd.in-toto+json"
        world.activate(POLICY.replace("count: 1", "count: 2"))
        assert ask(url, world, approved) == 3, "not yet re-decided"
        redecide_open(world.parts)
        assert ask(url, world, approved) == 8
        other = tokens.issue(world.parts, "other", repository=REPOSITORY, scopes=["hints:write"], by=OPERATOR)
        world.token, real = other, world.token
        assert ask(url, world, approved) == 4
        world.token = "gate_made-up"
        assert ask(url, world, approved) == 4
        world.token = real
    assert ask(url, world, approved) == 3, "nobody answers: an outage is never a yes"


@pytest.mark.req("ASK-02", "GND-05")
def test_gate_check_is_the_file_that_ci_copies(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    head = world.push("one", {"a": "1"})
    monkeypatch.setenv("GATE_TOKEN", world.token)
    with served_here(world) as url:
        assert gate("check", "--server", url, "--repository", REPOSITORY, "--sha", head).exit_code == 8
        assert gate("check", "--server", url, "--sha", head).exit_code == 2


@pytest.mark.req("LOG-04", "GND-05")
def test_audit_runs_on_each_database_and_leaves_no_connection_open(database: TestDatabase, tmp_path: Path) -> None:
    """One left open would be a warning when it is collected, and warnings are errors here."""
    with open_world(tmp_path / "world", database=database.url) as world:
        assert gate("audit", "--instance", world.instance).exit_code == 0
        gc.collect()


@pytest.mark.req("GND-04")
def test_nothing_is_founded_without_settings(tmp_path: Path) -> None:
    refused = gate("init", "--instance", tmp_path)
    assert refused.exit_code == 2
    assert "gate.example.toml" in refused.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.req("POL-04")
def test_the_same_files_are_not_put_in_force_twice(world: World) -> None:
    before = world.entries()
    refused = gate("policy", "activate", "--instance", world.instance)
    assert refused.exit_code == 1
    assert "in force already, as policy epoch 1" in refused.stderr
    assert world.entries() == before


@pytest.mark.req("LND-03", "LND-01")
def test_the_hook_is_installed_by_a_relative_path_and_says_when_git_would_not_call_it(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "-q", "--bare", "server.git"], check=True)
    Path("token").write_text("gate_x\n")
    arguments = ("hook", "install", "--instance", world.instance, "--token-file", "token", REPOSITORY, "server.git")
    assert gate(*arguments).exit_code == 0
    ask = [sys.executable, "server.git/gate-hook.py", "status", "--config", "server.git/gate-hook.json"]
    assert subprocess.run(ask, capture_output=True, check=False).returncode == 0
    Path("server.git/hooks/pre-receive").unlink()
    told = subprocess.run(ask, capture_output=True, text=True, check=False)
    assert told.returncode == 1
    assert "pre-receive is missing" in told.stdout
