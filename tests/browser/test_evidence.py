"""An auditor takes the population and a pack, without a script, and nobody else may."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import Browser, expect

from gate.workflow.work import Worker
from tests.support.browser import Visitor, visiting
from tests.support.server import Gate


@pytest.mark.req("AUD-01", "AUD-04", "SGN-05")
def test_an_auditor_gets_population_and_pack(browser: Browser, gate: Gate) -> None:
    """Ask, watch the page look again by itself, download what its digest promises; asking is in the log."""
    head = gate.propose("evidence", {"src/evidence.py": "evidence = 1\n"})
    problems: list[str] = []
    with visiting(browser, gate, has_scripts=False) as erik:
        erik.sign_in("erik").go("/evidence")
        population = download(erik, "button", "Download the population (CSV)").decode("utf-8-sig")
        assert head[:12] in population
        erik.page.get_by_label("What the pack is for").fill("Third quarter")
        erik.press("Make the pack")
        erik.reads_title("Queued")
        worker = Worker(parts=gate.parts, report=lambda what, problem: problems.append(f"{what}: {problem}"))
        # In a thread of its own, as in life: Playwright keeps an event loop in this one, and sealing starts another.
        with ThreadPoolExecutor(max_workers=1) as pool:
            pool.submit(worker.round).result(timeout=90)
        erik.reads_title("Ready")
        assert problems == []
        erik.shoot("pack-ready")
        raw = download(erik, "link", "Download the pack (PDF)")
        assert raw.startswith(b"%PDF-")
        expect(erik.page.get_by_title(hashlib.sha256(raw).hexdigest())).to_be_visible()
        erik.go("/log")
        erik.reads("Evidence pack")


def download(person: Visitor, role: str, name: str) -> bytes:
    with person.page.expect_download() as waiting:
        person.page.get_by_role(role, name=name).click()  # type: ignore[arg-type]
    return waiting.value.path().read_bytes()


@pytest.mark.req("SEC-01", "INV-12")
def test_who_is_no_auditor_is_told_which_permission_is_missing(browser: Browser, gate: Gate) -> None:
    with visiting(browser, gate) as chen:
        chen.sign_in("chen")
        expect(chen.page.get_by_role("link", name="Evidence")).to_have_count(0)
        chen.go("/evidence")
        chen.reads("You may not read evidence packs and the population.")
        chen.reads("the gate's role auditor")
        chen.reads("cn=auditors,")
