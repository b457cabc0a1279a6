"""The outbox: slow or remote work, written with the entry that asks for it, done by the worker.

Rules: at least once, so every job must bear repeating; a claimed job is invisible to other workers
for its lease and comes back by itself if its worker dies; a failure waits longer each time.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Engine, delete, func, insert, select, update

from gate.store.engine import Source, writing
from gate.store.fetch import fetch_all, fetch_value
from gate.store.housekeeping import outbox

FIRST_WAIT: Final = timedelta(seconds=2)
LONGEST_WAIT: Final = timedelta(minutes=15)
MAX_ERROR: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    """One job. ``payload`` is JSON; ``attempts`` counts claims, this one included."""

    id: int
    kind: str
    payload: str
    not_before: datetime
    attempts: int
    last_error: str | None
    done_at: datetime | None

    @property
    def content(self) -> dict[str, Any]:
        """``payload`` parsed."""
        parsed: dict[str, Any] = json.loads(self.payload)
        return parsed


def put(engine: Engine, kind: str, payload: dict[str, object], not_before: datetime) -> None:
    """A job that no entry asks for. Jobs of a command are written by the ledger."""
    with writing(engine) as connection:
        values = {"kind": kind, "payload": json.dumps(payload, sort_keys=True), "not_before": not_before}
        connection.execute(insert(outbox), values)


def claim(engine: Engine, now: datetime, *, lease: timedelta, limit: int = 20) -> tuple[JobRow, ...]:
    """Take due jobs, oldest first, and hide them from other workers for ``lease``."""
    o = outbox.c
    due = select(o.id).where(o.done_at.is_(None), o.not_before <= now).order_by(o.not_before, o.id).limit(limit)
    with writing(engine) as connection:
        ids = connection.execute(due.with_for_update(skip_locked=True)).scalars().all()
        if not ids:
            return ()
        held = update(outbox).where(o.id.in_(ids)).values(attempts=o.attempts + 1, not_before=now + lease)
        connection.execute(held)
        return fetch_all(connection, select(outbox).where(o.id.in_(ids)).order_by(o.id), JobRow)


def finish(engine: Engine, job_id: int, now: datetime) -> None:
    """The job is done."""
    with writing(engine) as connection:
        connection.execute(update(outbox).where(outbox.c.id == job_id).values(done_at=now, last_error=None))


def postpone(engine: Engine, job: JobRow, now: datetime, error: str) -> datetime:
    """The job failed: try again later, doubling the wait. Returns when."""
    wait = min(FIRST_WAIT * (1 << min(job.attempts - 1, 20)), LONGEST_WAIT)
    values = {"not_before": now + wait, "last_error": error[:MAX_ERROR]}
    with writing(engine) as connection:
        connection.execute(update(outbox).where(outbox.c.id == job.id).values(values))
    return now + wait


def newest(source: Source, kind: str, limit: int = 100) -> tuple[JobRow, ...]:
    """The last jobs of a kind, done or not, newest first."""
    query = select(outbox).where(outbox.c.kind == kind).order_by(outbox.c.id.desc()).limit(limit)
    return fetch_all(source, query, JobRow)


def waiting(source: Source) -> int:
    """How many jobs are not done."""
    return int(fetch_value(source, select(func.count()).select_from(outbox).where(outbox.c.done_at.is_(None))))


def failing(source: Source, limit: int = 20) -> tuple[JobRow, ...]:
    """Jobs that are not done and failed when last tried, oldest first."""
    failed = select(outbox).where(outbox.c.done_at.is_(None), outbox.c.last_error.is_not(None))
    return fetch_all(source, failed.order_by(outbox.c.id).limit(limit), JobRow)


def sweep(engine: Engine, before: datetime) -> int:
    """Forget jobs done before an instant; how many there were."""
    with writing(engine) as connection:
        return connection.execute(delete(outbox).where(outbox.c.done_at < before)).rowcount
