"""Separation cannot be got round by the way a head reaches the gate (INV-01, INV-03)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gate.domain.approval import Act
from gate.domain.errors import NotPermittedError
from gate.forge.api import ForgeHint, HintKind
from gate.store import contributions, landings
from gate.workflow import deliver, receive
from tests.support.journey import MAIN, NOTHING, POLICY, REPOSITORY, World, identity, open_world

FEATURE = "refs/heads/feature"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with open_world(tmp_path / "world") as opened:
        yield opened


def commit(world: World, author: str, branch: str = FEATURE, content: str = "1") -> str:
    return world.repo.commit(
        {"src/post.py": content},
        "A change",
        parents=[world.repo.tip(MAIN) or ""],
        author=identity(author),
        committer=identity(author),
        branch=branch,
    )


def post(world: World, head: str, ref: str = FEATURE, **more: str) -> str:
    body = {"repository": REPOSITORY, "target": "main", "head": head, "source_ref": ref, **more}
    return str(receive.ci(world.parts, world.holder, body)["answer"])


@pytest.mark.req("INV-01", "INV-03", "RCV-05")
def test_an_owners_address_on_commits_that_ci_found_puts_nothing_out_of_scope(world: World) -> None:
    """Anybody can write an owner's address into a commit; who pushed it is not known to CI."""
    head = commit(world, "bob")
    assert post(world, head) == "error"
    answer = world.answer(head)
    assert answer.body["verdict"] is None
    assert "has said who it was" in str(answer.body["summary"])


@pytest.mark.req("INV-03", "INV-13", "RCV-05")
def test_ci_that_names_the_pusher_is_decided_and_the_pusher_cannot_approve(world: World) -> None:
    head = commit(world, "anna")
    assert post(world, head, pusher="bob") == "pending"
    with pytest.raises(NotPermittedError, match="you pushed revision 1"):
        world.form("bob")
    world.sign("carl")
    world.sign("dana")
    assert world.word(head) == "approved"


@pytest.mark.req("INV-03", "INV-13", "RCV-05")
def test_the_hooks_word_after_cis_heals_the_same_contribution(world: World) -> None:
    ref = "refs/heads/contrib/main/t"
    head = commit(world, "anna", branch=ref)
    assert post(world, head, ref) == "error"
    world.tell(ref, NOTHING, head, "anna")
    answer = world.answer(head)
    assert (answer.answer, answer.body["number"]) == ("pending", 1)
    assert post(world, head, ref) == "pending"


@pytest.mark.req("INV-03", "RCV-04")
def test_the_opener_of_a_pull_request_is_not_taken_for_who_pushed_later(world: World) -> None:
    """A lost delivery of bob's push must not make anna, who edits the title next, its pusher."""
    head = commit(world, "anna")
    told = ForgeHint(
        delivery_id="d-1",
        event="pull_request.edited",
        kind=HintKind.UPDATED,
        full_name="aster/ledger-core",
        number=7,
        head=head,
        source_ref=FEATURE,
        target_ref=MAIN,
        author_login="anna",
    )
    assert deliver._take(world.parts, REPOSITORY, told, "github") is None
    assert world.word(head) == "error"


@pytest.mark.req("INV-01", "INV-02")
def test_an_approval_taken_back_by_a_rejection_does_not_come_back_when_the_rejection_is_withdrawn(world: World) -> None:
    head = world.push("t", {"a": "1"})
    world.sign("dana")
    world.sign("bob")
    assert world.word(head) == "approved"
    world.sign("bob", Act.REJECT)
    assert world.word(head) == "rejected"
    world.sign("bob", Act.WITHDRAW)
    assert world.word(head) == "pending"
    world.sign("bob")
    assert world.word(head) == "approved"


@pytest.mark.req("INV-01")
def test_a_veto_is_not_got_round_by_proposing_the_same_head_again(world: World) -> None:
    head = world.push("one", {"a": "1"})
    world.sign("bob", Act.REJECT)
    again = "refs/heads/contrib/main/two"
    world.repo.git("update-ref", again, head)
    world.tell(again, None, head, "anna")
    world.sign("carl", number=2)
    world.sign("dana", number=2)
    answer = world.answer(head, MAIN)
    assert (answer.answer, answer.body["number"], answer.body["verdict"]) == ("rejected", 1, None)


