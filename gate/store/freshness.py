"""How long each contribution's decision is good for: a cache, never evidence.

A decision that is made anew with the same outcome is no new fact; only its lifetime moves, here. The
row counts for the decision it names and no other.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Engine, select

from gate.store.bulk import OnConflict, insert_rows
from gate.store.engine import Source, writing
from gate.store.fetch import fetch_one
from gate.store.housekeeping import freshness

_COLUMNS: Final = ("repository", "number", "decision_digest", "checked_at", "valid_until")


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


def put(engine: Engine, rows: Iterable[FreshnessRow]) -> None:
    """Replace the rows of these contributions, in one transaction."""
    values = [astuple(row) for row in rows]
    if values:
        with writing(engine) as connection:
            insert_rows(
                connection, freshness, _COLUMNS, values, key=("repository", "number"), on_conflict=OnConflict.REPLACE
            )
