"""How long each contribution's decision is good for: a cache, never evidence.

A decision that is made anew with the same outcome is no new fact; only its lifetime moves, here. The
row counts for the decision it names and no other.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.dialects import postgresql, sqlite

from gate.store.engine import Source, writing
from gate.store.fetch import fetch_one
from gate.store.housekeeping import freshness


@dataclass(frozen=True, slots=True, kw_only=True)
class FreshnessRow:
    """When the decision with this digest was last checked; good until ``valid_until`` (exclusive)."""

    repository: str
    number: int
    decision_digest: bytes
    checked_at: datetime
    valid_until: datetime


def find(source: Source, repository: str, number: int) -> FreshnessRow | None:
    """The last check of a contribution's decision, or None."""
    f = freshness.c
    return fetch_one(source, select(freshness).where(f.repository == repository, f.number == number), FreshnessRow)


def put(engine: Engine, row: FreshnessRow) -> None:
    """Replace the contribution's row."""
    values = asdict(row)
    with writing(engine) as connection:
        insert: Any = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(freshness)
        moved = {name: values[name] for name in ("decision_digest", "checked_at", "valid_until")}
        statement = insert.values(values).on_conflict_do_update(index_elements=["repository", "number"], set_=moved)
        connection.execute(statement)
