"""A role handed over, used, and ended: POL-07."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from gate.domain.errors import ConflictError, GateError, InputError, NotPermittedError, NotSignedInError
from gate.store.command import Command
from gate.store.writer import Outcome
from gate.workflow import delegate, delegation_pages, evaluate, pages
from gate.workflow.redecide import redecide_open
from gate.workflow.timeline import read_statement
from tests.support.directory_ldif import PASSWORD
from tests.support.exceptional_world import end_delegation, form_under, hand_over, open_exceptional, wish
from tests.support.journey import ADDRESS, POLICY, REPOSITORY, START, World, build_pack

pytestmark = pytest.mark.req("POL-07")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with open_exceptional(tmp_path / "world") as opened:
        yield opened


def refused(world: World, giver: str, **wanted: object) -> GateError:
    with pytest.raises(GateError) as caught:
        hand_over(world, giver, wish(**wanted))  # type: ignore[arg-type]
    assert "delegated" not in world.kinds()
    return caught.value


def sign_for_dana(world: World) -> tuple[str, int]:
    """Anna's change, signed by a maintainer and by Gil for Dana. Returns head and delegation."""
    head = world.push("t", {"a": "1"})
    world.sign("bob")
    index = hand_over(world)
    world.send("gil", form_under(world, "gil", f"delegation.{index}"))
    return head, index


@pytest.mark.req("SGN-01")
def test_a_signature_for_somebody_counts_and_says_so(world: World) -> None:
    head, index = sign_for_dana(world)
    assert world.word(head) == "approved"
    signed = next(at for at, kind in reversed(world.entries()) if kind == "approval")
    said = read_statement(world.parts, signed).predicate
    behalf = said["onBehalfOf"]
    assert isinstance(behalf, dict)
    assert (behalf["displayName"], behalf["delegation"]) == ("Dana Roy", index)
    assert "I, Gil Maro, acting as qa for Dana Roy:" in str(said["statementText"])
    page = pages.contribution(world.parts, world.who("anna"), REPOSITORY, 1)
    assert any("as qa for Dana Roy" in one.sentence for one in page.timeline)
    assert page.decision is not None
    filled = [one for rule in page.decision.rules for need in rule.requirements for one in need.filled]
    assert [one.on_behalf_of for one in filled if one.name == "Gil Maro"] == ["Dana Roy"]
    world.land(head)
    pages_of_pack = PdfReader(io.BytesIO(build_pack(world).sealed)).pages
    printed = " ".join(" ".join(page.extract_text() for page in pages_of_pack).split())
    assert "Gil Maro for Dana Roy" in printed
    assert world.audit().ok


@pytest.mark.req("INV-07")
@pytest.mark.parametrize("who", ["dana", "gil"])
def test_ended_by_either_it_counts_no_longer_and_the_page_says_why(world: World, who: str) -> None:
    head, index = sign_for_dana(world)
    world.clock.move(hours=1)
    end_delegation(world, who, index)
    assert world.word(head) == "pending"
    page = pages.contribution(world.parts, world.who("anna"), REPOSITORY, 1)
    assert page.decision is not None
    assert "the delegation of Dana Roy to Gil Maro ended on 2026-11-22 10:00 UTC" in [
        one.reason for one in page.decision.not_counted
    ]
    assert world.audit().ok


@pytest.mark.req("INV-07")
def test_between_the_end_and_the_new_decision_the_answer_is_no_yes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    head, index = sign_for_dana(world)
    monkeypatch.setattr(delegate, "decide", lambda *_: None)
    end_delegation(world, "dana", index)
    assert world.parts.engine is not None
    page = pages.contribution(world.parts, world.who("anna"), REPOSITORY, 1)
    assert page.decision is None
    assert world.word(head) != "approved"


