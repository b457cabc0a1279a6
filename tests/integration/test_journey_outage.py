"""When the directory is out or says something else: fail closed, say so, heal by itself (INV-01, DIR-04)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from gate.auditlog.entry import Recorder
from gate.domain.clock import SystemClock
from gate.domain.errors import UnavailableError
from gate.policy.decision import Answer
from gate.store import contributions, outbox
from gate.store.fetch import Place
from gate.workflow import export
from gate.workflow.evaluate import Weighed, decide, recorded_decision, weigh
from gate.workflow.gather import Reading
from gate.workflow.health import health
from gate.workflow.parts import Parts
from gate.workflow.shown import PackRequest
from gate.workflow.work import Worker
from tests.support.journey import REPOSITORY, START, World, open_slapd, open_world

MAX_AGE = 5


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with open_world(tmp_path / "world", max_age=MAX_AGE) as opened:
        yield opened


def approved(world: World) -> str:
    head = world.push("t", {"a": "1"})
    world.sign("bob")
    world.sign("dana")
    assert world.word(head) == "approved"
    return head


def broken(world: World) -> None:
    (world.instance / "people.ldif").write_text("this is no LDIF\n")


def round_of_work(world: World) -> list[str]:
    """One round of the worker; returns what it complained of."""
    said: list[str] = []
    Worker(world.parts, lambda what, problem: said.append(f"{what}: {problem}")).round()
    return said


@pytest.mark.req("DIR-04", "INV-01")
def test_a_yes_holds_until_max_age_and_not_a_moment_longer(world: World) -> None:
    head = approved(world)
    broken(world)
    world.clock.move(seconds=MAX_AGE - 0.001)
    assert world.word(head) == "approved"
    world.clock.move(seconds=0.001)
    after = world.answer(head)
    assert (after.answer, after.http, after.body["verdict"]) == ("error", 503, None)
    assert "directory" in str(after.body["summary"]).lower()
    world.reload_staff()
    assert world.word(head) == "approved"


@pytest.mark.req("DIR-04", "INV-01")
def test_the_worker_does_not_end_a_yes_early_and_ends_it_in_time(world: World) -> None:
    head = approved(world)
    broken(world)
    world.clock.move(seconds=MAX_AGE - 1)
    round_of_work(world)
    assert world.word(head) == "approved", "an outage shorter than max_age is nobody's business"
    world.clock.move(seconds=1)
    round_of_work(world)
    assert world.word(head) == "error"
    world.reload_staff()
    assert round_of_work(world) == []
    assert world.word(head) == "approved"


@pytest.mark.req("DIR-04", "INV-01")
def test_an_outage_writes_a_bounded_number_of_entries(world: World) -> None:
    approved(world)
    broken(world)
    before = len(world.entries())
    for _ in range(10):
        world.clock.move(seconds=MAX_AGE)
        round_of_work(world)
    assert len(world.entries()) - before <= 1, "the log holds what changed, not that we looked"


@pytest.mark.req("DIR-04", "INV-01")
def test_nothing_is_signed_or_decided_without_the_directory(world: World) -> None:
    head = world.push("t", {"a": "1"})
    form = world.form("bob")
    broken(world)
    before = world.kinds()
    with pytest.raises(UnavailableError, match="nothing can be signed"):
        world.form("bob")
    with pytest.raises(UnavailableError, match="nothing can be signed"):
        world.send("bob", form)
    assert world.kinds() == before
    world.clock.move(seconds=MAX_AGE)
    with pytest.raises(UnavailableError):
        decide(world.parts, REPOSITORY, 1)
    assert world.word(head) == "error"
    world.reload_staff()
    world.send("bob", form)


@pytest.mark.req("INV-01", "INV-02")
@pytest.mark.parametrize("how", ["disabled", "role removed", "group emptied"])
def test_an_approval_stops_counting_within_max_age_of_its_signer_losing_the_role(world: World, how: str) -> None:
    head = approved(world)
    if how == "disabled":
        world.staff.left = ("bob",)
    else:
        world.staff.roles["ledger-maintainers"] = ("carl",) if how == "role removed" else ()
    world.reload_staff()
    world.clock.move(seconds=MAX_AGE)
    assert world.word(head) in ("pending", "error")
    round_of_work(world)
    row = contributions.load(world.parts.engine, REPOSITORY, 1)
    decision = recorded_decision(world.parts, row)
    assert decision is not None
    assert decision.answer is not Answer.APPROVED
    if how != "group emptied":
        assert any("Bob Lind" in one.name for one in decision.not_counted)


@pytest.mark.req("DIR-02", "DIR-04", "INV-01")
@pytest.mark.parametrize("how", ["hung", "stopped"])
def test_a_real_server_that_is_out_refuses_in_time_and_heals_without_a_restart(tmp_path: Path, how: str) -> None:
    with (
        open_slapd(tmp_path) as slapd,
        open_world(tmp_path / "world", slapd=slapd, max_age=MAX_AGE, clock=SystemClock()) as world,
    ):
        done = world.push("done", {"a": "1"})
        world.sign("bob")
        world.sign("dana")
        waiting = world.push("waiting", {"b": "1"})
        form = world.form("bob", number=2)
        before = world.kinds().count("approval")
        if how == "hung":
            slapd.suspend()
        else:
            slapd.stop()
        try:
            started = time.monotonic()
            with pytest.raises(UnavailableError, match="nothing can be signed"):
                world.send("bob", form)
            # The directory's own deadline is 3 s in all; what a busy machine adds is not ours.
            assert time.monotonic() - started < 15
            eventually(lambda: world.word(done) == "error")
            eventually(lambda: world.word(waiting) == "error")
            assert world.answer(done).body["verdict"] is None
            round_of_work(world)
            assert world.word(done) == "error"
            assert world.kinds().count("approval") == before
        finally:
            if how == "hung":
                slapd.resume()
            else:
                slapd.start()
        eventually(lambda: round_of_work(world) == [] and world.word(done) == "approved")
        assert world.word(waiting) == "pending"
        world.send("bob", world.form("bob", number=2))


def eventually(holds: object, seconds: float = 40.0) -> None:
    """Ask until it holds: real time has to pass here, as max_age is real."""
    assert callable(holds)
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "it never came to hold"
        time.sleep(0.2)


@pytest.mark.req("DIR-04", "INV-12", "GND-06")
@pytest.mark.parametrize("is_gone", [True, False])
def test_an_outage_of_the_file_is_told_without_saying_where_it_lies(world: World, is_gone: bool) -> None:
    head = approved(world)
    broken(world)
    if is_gone:
        (world.instance / "people.ldif").unlink()
    world.clock.move(seconds=MAX_AGE)
    answer = world.answer(head)
    told = [str(answer.body), str(health(world.parts))]
    with pytest.raises(UnavailableError) as caught:
        world.form("bob")
    told.append(str(caught.value))
    for text in told:
        assert "The directory file cannot be read: No such file" in text if is_gone else "people.ldif:1" in text
        assert str(world.root) not in text


@pytest.mark.req("INV-01", "AUD-01")
def test_a_job_that_meets_a_fault_of_ours_is_on_record_and_stops_nothing_else(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    approved(world)
    wanted = PackRequest(repository=REPOSITORY, period_from=START, period_to=START + timedelta(days=1), reason="Test")
    pack_id = export.request(world.parts, world.who("iris"), wanted)
    outbox.put(world.parts.engine, "redecide", {}, world.clock.now())
    asked: list[str] = []

    def fault(*args: object, **more: object) -> None:
        asked.append("pack")
        raise KeyError("someone@secret.example")

    with monkeypatch.context() as patch:
        patch.setattr(export, "build", fault)
        (said,) = round_of_work(world)
        assert "An error of the gate itself: KeyError at " in said
        assert "Tried again at 2026-11-22T09:00:02" in said
        assert outbox.waiting(world.parts.engine) == 1, "the other job was done"
        (failing,) = health(world.parts)[1]["jobs"]["failing"]
        assert (failing["kind"], failing["tries"]) == ("pack", 1)
        assert failing["cause"].startswith("An error of the gate itself: KeyError at ")
        assert "secret" not in said + str(failing)
        shown = export.pack(world.parts, pack_id)
        assert (shown.state, shown.error) == ("failed", failing["cause"])
        for _ in range(3):
            world.clock.move(seconds=2)
            round_of_work(world)
        assert len(asked) == 3, "it waits longer each time"
    world.clock.move(minutes=1)
    assert round_of_work(world) == []
    assert export.pack(world.parts, pack_id).state == "ready"
    assert health(world.parts)[1]["jobs"]["failing"] == []


@pytest.mark.req("DIR-04", "INV-01")
def test_a_decision_that_meets_a_fault_of_ours_does_not_end_the_worker(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    approved(world)
    second = world.push("u", {"b": "1"})
    round_of_work(world)
    world.clock.move(seconds=MAX_AGE)

    def fault(parts: Parts, reading: Reading, place: Place, *, by: Recorder) -> Weighed:
        if place.number == 1:
            raise ZeroDivisionError
        return weigh(parts, reading, place, by=by)

    monkeypatch.setattr("gate.workflow.redecide.weigh", fault)
    (said,) = round_of_work(world)
    assert said.startswith("renewal of ledger-core#1: An error of the gate itself: ZeroDivisionError at ")
    assert world.word(second) == "pending"


@pytest.mark.req("DIR-04")
def test_where_a_directory_file_lies_is_a_matter_of_the_log_alone(world: World) -> None:
    """Whoever asks for an answer reads the sentence; what stood behind it, with the path, is its cause."""
    world.push("t", {"a": "1"})
    place = world.instance / "people.ldif"
    place.unlink()
    with pytest.raises(UnavailableError) as told:
        decide(world.parts, REPOSITORY, 1)
    assert str(place) not in str(told.value)
    assert isinstance(told.value.__cause__, FileNotFoundError)
    assert told.value.__cause__.filename == str(place)
