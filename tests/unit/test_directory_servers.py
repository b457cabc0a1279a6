"""Which server is next, and how calls are bounded."""

from __future__ import annotations

import threading

import pytest

from gate.directory.servers import CallLimit, Deadline, ServerList
from gate.domain.errors import UnavailableError


def test_a_server_marked_down_is_passed_over_until_the_mark_ends() -> None:
    now = [100.0]
    servers = ServerList(("a", "b"), 15, now=lambda: now[0])
    assert servers.in_order() == ("a", "b")
    servers.mark_down("a")
    assert servers.in_order() == ("b",)
    now[0] += 14.9
    assert servers.in_order() == ("b",)
    now[0] += 0.1
    assert servers.in_order() == ("a", "b")


def test_when_all_are_down_all_are_tried_and_a_recovered_one_is_back() -> None:
    servers = ServerList(("a", "b"), 15, now=lambda: 0.0)
    servers.mark_down("a")
    servers.mark_down("b")
    assert servers.in_order() == ("a", "b")
    servers.mark_up("b")
    assert servers.in_order() == ("b",)


@pytest.mark.req("DIR-02")
def test_a_deadline_shortens_steps_and_then_refuses_them() -> None:
    assert Deadline(100).within(2) == 2
    assert Deadline(1).within(2) <= 1
    with pytest.raises(UnavailableError):
        Deadline(0).within(2)


@pytest.mark.req("DIR-02")
def test_a_call_that_hangs_is_left_behind_and_keeps_its_slot_until_it_ends() -> None:
    limit, release, ended = CallLimit(1), threading.Event(), threading.Event()

    def hang() -> None:
        release.wait(30)
        ended.set()

    with pytest.raises(UnavailableError, match="in time"):
        limit.run(hang, 0.05)
    with pytest.raises(UnavailableError, match="Too many"):
        limit.run(lambda: 1, 10)
    release.set()
    assert ended.wait(10)
    for thread in threading.enumerate():
        if thread.name == "directory-call":
            thread.join(10)
    assert limit.run(lambda: 1, 10) == 1


def test_what_a_call_raises_reaches_the_caller_and_frees_the_slot() -> None:
    limit, nothing = CallLimit(1), dict[str, int]()
    for _ in range(3):
        with pytest.raises(KeyError, match="mine"):
            limit.run(lambda: nothing["mine"], 10)
    assert limit.run(lambda: "still", 10) == "still"
