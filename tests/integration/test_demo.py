"""The demo, started as users start it: what it prints is true, and nothing of it stays when it ends."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gate.demo.browser import Browser
from gate.demo.clock import DemoClock
from gate.demo.live import has_landed, render
from gate.demo.organisation import ENTITIES, GROUPS, MEMBERS, PEOPLE, build_ldif, find_member
from gate.demo.place import Place
from gate.demo.slapd import find_slapd
from gate.demo.story import LACKS_ONE, STORY
from gate.directory.api import Layout, LdifSettings, StateRules
from gate.directory.ldif import LdifDirectory
from gate.directory.passwords import hash_password
from gate.domain.people import RoleGroup
from tests.support.demo import GATE, Demo, running_demo

pytestmark = pytest.mark.timeout(900)  # the first start plays 90 days


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    if find_slapd() is None:
        pytest.skip("slapd is not installed: apt-get install slapd")
    with running_demo(tmp_path_factory.mktemp("demo") / ".demo") as found:
        yield found


@pytest.mark.req("DMO-01", "ASK-02", "LND-02", "SGN-01")
def test_printed_lines_do_what_they_say(demo: Demo) -> None:
    summary = demo.summary
    assert [one["name"] for one in summary["checks"]] == ["approved", "pending", "rejected", "stale", "blocked"]
    assert [one["exit_code"] for one in summary["checks"]] == [0, 8, 1, 5, 1]
    for one in summary["checks"]:
        done = demo.run(one["command"])
        assert done.returncode == one["exit_code"], done.stdout + done.stderr
    assert demo.run(summary["verify"]).returncode == 0
    assert demo.run(summary["audit"]).returncode == 0

    push, pending = summary["push"], summary["checks"][1]["command"]
    main = ["git", "-C", summary["repositories"][0]["path"], "rev-parse", "main"]
    before = subprocess.run(main, capture_output=True, text=True, check=True).stdout
    refused = demo.run(push["command"])
    assert refused.returncode == 1
    assert "No ref was moved" in refused.stderr
    assert f"{summary['url']}/contributions/{push['repository']}/{push['number']}" in refused.stderr
    assert subprocess.run(main, capture_output=True, text=True, check=True).stdout == before
    for login, answer in ((push["first"], 8), (push["second"], 0)):
        Browser(summary["url"], find_member(login)).sign(push["repository"], push["number"], "approve", "Looks right.")
        assert demo.run(pending).returncode == answer
    landed = demo.run(push["command"])
    assert landed.returncode == 0, landed.stderr
    after = subprocess.run(main, capture_output=True, text=True, check=True).stdout
    assert after.strip() == push["head"]
    assert has_landed(Place(demo.root), push["repository"], push["head"])
    told = render({**summary, "push": {**push, "has_landed": True}}, demo.root)
    assert "has landed, and would change nothing" in told
    assert "refused now" not in told
    assert "refused now" in "".join(demo.printed)
    assert demo.run(summary["audit"]).returncode == 0


@pytest.mark.req("DMO-01")
def test_every_login_finds_something(demo: Demo) -> None:
    """No demo that opens on an empty page: each has the answer they are sent to."""
    summary = demo.summary
    assert len(summary["logins"]) == 5
    for one in summary["logins"]:
        _, inbox = Browser(summary["url"], find_member(one["user"])).get("/")
        assert one["name"] in inbox.decode()
    lacking = summary["contributions"][LACKS_ONE][0].replace("#", "/")
    _, page = Browser(summary["url"], find_member("mara")).get(f"/contributions/{lacking}")
    assert f"/contributions/{lacking}/approve" in page.decode()


@pytest.mark.req("DMO-01", "AUD-05")
def test_packs_tell_the_bypass(demo: Demo, tmp_path: Path) -> None:
    out = tmp_path / "lab.pdf"
    words = ["--repository", "lab-connect", "--from", "2020-01-01", "--to", demo_today()]
    built = demo.gate("pack", "build", "--instance", demo.summary["instance"], *words, "--out", str(out))
    assert built.returncode == 0, built.stderr
    verified = demo.gate("verify", str(out), "--trust", demo.summary["trust"])
    assert verified.returncode == 0, verified.stdout
    assert "+ 1 unexplained" in verified.stdout


@pytest.mark.req("DMO-02", "LOG-04")
def test_tampering_is_found_by_its_index(demo: Demo, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(demo.root, copy, ignore=shutil.ignore_patterns("slapd", "gate.sqlite*", "work", "git"))
    kept = copy / "instance" / "gate.sqlite"
    with closing(sqlite3.connect(demo.summary["database"])) as source, closing(sqlite3.connect(kept)) as target:
        source.backup(target)
    assert demo.gate("audit", "--instance", str(copy / "instance")).returncode == 0
    told = demo.gate("demo-tamper", "--dir", str(copy))
    assert told.returncode == 0, told.stderr
    found = demo.gate("audit", "--instance", str(copy / "instance"))
    assert found.returncode == 1
    index = told.stdout.split()[1]
    again = demo.gate("demo-tamper", "--dir", str(copy))
    assert again.returncode == 0
    assert f"Entry {index} has been tampered with already" in again.stdout
    assert any(line.startswith("WRONG") and f"entry {index}:" in line for line in found.stdout.splitlines())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.req("DMO-01")
def test_ends_all_it_started_and_reuses_its_state(demo: Demo, number: signal.Signals) -> None:
    pids = demo.summary["pids"]
    assert {"demo", "serve", "web", "worker", "slapd"} <= set(pids)
    assert demo.end(number) == 0
    assert "Ended everything this demo had started" in "".join(demo.printed)
    assert [name for name, pid in pids.items() if Path(f"/proc/{pid}").exists()] == []
    demo.start()
    assert any("reusing" in line for line in demo.printed)
    assert not any("playing" in line for line in demo.printed)
    is_there = has_landed(Place(demo.root), demo.summary["push"]["repository"], demo.summary["push"]["head"])
    assert demo.summary["push"]["has_landed"] is is_there
    assert any("refused now" in line for line in demo.printed) is not is_there


@pytest.mark.req("DMO-01")
def test_one_demo_a_folder(demo: Demo) -> None:
    second = demo.gate("demo")
    assert second.returncode == 1
    assert "Another demo is running" in second.stderr


@pytest.mark.req("DMO-01")
def test_other_folders_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "gate.toml").write_text("production = true\n")
    done = subprocess.run(
        [str(GATE), "demo", "--dir", str(tmp_path)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 2
    assert [one.name for one in tmp_path.iterdir()] == ["gate.toml"]
    refused = subprocess.run(
        [str(GATE), "demo-tamper", "--dir", str(tmp_path)], capture_output=True, text=True, check=False, timeout=60
    )
    assert refused.returncode == 1


@pytest.mark.req("DMO-01")
def test_people_also_come_from_a_file(tmp_path: Path) -> None:
    """What the demo does where slapd is missing: the same 24 people, nested groups and one disabled account."""
    path = tmp_path / "people.ldif"
    path.write_text(build_ldif(lambda password: hash_password(password, log_n=4)), encoding="utf-8")
    layout = Layout(
        people_base=PEOPLE,
        group_bases=(GROUPS,),
        state=StateRules(denied=(("employeeType", ("terminated",)),)),
    )
    directory = LdifDirectory(LdifSettings(name="aster", path=path, layout=layout))
    assert (len(MEMBERS), len(ENTITIES), len(set(ENTITIES.values()))) == (24, 6, 3)
    mara = directory.authenticate("mara", find_member("mara").password)
    nested = RoleGroup(role="maintainer", team="infusion", group_dn=f"cn=infusion-maintainers,{GROUPS}")
    assert directory.snapshot(mara.ref, [nested]).grants
    states = {one.login: directory.person_by_login(one.login) for one in MEMBERS}
    assert [login for login, one in states.items() if one is None or not one.is_active] == ["ruben"]


def test_story_is_told_in_order() -> None:
    assert all(0 < one.at < 90 for one in STORY)


def test_the_clock_is_never_set_back() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    clock = DemoClock(start)
    clock.set(start + timedelta(days=1))
    clock.set(start)
    assert clock.now() >= start + timedelta(days=1)


def demo_today() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
