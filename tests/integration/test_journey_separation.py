"""Separation: whoever had a hand in it, under whatever name, cannot approve it; everybody else can (INV-03, INV-13)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gate.domain.errors import NotPermittedError, NotSignedInError
from gate.workflow import session
from gate.workflow.unattributed import unattributed
from tests.support.directory_ldif import PASSWORD
from tests.support.journey import ADDRESS, MAIN, World, identity, open_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with open_world(tmp_path / "world") as opened:
        yield opened


def refused(world: World, login: str, number: int = 1) -> str:
    with pytest.raises(NotPermittedError) as caught:
        world.form(login, number=number)
    return caught.value.message


@pytest.mark.req("INV-03", "SGN-04", "INV-12")
def test_the_author_cannot_approve_and_is_told_why(world: World) -> None:
    world.push("t", {"a": "1"}, author="bob")
    assert "you wrote" in refused(world, "bob")
    world.sign("carl")


@pytest.mark.req("INV-03", "SGN-04")
def test_a_second_address_is_the_same_person(world: World) -> None:
    world.push("t", {"a": "1"}, author=("Someone Else", "BOB@Private.Example"))
    assert "you wrote" in refused(world, "bob")


@pytest.mark.req("INV-03", "SGN-04")
def test_a_co_author_cannot_approve(world: World) -> None:
    world.push("t", {"a": "1"}, message="Both\n\nCo-Authored-By: Bob <bob@private.example>\n")
    assert "you are named as co-author" in refused(world, "bob")


@pytest.mark.req("INV-03", "RCV-03")
def test_a_pusher_who_wrote_nothing_cannot_approve(world: World) -> None:
    world.push("t", {"a": "1"}, pusher=" BOB ")
    assert "you pushed" in refused(world, "bob")


@pytest.mark.req("INV-03")
def test_a_committer_of_somebody_elses_work_cannot_approve(world: World) -> None:
    world.push("t", {"a": "1"}, committer="bob")
    assert "you committed" in refused(world, "bob")


@pytest.mark.req("INV-03")
def test_a_contributor_of_an_earlier_revision_cannot_approve_the_later_one(world: World) -> None:
    world.push("t", {"a": "1"}, author="bob")
    ref = "refs/heads/contrib/main/t"
    old = world.repo.tip(ref)
    head = world.repo.commit({"a": "2"}, "Anew", parents=[world.repo.tip(MAIN) or ""], author=identity("anna"))
    world.repo.git("update-ref", ref, head)
    world.tell(ref, old, head, "anna")
    assert "you wrote" in refused(world, "bob")
    world.sign("carl")


@pytest.mark.req("INV-03")
def test_a_push_of_the_same_head_by_somebody_new_excludes_them_too(world: World) -> None:
    head = world.push("t", {"a": "1"})
    world.sign("bob")
    world.sign("dana")
    assert world.word(head) == "approved"
    world.tell("refs/heads/contrib/main/t", head, head, "bob")
    assert world.word(head) == "pending"
    assert "you pushed" in refused(world, "bob")


@pytest.mark.req("INV-03")
def test_a_contributor_of_another_contribution_with_a_shared_commit_cannot_approve(world: World) -> None:
    head = world.push("one", {"a": "1"}, pusher="bob")
    ref = "refs/heads/contrib/release/two"
    world.repo.git("update-ref", "refs/heads/release", world.repo.tip(MAIN) or "")
    world.repo.git("update-ref", ref, head)
    world.tell(ref, None, head, "anna")
    assert "you wrote part of what is also in" in refused(world, "bob", number=2)


@pytest.mark.req("INV-03")
def test_a_contributor_of_the_same_patch_rebased_elsewhere_cannot_approve(world: World) -> None:
    world.push("one", {"lib.py": "line\n" * 3}, author="bob", pusher="bob")
    other = world.repo.commit({"zzz": "moved on"}, "Main moves", author=identity("carl"), branch=MAIN)
    world.push("two", {"lib.py": "line\n" * 3}, base=other)
    assert "you " in refused(world, "bob", number=2)
    world.form("carl", number=2)


@pytest.mark.req("INV-03", "INV-01", "RCV-07")
def test_an_address_that_is_nobodys_stops_the_decision_and_is_listed_with_its_mend(world: World) -> None:
    head = world.push("t", {"a": "1"}, author=("Stranger", "who@nowhere.example"))
    answer = world.answer(head)
    assert (answer.answer, answer.http) == ("error", 503)
    assert "who@nowhere.example" in str(answer.body["summary"])
    (listed,) = unattributed(world.parts)
    assert (listed.address, list(listed.where)) == (
        "who@nowhere.example",
        ["ledger-core#1 (author)", "ledger-core#1 (committer)"],
    )
    assert listed.mend


@pytest.mark.req("INV-03", "POL-02")
def test_the_sponsor_of_a_robot_answers_for_it(world: World) -> None:
    world.staff.roles["ledger-maintainers"] = ("bob", "gil")
    world.reload_staff()
    world.push("t", {"a": "1"}, author=("Robot", "robo@example.org"), pusher="anna")
    assert "you are the sponsor" in refused(world, "gil")


@pytest.mark.req("SGN-04")
@pytest.mark.parametrize("spelling", ["anna", "ANNA", " anna ", "aNNa  ", "ａｎｎａ", "Ａnna", "anna\u00a0"])
def test_every_spelling_of_a_login_is_one_person_who_cannot_approve(world: World, spelling: str) -> None:
    world.staff.roles["ledger-maintainers"] = ("anna", "bob")
    world.reload_staff()
    world.push("t", {"a": "1"})
    who, _ = session.sign_in(world.parts, spelling, PASSWORD, ADDRESS)
    assert who.key == world.who("anna").key
    world.sessions["spelt"] = who
    assert "you pushed" in refused(world, "spelt")


@pytest.mark.req("SGN-04", "DIR-03")
@pytest.mark.parametrize("login", ["", "*", "ann*", "anna)(uid=*", "anna\x00", "аnna"])
def test_what_only_looks_like_a_login_is_nobody(world: World, login: str) -> None:
    with pytest.raises(NotSignedInError):
        session.sign_in(world.parts, login, PASSWORD, ADDRESS)
    with pytest.raises(NotSignedInError):
        session.sign_in(world.parts, "anna", "", ADDRESS)


@pytest.mark.req("SGN-04", "INV-03", "RCV-03")
@pytest.mark.parametrize("pusher", ["b\u200bob", "nobody"])
def test_a_pusher_whose_login_only_looks_like_one_stops_the_decision(world: World, pusher: str) -> None:
    head = world.push("t", {"a": "1"}, pusher=pusher)
    assert world.word(head) == "error"


@pytest.mark.req("INV-03", "POL-01")
def test_one_person_with_two_roles_fills_one_slot(world: World) -> None:
    world.staff.roles["qa-approvers"] = ("bob", "dana")
    world.reload_staff()
    head = world.push("t", {"a": "1"})
    world.sign("bob")
    assert world.word(head) == "pending"
    with pytest.raises(NotPermittedError, match="You have approved this revision"):
        world.form("bob")
    world.sign("carl")
    world.sign("dana")
    assert world.word(head) == "approved"
