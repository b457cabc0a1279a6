"""A real Chromium, and people in it: one method a thing that a person does.

``Visitor`` finds things the way people and screen readers do, by role and name, never by class.
Screenshots are taken on demand: ``GATE_TEST_SCREENSHOTS=1`` writes them to ``.screenshots/``.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.support.server import PASSWORD, REPOSITORY, Gate

ROOT = Path(__file__).resolve().parents[2]
AXE_FOLDER = ROOT / ".venv" / "axe"
AXE_LOCK = ROOT / "tests" / "browser" / "axe.txt"
SCREENSHOTS = ROOT / ".screenshots"
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
]
Scheme = Literal["light", "dark"]


def find_chromium() -> str:
    """``$CHROMIUM``, or what is on PATH; else the test is skipped with the remedy."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip("no Chromium: apt-get install -y --no-install-recommends chromium")
    return found


@contextmanager
def chromium() -> Iterator[Browser]:
    path = find_chromium()
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


def load_axe() -> str:
    """axe-core's source, installed once beside ``.venv``'s packages by its hash."""
    script = AXE_FOLDER / "axe_playwright_python" / "axe.min.js"
    AXE_FOLDER.mkdir(parents=True, exist_ok=True)
    with (AXE_FOLDER / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not script.is_file():
            words = ["install", "--quiet", "--no-deps", "--require-hashes", "--target", str(AXE_FOLDER)]
            command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *words, "-r", str(AXE_LOCK)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
            if done.returncode:
                pytest.skip(f"no axe-core: {' '.join(command)}")
    return script.read_text(encoding="utf-8")


@dataclass
class Visitor:
    """One person at one browser window."""

    page: Page
    gate: Gate

    def go(self, path: str) -> Visitor:
        self.page.goto(self.gate.url + path)
        return self

    def sign_in(self, login: str, password: str = PASSWORD) -> Visitor:
        self.go("/sign-in")
        self.page.get_by_label("Login").fill(login)
        self.page.get_by_label("Password").fill(password)
        self.press("Sign in")
        expect(self.page.get_by_role("button", name="Sign out")).to_be_visible()
        return self

    def sign_out(self) -> None:
        self.press("Sign out")

    def open_contribution(self, number: int) -> Visitor:
        return self.go(f"/contributions/{REPOSITORY}/{number}")

    def find_by_head(self, head: str) -> int:
        """Follow the link a status or hook prints; returns the contribution's number."""
        self.go(f"/revisions/{REPOSITORY}/{head}")
        return int(self.page.url.rsplit("/", 1)[1])

    def begin(self, act: str) -> Visitor:
        """From the contribution page to its sign page: ``approve``, ``reject`` or ``withdraw``."""
        word = "Review and approve…" if act == "approve" else f"{act.capitalize()}…"
        self.page.get_by_role("link", name=word).click()
        return self

    def choose(self, role: str) -> Visitor:
        """Sign in another role: choose it and let the page show that statement."""
        self.page.get_by_role("radio", name=role).check()
        self.press("Show the statement for this choice")
        expect(self.page).to_have_url(re.compile(r"\?as="))
        return self

    def sign(self, reason: str = "", password: str = PASSWORD) -> Visitor:
        """Write the reason, type the password, press the one button."""
        if reason:
            self.page.get_by_role("textbox", name="Reason").fill(reason)
        self.page.get_by_label("Your password").fill(password)
        self.page.get_by_role("button", name="Sign as ").click()
        return self

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def reads(self, text: str) -> None:
        """Fails unless the text stands on the page, visible."""
        expect(self.page.get_by_text(text).first).to_be_visible()

    def reads_title(self, text: str) -> None:
        expect(self.page).to_have_title(re.compile(re.escape(text)))

    @property
    def statement(self) -> str:
        return self.page.locator("pre.statement").inner_text()

    @property
    def receipt_index(self) -> int:
        return int(self.page.url.split("/receipts/")[1].split("?")[0])

    def overflow(self) -> int:
        """How many pixels the page is wider than the window."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))

    def check_accessibility(self, axe: str) -> list[str]:
        """axe-core's findings, one line each."""
        self.page.evaluate(axe)
        found: dict[str, Any] = self.page.evaluate(
            "tags => axe.run(document, {runOnly: {type: 'tag', values: tags}})", AXE_TAGS
        )
        return [
            f"{one['id']}: {node['target']} {node['failureSummary']}"
            for one in found["violations"]
            for node in one["nodes"]
        ]

    def shoot(self, name: str) -> None:
        if os.environ.get("GATE_TEST_SCREENSHOTS"):
            SCREENSHOTS.mkdir(exist_ok=True)
            self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)


@contextmanager
def visiting(
    browser: Browser, gate: Gate, *, scheme: Scheme = "light", width: int = 1280, has_scripts: bool = True
) -> Iterator[Visitor]:
    """A fresh window without cookies."""
    context = browser.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 900}, java_script_enabled=has_scripts
    )
    context.set_default_timeout(15_000)
    try:
        yield Visitor(context.new_page(), gate)
    finally:
        context.close()
