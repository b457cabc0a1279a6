"""Sessions, throttling, and steps that many take at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from gate.domain.errors import GateError, NotPermittedError, NotSignedInError
from gate.domain.people import Person
from gate.store import contributions
from gate.web import create_web
from gate.workflow import session, status
from gate.workflow.work import Worker
from tests.support.databases import TestDatabase
from tests.support.directory_ldif import PASSWORD
from tests.support.journey import ADDRESS, MAIN, POLICY, REPOSITORY, World, identity, open_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with open_world(tmp_path / "world") as opened:
        yield opened


def wrong(world: World, login: str, address: str = ADDRESS) -> str:
    with pytest.raises((NotSignedInError, NotPermittedError)) as caught:
        session.sign_in(world.parts, login, "wrong", address)
    return caught.value.code


@pytest.mark.req("SEC-02")
def test_guessing_at_the_door_is_slow_for_one_login_in_every_spelling(world: World) -> None:
    for spelling in ("anna", "ANNA", " anna ", "Anna", "annA"):
        assert wrong(world, spelling) != "throttled"
    assert wrong(world, "anna") == "throttled"
    with pytest.raises(NotPermittedError):
        session.sign_in(world.parts, " Anna", PASSWORD, ADDRESS)
    assert session.sign_in(world.parts, "bob", PASSWORD, ADDRESS)[0].login == "bob"
    assert world.kinds().count("approval-refused") == 5
    world.clock.move(seconds=61)
    assert session.sign_in(world.parts, "anna", PASSWORD, ADDRESS)[0].login == "anna"


@pytest.mark.req("SEC-02")
def test_tries_at_once_are_no_more_than_one_after_the_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thirty wrong passwords at the same moment: the directory is asked five times, and then the door is shut."""
    asked, together = [], threading.Barrier(6)
    directory = world.parts.directory
    really = directory.authenticate

    def slowly(login: str, password: str) -> Person:
        asked.append(login)
        with suppress(threading.BrokenBarrierError):
            together.wait(timeout=0.5)  # would let a sixth one in, if there were a sixth one
        return really(login, password)

    monkeypatch.setattr(type(directory), "authenticate", lambda _, login, password: slowly(login, password))
    codes: list[str] = []
    tries = [threading.Thread(target=lambda: codes.append(wrong(world, "anna"))) for _ in range(30)]
    for one in tries:
        one.start()
    for one in tries:
        one.join()
    assert (len(asked), len(codes), codes.count("throttled")) == (5, 30, 25)


@pytest.mark.req("SEC-02", "INV-13")
def test_many_right_passwords_at_once_all_come_in(world: World) -> None:
    came: list[str] = []

    def enter() -> None:
        came.append(session.sign_in(world.parts, "anna", PASSWORD, ADDRESS)[0].login)

    tries = [threading.Thread(target=enter) for _ in range(20)]
    for one in tries:
        one.start()
    for one in tries:
        one.join()
    assert came == ["anna"] * 20


@pytest.mark.req("SEC-02")
def test_a_login_that_is_nobodys_is_told_the_same_as_a_wrong_password(world: World) -> None:
    said = set()
    for login in ("anna", "zzz", "*"):
        with pytest.raises(NotSignedInError) as caught:
            session.sign_in(world.parts, login, "wrong", ADDRESS)
        said.add((caught.value.code, caught.value.message, caught.value.remedy))
    assert len(said) == 1


@pytest.mark.req("SEC-02", "SEC-01")
def test_a_session_ends_by_idling_by_age_by_leaving_and_by_hand(world: World) -> None:
    _, idle = session.sign_in(world.parts, "anna", PASSWORD, ADDRESS)
    _, left = session.sign_in(world.parts, "anna", PASSWORD, ADDRESS)
    assert session.current(world.parts, left)
    session.sign_out(world.parts, left)
    assert session.current(world.parts, left) is None
    world.clock.move(minutes=29)
    assert session.current(world.parts, idle)
    world.clock.move(minutes=30)
    assert session.current(world.parts, idle) is None

    _, gone = session.sign_in(world.parts, "anna", PASSWORD, ADDRESS)
    world.staff.left = ("anna",)
    world.reload_staff()
    world.clock.move(minutes=5)
    assert session.current(world.parts, gone) is None
    with pytest.raises(NotSignedInError):
        session.sign_in(world.parts, "anna", PASSWORD, ADDRESS)
    assert session.current(world.parts, "made-up") is None


@pytest.mark.req("SEC-01")
def test_a_session_has_an_end_however_busy(world: World) -> None:
    _, token = session.sign_in(world.parts, "anna", PASSWORD, ADDRESS)
    minutes = 0
    while session.current(world.parts, token) is not None:
        world.clock.move(minutes=20)
        minutes += 20
        assert minutes <= world.parts.settings.server.session_absolute_minutes + 20
    assert minutes >= world.parts.settings.server.session_absolute_minutes


