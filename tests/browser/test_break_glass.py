"""Break-glass in a real browser: invoked, co-signed, landed, reviewed; the lock while its review is overdue."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.support.browser import Scheme, Visitor, load_axe, visiting
from tests.support.directory_ldif import PASSWORD
from tests.support.glass_world import DUE, FINDING, REASON, break_glass, open_glass_world
from tests.support.journey import MAIN, REPOSITORY, World
from tests.support.server import Gate, running

pytestmark = pytest.mark.req("POL-08")
CHECK = Path(__file__).resolve().parents[2] / "gate" / "standalone" / "check.py"


@dataclass(frozen=True, kw_only=True)
class Served:
    world: World
    gate: Gate


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with open_glass_world(tmp_path / "world") as world:
        gate = Gate(instance=world.instance, parts=world.parts, repo=world.repo, token=world.token)
        with running(gate):
            yield Served(world=world, gate=gate)


def check(gate: Gate, head: str) -> subprocess.CompletedProcess[str]:
    """What a pipeline runs."""
    asked = ["--server", gate.url, "--repository", REPOSITORY, "--sha", head, "--target", MAIN]
    return subprocess.run(
        [sys.executable, str(CHECK), *asked],
        env={"GATE_TOKEN": gate.token},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def sign_in(person: Visitor, login: str) -> Visitor:
    return person.sign_in(login, PASSWORD)


def follow(person: Visitor, name: str) -> None:
    person.page.get_by_role("link", name=name).first.click()


def finish(person: Visitor, reason: str = "", password: str = PASSWORD) -> None:
    if reason:
        person.page.locator("textarea").fill(reason)
    person.page.get_by_label("Your password").fill(password)
    person.page.get_by_role("button", name="Sign as ").click()


@pytest.mark.req("INV-03", "INV-04", "INV-05", "INV-12", "SGN-05")
@pytest.mark.parametrize("has_scripts", [True, False], ids=["scripts", "no-scripts"])
def test_from_invocation_to_closed_review_and_the_lock(browser: Browser, served: Served, has_scripts: bool) -> None:
    world, gate = served.world, served.gate
    head = world.push("fix", {"src/post.py": "def post(): return 1\n"})
    world.sign("bob")
    with visiting(browser, gate, has_scripts=has_scripts) as gil:
        sign_in(gil, "gil").open_contribution(1)
        gil.reads("Erin Vale, Gil Maro")
        follow(gil, "Break the glass…")
        gil.page.get_by_label("outage").check()
        gil.page.get_by_label("Incident, as INC-7").fill("seven")
        gil.press("Show the statement")
        gil.reads("does not look like INC-7")
        gil.page.get_by_label("Incident, as INC-7").fill("INC-77")
        gil.press("Show the statement")
        assert "It waives, once it is co-signed: qa" in gil.statement
        assert head in gil.statement
        finish(gil, REASON, "typo")
        gil.reads("Nothing was signed")
        expect(gil.page.locator("textarea")).to_have_value(REASON)
        finish(gil, REASON)
        gil.reads("Signed and recorded")
        gil.open_contribution(1).reads("it waives nothing: it is not co-signed")
        gil.reads("You broke the glass here yourself: somebody else co-signs it.")
    assert check(gate, head).returncode == 8
    with visiting(browser, gate, has_scripts=has_scripts) as carl:
        sign_in(carl, "carl").open_contribution(1)
        follow(carl, "Co-sign the break-glass…")
        carl.reads(REASON)
        finish(carl)
        carl.reads("Signed and recorded")
        carl.open_contribution(1).reads_title("Overridden")
        carl.reads("Waived by break-glass")
        carl.reads("You co-signed it: somebody independent reviews it.")
    told = check(gate, head)
    assert told.returncode == 0, told.stderr
    assert "WARNING" in told.stdout
    assert "OVERRIDDEN" in told.stdout
    world.land(head)
    world.clock.at = DUE + timedelta(hours=1)
    world.push("two", {"src/two.py": "2\n"})
    with visiting(browser, gate, has_scripts=has_scripts) as gil:
        sign_in(gil, "gil").open_contribution(2)
        gil.reads("Break-glass is locked here: the review after ledger-core#1 was due on 2026-11-25 00:00 UTC")
        expect(gil.page.get_by_role("link", name="Break the glass…")).to_have_count(0)
        follow(gil, "Break-glass")
        gil.reads("Review overdue")
        expect(gil.page.get_by_role("link", name="Review it…")).to_have_count(0)
    with visiting(browser, gate, has_scripts=has_scripts) as iris:
        sign_in(iris, "iris").reads("Break-glass reviews you can make")
        follow(iris, "Review it…")
        iris.page.get_by_label("Not justified").check()
        iris.press("Show the statement")
        assert "I find that this break-glass was not justified." in iris.statement
        finish(iris, FINDING)
        iris.reads("Signed and recorded")
        iris.go("/overrides").reads("Reviewed: not justified")
        iris.open_contribution(1).reads(FINDING)
        iris.reads_title("Overridden")
    with visiting(browser, gate, has_scripts=has_scripts) as gil:
        sign_in(gil, "gil").open_contribution(2)
        expect(gil.page.get_by_role("link", name="Break the glass…")).to_be_visible()
    assert world.audit().faults == 0


@pytest.mark.req("SGN-05")
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 360)])
def test_the_pages_look_right(browser: Browser, served: Served, scheme: Scheme, width: int) -> None:
    world, axe = served.world, load_axe()
    for number in (1, 2):
        world.push(f"topic-{number}", {f"src/{number}.py": "1\n"})
        world.sign("bob", number=number)
    break_glass(world)
    with visiting(browser, served.gate, scheme=scheme, width=width) as gil:
        sign_in(gil, "gil")
        place = f"/contributions/{REPOSITORY}"
        invoke = f"{place}/2/break-glass/invoke?code=outage&incident=INC-77"
        for name, path in {"contribution": f"{place}/1", "open": f"{place}/2", "invoke": invoke}.items():
            gil.go(path).shoot(f"glass-{name}-{scheme}-{width}")
            assert gil.overflow() <= 0, path
            assert gil.check_accessibility(axe) == [], path
    world.clock.at = DUE
    with visiting(browser, served.gate, scheme=scheme, width=width) as iris:
        sign_in(iris, "iris")
        review = f"{place}/1/break-glass/review?outcome=justified"
        for name, path in {"list": "/overrides", "inbox": "/", "review": review, "locked": f"{place}/2"}.items():
            iris.go(path).shoot(f"glass-{name}-{scheme}-{width}")
            assert iris.overflow() <= 0, path
            assert iris.check_accessibility(axe) == [], path
