"""From a query to frozen rows: the few lines every query module shares.

What is asked of many contributions at once is one query a repository, by the index that one of them uses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeVar

from sqlalchemy import BindParameter, Column, Select, bindparam, select

from gate.store.engine import Source, reading

Found = TypeVar("Found")
Value = TypeVar("Value", str, int)
Key = TypeVar("Key", bound=tuple[str, Any])
CHUNK = 5_000
"""Values in one IN list. SQLite takes 32,766 parameters a statement."""
REPOSITORY: Final[BindParameter[str]] = bindparam("of_repository")
VALUES: Final[BindParameter[Any]] = bindparam("of_values", expanding=True)


class Place(NamedTuple):
    """A contribution."""

    repository: str
    number: int


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


def fetch_each(
    source: Source, column: Column[Any], keys: Iterable[Key], kind: type[Found], *order: Column[Any]
) -> dict[Key, tuple[Found, ...]]:
    """For each key (a repository and a value of ``column``) its rows of that table, in ``order``; without any, ()."""
    found: dict[Key, list[Found]] = {key: [] for key in keys}
    rows: dict[tuple[str, Any], list[Found]] = {(*key,): held for key, held in found.items()}
    query = _query_each(column, order)
    with reading(source) as connection:
        for wanted in by_repository(found):
            for row in connection.execute(query, wanted).mappings():
                rows[row["repository"], row[column.name]].append(kind(**row))
    return {key: tuple(held) for key, held in found.items()}


@lru_cache(maxsize=64)
def _query_each(column: Column[Any], order: tuple[Column[Any], ...]) -> Select[Any]:
    """Built once: to build it takes longer than to ask it."""
    table = column.table
    return select(table).where(table.c.repository == REPOSITORY, column.in_(VALUES)).order_by(*order)


def by_repository(keys: Iterable[tuple[str, Any]]) -> Iterator[dict[str, Any]]:
    """The parameters of queries with ``REPOSITORY`` and ``VALUES`` that ask for all ``keys``."""
    wanted: dict[str, set[Any]] = {}
    for repository, value in keys:
        wanted.setdefault(repository, set()).add(value)
    for repository, values in wanted.items():
        for chunk in chunks(values):
            yield {"of_repository": repository, "of_values": chunk}


def chunks(values: Iterable[Value]) -> Iterator[Sequence[Value]]:
    """Distinct values, a statement's worth at a time."""
    distinct = sorted(set(values))
    for start in range(0, len(distinct), CHUNK):
        yield distinct[start : start + CHUNK]
