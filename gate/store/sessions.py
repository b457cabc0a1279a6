"""Web sessions and throttles: housekeeping, written outside the ledger and never evidence.

Rules: a session is found by the SHA-256 of its id, so that a copy of the database opens none; a
throttle counts failures per key (a login, an address) and says until when the key is shut.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, delete, insert, select, update

from gate.store.engine import Source, writing
from gate.store.fetch import fetch_one
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
    locked_until: datetime | None

    def is_shut(self, now: datetime) -> bool:
        """Whether attempts are refused at ``now``."""
        return self.locked_until is not None and now < self.locked_until


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


def count_failure(
    engine: Engine, key: str, now: datetime, *, allowed: int, window: timedelta, shut_for: timedelta
) -> ThrottleRow:
    """Count one failure. From ``allowed`` failures within ``window`` on, the key is shut for ``shut_for``."""
    with writing(engine) as connection:
        before = fetch_one(connection, select(throttle).where(throttle.c.key == key).with_for_update(), ThrottleRow)
        goes_on = before is not None and now - before.first_at < window
        failures = before.failures + 1 if before is not None and goes_on else 1
        counted = ThrottleRow(
            key=key,
            failures=failures,
            first_at=before.first_at if before is not None and goes_on else now,
            last_at=now,
            locked_until=now + shut_for if failures >= allowed else None,
        )
        connection.execute(delete(throttle).where(throttle.c.key == key))
        connection.execute(insert(throttle), asdict(counted))
    return counted


def forgive(engine: Engine, key: str) -> None:
    """Forget a key's failures, after a success."""
    with writing(engine) as connection:
        connection.execute(delete(throttle).where(throttle.c.key == key))
