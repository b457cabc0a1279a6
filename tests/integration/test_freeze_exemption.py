"""A freeze, who may let one contribution through it, and a veto that somebody else clears: POL-07."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from secrets import token_hex

import pytest
from pypdf import PdfReader

from gate.domain.approval import Act
from gate.domain.errors import InputError, NotFoundError, NotPermittedError, NotSignedInError
from gate.workflow import clear_veto, pages
from gate.workflow.sign_shown import SignForm
from gate.workflow.timeline import read_statement
from tests.support.directory_ldif import PASSWORD
from tests.support.exceptional_world import FROZEN, form_under, open_exceptional
from tests.support.journey import ADDRESS, POLICY, REPOSITORY, World, build_pack, check_pack

pytestmark = pytest.mark.req("POL-07")
UNDER = "freeze.year-end"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with open_exceptional(tmp_path / "world", policy=FROZEN) as opened:
        yield opened


def frozen_change(world: World) -> str:
    """Everything is signed but the exemption."""
    head = world.push("t", {"a": "1"})
    world.sign("bob")
    world.sign("dana")
    return head


def test_a_frozen_contribution_says_until_when_and_who_may_exempt(world: World) -> None:
    head = frozen_change(world)
    assert world.word(head) == "pending"
    page = pages.contribution(world.parts, world.who("anna"), REPOSITORY, 1)
    assert page.decision is not None
    (freeze,) = page.decision.freezes
    assert "until 2026-11-23 06:00 UTC" in freeze.sentence
    assert freeze.exempt is not None
    assert {one.name for one in freeze.exempt.candidates} == {"Iris Noor", "Fay Ito"}


def test_an_exemption_lets_it_through_and_is_shown_as_one(world: World, tmp_path: Path) -> None:
    head = frozen_change(world)
    form = form_under(world, "iris", UNDER)
    assert "I let contribution ledger-core#1 to refs/heads/main through the freeze year-end." in form.statement
    assert "I approve" not in form.statement
    receipt = world.send("iris", form)
    assert ("Through the freeze", "year-end") in receipt.lines
    assert world.word(head) == "approved"
    assert read_statement(world.parts, receipt.index).predicate["freeze"] == "year-end"
    page = pages.contribution(world.parts, world.who("anna"), REPOSITORY, 1)
    assert any("let ledger-core#1 revision 1 through the freeze year-end" in one.sentence for one in page.timeline)
    assert world.audit().ok
    world.land(head)
    made = build_pack(world)
    assert check_pack(world, made, tmp_path) == 0
    printed = " ".join(page.extract_text() for page in PdfReader(io.BytesIO(made.sealed)).pages)
    assert "only through the freeze year-end: Iris Noor" in " ".join(printed.split())


def test_an_exemption_fills_nothing_else(world: World) -> None:
    """Fay is of quality too: her exemption is no verification, and her verification no exemption."""
    head = world.push("t", {"a": "1"})
    world.sign("bob")
    world.send("fay", form_under(world, "fay", UNDER))
    assert world.word(head) == "pending"
    world.sign("fay")
    assert world.word(head) == "pending", "one person fills one slot of rules and exemptions together"
    world.sign("dana")
    assert world.word(head) == "approved"


def test_it_is_offered_only_to_the_exempt_role_and_once(world: World) -> None:
    frozen_change(world)
    with pytest.raises(InputError, match="do not hold the role"):
        world.send("carl", _forged(world))
    world.send("iris", form_under(world, "iris", UNDER))
    with pytest.raises(NotPermittedError):
        world.form("iris")
    assert all(one.under is None for one in world.form("carl").choices)


def _forged(world: World) -> SignForm:

    return replace(world.form("carl"), role="board", team=None, meaning="let-through", under=UNDER)


@pytest.mark.req("INV-03")
def test_a_contributor_exempts_nothing(world: World) -> None:
    world.push("t", {"a": "1"}, author="iris")
    with pytest.raises(NotPermittedError, match="you wrote"):
        world.form("iris")


def test_an_exemption_can_be_taken_back(world: World) -> None:
    head = frozen_change(world)
    world.send("iris", form_under(world, "iris", UNDER))
    world.sign("iris", Act.WITHDRAW)
    assert world.word(head) == "pending"


def clear(
    world: World, login: str, veto: int, *, number: int = 1, reason: str = "Settled.", password: str = PASSWORD
) -> int:
    who = world.who(login)
    form = clear_veto.prepare_clearance(world.parts, who, REPOSITORY, number, veto)
    return clear_veto.clear(
        world.parts,
        who,
        REPOSITORY,
        number,
        veto,
        reason=reason,
        seen=form.seen,
        password=password,
        address=ADDRESS,
        request_id=token_hex(8),
    )


def test_a_cleared_veto_stands_no_longer(tmp_path: Path) -> None:
    with open_exceptional(tmp_path / "world") as world:
        head = frozen_change(world)
        veto = world.sign("carl", Act.REJECT).index
        assert world.word(head) == "rejected"
        page = pages.contribution(world.parts, world.who("iris"), REPOSITORY, 1)
        assert [(one.index, one.may_clear) for one in page.vetoes] == [(veto, True)]
        index = clear(world, "iris", veto)
        assert world.word(head) == "approved"
        said = read_statement(world.parts, index)
        assert (said.kind, said.predicate["veto"]) == ("veto-cleared", veto)
        page = pages.contribution(world.parts, world.who("iris"), REPOSITORY, 1)
        assert page.vetoes == ()
        cleared = next(one for one in page.timeline if one.index == index)
        assert "Iris Noor cleared Carl Ohm's rejection" in cleared.sentence
        assert cleared.reason == "Settled."
        assert world.audit().ok
        world.clock.move(minutes=1)
        world.sign("carl", Act.REJECT)
        assert world.word(head) == "rejected", "a clearance never clears a later veto"


def test_who_clears_nothing(tmp_path: Path) -> None:
    with open_exceptional(tmp_path / "world") as world:
        frozen_change(world)
        veto = world.sign("fay", Act.REJECT).index
        for login, words in (("fay", "your own rejection"), ("carl", "do not hold a role"), ("anna", "you wrote")):
            with pytest.raises(NotPermittedError, match=words):
                clear(world, login, veto)
        with pytest.raises(NotFoundError):
            clear(world, "iris", veto - 1)
        with pytest.raises(InputError, match="reason"):
            clear(world, "iris", veto, reason=" ")
        with pytest.raises(NotSignedInError):
            clear(world, "iris", veto, password="wrong")
        assert "veto-cleared" not in world.kinds()


def test_where_the_policy_names_nobody_nobody_clears(tmp_path: Path) -> None:
    with open_exceptional(tmp_path / "world", policy=POLICY) as world:
        frozen_change(world)
        veto = world.sign("carl", Act.REJECT).index
        with pytest.raises(NotPermittedError, match="lets nobody clear"):
            clear(world, "iris", veto)


@pytest.mark.req("INV-01", "INV-12")
def test_a_clearance_holds_for_one_contribution_of_the_same_work_and_says_so(tmp_path: Path) -> None:
    with open_exceptional(tmp_path / "world") as world:
        head = frozen_change(world)
        again = "refs/heads/contrib/main/again"
        world.repo.git("update-ref", again, head)
        world.tell(again, None, head, "anna")
        veto = world.sign("carl", Act.REJECT).index
        iris = world.who("iris")
        form = clear_veto.prepare_clearance(world.parts, iris, REPOSITORY, 1, veto)
        assert form.afterwards.endswith(
            "It is cleared for ledger-core#1 alone: ledger-core#2 holds the same work, and there it stands until it is "
            "cleared there too."
        )
        about = dict(form.about)
        assert about["Reason given"] == "As agreed."
        assert about["The veto"].startswith("Carl Ohm rejected ledger-core#1")
        clear(world, "iris", veto)
        assert pages.contribution(world.parts, iris, REPOSITORY, 1).vetoes == ()
        (shown,) = pages.contribution(world.parts, iris, REPOSITORY, 2).vetoes
        assert (shown.name, shown.cleared_in) == ("Carl Ohm, in ledger-core#1", ("ledger-core#1",))
        clear(world, "iris", veto, number=2)
        assert pages.contribution(world.parts, iris, REPOSITORY, 2).vetoes == ()
        assert world.audit().ok


def test_where_nothing_else_holds_the_work_the_page_names_nothing_else(tmp_path: Path) -> None:
    with open_exceptional(tmp_path / "world") as world:
        frozen_change(world)
        veto = world.sign("carl", Act.REJECT).index
        form = clear_veto.prepare_clearance(world.parts, world.who("iris"), REPOSITORY, 1, veto)
        assert form.afterwards.endswith("It is cleared for ledger-core#1 alone.")
        (shown,) = pages.contribution(world.parts, world.who("iris"), REPOSITORY, 1).vetoes
        assert (shown.name, shown.cleared_in) == ("Carl Ohm", ())
