"""A freeze and a veto in a real browser, by keyboard and without JavaScript: exempted, cleared; how the pages look."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from gate.domain.approval import Act
from gate.workflow.redecide import redecide_open
from tests.browser.test_pages import check_targets
from tests.support.browser import Scheme, Visitor, load_axe, visiting
from tests.support.directory_ldif import PASSWORD
from tests.support.exceptional_world import FROZEN, hand_over, open_exceptional, wish
from tests.support.journey import REPOSITORY, World
from tests.support.server import Gate, running

pytestmark = pytest.mark.req("POL-07")
PLACE = f"/contributions/{REPOSITORY}"
HANDED = FROZEN.replace("delegation: {roles: [maintainer, qa]", "delegation: {roles: [maintainer, qa, board]")
MOST_TABS = 60


@dataclass(frozen=True, kw_only=True)
class Served:
    world: World
    gate: Gate


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """The books of the year are closed; Iris and Fay of the board may let one contribution through, or clear a veto."""
    with open_exceptional(tmp_path / "world", policy=HANDED) as world:
        gate = Gate(instance=world.instance, parts=world.parts, repo=world.repo, token=world.token)
        with running(gate):
            yield Served(world=world, gate=gate)


def tab_to(person: Visitor, words: str) -> None:
    """The Tab key, until what has the focus says ``words``, or is labelled so."""
    says = """() => (one => one.labels?.length ? [...one.labels].map(each => each.innerText).join(' ') : one.innerText)
        (document.activeElement)"""
    for _ in range(MOST_TABS):
        person.page.keyboard.press("Tab")
        if words in (person.page.evaluate(says) or "") and person.page.locator(":focus").count():
            return
    raise AssertionError(f"Tab never came to {words!r}")


def follow(person: Visitor, words: str) -> None:
    tab_to(person, words)
    with person.page.expect_navigation():
        person.page.keyboard.press("Enter")


def write(person: Visitor, label: str, text: str) -> None:
    tab_to(person, label)
    person.page.keyboard.type(text)


def sign_by_keys(person: Visitor, reason: str = "", password: str = PASSWORD) -> None:
    if reason:
        write(person, "Reason", reason)
    write(person, "Your password", password)
    follow(person, "Sign as ")


def frozen_change(world: World, *, topic: str = "fix", number: int = 1) -> str:
    """Everything is signed but the exemption."""
    head = world.push(topic, {f"src/{topic}.py": "1\n"})
    world.sign("bob", number=number)
    world.sign("dana", number=number)
    return head


@pytest.mark.req("INV-04", "INV-05", "SGN-05")
def test_a_frozen_contribution_is_let_through_by_keyboard_without_scripts(browser: Browser, served: Served) -> None:
    world, gate = served.world, served.gate
    head = frozen_change(world)
    assert gate.ask(head).json()["answer"] == "pending"
    with visiting(browser, gate, has_scripts=False) as anna:
        anna.sign_in("anna", PASSWORD).open_contribution(1).reads_title("Pending")
        anna.reads("Frozen by year-end until 2026-11-23 06:00 UTC: The books of the year are closed.")
        anna.reads("Can exempt it")
        expect(anna.page.get_by_role("link", name="Review and approve…")).to_have_count(0)
    with visiting(browser, gate, has_scripts=False) as iris:
        iris.sign_in("iris", PASSWORD).reads("Let it through the freeze year-end, as board.")
        follow(iris, "A change")
        follow(iris, "Review and approve…")
        iris.reads("It only lets this contribution through the freeze year-end, and counts for no rule.")
        iris.reads("With your signature nothing is missing, and the revision may land.")
        assert "I let contribution ledger-core#1 to refs/heads/main through the freeze year-end." in iris.statement
        assert head in iris.statement
        assert "I approve" not in iris.statement
        sign_by_keys(iris, password="typo")
        iris.reads("Nothing was signed")
        assert gate.ask(head).json()["answer"] == "pending"
        sign_by_keys(iris)
        iris.reads("Signed and recorded")
        iris.reads("Through the freeze")
        iris.open_contribution(1).reads_title("Approved")
        iris.reads("Iris Noor exempted this from the freeze year-end")
    assert gate.ask(head).json()["answer"] == "approved"
    other = frozen_change(world, topic="other", number=2)
    assert gate.ask(other).json()["answer"] == "pending", "one exemption is for one contribution"
    assert world.audit().ok


@pytest.mark.req("SGN-05", "INV-05")
def test_an_exemption_in_somebodys_name(browser: Browser, served: Served) -> None:
    world, gate = served.world, served.gate
    head = frozen_change(world)
    hand_over(world, "iris", wish(role="board"))
    redecide_open(world.parts)
    with visiting(browser, gate, has_scripts=False) as gil:
        gil.sign_in("gil", PASSWORD).reads("Let it through the freeze year-end, as board, in the name of Iris Noor.")
        gil.open_contribution(1).reads("you (for Iris Noor)")
        gil.begin("approve").reads("board, for Iris Noor: let this through the freeze year-end (until ")
        assert "I, Gil Maro, acting as board for Iris Noor:" in gil.statement
        gil.sign(password=PASSWORD).reads("Signed and recorded")
        gil.open_contribution(1).reads("Gil Maro for Iris Noor let it through the freeze on")
    assert gate.ask(head).json()["answer"] == "approved"


@pytest.mark.req("INV-04", "INV-05", "SGN-05", "POL-03")
def test_a_veto_is_cleared_by_keyboard_without_scripts(browser: Browser, tmp_path: Path) -> None:
    with open_exceptional(tmp_path / "open") as world:
        gate = Gate(instance=world.instance, parts=world.parts, repo=world.repo, token=world.token)
        with running(gate):
            head = frozen_change(world)
            again = "refs/heads/contrib/main/again"
            world.repo.git("update-ref", again, head)
            world.tell(again, None, head, "anna")
            world.sign("carl", Act.REJECT)
            clear_by_keys(browser, world, gate, head)
            assert world.audit().ok


def clear_by_keys(browser: Browser, world: World, gate: Gate, head: str) -> None:
    assert gate.ask(head).json()["answer"] == "rejected"
    with visiting(browser, gate, has_scripts=False) as carl:
        carl.sign_in("carl", PASSWORD).open_contribution(1).reads_title("Rejected")
        expect(carl.page.get_by_role("link", name="Clear the veto of Carl Ohm…")).to_have_count(0)
    with visiting(browser, gate, has_scripts=False) as iris:
        iris.sign_in("iris", PASSWORD).open_contribution(1)
        follow(iris, "Clear the veto of Carl Ohm…")
        iris.reads("Carl Ohm rejected ledger-core#1")
        iris.reads("As agreed.")
        iris.reads("It is cleared for ledger-core#1 alone: ledger-core#2 holds the same work")
        assert "I clear the rejection by Carl Ohm (audit entry " in iris.statement
        assert head in iris.statement
        sign_by_keys(iris, "Carl and I spoke.", "typo")
        iris.reads("Nothing was signed")
        expect(iris.page.get_by_role("textbox", name="Reason")).to_have_value("Carl and I spoke.")
        assert "veto-cleared" not in world.kinds()
        sign_by_keys(iris)
        iris.reads("Signed and recorded")
        iris.open_contribution(1).reads_title("Approved")
        iris.reads("Carl and I spoke.")
        iris.open_contribution(2).reads_title("Rejected")
        iris.reads("was cleared in ledger-core#1 only. Here it stands until it is cleared here too.")
        follow(iris, "Clear the veto of Carl Ohm, in ledger-core#1…")
        sign_by_keys(iris, "The same here.")
        iris.reads("Signed and recorded")
        iris.open_contribution(2)
        expect(iris.page.get_by_role("link", name="Clear the veto")).to_have_count(0)


@pytest.mark.req("SGN-05")
@pytest.mark.parametrize(("scheme", "width"), [("light", 1100), ("dark", 360)])
def test_the_pages_of_exceptions_look_right(browser: Browser, served: Served, scheme: Scheme, width: int) -> None:
    world, axe = served.world, load_axe()
    frozen_change(world)
    hand_over(world, "iris", wish(role="board"))
    world.push("veto", {"src/veto.py": "1\n"})
    hand_over(world, "dana", wish())
    veto = world.sign("carl", Act.REJECT, number=2).index
    world.push("plain", {"src/plain.py": "1\n"})
    redecide_open(world.parts)
    pages = {
        "iris": {
            "frozen": f"{PLACE}/1",
            "exemption": f"{PLACE}/1/approve",
            "veto": f"{PLACE}/2",
            "clear": f"{PLACE}/2/vetoes/{veto}/clear",
            "overrides": "/overrides",
            "policies": "/policies",
            "delegations": "/delegations",
        },
        "gil": {"inbox": "/", "delegated": f"{PLACE}/3/approve", "received": "/delegations"},
    }
    for login, places in pages.items():
        with visiting(browser, served.gate, scheme=scheme, width=width) as person:
            person.sign_in(login, PASSWORD)
            for name, path in places.items():
                person.go(path).shoot(f"exception-{name}-{scheme}-{width}")
                assert person.check_accessibility(axe) == [], path
                assert person.overflow() <= 0, path
                check_targets(person.page)
                if width > 1000:
                    assert lines_of_navigation(person) == 1, path


def lines_of_navigation(person: Visitor) -> int:
    places = (
        "() => [...document.querySelectorAll('nav[aria-label=Main] a')].map(one => one.getBoundingClientRect().top)"
    )
    return len(set(person.page.evaluate(places)))
