"""Many rows with one statement, through the driver's ``executemany``.

Statements with many rows in their VALUES were measured too: no faster on SQLite, slower on PostgreSQL.

Rules: values go through the column types' own processors; every row has a value for every column.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from functools import lru_cache
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Dialect, Table

Processor = Callable[[Any], Any]


class OnConflict(StrEnum):
    """What happens to a row whose key exists."""

    FAIL = "fail"
    IGNORE = "ignore"
    REPLACE = "replace"


def insert_rows(
    connection: Connection,
    table: Table,
    columns: tuple[str, ...],
    rows: Iterable[Sequence[object]],
    *,
    key: tuple[str, ...] = (),
    on_conflict: OnConflict = OnConflict.FAIL,
) -> None:
    """Insert ``rows``, each its values in the order of ``columns``.

    With REPLACE, ``key`` is the unique key, and of two rows with one key the last counts.
    """
    if on_conflict is OnConflict.REPLACE:
        places = [columns.index(name) for name in key]
        rows = {tuple(row[place] for place in places): row for row in rows}.values()
    width, values = len(columns), list(chain.from_iterable(rows))
    for place, process in _processors(table, columns, connection.dialect):
        values[place::width] = [process(value) for value in values[place::width]]
    if values:
        statement = _statement(table, columns, key, on_conflict, connection.dialect)
        connection.exec_driver_sql(statement, list(zip(*[iter(values)] * width, strict=True)))


@lru_cache(maxsize=512)
def _processors(table: Table, columns: tuple[str, ...], dialect: Dialect) -> tuple[tuple[int, Processor], ...]:
    """For those columns that need one: place and processor."""
    found = (table.c[name].type.dialect_impl(dialect).bind_processor(dialect) for name in columns)
    return tuple((place, process) for place, process in enumerate(found) if process is not None)


@lru_cache(maxsize=512)
def _statement(
    table: Table, columns: tuple[str, ...], key: tuple[str, ...], on_conflict: OnConflict, dialect: Dialect
) -> str:
    quote = dialect.identifier_preparer.quote
    mark = "?" if dialect.name == "sqlite" else "%s"
    marks = ", ".join([mark] * len(columns))
    names = ", ".join(map(quote, columns))
    text = f"INSERT INTO {quote(table.name)} ({names}) VALUES ({marks})"  # noqa: S608 - our own names
    rest = [quote(name) for name in columns if name not in key]
    if on_conflict is OnConflict.FAIL:
        return text
    if on_conflict is OnConflict.IGNORE or not rest:
        return f"{text} ON CONFLICT DO NOTHING"
    replaced = ", ".join(f"{name} = excluded.{name}" for name in rest)
    return f"{text} ON CONFLICT ({', '.join(map(quote, key))}) DO UPDATE SET {replaced}"
