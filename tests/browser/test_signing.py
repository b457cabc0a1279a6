"""A person signs: the whole ceremony in a real browser against a real gate."""

from __future__ import annotations

import base64
import itertools
import json

import pytest
from playwright.sync_api import Browser, expect

from tests.support.browser import visiting
from tests.support.server import ANNA, Gate

topics = (f"topic-{number}" for number in itertools.count())


@pytest.mark.req("SGN-01", "INV-05", "INV-12", "ASK-01")
@pytest.mark.parametrize("has_scripts", [True, False], ids=["scripts", "no-scripts"])
def test_two_signatures_turn_pending_into_approved(browser: Browser, gate: Gate, has_scripts: bool) -> None:
    """The page says what is missing and who can give it; after the second signature the answer is a verdict."""
    head = gate.propose(next(topics), {"src/retry.py": "retry = 1\n"}, "Retry uploads")
    assert gate.ask(head).json()["answer"] == "pending"
    with visiting(browser, gate, has_scripts=has_scripts) as anna:
        anna.sign_in("anna")
        number = anna.find_by_head(head)
        anna.reads_title("Pending")
        anna.reads("Needs 2 more with the role maintainer of ledger (3 people can do this)")
        anna.begin("approve")
        assert "Anna Berg" in anna.statement
        assert head in anna.statement
        anna.sign("Retries are bounded.")
        anna.reads_title("Signed")
        anna.reads("Your signature is in the audit log")
        anna.open_contribution(number).reads("Retries are bounded.")
        anna.reads("Needs 1 more with the role maintainer of ledger")
    with visiting(browser, gate, has_scripts=has_scripts) as chen:
        chen.sign_in("chen").open_contribution(number).begin("approve")
        chen.reads("Anna Berg")
        chen.sign()
        chen.reads("Approved")
    answer = gate.ask(head).json()
    assert answer["answer"] == "approved"
    assert json.loads(base64.b64decode(answer["verdict"]["payload"]))["predicate"]["verificationResult"] == "PASSED"


@pytest.mark.req("SGN-01", "SGN-05")
def test_signing_by_keyboard_alone(browser: Browser, gate: Gate) -> None:
    """Tab, arrows, space and enter reach and do everything; the first stop is the skip link."""
    head = gate.propose(next(topics), {"src/keys.py": "keys = 1\n"})
    with visiting(browser, gate) as anna:
        keys = anna.page.keyboard
        anna.go("/sign-in")
        keys.press("Tab")
        expect(anna.page.get_by_role("link", name="Skip to the content")).to_be_focused()
        keys.press("Enter")
        keys.press("Tab")
        keys.type("anna")
        keys.press("Tab")
        keys.type("correct horse ä battery")
        keys.press("Enter")
        expect(anna.page.get_by_role("heading", level=1, name="Inbox")).to_be_visible()
        anna.find_by_head(head)
        tab_to(anna.page, "Review and approve…")
        keys.press("Enter")
        expect(anna.page.get_by_role("heading", level=1, name="Approve: Retry uploads")).to_be_visible()
        tab_to(anna.page, "Reason (optional)")
        keys.type("By keyboard.")
        tab_to(anna.page, "Your password")
        keys.type("correct horse ä battery")
        tab_to(anna.page, "Sign as Anna Berg: approve")
        keys.press("Space")
        anna.reads("Signed and recorded")


def tab_to(page: object, name: str) -> None:
    """Press Tab until the thing with this name has the focus, and see that the focus shows."""
    script = """() => {
        const at = document.activeElement;
        const label = at.labels && at.labels.length ? at.labels[0].textContent : at.textContent;
        return [label.trim().replace(/\\s+/g, ' '), getComputedStyle(at).outlineStyle];
    }"""
    for _ in range(60):
        page.keyboard.press("Tab")  # type: ignore[attr-defined]
        label, outline = page.evaluate(script)  # type: ignore[attr-defined]
        if label == name:
            assert outline != "none", f"the focus does not show on {name}"
            return
    pytest.fail(f"{name} cannot be reached by Tab")


