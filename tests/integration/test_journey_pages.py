"""What pages are given to show, on real parts: unapproved landings, robots, time limits, and what concerns whom."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gate.domain.contribution import Mode
from gate.web.present import build_contribution
from gate.web.states import show_item_state
from gate.workflow import inbox, pages
from gate.workflow.shown import ContributionItem, ContributionPage
from tests.support.journey import MAIN, POLICY, REPOSITORY, World, identity, open_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with open_world(tmp_path / "world") as opened:
        yield opened


def item_of(world: World, number: int) -> ContributionItem:
    found = pages.contributions(world.parts, world.who("bob"), REPOSITORY, None)
    return next(one for one in found if one.number == number)


def page_of(world: World, login: str, number: int = 1) -> ContributionPage:
    return pages.contribution(world.parts, world.who(login), REPOSITORY, number)


@pytest.mark.req("INV-11", "LND-04")
@pytest.mark.parametrize(("mode", "word"), [(Mode.OBSERVE, "(observe)"), (Mode.WARN, "(warn)")])
def test_what_landed_unapproved_says_so_in_words_and_not_in_green(tmp_path: Path, mode: Mode, word: str) -> None:
    with open_world(tmp_path / "world", mode=mode.value) as world:
        world.land(world.push("early", {"a": "1"}))
        world.activate(mode="enforce")  # the mode of today says nothing of that landing
        item = item_of(world, 1)
        assert item.unapproved_in is mode
        assert (show_item_state(item).word, show_item_state(item).tone) == (f"Merged unapproved {word}", "wait")
        assert page_of(world, "bob").item.unapproved_in is mode


@pytest.mark.req("INV-11", "AUD-05")
def test_a_repository_lists_the_commits_nobody_let_in(world: World) -> None:
    approved = world.push("good", {"a": "1"})
    world.sign("bob")
    world.sign("dana")
    world.land(approved)
    assert pages.repository(world.parts, world.who("anna"), REPOSITORY).unexplained == ()
    straight = world.repo.commit({"b": "1"}, "Straight in", parents=[approved], author=identity("gil"))
    world.land(straight)
    pending = world.push("early", {"c": "1"})
    world.land(pending)
    found = pages.repository(world.parts, world.who("anna"), REPOSITORY).unexplained
    assert [(one.commit, one.branch, one.number) for one in found] == [(pending, MAIN, 2), (straight, MAIN, None)]
    assert show_item_state(item_of(world, 1)).word == "Merged"
    assert show_item_state(item_of(world, 2)).word == "Merged past the gate, unapproved"


@pytest.mark.req("INV-12", "POL-02")
def test_a_robot_is_named_with_its_sponsor(world: World) -> None:
    notes = ("Licence notes", "notes@robots.example")
    world.push("bot", {"d": "1"}, author="robo", pusher="robo")
    world.push("notes", {"e": "1"}, author=notes, pusher="notes")
    assert item_of(world, 1).author == "robot Dependency updates (sponsor Gil Maro)"
    assert item_of(world, 2).author == "robot Licence notes (sponsor Gil Maro)"
    page = page_of(world, "bob", 2)
    assert {one.pusher for one in page.revisions} == {"robot Licence notes (sponsor Gil Maro)"}
    assert all(one.is_robot for one in page.contributors)
    world.push("nobody", {"f": "1"}, author=("X", "x@nowhere.example"), pusher="x")
    assert item_of(world, 3).author == "unattributed"


@pytest.mark.req("INV-12")
def test_a_decision_past_its_time_says_that_it_has_ended(world: World) -> None:
    head = world.push("one", {"a": "1"})
    page = page_of(world, "bob")
    now = world.clock.now()
    view = build_contribution(page, is_as_decided=True, now=now, reader=world.who("bob").key)
    assert view.held is None
    assert view.holds_until is not None
    world.clock.move(minutes=6)
    late = build_contribution(page_of(world, "bob"), is_as_decided=True, now=world.clock.now(), reader="nobody")
    assert late.holds_until == view.holds_until
    assert late.held is not None
    assert "ended" in late.held.word
    assert world.word(head) == "pending"


@pytest.mark.req("INV-12", "SGN-02")
def test_a_filled_slot_shows_the_sentence_that_was_signed(world: World) -> None:
    world.push("one", {"a": "1"})
    receipt = world.sign("bob")
    assert page_of(world, "dana").meanings == {receipt.index: "I reviewed this change and it is right."}


@pytest.mark.req("INV-12")
def test_the_reader_is_named_as_you_where_their_signature_would_do(world: World) -> None:
    world.push("one", {"a": "1"})
    asked = {}
    for login in ("bob", "carl", "erin", "dana", "anna"):
        page = page_of(world, login)
        view = build_contribution(page, is_as_decided=False, now=world.clock.now(), reader=world.who(login).key)
        asked[login] = view.ask.first
    assert all(names[0] == "you" and len(names) == 2 for login, names in asked.items() if login != "anna")
    assert "you" not in asked["anna"]


@pytest.mark.req("INV-12")
def test_recently_decided_is_what_the_reader_wrote_or_signed(world: World) -> None:
    head = world.push("one", {"a": "1"})
    world.sign("bob")
    world.sign("dana")
    world.land(head)
    decided = {
        login: [one.number for one in inbox.inbox(world.parts, world.who(login)).decided]
        for login in ("anna", "bob", "dana", "carl", "iris")
    }
    assert decided == {"anna": [1], "bob": [1], "dana": [1], "carl": [], "iris": []}


@pytest.mark.req("INV-12", "POL-03")
def test_terms_still_to_be_accepted_are_named_so_that_pages_can_lead_there(tmp_path: Path) -> None:
    terms = """\
terms:
  inner-source: {title: InnerSource terms, text: I help.}
prerequisites:
  - {id: terms, for: [contributors], terms: inner-source}
"""
    with open_world(tmp_path / "world", policy=POLICY + terms) as world:
        (asked,) = pages.repository(world.parts, world.who("anna"), REPOSITORY).eligible
        assert (asked.is_met, asked.terms) == (False, "inner-source")
        world.push("one", {"a": "1"})
        page = page_of(world, "anna")
        assert page.decision is not None
        assert [one.id for one in page.decision.conditions if not one.is_met] == list(page.terms)
        assert page.terms == {"terms": "inner-source"}


@pytest.mark.req("INV-12", "INV-04")
def test_the_policies_page_names_the_digest_that_a_signer_binds(world: World) -> None:
    world.push("good", {"a": "1"})
    shown = pages.policies(world.parts)
    assert shown is not None
    found = next(file.effective for file in shown.files if file.name != "repositories.yaml")
    bound = {(repository, branch): digest for repository, branch, digest in found}
    assert bound[REPOSITORY, "main"] in world.form("bob").statement
