"""A delegation in a real browser: handed over, used for a signature, ended; and how its pages look."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from gate.workflow.activate import activate
from tests.browser.test_pages import check_targets
from tests.support.browser import Scheme, Visitor, load_axe, visiting
from tests.support.server import OPERATOR, POLICY, REGISTRY, Gate, build_gate, running
from tests.support.suites import with_tests

pytestmark = pytest.mark.req("POL-07")


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    """A gate that lets maintainers hand their role over; Erik holds none."""
    built = build_gate(tmp_path / "gate")
    policy = with_tests(POLICY + "delegation: {roles: [maintainer], max_period: 21d}\n")
    registry = REGISTRY.format(url=built.repo.path)
    activate(built.parts, {"repositories.yaml": registry.encode(), "bank.yaml": policy.encode()}, by=OPERATOR)
    with running(built) as served:
        yield served


def hand_over(person: Visitor, to: str, days: int = 7) -> None:
    person.go("/delegations")
    person.page.get_by_label("To (login)").fill(to)
    until = datetime.now(UTC) + timedelta(days=days)
    person.page.get_by_label("Until (UTC)").fill(f"{until:%Y-%m-%dT%H:%M}")
    person.press("Show the statement to sign")


def sign(person: Visitor, password: str = "correct horse ä battery") -> None:
    person.page.get_by_label("Your password").fill(password)
    person.page.get_by_role("button", name="Sign as").click()


@pytest.mark.req("INV-04", "INV-05", "SGN-05")
@pytest.mark.parametrize("has_scripts", [True, False], ids=["scripts", "no-scripts"])
def test_handed_over_used_and_ended(browser: Browser, gate: Gate, has_scripts: bool) -> None:
    head = gate.propose("retry", {"src/retry.py": "retry = 1\n"}, "Retry uploads")
    with visiting(browser, gate) as anna:
        anna.sign_in("anna").open_contribution(1).begin("approve").sign()
        anna.reads("Signed and recorded")
    with visiting(browser, gate, has_scripts=has_scripts) as dora:
        dora.sign_in("dora").go("/delegations").reads("You have handed nothing over.")
        hand_over(dora, "nobody")
        dora.reads("The directory has nobody with the login 'nobody'.")
        hand_over(dora, "erik", days=30)
        dora.reads("may be handed over for at most 21 days")
        hand_over(dora, "erik")
        dora.reads("I hand this role over to Erik Holm (erik).")
        sign(dora, "typo")
        dora.reads("Nothing was signed")
        sign(dora)
        dora.reads("Signed and recorded")
        row = dora.go("/delegations").page.get_by_role("row", name="maintainer of ledger")
        expect(row.get_by_text("In force")).to_be_visible()
    with visiting(browser, gate, has_scripts=has_scripts) as erik:
        erik.sign_in("erik").open_contribution(1).begin("approve")
        erik.reads("maintainer of ledger, for Dora Nagy (until")
        assert "I, Erik Holm, acting as maintainer of ledger for Dora Nagy:" in erik.statement
        erik.sign("Looked at it for Dora.")
        erik.reads("Signed and recorded")
        erik.reads("maintainer of ledger for Dora Nagy")
        erik.open_contribution(1).reads("Erik Holm for Dora Nagy signed")
    assert gate.ask(head).json()["answer"] == "approved"
    with visiting(browser, gate, has_scripts=has_scripts) as dora:
        dora.sign_in("dora").go("/delegations").page.get_by_role("link", name="End it…").click()
        dora.reads("What was signed under it counts no longer.")
        sign(dora)
        dora.reads("Signed and recorded")
        dora.go("/delegations").reads("Ended early")
        dora.open_contribution(1).reads_title("Pending")
        dora.reads("the delegation of Dora Nagy to Erik Holm ended on")
    assert gate.ask(head).json()["answer"] == "pending"


@pytest.mark.req("SGN-05")
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 360)])
def test_the_pages_of_delegations_can_be_read(browser: Browser, gate: Gate, scheme: Scheme, width: int) -> None:
    axe = load_axe()
    with visiting(browser, gate, scheme=scheme, width=width) as dora:
        dora.sign_in("dora")
        hand_over(dora, "erik")
        look(dora, "hand-over", axe)
        sign(dora)
        dora.reads("Signed and recorded")
        look(dora.go("/delegations"), "delegations", axe)


def look(person: Visitor, name: str, axe: str) -> None:
    width = (person.page.viewport_size or {"width": 0})["width"]
    person.shoot(f"delegation-{name}-{width}")
    assert person.check_accessibility(axe) == []
    assert person.overflow() <= 0
    check_targets(person.page)