@pytest.mark.req("INV-01", "INV-07")
def test_a_delegation_that_ends_while_many_are_decided_counts_in_none_of_them(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its end is no entry of the contribution; a decision read before it must not stand after it."""
    head, index = sign_for_dana(world)
    base = world.policies / "base.yaml"
    base.write_text(f"{base.read_text()}# the same rules\n")
    world.activate()
    append_all = world.parts.ledger.append_all

    def ended_before(commands: Sequence[Command], **more: Any) -> tuple[Outcome, ...]:
        monkeypatch.setattr(world.parts.ledger, "append_all", append_all)
        world.clock.move(seconds=1)
        end_delegation(world, "dana", index)
        return append_all(commands, **more)

    monkeypatch.setattr(delegate, "decide", lambda *_: None)
    monkeypatch.setattr(world.parts.ledger, "append_all", ended_before)
    redecide_open(world.parts)
    assert world.word(head) == "pending"


def test_it_runs_out_by_itself(world: World) -> None:
    head, _ = sign_for_dana(world)
    world.clock.move(days=8)
    evaluate.decide(world.parts, REPOSITORY, 1)
    assert world.word(head) == "pending"


def test_giver_and_receiver_fill_one_slot(tmp_path: Path) -> None:
    from tests.support.exceptional_world import DELEGATING

    two = DELEGATING.replace("{role: qa, count: 1", "{role: qa, count: 2")
    with open_exceptional(tmp_path / "two", policy=two) as world:
        head, _ = sign_for_dana(world)
        world.sign("dana")
        assert world.word(head) == "pending"
        world.sign("fay")
        assert world.word(head) == "approved"


def test_for_longer_than_the_policy_lets(world: World) -> None:
    error = refused(world, "dana", ends_at=START + timedelta(days=21, minutes=1))
    assert isinstance(error, InputError)
    assert error.field == "until"
    assert "at most 21 days" in error.message
    hand_over(world, wanted=wish(ends_at=START + timedelta(days=21)))


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"receiver": "dana"}, "to yourself"),
        ({"receiver": "robo"}, "a robot"),
        ({"receiver": "nobody"}, "nobody with the login"),
        ({"ends_at": START}, "end in the past"),
        ({"starts_at": START - timedelta(hours=1)}, "begin in the past"),
        ({"starts_at": START + timedelta(days=9), "ends_at": START + timedelta(days=8)}, "end before it begins"),
        ({"role": "maintainer", "team": "ledger"}, "do not hold it"),
        ({"role": "board"}, "no policy lets hand it over"),
    ],
)
def test_what_cannot_be_handed_over(world: World, wanted: dict[str, object], words: str) -> None:
    assert words in refused(world, "dana", **wanted).message


def test_to_somebody_who_left(world: World) -> None:
    world.staff.left = ("gil",)
    world.reload_staff()
    assert "active" in refused(world, "dana").message


def test_nothing_is_handed_over_where_no_policy_lets(tmp_path: Path) -> None:
    with open_exceptional(tmp_path / "none", policy=POLICY) as world:
        assert "no policy lets" in refused(world, "dana").message


def test_what_was_received_is_not_handed_on(world: World) -> None:
    hand_over(world)
    with pytest.raises(NotPermittedError, match="only because Dana Roy handed it over") as caught:
        hand_over(world, "gil", wish("carl"))
    assert caught.value.code == "not-own-role"


def test_no_circle_and_nothing_twice(world: World) -> None:
    hand_over(world, "dana", wish("fay"))
    with pytest.raises(ConflictError, match="in a circle"):
        hand_over(world, "fay", wish("dana"))
    with pytest.raises(ConflictError, match="already"):
        hand_over(world, "dana", wish("fay"))
    later = wish("dana", starts_at=START + timedelta(days=7), ends_at=START + timedelta(days=9))
    hand_over(world, "fay", later)


@pytest.mark.req("INV-05")
def test_a_wrong_password_hands_nothing_over_and_ends_nothing(world: World) -> None:
    form = delegate.prepare_delegation(world.parts, world.who("dana"), wish())
    with pytest.raises(NotSignedInError):
        delegate.hand_over(world.parts, world.who("dana"), wish(), form.seen, "wrong", ADDRESS, "request-1")
    assert "delegated" not in world.kinds()
    index = hand_over(world)
    form = delegate.prepare_end(world.parts, world.who("dana"), index)
    with pytest.raises(NotSignedInError):
        delegate.end(world.parts, world.who("dana"), index, form.seen, "wrong", ADDRESS, "request-2")
    assert "delegation-ended" not in world.kinds()


@pytest.mark.req("INV-04")
def test_another_form_than_was_shown_signs_nothing(world: World) -> None:
    form = delegate.prepare_delegation(world.parts, world.who("dana"), wish())
    with pytest.raises(ConflictError, match="changed"):
        delegate.hand_over(world.parts, world.who("dana"), wish("carl"), form.seen, PASSWORD, ADDRESS, "request-1")
    assert "delegated" not in world.kinds()


@pytest.mark.req("INV-12")
def test_sent_twice_it_is_one(world: World) -> None:
    form = delegate.prepare_delegation(world.parts, world.who("dana"), wish())
    sent = [
        delegate.hand_over(world.parts, world.who("dana"), wish(), form.seen, PASSWORD, ADDRESS, "request-1")
        for _ in range(2)
    ]
    assert sent[0] == sent[1]
    assert world.kinds().count("delegated") == 1


def test_only_the_two_of_them_end_it_and_once(world: World) -> None:
    index = hand_over(world)
    with pytest.raises(NotPermittedError, match="Only who handed the role over"):
        end_delegation(world, "fay", index)
    end_delegation(world, "gil", index)
    with pytest.raises(ConflictError, match="ended on"):
        end_delegation(world, "dana", index)


@pytest.mark.req("INV-03")
def test_a_contributor_signs_for_nobody_and_nobody_for_a_contributor(world: World) -> None:
    hand_over(world, "dana", wish("anna"))
    world.push("t", {"a": "1"})
    with pytest.raises(NotPermittedError, match="you wrote"):
        world.form("anna")
    hand_over(world, "bob", wish("gil", "maintainer", "ledger"))
    world.push("u", {"b": "1"}, author="bob")
    with pytest.raises(
        NotPermittedError, match="Bob Lind handed the role maintainer of ledger over to you, and you cannot use it here"
    ):
        world.form("gil", number=2)


@pytest.mark.req("INV-03")
@pytest.mark.parametrize("loses", ["role", "account"])
def test_the_givers_role_is_read_live_when_it_is_signed(world: World, loses: str) -> None:
    world.push("t", {"a": "1"})
    index = hand_over(world)
    form = form_under(world, "gil", f"delegation.{index}")
    if loses == "role":
        world.staff.roles["qa-approvers"] = ("fay",)
    else:
        world.staff.left = ("dana",)
    world.reload_staff()
    with pytest.raises((NotPermittedError, ConflictError, InputError)):
        world.send("gil", form)
    assert "approval" not in world.kinds()


def test_what_ended_while_reading_signs_nothing(world: World) -> None:
    world.push("t", {"a": "1"})
    index = hand_over(world)
    form = form_under(world, "gil", f"delegation.{index}")
    end_delegation(world, "dana", index)
    with pytest.raises((NotPermittedError, ConflictError, InputError)):
        world.send("gil", form)
    assert "approval" not in world.kinds()


def test_everybody_can_see_who_has_what(world: World) -> None:
    index = hand_over(world)
    end_delegation(world, "gil", index)
    later = hand_over(world, "dana", wish(starts_at=START + timedelta(days=1)))
    listed = delegation_pages.list_delegations(world.parts)["delegations"]
    assert isinstance(listed, list)
    assert [(one["index"], one["state"], one["receiver"]["displayName"]) for one in listed] == [
        (later, "coming", "Gil Maro"),
        (index, "ended", "Gil Maro"),
    ]
    assert delegation_pages.tell_delegations(world.parts)[0].startswith(f"{later}: Dana Roy to Gil Maro, qa, ")
    page = delegation_pages.delegations_page(world.parts, world.who("dana"))
    assert [one.may_end for one in page.given] == [True, False]
    assert [one.role for one in page.may_give] == ["qa"]
    assert delegation_pages.delegations_page(world.parts, world.who("gil")).may_give == ()
