"""Web sessions and throttles: housekeeping, written outside the ledger and never evidence.

Rules: a session is found by the SHA-256 of its id, so that a copy of the database opens none; a
throttle counts failures per key (a login, an address) and says until when the key is shut. Attempts
under way have a row each (``trying/…``), so that many at once are no more than one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import Connection, Engine, delete, func, insert, select, update

from gate.store.engine import Source, insert_into, writing
from gate.store.fetch import fetch_one, fetch_value
from gate.store.housekeeping import throttle, web_session


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRow:
    """One session. ``data`` is the web room's own JSON."""

    id_sha256: bytes
    person: str
    login: str
    data: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ThrottleRow:
    """Failures of one key since ``first_at``. Shut while ``locked_until`` lies ahead."""

    key: str
    failures: int
    first_at: datetime
    last_at: datetime
    locked_until: datetime | None = None

    def is_shut(self, now: datetime) -> bool:
        """Whether attempts are refused at ``now``."""
        return self.locked_until is not None and now < self.locked_until


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """``allowed`` failures of one key within ``window`` shut it for ``shut_for``."""

    key: str
    allowed: int
    window: timedelta
    shut_for: timedelta


def start(engine: Engine, session: SessionRow) -> None:
    """Store a new session."""
    with writing(engine) as connection:
        connection.execute(insert(web_session), asdict(session))


def find(source: Source, id_sha256: bytes, now: datetime) -> SessionRow | None:
    """The session, unless it has expired."""
    s = web_session.c
    return fetch_one(source, select(web_session).where(s.id_sha256 == id_sha256, s.expires_at > now), SessionRow)


def change(engine: Engine, id_sha256: bytes, *, data: str, seen_at: datetime, expires_at: datetime) -> None:
    """Replace what moves in a session."""
    values = {"data": data, "seen_at": seen_at, "expires_at": expires_at}
    with writing(engine) as connection:
        connection.execute(update(web_session).where(web_session.c.id_sha256 == id_sha256).values(values))


def end(engine: Engine, id_sha256: bytes) -> None:
    """Forget one session."""
    with writing(engine) as connection:
        connection.execute(delete(web_session).where(web_session.c.id_sha256 == id_sha256))


def sweep(engine: Engine, now: datetime) -> int:
    """Forget expired sessions; how many there were."""
    with writing(engine) as connection:
        return connection.execute(delete(web_session).where(web_session.c.expires_at <= now)).rowcount


def load_throttle(source: Source, key: str) -> ThrottleRow | None:
    """What is counted against a key, or None."""
    return fetch_one(source, select(throttle).where(throttle.c.key == key), ThrottleRow)


def reserve(
    engine: Engine, limits: Sequence[Limit], attempt: str, now: datetime, *, lease: timedelta
) -> ThrottleRow | Limit | None:
    """Take a place for one attempt under every limit, all or none, before the secret is looked at.

    None: go ahead, and ``settle`` afterwards. A ``ThrottleRow``: that key is shut. A ``Limit``: as many attempts are
    under way there as could still fail, so wait for one to end. One that never settles counts for ``lease``.
    """
    t = throttle.c
    with writing(engine) as connection:
        for limit in limits:
            before = _lock(connection, limit.key, now)
            if before.is_shut(now):
                return before
            if _under_way(connection, limit.key, now - lease) >= _places(before, limit, now):
                return limit
        for limit in limits:
            place = ThrottleRow(key=_place(limit.key, attempt), failures=0, first_at=now, last_at=now)
            connection.execute(
                delete(throttle).where(t.key.startswith(_place(limit.key, "")), t.first_at <= now - lease)
            )
            connection.execute(insert(throttle), asdict(place))
    return None


def has_place(source: Source, limit: Limit, now: datetime, *, lease: timedelta) -> bool:
    """Whether ``reserve`` is worth another try, told without writing."""
    return _under_way(source, limit.key, now - lease) < _places(load_throttle(source, limit.key), limit, now)


def settle(engine: Engine, limits: Sequence[Limit], attempt: str, now: datetime, *, failed: bool) -> None:
    """Give the places back. A failure is counted; from ``allowed`` within ``window`` on, the key is shut."""
    with writing(engine) as connection:
        for limit in limits:
            before = _lock(connection, limit.key, now)
            connection.execute(delete(throttle).where(throttle.c.key == _place(limit.key, attempt)))
            if failed:
                _count(connection, limit, before, now)
            elif before.failures == 0:
                connection.execute(delete(throttle).where(throttle.c.key == limit.key))


def _count(connection: Connection, limit: Limit, before: ThrottleRow, now: datetime) -> None:
    goes_on = before.failures > 0 and now - before.first_at < limit.window
    failures = before.failures + 1 if goes_on else 1
    values = {
        "failures": failures,
        "first_at": before.first_at if goes_on else now,
        "last_at": now,
        "locked_until": now + limit.shut_for if failures >= limit.allowed else None,
    }
    connection.execute(update(throttle).where(throttle.c.key == limit.key).values(values))


def _lock(connection: Connection, key: str, now: datetime) -> ThrottleRow:
    """The key's row, made if need be, and held to the end of the transaction: who counts here counts alone."""
    empty = asdict(ThrottleRow(key=key, failures=0, first_at=now, last_at=now))
    # An update that changes nothing: it locks and reads in one step, so that nobody deletes the row in between.
    held = insert_into(connection, throttle).values(empty)
    held = held.on_conflict_do_update(index_elements=["key"], set_={"key": throttle.c.key})
    return ThrottleRow(**connection.execute(held.returning(*throttle.c)).one()._asdict())


def _places(row: ThrottleRow | None, limit: Limit, now: datetime) -> int:
    """How many attempts may be under way at once: as many as may still fail, one by one after that."""
    failed = row.failures if row is not None and now - row.first_at < limit.window else 0
    return max(limit.allowed - failed, 1)


def _place(key: str, attempt: str) -> str:
    return f"trying/{sha256(key.encode()).hexdigest()[:32]}/{attempt}"


def _under_way(source: Source, key: str, since: datetime) -> int:
    t = throttle.c
    held = select(func.count()).where(t.key.startswith(_place(key, "")), t.first_at > since)
    return int(fetch_value(source, held) or 0)


def forgive(engine: Engine, key: str) -> None:
    """Forget a key's failures, after a success."""
    with writing(engine) as connection:
        connection.execute(delete(throttle).where(throttle.c.key == key))
