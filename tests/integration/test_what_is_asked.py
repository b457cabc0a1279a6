"""What is asked of a reader, in inbox, API and on the sign page: freezes count, waived rules do not, and for whom."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from gate.domain.errors import NotPermittedError
from gate.web.present import build_contribution
from gate.workflow import inbox, pages
from gate.workflow.redecide import redecide_open
from tests.support.exceptional_world import DELEGATING, FREEZE, FROZEN, form_under, hand_over, open_exceptional, wish
from tests.support.glass_world import BREAK_GLASS, GLASS_POLICY, break_glass, glass_staff, open_glass_world
from tests.support.journey import REPOSITORY, START, World

pytestmark = pytest.mark.req("INV-12")
LANDS = "With your signature nothing is missing, and the revision may land."
HANDED_BOARD = FROZEN.replace("delegation: {roles: [maintainer, qa]", "delegation: {roles: [maintainer, qa, board]")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with open_exceptional(tmp_path / "world", policy=HANDED_BOARD) as opened:
        yield opened


def asked(world: World, login: str) -> list[str]:
    return [one.ask for one in inbox.inbox(world.parts, world.who(login)).needs_you]


def missing(world: World, sha: str) -> list[tuple[str, str]]:
    told = world.answer(sha).body["missing"]
    assert isinstance(told, list)
    return [(one["rule"], one["sentence"]) for one in told]


def test_what_a_break_glass_waives_is_asked_of_nobody(tmp_path: Path) -> None:
    with open_glass_world(tmp_path / "world") as world:
        head = world.push("t", {"a": "1"})
        assert asked(world, "dana") == ["Review and sign as qa."]
        assert [rule for rule, _ in missing(world, head)] == ["owner-review", "qa"]
        break_glass(world)
        assert world.word(head) == "pending"
        assert asked(world, "dana") == []
        assert asked(world, "bob") == ["Review and sign as maintainer of ledger."]
        assert [rule for rule, _ in missing(world, head)] == ["owner-review"]
        assert ask_next(world, "dana") == ("Bob Lind",)
        assert world.form("bob").afterwards == (
            "With your signature nothing is missing but what the break-glass waives, and the revision may land."
        )
        world.sign("bob")
        assert world.word(head) == "overridden"


def test_a_freeze_that_the_break_glass_waives_asks_for_no_exemption(tmp_path: Path) -> None:
    policy = GLASS_POLICY.replace(
        "meanings:\n", "meanings:\n  let-through: {text: Let through., kind: responsibility}\n"
    )
    freeze = FREEZE.replace("role: board", "role: assurance")
    with open_glass_world(tmp_path / "world", policy=policy + freeze, staff=glass_staff()) as world:
        head = world.push("t", {"a": "1"})
        assert asked(world, "iris") == ["Let it through the freeze year-end, as assurance."]
        break_glass(world)
        assert asked(world, "iris") == []
        with pytest.raises(NotPermittedError):
            world.form("iris")
        world.sign("bob")
        assert world.word(head) == "overridden"
    assert "waives: [qa, freeze]" in BREAK_GLASS


def ask_next(world: World, login: str) -> tuple[str, ...]:
    page = pages.contribution(world.parts, world.who(login), REPOSITORY, 1)
    now, reader = world.clock.now(), world.who(login).key
    return build_contribution(page, is_as_decided=False, now=now, reader=reader).ask.first


def test_an_exemption_is_asked_of_who_may_give_it(world: World) -> None:
    head = world.push("t", {"a": "1"})
    assert asked(world, "iris") == ["Let it through the freeze year-end, as board."]
    assert asked(world, "fay") == ["Review and sign as qa."]
    assert asked(world, "anna") == asked(world, "gil") == []
    assert (
        "year-end",
        "To be exempt from the freeze year-end: needs 1 more with the role board (2 people can do this)",
    ) in (missing(world, head))
    assert "you" in ask_next(world, "iris")
    assert world.form("bob").afterwards == "After your signature 2 more are needed."
    world.sign("bob")
    assert world.form("dana").afterwards == "After your signature 1 more is needed."
    assert form_under(world, "iris", "freeze.year-end").afterwards == (
        "It only lets this contribution through the freeze year-end, and counts for no rule. "
        "After your signature 1 more is needed."
    )
    world.sign("dana")
    assert form_under(world, "iris", "freeze.year-end").afterwards.endswith(LANDS)
    assert world.form("carl").afterwards.startswith("Your signature is recorded, and fills nothing that is still open.")
    world.send("iris", form_under(world, "iris", "freeze.year-end"))
    assert missing(world, head) == []
    assert asked(world, "fay") == []


def test_what_no_signature_ends_is_said_beside_the_signature(tmp_path: Path) -> None:
    alone = DELEGATING + FREEZE[: FREEZE.index("    exempt:")]
    with open_exceptional(tmp_path / "world", policy=alone) as world:
        world.push("t", {"a": "1"})
        world.sign("bob")
        assert world.form("dana").afterwards.startswith(
            "What stays open is no signature: Frozen by year-end until 2026-11-23 06:00 UTC"
        )


@pytest.mark.req("POL-07")
def test_the_inbox_says_in_whose_name(world: World) -> None:
    world.push("t", {"a": "1"})
    hand_over(world)
    redecide_open(world.parts)  # as the worker does
    assert asked(world, "dana") == ["Review and sign as qa."]
    assert asked(world, "gil") == ["Review and sign as qa, in the name of Dana Roy."]
    page = pages.contribution(world.parts, world.who("gil"), REPOSITORY, 1)
    view = build_contribution(page, is_as_decided=False, now=world.clock.now(), reader=world.who("gil").key)
    names = [
        one.candidates.first for rule in view.open_rules for one in rule.requirements if one.requirement.role == "qa"
    ]
    assert names == [("you (for Dana Roy)", "Dana Roy", "Fay Ito")]


@pytest.mark.req("POL-07", "SGN-01")
def test_an_exemption_in_somebodys_name(world: World) -> None:
    head = world.push("t", {"a": "1"})
    world.sign("bob")
    world.sign("dana")
    index = hand_over(world, "iris", wish(role="board"))
    redecide_open(world.parts)
    under = f"delegation.{index}.freeze.year-end"
    assert "Let it through the freeze year-end, as board, in the name of Iris Noor." in asked(world, "gil")
    form = form_under(world, "gil", under)
    assert form.statement.startswith(
        "I, Gil Maro, acting as board for Iris Noor:\n"
        "I let contribution ledger-core#1 to refs/heads/main through the freeze year-end.\n"
        f"Delegation: audit entry {index}\n"
    )
    assert [one.until for one in form.choices if one.under == under] == [START.replace(day=23, hour=6)]
    world.send("gil", form)
    assert world.word(head) == "approved"
    page = pages.contribution(world.parts, world.who("anna"), REPOSITORY, 1)
    assert page.decision is not None
    assert page.decision.freezes[0].sentence.startswith("Gil Maro for Iris Noor exempted this from the freeze year-end")
    assert any(
        "as board for Iris Noor" in one.sentence and "through the freeze" in one.sentence for one in page.timeline
    )
    with pytest.raises(NotPermittedError):
        form_under(world, "gil", under)
    assert world.audit().ok


@pytest.mark.req("POL-07", "INV-03")
def test_no_exemption_in_a_contributors_name_nor_with_a_role_that_is_not_handed_over(world: World) -> None:
    hand_over(world, "iris", wish(role="board"))
    world.push("t", {"a": "1"}, author="iris")
    with pytest.raises(NotPermittedError, match="None of the roles"):
        world.form("gil")
    world.push("u", {"b": "1"})
    assert [one.under for one in world.form("gil", number=2).choices] == [
        f"delegation.{delegation_of(world)}.freeze.year-end"
    ]
    world.clock.move(days=8)
    with pytest.raises(NotPermittedError, match="None of the roles"):
        world.form("gil", number=2)


def delegation_of(world: World) -> int:
    return next(at for at, kind in world.entries() if kind == "delegated")


@pytest.mark.req("POL-07", "INV-03")
@pytest.mark.parametrize(
    ("case", "why"),
    [
        ("contributed", "what is signed for Bob Lind is their own signature, and Bob Lind wrote revision 1"),
        ("lost", "Bob Lind does not hold the role maintainer of ledger in the directory now"),
        ("left", "Bob Lind, who handed the role over to Gil Maro, is inactive in the directory."),
    ],
)
def test_why_what_was_handed_over_cannot_be_used_is_said_plainly(world: World, case: str, why: str) -> None:
    hand_over(world, "bob", wish("gil", "maintainer", "ledger", ends_at=START + timedelta(days=7)))
    if case == "lost":
        world.staff.roles["ledger-maintainers"] = ("carl", "erin")
    if case == "left":
        world.staff.left = ("bob",)
    world.reload_staff()
    world.push("t", {"a": "1"}, author="bob" if case == "contributed" else "anna")
    with pytest.raises(NotPermittedError) as caught:
        world.form("gil")
    said = "Bob Lind handed the role maintainer of ledger over to you, and you cannot use it here: "
    assert said + why in caught.value.message
    decision = pages.contribution(world.parts, world.who("anna"), REPOSITORY, 1).decision
    assert decision is not None
    owners = decision.rules[0].requirements[0]
    assert "Gil Maro (for Bob Lind)" in [one.name for one in owners.disqualified]
    assert "Gil Maro" not in [one.name for one in decision.ask]