@pytest.mark.req("SGN-03", "INV-04", "INV-12")
def test_two_people_on_one_sign_page(browser: Browser, gate: Gate) -> None:
    """The second is told what changed, nothing is signed, and the form as it is now signs."""
    head = gate.propose(next(topics), {"src/both.py": "both = 1\n"})
    with visiting(browser, gate) as anna, visiting(browser, gate) as chen:
        number = anna.sign_in("anna").find_by_head(head)
        chen.sign_in("chen").open_contribution(number)
        anna.begin("approve")
        chen.begin("approve")
        anna.sign()
        anna.reads("Signed and recorded")
        before = len(gate.parts.log.stream(f"contribution/ledger-core#{number}"))
        chen.sign("Me too.")
        chen.reads("This changed while you were reading")
        chen.reads("Nothing was signed.")
        chen.reads("Anna Berg")
        assert len(gate.parts.log.stream(f"contribution/ledger-core#{number}")) == before
        chen.page.get_by_role("link", name="Open the form again as it is now").click()
        chen.sign("Me too.")
        chen.reads("Signed and recorded")
    assert gate.ask(head).json()["answer"] == "approved"


@pytest.mark.req("SGN-03", "INV-02", "INV-04")
def test_a_push_while_reading_signs_nothing(browser: Browser, gate: Gate) -> None:
    topic = next(topics)
    head = gate.propose(topic, {"src/moved.py": "moved = 1\n"})
    with visiting(browser, gate) as anna:
        number = anna.sign_in("anna").find_by_head(head)
        anna.begin("approve")
        newer = gate.propose(topic, {"src/moved.py": "moved = 2\n"})
        anna.sign()
        anna.reads("This changed while you were reading")
        assert gate.ask(head).status_code == 409
        assert gate.ask(newer).json()["answer"] == "pending"
        anna.open_contribution(number)
        expect(anna.page.get_by_title(newer).first).to_be_visible()


@pytest.mark.req("SGN-02", "POL-03")
def test_rejecting_stands_until_it_is_withdrawn(browser: Browser, gate: Gate) -> None:
    head = gate.propose(next(topics), {"src/no.py": "no = 1\n"})
    with visiting(browser, gate) as chen:
        number = chen.sign_in("chen").find_by_head(head)
        chen.begin("reject").sign("It loses postings.")
        chen.reads("Signed and recorded")
        chen.open_contribution(number).reads_title("Rejected")
        chen.reads("It loses postings.")
        assert gate.ask(head).json()["answer"] == "rejected"
        chen.begin("withdraw").sign("Fixed by the next change.")
        chen.reads("Signed and recorded")
        chen.open_contribution(number).reads_title("Pending")
    assert gate.ask(head).json()["answer"] == "pending"


@pytest.mark.req("SGN-01")
def test_a_reason_is_asked_for_by_the_browser_and_by_the_gate(browser: Browser, gate: Gate) -> None:
    head = gate.propose(next(topics), {"src/why.py": "why = 1\n"})
    with visiting(browser, gate) as chen:
        chen.sign_in("chen").find_by_head(head)
        chen.begin("reject")
        chen.page.evaluate("document.querySelectorAll('form').forEach(form => { form.noValidate = true })")
        chen.sign()
        chen.reads("Write a reason")
        expect(chen.page.get_by_role("alert")).to_be_focused()
    assert gate.ask(head).json()["answer"] == "pending"


@pytest.mark.req("SGN-01", "SEC-02", "INV-05")
def test_a_wrong_password_signs_nothing_and_loses_nothing(browser: Browser, gate: Gate) -> None:
    head = gate.propose(next(topics), {"src/typo.py": "typo = 1\n"})
    with visiting(browser, gate) as dora:
        number = dora.sign_in("dora").find_by_head(head)
        dora.begin("approve").sign("Careful.", password="typo")
        dora.reads("Nothing was signed")
        dora.reads_title("Error")
        expect(dora.page.get_by_role("textbox", name="Reason")).to_have_value("Careful.")
        expect(dora.page.get_by_label("Your password")).to_have_value("")
        dora.sign()
        dora.reads("Signed and recorded")
        dora.open_contribution(number).reads("Careful.")
        dora.go("/log")
        dora.reads("Refused attempt")


