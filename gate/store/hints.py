"""Which hints were seen, and how many were refused: housekeeping.

Rules: a delivery id counts once per source; a refused hint leaves nothing but a count per source and
minute, which is later recorded in the log as one entry for each and then marked.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, delete, select, update

from gate.store.engine import Source, insert_into, writing
from gate.store.fetch import fetch_all, fetch_value
from gate.store.housekeeping import hint_refused, hint_seen


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedRow:
    """Hints refused from one source within the minute that begins at ``minute``."""

    source: str
    minute: datetime
    count: int
    recorded: bool


def is_seen(source: Source, origin: str, delivery_id: str) -> bool:
    """Whether this delivery was handled before."""
    h = hint_seen.c
    query = select(h.seen_at).where(h.source == origin, h.delivery_id == delivery_id)
    return fetch_value(source, query) is not None


def mark_seen(engine: Engine, origin: str, delivery_id: str, now: datetime) -> bool:
    """Remember a delivery. False when it was seen before: it is a repeat."""
    values = {"source": origin, "delivery_id": delivery_id, "seen_at": now}
    with writing(engine) as connection:
        fresh = insert_into(connection, hint_seen).values(values).on_conflict_do_nothing()
        # RETURNING, because an insert's row count is not known on every driver.
        return connection.execute(fresh.returning(hint_seen.c.source)).first() is not None


def count_refused(engine: Engine, origin: str, now: datetime) -> None:
    """Count one refused hint, and keep nothing else of it."""
    values = {"source": origin, "minute": now.replace(second=0, microsecond=0), "count": 1, "recorded": False}
    with writing(engine) as connection:
        one = insert_into(connection, hint_refused).values(values)
        more = {"count": hint_refused.c.count + 1, "recorded": False}
        connection.execute(one.on_conflict_do_update(index_elements=["source", "minute"], set_=more))


def unrecorded(source: Source, before: datetime) -> tuple[RefusedRow, ...]:
    """Counts of minutes that began before ``before`` and are not in the log yet."""
    h = hint_refused.c
    query = select(hint_refused).where(h.recorded.is_(False), h.minute < before)
    return fetch_all(source, query.order_by(h.minute, h.source), RefusedRow)


def mark_recorded(engine: Engine, row: RefusedRow) -> None:
    """The count is in the log. A hint refused since then keeps the row open."""
    h = hint_refused.c
    same = (h.source == row.source, h.minute == row.minute, h.count == row.count)
    with writing(engine) as connection:
        connection.execute(update(hint_refused).where(*same).values(recorded=True))


def sweep(engine: Engine, before: datetime) -> int:
    """Forget deliveries seen and counts recorded before an instant; how many there were."""
    seen = delete(hint_seen).where(hint_seen.c.seen_at < before)
    counted = delete(hint_refused).where(hint_refused.c.minute < before, hint_refused.c.recorded.is_(True))
    with writing(engine) as connection:
        return connection.execute(seen).rowcount + connection.execute(counted).rowcount