def push_again(world: World, head: str, topic: str = "t") -> None:
    """The branch is deleted, and the same commits come back."""
    ref = f"refs/heads/contrib/main/{topic}"
    world.repo.git("update-ref", "-d", ref)
    world.tell(ref, head, None, "anna")
    world.repo.git("update-ref", ref, head)
    world.tell(ref, None, head, "anna")


@pytest.mark.req("INV-01", "POL-03", "INV-12")
def test_a_veto_survives_that_its_branch_is_deleted_and_pushed_again(world: World) -> None:
    head = world.push("t", {"a": "1"})
    world.sign("bob", Act.REJECT)
    push_again(world, head)
    world.sign("carl", number=2)
    world.sign("dana", number=2)
    answer = world.answer(head, MAIN)
    assert (answer.answer, answer.body["number"], answer.body["verdict"]) == ("rejected", 2, None)
    assert "Bob Lind, in ledger-core#1, (maintainer of ledger) rejected this on" in str(answer.body["summary"])
    more = world.repo.commit({"b": "2"}, "More", parents=[head], author=identity("anna"), branch=FEATURE)
    world.repo.git("update-ref", "refs/heads/contrib/main/other", more)
    world.tell("refs/heads/contrib/main/other", None, more, "anna")
    assert world.word(more) == "rejected", "nor by something more on top, on another branch"

    assert "Takes back: audit entry" in world.form("bob", Act.WITHDRAW, number=2).statement
    world.sign("bob", Act.WITHDRAW, number=2)
    assert world.word(head) == "approved"
    assert world.word(more) == "pending", "it was decided anew at once"
    assert world.audit().ok


@pytest.mark.req("INV-01", "POL-03", "INV-12")
def test_a_veto_of_a_contribution_still_open_is_withdrawn_there(world: World) -> None:
    head = world.push("one", {"a": "1"})
    world.repo.git("update-ref", "refs/heads/contrib/main/two", head)
    world.tell("refs/heads/contrib/main/two", None, head, "anna")
    world.sign("carl", number=2)
    world.sign("dana", number=2)
    assert world.word(head) == "approved"
    world.sign("bob", Act.REJECT)
    assert contributions.load(world.parts.engine, REPOSITORY, 2).answer == "rejected"
    with pytest.raises(NotPermittedError, match="ledger-core#1: withdraw it there"):
        world.form("bob", Act.WITHDRAW, number=2)
    world.sign("bob", number=2)
    assert contributions.load(world.parts.engine, REPOSITORY, 2).answer == "approved", "approving is their last word"
    world.sign("bob", Act.WITHDRAW)
    assert contributions.load(world.parts.engine, REPOSITORY, 1).answer == "pending"


@pytest.mark.req("INV-13")
def test_a_veto_does_not_reach_other_work_or_another_branch(world: World) -> None:
    head = world.push("one", {"a": "1"})
    world.repo.git("update-ref", "refs/heads/release", world.repo.tip(MAIN) or "")
    world.repo.git("update-ref", "refs/heads/contrib/release/one", head)
    world.tell("refs/heads/contrib/release/one", None, head, "anna")
    other = world.push("two", {"b": "1"})
    world.sign("bob", Act.REJECT)
    assert (world.word(head, MAIN), world.word(head, "refs/heads/release")) == ("rejected", "pending")
    assert world.word(other) == "pending"


@pytest.mark.req("INV-13")
def test_proposing_an_approved_head_again_takes_nothing_from_it(world: World) -> None:
    head = world.push("one", {"a": "1"})
    world.sign("bob")
    world.sign("dana")
    again = "refs/heads/contrib/main/two"
    world.repo.git("update-ref", again, head)
    world.tell(again, None, head, "gil")
    answer = world.answer(head, MAIN)
    assert (answer.answer, answer.body["number"]) == ("approved", 1)
    world.land(head)
    (step,) = landings.newest(world.parts.engine, REPOSITORY, MAIN)
    assert (step.number, step.classification) == (1, "approved")


@pytest.mark.req("INV-01", "INV-11")
def test_what_lands_right_after_another_policy_came_into_force_is_judged_by_that_policy(world: World) -> None:
    head = world.push("one", {"a": "1"})
    world.sign("bob")
    world.sign("dana")
    stricter = POLICY.replace("role: qa, count: 1", "role: qa, count: 2")
    world.activate(stricter)
    assert world.word(head) == "error"
    world.land(head)
    (step,) = landings.newest(world.parts.engine, REPOSITORY, MAIN)
    assert step.classification == "unexplained"