@pytest.mark.req("SGN-04", "INV-03", "INV-12")
def test_a_contributor_cannot_approve_and_is_told_why(browser: Browser, gate: Gate) -> None:
    head = gate.propose(
        next(topics),
        {"src/own.py": "own = 1\n"},
        "Own work\n\nCo-authored-by: Chen Li <chen@aster.example>",
        author=ANNA,
        pusher="anna",
    )
    for login in ("anna", " ANNA ", "ａｎｎａ", "chen"):
        with visiting(browser, gate) as contributor:
            contributor.sign_in(login).find_by_head(head)
            expect(contributor.page.get_by_role("link", name="Review and approve…")).to_have_count(0)
            contributor.reads("You cannot approve it")
    with visiting(browser, gate) as dora:
        dora.sign_in("dora").find_by_head(head)
        dora.page.get_by_text("People who cannot approve this").scroll_into_view_if_needed()
        dora.reads("Anna Berg")
        dora.begin("approve").sign()
        dora.reads("Signed and recorded")


@pytest.mark.req("SGN-01", "INV-04")
def test_the_statement_follows_the_role_chosen(browser: Browser, gate: Gate) -> None:
    """Anna is maintainer and security; changing the role needs no script."""
    head = gate.propose(next(topics), {"crypto/aes.py": "aes = 1\n"})
    with visiting(browser, gate, has_scripts=False) as anna:
        anna.sign_in("anna").find_by_head(head)
        anna.begin("approve")
        first = anna.statement
        anna.choose("security")
        assert anna.statement != first
        assert "I verified this change independently of its authors." in anna.statement
        anna.sign()
        anna.reads("I verified this change independently of its authors.")


@pytest.mark.req("SGN-02")
def test_accepting_terms(browser: Browser, gate: Gate) -> None:
    with visiting(browser, gate) as boris:
        boris.sign_in("boris").go("/terms")
        boris.reads("Not accepted")
        boris.page.get_by_role("link", name="InnerSource terms").click()
        assert "mine to give" in boris.statement
        boris.sign()
        boris.reads("Signed and recorded")
        boris.go("/terms").reads("You accepted this text on")


@pytest.mark.req("SGN-01", "LOG-01")
def test_the_receipt_is_kept_as_a_file(browser: Browser, gate: Gate) -> None:
    head = gate.propose(next(topics), {"src/receipt.py": "receipt = 1\n"})
    with visiting(browser, gate) as dora:
        dora.sign_in("dora").find_by_head(head)
        dora.begin("approve").sign()
        dora.reads("Signed and recorded")
        with dora.page.expect_download() as download:
            dora.page.get_by_role("link", name="Download receipt (tlog-proof)").click()
        text = download.value.path().read_text()
        assert download.value.suggested_filename == f"entry-{dora.receipt_index}.tlog-proof"
        assert text.startswith("c2sp.org/tlog-proof@v1\n")
        assert f"index {dora.receipt_index}\n" in text


@pytest.mark.req("SEC-01")
def test_signing_out_ends_the_session_everywhere(browser: Browser, gate: Gate) -> None:
    with visiting(browser, gate) as anna:
        anna.sign_in("anna")
        cookies = anna.page.context.cookies()
        anna.sign_out()
        anna.reads("You have signed out.")
        anna.page.context.add_cookies(cookies)  # type: ignore[arg-type]
        anna.go("/").reads("Use your directory account.")


@pytest.mark.req("SEC-01")
def test_signing_in_leads_back_to_the_page_asked_for(browser: Browser, gate: Gate) -> None:
    head = gate.propose(next(topics), {"src/back.py": "back = 1\n"})
    with visiting(browser, gate) as anna:
        anna.go(f"/revisions/ledger-core/{head}")
        anna.page.get_by_label("Login").fill("anna")
        anna.page.get_by_label("Password").fill("correct horse ä battery")
        anna.press("Sign in")
        expect(anna.page.get_by_role("heading", level=1, name="Retry uploads")).to_be_visible()
