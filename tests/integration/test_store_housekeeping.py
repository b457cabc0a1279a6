"""Sessions, throttles, outbox, hints: the same on both databases."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine

from gate.store import contributions, hints, outbox, sessions
from gate.store.sessions import Limit, SessionRow
from tests.support.ledgers import AT

MINUTE = timedelta(minutes=1)


def test_a_session_lives_until_it_expires(engine: Engine) -> None:
    row = SessionRow(
        id_sha256=b"1" * 32,
        person="corp:p1",
        login="anna",
        data="{}",
        created_at=AT,
        seen_at=AT,
        expires_at=AT + MINUTE,
    )
    sessions.start(engine, row)
    assert sessions.find(engine, row.id_sha256, AT) == row
    assert sessions.find(engine, row.id_sha256, AT + MINUTE) is None
    assert sessions.sweep(engine, AT + MINUTE) == 1


def try_once(engine: Engine, limit: Limit, at: datetime, *, failed: bool = True) -> bool:
    """Whether a try is let through; if so it ends at once."""
    if sessions.reserve(engine, (limit,), "one", at, lease=MINUTE) is not None:
        return False
    sessions.settle(engine, (limit,), "one", at, failed=failed)
    return True


@pytest.mark.req("SEC-02")
def test_failures_shut_a_key_for_a_while(engine: Engine) -> None:
    limit = Limit(key="anna", allowed=3, window=5 * MINUTE, shut_for=MINUTE)
    assert [try_once(engine, limit, AT) for _ in range(4)] == [True, True, True, False]
    assert try_once(engine, limit, AT + MINUTE), "one more when it opens"
    assert not try_once(engine, limit, AT + MINUTE)
    assert [try_once(engine, limit, AT + 6 * MINUTE) for _ in range(4)] == [True, True, True, False]
    sessions.forgive(engine, "anna")
    assert sessions.load_throttle(engine, "anna") is None
    assert all(try_once(engine, limit, AT, failed=False) for _ in range(9))
    assert sessions.load_throttle(engine, "anna") is None


@pytest.mark.req("SEC-02")
def test_tries_under_way_take_the_places_of_failures(engine: Engine) -> None:
    anna, door = (Limit(key=key, allowed=3, window=5 * MINUTE, shut_for=MINUTE) for key in ("anna", "door"))
    assert try_once(engine, anna, AT)
    taken = [sessions.reserve(engine, (anna, door), f"t{n}", AT, lease=MINUTE) for n in range(4)]
    assert taken == [None, None, anna, anna]
    bob = Limit(key="bob", allowed=3, window=5 * MINUTE, shut_for=MINUTE)
    assert sessions.reserve(engine, (bob, door), "b0", AT, lease=MINUTE) is None
    assert sessions.reserve(engine, (bob, door), "b1", AT, lease=MINUTE) == door
    assert not sessions.has_place(engine, door, AT, lease=MINUTE)
    assert sessions.has_place(engine, bob, AT, lease=MINUTE), "a try that found no place at one took none at the other"
    sessions.settle(engine, (anna, door), "t0", AT, failed=False)
    assert sessions.has_place(engine, door, AT, lease=MINUTE)
    assert sessions.has_place(engine, anna, AT + 2 * MINUTE, lease=MINUTE), "one that never settles is forgotten"


def test_a_claimed_job_is_hidden_until_its_lease_ends(engine: Engine) -> None:
    outbox.put(engine, "publish", {"to": "forge"}, AT)
    (job,) = outbox.claim(engine, AT, lease=MINUTE)
    assert (job.content, job.attempts) == ({"to": "forge"}, 1)
    assert outbox.claim(engine, AT, lease=MINUTE) == ()
    (again,) = outbox.claim(engine, AT + MINUTE, lease=MINUTE)
    assert outbox.postpone(engine, again, AT + MINUTE, "forge is down") == AT + MINUTE + timedelta(seconds=4)
    outbox.finish(engine, job.id, AT + MINUTE)
    assert outbox.waiting(engine) == 0


@pytest.mark.req("RCV-06")
def test_a_hint_counts_once_and_a_refused_one_only_as_a_number(engine: Engine) -> None:
    assert hints.mark_seen(engine, "github", "d1", AT)
    assert not hints.mark_seen(engine, "github", "d1", AT)
    for _ in range(3):
        hints.count_refused(engine, "github", AT)
    (row,) = hints.unrecorded(engine, AT + MINUTE)
    assert row.count == 3
    hints.count_refused(engine, "github", AT)
    hints.mark_recorded(engine, row)
    assert [one.count for one in hints.unrecorded(engine, AT + MINUTE)] == [4]


def test_numbers_start_at_one(engine: Engine) -> None:
    assert contributions.next_number(engine, "ledger-core") == 1
    assert contributions.open_for(engine) == ()
    assert contributions.due_for_renewal(engine, AT) == ()
    everything = contributions.ContributionFilter(person="corp:p1", answers=("approved",), opened_from=AT)
    assert contributions.list_page(engine, everything) == ()
    assert contributions.count(engine, everything) == 0
    assert contributions.unattributed(engine, "ledger-core") == ()
