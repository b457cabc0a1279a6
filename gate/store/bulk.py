"""Many rows with few statements, through the driver.

Why not ``executemany``: SQLite's driver lets go of the interpreter lock for every row, and with hundreds
of callers waiting each row then queues for it again; PostgreSQL's sends a message a row. One statement of
up to 64 rows does neither. The texts are few and fixed, so both drivers keep them prepared.

Rules: values go through the column types' own processors; every row has the same columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Connection, Dialect, Table

CHUNKS: Final = (64, 16, 4, 1)
"""Rows in one statement, largest first. SQLite takes 32,766 values a statement."""

Processor = Callable[[Any], Any]


class OnConflict(StrEnum):
    """What happens to a row whose key exists."""

    FAIL = "fail"
    IGNORE = "ignore"
    REPLACE = "replace"


def insert_rows(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, object]],
    *,
    key: tuple[str, ...] = (),
    on_conflict: OnConflict = OnConflict.FAIL,
) -> None:
    """Insert ``rows``. With REPLACE, ``key`` is the unique key and of two rows with one key the last counts."""
    if not rows:
        return
    if on_conflict is OnConflict.REPLACE:
        rows = list({tuple(row[name] for name in key): row for row in rows}.values())
    columns = tuple(sorted(rows[0]))
    processors = _processors(table, columns, connection.dialect)
    for chunk in _chunks(rows):
        values = [row[name] if process is None else process(row[name]) for row in chunk for name, process in processors]
        statement = _statement(table, columns, key, on_conflict, len(chunk), connection.dialect)
        connection.exec_driver_sql(statement, tuple(values))


def _chunks(rows: Sequence[Mapping[str, object]]) -> Iterator[Sequence[Mapping[str, object]]]:
    start = 0
    while start < len(rows):
        size = next(size for size in CHUNKS if size <= len(rows) - start)
        yield rows[start : start + size]
        start += size


@lru_cache(maxsize=512)
def _processors(table: Table, columns: tuple[str, ...], dialect: Dialect) -> tuple[tuple[str, Processor | None], ...]:
    return tuple((name, table.c[name].type.dialect_impl(dialect).bind_processor(dialect)) for name in columns)


@lru_cache(maxsize=2048)
def _statement(
    table: Table, columns: tuple[str, ...], key: tuple[str, ...], on_conflict: OnConflict, count: int, dialect: Dialect
) -> str:
    quote = dialect.identifier_preparer.quote
    mark = "?" if dialect.name == "sqlite" else "%s"
    row = "(" + ", ".join([mark] * len(columns)) + ")"
    names = ", ".join(map(quote, columns))
    text = f"INSERT INTO {quote(table.name)} ({names}) VALUES {', '.join([row] * count)}"  # noqa: S608 - our own names
    rest = [quote(name) for name in columns if name not in key]
    if on_conflict is OnConflict.FAIL:
        return text
    if on_conflict is OnConflict.IGNORE or not rest:
        return f"{text} ON CONFLICT DO NOTHING"
    replaced = ", ".join(f"{name} = excluded.{name}" for name in rest)
    return f"{text} ON CONFLICT ({', '.join(map(quote, key))}) DO UPDATE SET {replaced}"
