"""A change of the policies in a real browser: proposed, tried, approved by two people, in force; and how it looks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from gate.workflow.activate import activate
from gate.workflow.work import Worker
from tests.browser.test_pages import check_targets, open_everything
from tests.support.browser import Scheme, Visitor, load_axe, visiting
from tests.support.directory_ldif import GROUPS, group, uid_dn
from tests.support.server import OPERATOR, POLICY, REGISTRY, Gate, build_gate, running
from tests.support.suites import with_tests

pytestmark = pytest.mark.req("POL-13")

SECTION = f"""\
activation:
  propose: {{group: "cn=policy-authors,{GROUPS}"}}
  approve: {{group: "cn=change-board,{GROUPS}", count: 2, meaning: I approve this change of the rules.}}
"""
THREE = with_tests(POLICY.replace("of: each_owning_team, count: 2", "of: each_owning_team, count: 3"))


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    """A gate where Boris proposes policies, and Anna, Chen and Erik approve them."""
    built = build_gate(tmp_path / "gate")
    with (built.instance / "people.ldif").open("a", encoding="utf-8") as people:
        people.write(group("policy-authors", [uid_dn("boris")]))
        people.write(group("change-board", [uid_dn(login) for login in ("anna", "boris", "chen", "erik")]))
    registry = REGISTRY.format(url=built.repo.path) + SECTION
    files = {"repositories.yaml": registry.encode(), "bank.yaml": with_tests(POLICY).encode()}
    activate(built.parts, files, by=OPERATOR)
    with running(built) as served:
        yield served


def write_draft(person: Visitor, text: str) -> None:
    person.go("/policies").page.get_by_role("link", name="Propose a change…").click()
    person.page.get_by_label("bank.yaml", exact=True).fill(text)
    person.press("Check and show what it changes")


def sign(person: Visitor, words: str, password: str = "correct horse ä battery") -> None:
    card = person.page.locator("form").filter(has=person.page.get_by_role("button", name=words))
    card.get_by_label("Your password").fill(password)
    card.get_by_role("button", name=words).click()


@pytest.mark.req("INV-03", "INV-04", "INV-05", "SGN-05")
@pytest.mark.parametrize("has_scripts", [True, False], ids=["scripts", "no-scripts"])
def test_proposed_tried_approved_by_two_and_in_force(browser: Browser, gate: Gate, has_scripts: bool) -> None:
    head = gate.propose("retry", {"src/retry.py": "retry = 1\n"}, "Retry uploads")
    for login in ("anna", "chen"):
        with visiting(browser, gate) as maintainer:
            maintainer.sign_in(login).open_contribution(1).begin("approve").sign()
            maintainer.reads("Signed and recorded")
    assert gate.ask(head).json()["answer"] == "approved"
    with visiting(browser, gate, has_scripts=has_scripts) as boris:
        write_draft(boris.sign_in("boris"), THREE.replace("role: maintainer", "role: nobody", 1))
        boris.reads("These files cannot be proposed")
        boris.reads("bank.yaml:")
        write_draft(boris, THREE)
        boris.reads("1 recorded decision was replayed. 1 would be answered otherwise:")
        expect(boris.page.get_by_role("row", name="ledger-core#1").get_by_text("Pending")).to_be_visible()
        boris.reads("2 approvals would count no more")
        sign(boris, "propose these files", "typo")
        boris.reads("Nothing was signed")
        sign(boris, "propose these files")
        boris.reads_title("Policy proposal 1")
        boris.reads("You proposed it, so you cannot approve it.")
        expect(boris.page.get_by_role("button", name="approve this change")).to_have_count(0)
    assert gate.ask(head).json()["answer"] == "approved"
    with visiting(browser, gate, has_scripts=has_scripts) as anna:
        anna.sign_in("anna").reads("Changes of the policies to approve")
        anna.page.get_by_role("link", name="Policy proposal 1").click()
        anna.reads("Anna Berg, Chen Li, Erik Holm")
        anna.page.get_by_role("link", name="Try it on a contribution").click()
        anna.press("Try it")
        anna.reads("Still needed")
        anna.reads("Needs 1 more with the role maintainer of ledger")
        anna.go("/policies/proposals/1")
        sign(anna, "approve this change")
        anna.reads("Signed and recorded")
    with visiting(browser, gate, has_scripts=has_scripts) as chen:
        chen.sign_in("chen").go("/policies/proposals/1").reads("It has 1 approval of 2.")
        chen.reads("Meaning: I approve this change of the rules.")
        sign(chen, "approve this change")
        chen.reads("Signed and recorded")
        chen.page.get_by_role("link", name="Open policy proposal 1").click()
        chen.reads("It came into force.")
        expect(chen.go("/").page.get_by_text("Changes of the policies to approve")).to_have_count(0)
        chen.go("/policies").reads("Policy proposal 1 of Boris Klein, approved by Anna Berg and Chen Li.")
        chen.reads("Came into force")
        chen.go("/log").reads("Policy epoch 3 came into force")
    assert gate.ask(head).json()["answer"] == "error"
    Worker(parts=gate.parts, report=lambda what, problem: pytest.fail(f"{what}: {problem}")).round()
    assert gate.ask(head).json()["answer"] == "pending"
    with visiting(browser, gate) as boris:
        boris.sign_in("boris").open_contribution(1).reads_title("Pending")
        boris.reads("Signatures and reviews that do not count now")


def test_a_proposal_is_withdrawn_and_a_file_is_uploaded(browser: Browser, gate: Gate, tmp_path: Path) -> None:
    upload = tmp_path / "bank.yaml"
    upload.write_text(THREE, encoding="utf-8")
    with visiting(browser, gate, has_scripts=False) as boris:
        boris.sign_in("boris").go("/policies/propose")
        boris.page.get_by_label("Upload files").set_input_files(upload)
        boris.page.get_by_label("In force from").fill("2099-01-01T06:00")
        boris.press("Check and show what it changes")
        boris.reads("does not lie ahead, or more than a year")
        expect(boris.page.get_by_label("bank.yaml", exact=True)).to_have_value(THREE)
        boris.page.get_by_label("In force from").fill("")
        boris.press("Check and show what it changes")
        sign(boris, "propose these files")
        boris.reads_title("Policy proposal 1")
        boris.page.get_by_role("link", name="bank.yaml").click()
        boris.page.get_by_role("link", name="12", exact=True).click()
        assert boris.page.url.endswith("/policies/proposals/1/files/bank.yaml#L12")
        boris.go("/policies/proposals/1")
        boris.page.get_by_text("Withdraw this proposal", exact=True).click()
        sign(boris, "withdraw this proposal")
        boris.reads("Signed and recorded")
        boris.go("/policies").reads("It was withdrawn.")
    with visiting(browser, gate) as dora:
        dora.sign_in("dora").go("/policies/propose").page.get_by_label("bank.yaml", exact=True).fill(THREE)
        dora.press("Check and show what it changes")
        dora.reads("the directory does not say that you are a member of cn=policy-authors")


@pytest.mark.req("SGN-05")
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 360), ("dark", 360)])
def test_the_pages_of_policies_can_be_read(browser: Browser, gate: Gate, scheme: Scheme, width: int) -> None:
    axe = load_axe()
    gate.propose("retry", {"src/retry.py": "retry = 1\n"}, "Retry uploads")
    with visiting(browser, gate, scheme=scheme, width=width) as boris:
        boris.sign_in("boris").open_contribution(1)
        look(boris.go("/policies/propose"), "propose", axe)
        write_draft(boris, THREE)
        look(boris, "propose-checked", axe)
        sign(boris, "propose these files")
        boris.reads_title("Policy proposal 1")
    with visiting(browser, gate, scheme=scheme, width=width) as anna:
        anna.sign_in("anna")
        for name, path in (
            ("policies", "/policies"),
            ("source", "/policies/files/bank.yaml#L12"),
            ("proposal", "/policies/proposals/1"),
            ("proposal-try", "/policies/proposals/1/try?contribution=ledger-core%231"),
        ):
            look(anna.go(path), name, axe)


def look(person: Visitor, name: str, axe: str) -> None:
    size = person.page.viewport_size or {"width": 0}
    scheme = "dark" if person.page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") else "light"
    person.shoot(f"policy-{name}-{scheme}-{size['width']}")
    for _ in range(2):
        assert person.check_accessibility(axe) == []
        assert person.overflow() <= 0
        open_everything(person.page)
    check_targets(person.page)
