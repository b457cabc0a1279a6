"""From a query to frozen rows: the few lines every query module shares."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

from sqlalchemy import Select

from gate.store.engine import Source, reading

Found = TypeVar("Found")
CHUNK = 5_000
"""Values in one IN list. SQLite takes 32,766 parameters a statement."""


def fetch_all(source: Source, query: Select[Any], kind: type[Found]) -> tuple[Found, ...]:
    """Every row of ``query`` as ``kind``, whose fields are named like the query's columns."""
    with reading(source) as connection:
        return tuple(kind(**row) for row in connection.execute(query).mappings())


def fetch_one(source: Source, query: Select[Any], kind: type[Found]) -> Found | None:
    """The first row of ``query`` as ``kind``, or None."""
    with reading(source) as connection:
        row = connection.execute(query.limit(1)).mappings().one_or_none()
    return None if row is None else kind(**row)


def fetch_value(source: Source, query: Select[Any]) -> Any:
    """The single value of ``query``: a count, a maximum. None when there is no row."""
    with reading(source) as connection:
        return connection.execute(query).scalar_one_or_none()


def chunks(values: Iterable[str]) -> Iterator[Sequence[str]]:
    """Distinct values, a statement's worth at a time."""
    distinct = sorted(set(values))
    for start in range(0, len(distinct), CHUNK):
        yield distinct[start : start + CHUNK]
