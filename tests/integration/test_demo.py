"""The demo, started as users start it: what it prints is true, and nothing of it stays when it ends."""

from __future__ import annotations

import json
import re
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gate.app import build_parts
from gate.cli.main import main
from gate.demo.browser import Browser
from gate.demo.clock import DemoClock
from gate.demo.live import has_landed, render
from gate.demo.organisation import ENTITIES, GROUPS, MEMBERS, PEOPLE, build_ldif, find_member
from gate.demo.place import Place
from gate.demo.slapd import find_slapd
from gate.demo.story import DROPPED, LACKS_ONE, STORY
from gate.directory.api import Layout, LdifSettings, StateRules
from gate.directory.ldif import LdifDirectory
from gate.directory.passwords import hash_password
from gate.domain.people import RoleGroup
from gate.settings import load_settings
from gate.workflow.activate import activate, load_proposals
from tests.support.demo import GATE, Demo, running_demo
from tests.support.demo_flips import (
    ACTIVATION,
    CHANGES,
    COMMENTED,
    DECIDED,
    DROPPED_NAME,
    LOOSER,
    MORE_PEOPLE,
    REGISTRY,
    Change,
)
from tests.support.journey import OPERATOR
from tests.support.journey_server import served_parts

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


def copy_record(demo: Demo, copy: Path) -> Path:
    """Instance and policies as they are now, to be changed by a test; the directory stays the demo's."""
    shutil.copytree(demo.root, copy, ignore=shutil.ignore_patterns("slapd", "gate.sqlite*", "work", "git"))
    kept = copy / "instance" / "gate.sqlite"
    with closing(sqlite3.connect(demo.summary["database"])) as source, closing(sqlite3.connect(kept)) as target:
        source.backup(target)
    return copy


@pytest.mark.req("POL-10")
def test_simulation_prints_exactly_what_flips_in_the_story(demo: Demo, tmp_path: Path) -> None:
    """Against lists written by hand from the story, for files that change nothing, tighten, loosen and let nothing."""
    has_landed = is_landed(demo)
    for change in CHANGES:
        files = change.write(demo.root / "policies", tmp_path / change.name)
        expected = change.expected(has_landed)
        told = simulate(demo, "--dir", str(files), "--json")
        assert by_topic(demo, [json.loads(line) for line in told.stdout.splitlines()]) == expected, change.name
        text = simulate(demo, "--dir", str(files), "--exit-code")
        assert text.exit_code == (1 if expected else 0), change.name
        lines = text.stdout.splitlines()
        assert lines[-1] == f"{len(expected)} of {DECIDED} recorded decisions flip."
        flips = [json.loads(line) for line in told.stdout.splitlines()]
        heads = [f"{one['repository']}#{one['number']}, revision {one['revision']} " for one in flips]
        assert [line.partition("(")[0] for line in lines[:-1] if not line.startswith("  ")] == heads
        assert all(f"  {reason}" in lines for one in flips for reason in one["reasons"])
    one = simulate(demo, "--dir", str(tmp_path / MORE_PEOPLE.name), "--repository", "lab-connect", "--json")
    assert {json.loads(line)["repository"] for line in one.stdout.splitlines()} == {"lab-connect"}


@pytest.mark.req("POL-10", "POL-13")
def test_the_page_of_a_proposal_shows_the_same_flips(demo: Demo, tmp_path: Path) -> None:
    """In a copy of the record, in which the change board proposes policies: they are simulated there as they were."""
    copy = copy_record(demo, tmp_path / "copy")
    registry = copy / "policies" / REGISTRY
    registry.write_text(registry.read_text(encoding="utf-8") + ACTIVATION, encoding="utf-8")
    parts = build_parts(load_settings(copy / "instance", {}))
    try:
        activate(parts, load_proposals(copy / "policies"), by=OPERATOR)
        with served_parts(parts) as url:
            stefan = Browser(url, find_member("stefan"))
            for change in (COMMENTED, MORE_PEOPLE, LOOSER):
                texts = change.write_tested(copy / "policies", tmp_path / change.name)
                fields = {f"text-{number}": text for number, text in enumerate(texts.values())}
                page = stefan.send("/policies/propose", fields, needs="text-0")[1].decode()
                assert flips_on(page) == in_order(demo, change), change.name
    finally:
        parts.ledger.close()
        parts.engine.dispose()


def simulate(demo: Demo, *words: str) -> Result:
    """In this process: a start of the program for each would cost CI more than the replay."""
    instance = str(demo.summary["instance"])
    return CliRunner().invoke(main, ["policy", "simulate", "--instance", instance, *words], catch_exceptions=False)


def is_landed(demo: Demo) -> bool:
    """Whether another test has signed and landed the contribution that waits for it."""
    return has_landed(Place(demo.root), demo.summary["push"]["repository"], demo.summary["push"]["head"])


def names_of(demo: Demo) -> dict[str, str]:
    return {topic: name for topic, (name, _) in demo.summary["contributions"].items()} | {DROPPED: DROPPED_NAME}


def by_topic(demo: Demo, flips: list[dict[str, str]]) -> dict[str, tuple[str, str]]:
    topics = {name: topic for topic, name in names_of(demo).items()}
    return {topics[f"{one['repository']}#{one['number']}"]: (one["before"], one["after"]) for one in flips}


def in_order(demo: Demo, change: Change) -> list[tuple[str, ...]]:
    """What must flip by repository and number, as everything lists them."""
    rows = ((names_of(demo)[topic], *answers) for topic, answers in change.expected(is_landed(demo)).items())
    return sorted(rows, key=lambda row: (row[0].partition("#")[0], int(row[0].partition("#")[2])))


def flips_on(page: str) -> list[tuple[str, ...]]:
    """Row by row: contribution, answer as decided, answer under the proposal."""
    table = page.partition("Decisions that flip</caption>")[2].partition("</table>")[0]
    cells = [
        re.findall(r"<t[hd] (?:scope=.row. )?data-label=.*?</t[hd]>", row, re.DOTALL) for row in table.split("<tr>")
    ]
    told = [[re.sub(r"<[^>]+>", " ", cell).split()[0].lower() for cell in row[:3]] for row in cells if row]
    return [tuple(row) for row in told]


@pytest.mark.req("DMO-02", "LOG-04")
def test_tampering_is_found_by_its_index(demo: Demo, tmp_path: Path) -> None:
    copy = copy_record(demo, tmp_path / "copy")
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
