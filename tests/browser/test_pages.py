"""Every page: readable in light and dark, at 360 px, with axe's approval and without faults a machine can see."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import Scheme, load_axe, visiting
from tests.support.server import Gate, build_gate, running

# Path (``{}`` is the prepared contribution's number, ``{receipt}`` a receipt) and who looks.
PAGES = {
    "sign-in": ("/sign-in", None),
    "inbox": ("/", "chen"),
    "inbox-empty": ("/", "erik"),
    "contributions": ("/contributions", "chen"),
    "contributions-none": ("/contributions?state=merged", "chen"),
    "contribution": ("/contributions/ledger-core/{}", "chen"),
    "approve": ("/contributions/ledger-core/{}/approve", "chen"),
    "reject": ("/contributions/ledger-core/{}/reject", "chen"),
    "withdraw": ("/contributions/ledger-core/{}/withdraw", "anna"),
    "receipt": ("/receipts/{receipt}", "chen"),
    "terms": ("/terms", "boris"),
    "terms-one": ("/terms/inner-source", "boris"),
    "repositories": ("/repositories", "boris"),
    "repositories-none": ("/repositories?q=nothing", "boris"),
    "repository": ("/repositories/ledger-core", "boris"),
    "policies": ("/policies", "boris"),
    "log": ("/log", "boris"),
    "evidence": ("/evidence", "erik"),
    "not-found": ("/contributions/ledger-core/999", "chen"),
    "not-permitted": ("/evidence", "chen"),
}


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Gate]:
    """A gate with one contribution of two revisions, a signature that is stale and one that counts."""
    with running(build_gate(tmp_path_factory.mktemp("gate"))) as served:
        served.propose("retry", {"src/retry.py": "retry = 1\n", "crypto/aes.py": "key = 1\n"}, "Retry uploads")
        sign_as(browser, served, "anna", "Bounded, and tested with a slow server.")
        served.propose("retry", {"src/retry.py": "retry = 2\n"}, "Retry uploads, twice at most")
        sign_as(browser, served, "anna", "Still fine.")
        yield served


def sign_as(browser: Browser, gate: Gate, login: str, reason: str) -> None:
    with visiting(browser, gate) as person:
        person.sign_in(login).open_contribution(1).begin("approve").sign(reason)
        person.reads("Signed and recorded")


@pytest.fixture(scope="module")
def axe() -> str:
    return load_axe()


@pytest.fixture(scope="module")
def sessions(browser: Browser, gate: Gate) -> Callable[[str], list[Any]]:
    """Cookies of signed-in people, made once each."""
    kept: dict[str, list[Any]] = {}

    def cookies_of(login: str) -> list[Any]:
        if login not in kept:
            with visiting(browser, gate) as person:
                kept[login] = list(person.sign_in(login).page.context.cookies())
        return kept[login]

    return cookies_of


@pytest.mark.req("SGN-05")
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 360)])
@pytest.mark.parametrize("name", PAGES)
def test_every_page_is_readable_for_everybody(
    browser: Browser, gate: Gate, sessions: Callable[[str], list[Any]], axe: str, name: str, scheme: Scheme, width: int
) -> None:
    path, login = PAGES[name]
    with visiting(browser, gate, scheme=scheme, width=width) as reader:
        if login:
            reader.page.context.add_cookies(sessions(login))
        reader.go(path.format(1, receipt=6))
        check_frame(reader.page, is_signed_in=login is not None)
        reader.shoot(f"{name}-{scheme}-{width}")
        assert reader.overflow() <= 0
        assert reader.check_accessibility(axe) == []
        open_everything(reader.page)
        assert reader.overflow() <= 0
        assert reader.check_accessibility(axe) == []
        check_targets(reader.page)


def check_frame(page: Page, *, is_signed_in: bool) -> None:
    """One h1, the landmarks, a title, a language, the banner; who you are, when you are somebody."""
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    for landmark in ("banner", "main", "contentinfo"):
        expect(page.get_by_role(landmark)).to_have_count(1)
    assert page.title().endswith("· Contribution Gate")
    assert page.locator("html").get_attribute("lang") == "en"
    expect(page.get_by_role("note").first).to_contain_text("DEMO")
    expect(page.get_by_role("button", name="Sign out")).to_have_count(1 if is_signed_in else 0)
    assert page.evaluate("document.querySelectorAll('script, style, [style]').length") == 0
    times = page.evaluate("[...document.querySelectorAll('time')].map(one => [one.dateTime, one.textContent])")
    assert all(at.endswith("Z") and text.strip().endswith("UTC") for at, text in times)


def open_everything(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")


def check_targets(page: Page) -> None:
    """WCAG 2.5.8: what is pressed is at least 24 by 24 px, but for links within a sentence."""
    small = page.evaluate("""() => [...document.querySelectorAll('a, button, input, select, summary, textarea')]
        .filter(one => one.type !== 'hidden' && !one.matches('.skip'))
        .filter(one => one.parentElement.textContent.trim() === one.textContent.trim() || one.matches('.button'))
        .map(one => [one.outerHTML.slice(0, 80), (one.closest('label') || one).getBoundingClientRect()])
        .filter(([_, box]) => box.height > 0 && (box.height < 24 || box.width < 24))
        .map(([html, box]) => `${html} ${box.width}x${box.height}`)""")
    assert small == []


@pytest.mark.req("INV-12")
def test_the_contribution_page_explains_itself(browser: Browser, gate: Gate) -> None:
    """What is missing comes first, with values, who can give it, who cannot and why; the record beside it."""
    with visiting(browser, gate) as chen:
        chen.sign_in("chen").open_contribution(1)
        for text in (
            "Two maintainers of every team",
            "Can give it",
            "Why it applies",
            "Bounded, and tested",
            "Revisions",
        ):
            chen.reads(text)
        rules = chen.page.locator(".requirement h3").all_inner_texts()
        assert rules[0].startswith(("Two maintainers", "Security verifies"))
        assert "A maintainer of the owning team who did not take part." not in rules[:2]


@pytest.mark.req("INV-12")
def test_the_repository_page_answers_before_work_starts(browser: Browser, gate: Gate) -> None:
    with visiting(browser, gate) as boris:
        boris.sign_in("boris").go("/repositories/ledger-core")
        for text in (
            "May I contribute?",
            "contrib/main/your-topic",
            "The rules in plain words",
            "ledger@aster.example",
        ):
            boris.reads(text)


@pytest.mark.req("SGN-05")
def test_the_skip_link_leads_past_the_navigation(browser: Browser, gate: Gate) -> None:
    with visiting(browser, gate) as anna:
        anna.sign_in("anna")
        anna.page.keyboard.press("Tab")
        anna.page.keyboard.press("Enter")
        assert anna.page.evaluate("document.activeElement.id") == "main"


@pytest.mark.req("SGN-05")
def test_nothing_is_asked_of_any_other_host(browser: Browser, gate: Gate) -> None:
    asked: list[str] = []
    with visiting(browser, gate) as chen:
        chen.page.on("request", lambda request: asked.append(request.url))
        chen.sign_in("chen").open_contribution(1)
        chen.go("/repositories/ledger-core")
    assert asked
    assert all(url.startswith(gate.url + "/") for url in asked)


@pytest.mark.req("SEC-01")
def test_the_browser_finds_nothing_against_the_policy(browser: Browser, gate: Gate) -> None:
    """No console line, so no blocked style, no missing file, no deprecated header."""
    said: list[str] = []
    with visiting(browser, gate) as chen:
        chen.page.on("console", lambda line: said.append(line.text))
        chen.page.on("pageerror", lambda error: said.append(str(error)))
        chen.sign_in("chen")
        for path in ("/", "/contributions/ledger-core/1", "/contributions/ledger-core/1/approve", "/log", "/policies"):
            chen.go(path)
    assert said == []
