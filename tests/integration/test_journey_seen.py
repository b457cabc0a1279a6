"""What you saw is what you sign; what you signed stays bound to it (INV-02, INV-04); only you can (INV-05)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gate.domain.approval import Act
from gate.domain.errors import ConflictError, InputError, NotPermittedError, NotSignedInError
from gate.workflow.force import InForce
from gate.workflow.redecide import redecide_open
from gate.workflow.sign_shown import ReceiptShown
from gate.workflow.work import Worker
from tests.support.directory_ldif import PASSWORD
from tests.support.journey import POLICY, World, open_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with open_world(tmp_path / "world") as opened:
        yield opened


def changes(world: World, login: str, act: Act, between: Callable[[], object]) -> list[str]:
    """What a person is told whose form is overtaken by ``between``; nothing of theirs may be recorded."""
    form = world.form(login, act)
    between()
    before = world.entries()
    with pytest.raises(ConflictError) as caught:
        world.send(login, form)
    assert caught.value.code == "changed"
    assert world.entries() == before, "nothing was recorded"
    told = caught.value.details["changes"]
    assert isinstance(told, list)
    return told


@pytest.mark.req("SGN-03", "INV-04")
def test_two_people_on_one_sign_page(world: World) -> None:
    world.push("t", {"a": "1"})
    (told,) = changes(world, "carl", Act.APPROVE, lambda: world.sign("bob"))
    assert "Bob Lind signed meanwhile: approve as maintainer (audit entry" in told
    world.sign("carl")


@pytest.mark.req("SGN-03", "INV-04")
def test_a_new_push_between_form_and_signature(world: World) -> None:
    head = world.push("t", {"a": "1"})
    told = changes(world, "bob", Act.APPROVE, lambda: world.push("t", {"a": "2"}))
    assert told[0].startswith(f"A new revision was pushed: the head was {head} and is now ")


@pytest.mark.req("SGN-03", "INV-04", "POL-04")
def test_a_policy_activated_between_form_and_signature(world: World) -> None:
    world.push("t", {"a": "1"})
    stricter = POLICY.replace("valid_for: 14d", "valid_for: 7d")
    assert changes(world, "bob", Act.APPROVE, lambda: world.activate(stricter)) == ["Another policy came into force."]


@pytest.mark.req("SGN-03", "INV-04")
def test_an_approval_withdrawn_between_form_and_signature(world: World) -> None:
    world.push("t", {"a": "1"})
    first = world.sign("bob").index
    told = changes(world, "dana", Act.APPROVE, lambda: world.sign("bob", Act.WITHDRAW))
    assert told == [f"The statement in audit entry {first} was withdrawn."]


@pytest.mark.req("SGN-03", "INV-04")
def test_a_signer_who_lost_their_role_between_does_not_count_for_the_next_one(world: World) -> None:
    world.push("t", {"a": "1"})
    world.sign("bob")

    def bob_leaves() -> None:
        world.staff.roles["ledger-maintainers"] = ("carl",)
        world.reload_staff()

    assert changes(world, "dana", Act.APPROVE, bob_leaves) == ["Which signatures count has changed."]


@pytest.mark.req("SGN-03", "INV-04", "INV-12")
def test_an_overtaken_rejection_and_withdrawal_are_told_too(world: World) -> None:
    world.push("t", {"a": "1"})
    assert changes(world, "dana", Act.REJECT, lambda: world.sign("bob"))
    assert changes(world, "bob", Act.WITHDRAW, lambda: world.sign("carl"))


@pytest.mark.req("INV-04")
def test_a_form_that_was_tampered_with_signs_nothing(world: World) -> None:
    world.push("t", {"a": "1"})
    form = world.form("bob")
    before = world.entries()
    for forged in ("", "e30=", form.seen[:-4], form.seen + "AAAA", "\u00e9", form.seen.swapcase()):
        with pytest.raises((InputError, ConflictError)):
            world.send("bob", replace(form, seen=forged))
    other = world.form("dana")
    with pytest.raises(ConflictError):
        world.send("bob", replace(form, seen=other.seen))
    assert world.entries() == before


@pytest.mark.req("INV-04", "SGN-01")
def test_a_double_click_is_one_signature_with_one_receipt(world: World) -> None:
    world.push("t", {"a": "1"})
    form = world.form("bob")
    first = world.send("bob", form, request_id="the-same-click")
    second = world.send("bob", form, request_id="the-same-click")
    assert (first.index, first.envelope) == (second.index, second.envelope)
    assert world.kinds().count("approval") == 1


@pytest.mark.req("INV-04", "SGN-01")
def test_two_clicks_at_the_same_time_are_one_signature(world: World) -> None:
    world.push("t", {"a": "1"})
    form = world.form("bob")
    got: list[ReceiptShown | Exception] = []
    start = threading.Barrier(4)

    def click() -> None:
        start.wait()
        try:
            got.append(world.send("bob", form, request_id="the-same-click"))
        except Exception as problem:  # noqa: BLE001 -- shown by the assertion below
            got.append(problem)

    threads = [threading.Thread(target=click) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert [one for one in got if isinstance(one, Exception)] == []
    assert {one.index for one in got if isinstance(one, ReceiptShown)} == {world.kinds().index("approval")}
    assert world.kinds().count("approval") == 1


@pytest.mark.req("INV-04", "SGN-01")
def test_a_click_overtaken_by_its_twin_gets_the_twins_receipt(world: World) -> None:
    """The twin is done after this one looked for it and before it reads the contribution."""
    world.push("t", {"a": "1"})
    form = world.form("bob")
    parts, twins = world.parts, list[ReceiptShown]()

    def overtaken() -> InForce:
        if not twins:
            world.parts = parts
            twins.append(world.send("bob", form, request_id="the-same-click"))
        return parts.in_force()

    world.parts = replace(parts, in_force=overtaken)
    late = world.send("bob", form, request_id="the-same-click")
    assert late.index == twins[0].index
    assert world.kinds().count("approval") == 1


@pytest.mark.req("INV-05", "SEC-02")
def test_a_wrong_password_changes_nothing_but_the_throttle_and_a_refusal_on_record(world: World) -> None:
    head = world.push("t", {"a": "1"})
    form = world.form("bob")
    before = world.kinds()
    with pytest.raises(NotSignedInError):
        world.send("bob", form, password="wrong")
    assert world.kinds() == [*before, "approval-refused"]
    assert world.word(head) == "pending"
    world.send("bob", form)


@pytest.mark.req("SEC-02", "INV-05")
def test_six_wrong_passwords_lock_one_person_and_nobody_else(world: World) -> None:
    world.push("t", {"a": "1"})
    form, other = world.form("bob"), world.form("dana")
    for _ in range(5):
        with pytest.raises(NotSignedInError):
            world.send("bob", form, password="wrong")
    with pytest.raises(NotPermittedError) as caught:
        world.send("bob", form, password="wrong")
    assert caught.value.code == "throttled"
    with pytest.raises(NotPermittedError, match="Too many wrong passwords"):
        world.send("bob", form, password=PASSWORD)
    world.send("dana", other)
    world.clock.move(seconds=61)
    world.sign("bob")
    assert world.kinds().count("approval") == 2
    assert world.kinds().count("approval-refused") == 5


@pytest.mark.req("INV-02", "INV-04")
def test_an_approval_stops_counting_on_a_new_head(world: World) -> None:
    head = world.push("t", {"a": "1"})
    world.sign("bob")
    world.sign("dana")
    assert world.word(head) == "approved"
    new = world.push("t", {"a": "2"})
    assert (world.word(head), world.word(new)) == ("stale", "pending")


@pytest.mark.req("INV-02")
def test_an_approval_says_nothing_about_another_branch(world: World) -> None:
    head = world.push("t", {"a": "1"})
    world.sign("bob")
    world.sign("dana")
    world.repo.git("update-ref", "refs/heads/release", world.repo.tip("refs/heads/main") or "")
    ref = "refs/heads/contrib/release/t"
    world.repo.git("update-ref", ref, head)
    world.tell(ref, None, head, "anna")
    assert world.word(head, "refs/heads/main") == "approved"
    assert world.word(head, "refs/heads/release") == "pending"
    with pytest.raises(InputError, match="several branches"):
        world.answer(head)


@pytest.mark.req("INV-02", "POL-04")
@pytest.mark.parametrize(
    ("old", "new", "still"),
    [
        ("I verified this change independently.", "I looked at it.", "pending"),
        ("valid_for: 14d", "valid_for: 13d", "pending"),
        ("rules:\n", "# a comment about the rules\nrules:\n", "approved"),
        ("Quality verifies.", "Quality has verified it.", "approved"),
    ],
)
def test_only_a_change_of_the_effective_policy_voids_approvals(world: World, old: str, new: str, still: str) -> None:
    head = world.push("t", {"a": "1"})
    world.sign("bob")
    world.sign("dana")
    assert old in POLICY
    world.activate(POLICY.replace(old, new))
    assert world.word(head) == "error"
    redecide_open(world.parts)
    assert world.word(head) == still


@pytest.mark.req("INV-02", "INV-01")
def test_an_approval_ends_by_the_clock(world: World) -> None:
    head = world.push("t", {"a": "1"})
    world.sign("bob")
    world.clock.move(days=7)
    world.sign("dana")
    assert world.word(head) == "approved"
    world.clock.move(days=6, hours=23, minutes=59)
    assert world.word(head) == "approved", "evaluated live, and both still hold"
    world.clock.move(minutes=1)
    assert world.word(head) == "pending"
    Worker(world.parts, lambda what, problem: pytest.fail(f"{what}: {problem}")).round()
    assert world.word(head) == "pending"
    world.sign("bob")
    assert world.word(head) == "approved"