@pytest.mark.req("SEC-01", "SGN-01")
def test_rights_over_the_gate_follow_the_directory_within_minutes(world: World) -> None:
    who, token = session.sign_in(world.parts, "iris", PASSWORD, ADDRESS)
    assert "page:evidence:request" in who.permissions
    assert "page:evidence:request" not in world.who("anna").permissions
    world.staff.roles["auditors"] = ("anna",)
    world.reload_staff()
    world.clock.move(minutes=5)
    now = session.current(world.parts, token)
    assert now is not None
    assert "page:evidence:request" not in now.permissions


@pytest.mark.req("DIR-04", "INV-12")
def test_pages_say_clearly_that_the_directory_is_out(world: World) -> None:
    world.push("t", {"a": "1"})
    client = signed_in(world, "bob")
    assert client.get("/contributions/ledger-core/1/approve", base_url="http://127.0.0.1").status_code == 200
    (world.instance / "people.ldif").write_text("this is no LDIF\n")
    page = client.get("/contributions/ledger-core/1/approve", base_url="http://127.0.0.1")
    assert page.status_code == 503
    assert "nothing can be signed" in page.text
    assert "Nothing was signed." in page.text
    for path in ("/", "/contributions", "/contributions/ledger-core/1", "/repositories/ledger-core", "/log"):
        reading = client.get(path, base_url="http://127.0.0.1", follow_redirects=True)
        assert reading.status_code == 200, (path, reading.text)
    world.reload_staff()
    assert client.get("/contributions/ledger-core/1/approve", base_url="http://127.0.0.1").status_code == 200


def signed_in(world: World, login: str) -> FlaskClient:
    client = create_web(world.parts).test_client()
    _, token = session.sign_in(world.parts, login, PASSWORD, ADDRESS)
    client.set_cookie("gate", token, domain="127.0.0.1")
    return client


@pytest.mark.req("RCV-01", "INV-06", "LOG-03")
def test_contributions_opened_at_once_are_numbered_without_a_gap(database: TestDatabase, tmp_path: Path) -> None:
    with open_world(tmp_path / "world", database=database.url) as world:
        base = world.repo.tip(MAIN) or ""
        refs = [f"refs/heads/contrib/main/t{n}" for n in range(8)]
        for n, ref in enumerate(refs):
            world.repo.commit({f"f{n}": str(n)}, parents=[base], author=identity("anna"), branch=ref)
        problems: list[GateError] = []

        def tell(ref: str) -> None:
            try:
                world.tell(ref, None, world.repo.tip(ref), "anna")
            except GateError as problem:
                problems.append(problem)

        threads = [threading.Thread(target=tell, args=(ref,)) for ref in refs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=100)
        for problem in problems:
            assert problem.code in ("moved", "contradicts-record"), problem
        for ref in refs:  # the hook sends again what was refused; what was taken is no news
            world.tell(ref, None, world.repo.tip(ref), "anna")
        rows = contributions.open_for(world.parts.engine, REPOSITORY)
        assert sorted(row.number for row in rows) == list(range(1, 9))
        assert len({row.head for row in rows}) == 8
        assert world.audit().ok


@pytest.mark.req("POL-04")
def test_the_worker_decides_anew_what_an_activation_left(world: World) -> None:
    head = world.push("t", {"a": "1"})
    world.sign("bob")
    world.sign("dana")
    world.activate(POLICY + "# a comment\n")
    assert world.word(head) == "error"
    Worker(world.parts, lambda what, problem: pytest.fail(f"{what}: {problem}")).round()
    assert world.word(head) == "approved"


@pytest.mark.req("ASK-01", "INV-01")
def test_the_hooks_batch_is_answered_one_by_one(world: World) -> None:
    approved = world.push("one", {"a": "1"})
    world.sign("bob")
    world.sign("dana")
    pending = world.push("two", {"b": "1"})
    found = status.verdicts(world.parts, REPOSITORY, MAIN, [approved, pending, "1" * 40])
    assert {sha: one["answer"] for sha, one in found["answers"].items()} == {
        approved: "approved",
        pending: "pending",
        "1" * 40: "unknown",
    }
    assert [sha for sha, one in found["verdicts"].items() if one] == [approved]
    elsewhere = status.verdicts(world.parts, REPOSITORY, "refs/heads/release", [approved])
    assert elsewhere["verdicts"][approved] is None
    with pytest.raises(GateError, match="At most 200"):
        status.verdicts(world.parts, REPOSITORY, MAIN, ["1" * 40] * 201)


@pytest.mark.req("ASK-01")
def test_an_unchanged_answer_keeps_its_etag_and_a_changed_one_does_not(world: World) -> None:
    head = world.push("t", {"a": "1"})
    first = world.answer(head).etag
    assert world.answer(head).etag == first
    world.sign("bob")
    assert world.answer(head).etag != first
