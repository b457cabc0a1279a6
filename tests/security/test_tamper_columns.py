"""Every column of every evidence table, changed behind the gate's back, is named by ``gate audit``.

A table or column that is added and that nothing audits fails here: it has to be audited, or listed below with the
reason why it cannot matter.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import pytest
from sqlalchemy import Column, Connection, Table, UniqueConstraint, delete, insert, update

from gate.store.projections import BY_ITSELF
from gate.store.tables import record
from tests.support.journey import START, World
from tests.support.tampering import rows_of, tampered
from tests.support.whole_record import open_whole_record

pytestmark = pytest.mark.req("LOG-04", "INV-10")

CANNOT_MATTER: Final = {
    ("log_entry", "recorded_at"): "when the row was written; every time that counts or is shown is in the signed bytes",
    ("log_entry", "dedup"): "only lets a request that is sent twice be one act; it neither makes nor hides an entry",
    ("blob", "kind"): "a label for whoever looks into the table; bytes are found by their digest alone",
    ("free_text", "about"): "a label for whoever erases; texts are found by their commitment alone",
}
TABLES: Final = tuple(record.sorted_tables)
COLUMNS: Final = [
    (table.name, column.name)
    for table in TABLES
    for column in table.columns
    if (table.name, column.name) not in CANNOT_MATTER
]
EXAMPLES: Final[dict[str, Any]] = {
    "UtcDateTime": START,
    "Digest": b"\1" * 32,
    "Words": ("a word",),
    "String": "x",
    "Text": "x",
    "BigInteger": 1,
    "Integer": 1,
}


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, ...]]:
    with open_whole_record(tmp_path_factory.mktemp("worlds")) as opened:
        for world in opened:
            assert faults(world) == []
        yield opened


def faults(world: World) -> list[str]:
    return [one.sentence for one in world.audit().findings if one.is_fault]


def other(value: Any) -> Any:
    """Another value of the same kind."""
    match value:
        case bool():
            return not value
        case int():
            return value + 1000
        case str():
            return f"{value}x"
        case bytes():
            return bytes([value[0] ^ 1]) + value[1:]
        case datetime():
            return value + timedelta(seconds=1)
        case tuple():
            return (*value, "x")
        case _:
            raise AssertionError(f"no other value than {value!r}")


def changes(table: Table, column: Column[Any], rows: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], Any]]:
    """A row and what its column is changed to: another value, nothing instead of something, something for nothing."""
    for row in (one for one in rows if one[column.name] is not None):
        yield row, other(row[column.name])
        if column.nullable:
            yield row, None
        break
    for row in (one for one in rows if one[column.name] is None):
        yield row, EXAMPLES[type(column.type).__name__]
        break


def named(world: World, table: Table) -> bool:
    """Whether the audit says that something is wrong, and with what."""
    words = table.name.replace("_", " ")
    return any(table.name in BY_ITSELF or words in sentence for sentence in faults(world))


@pytest.mark.parametrize(("table_name", "column_name"), COLUMNS)
def test_no_column_changes_unseen(worlds: tuple[World, ...], table_name: str, column_name: str) -> None:
    table = record.tables[table_name]
    column, done = table.c[column_name], 0
    for world in worlds:
        for row, value in changes(table, column, rows_of(world.parts.engine, table)):
            place = [table.c[key.name] == row[key.name] for key in table.primary_key]

            def change(connection: Connection, place: Any = place, value: Any = value) -> None:
                assert connection.execute(update(table).where(*place).values({column_name: value})).rowcount == 1

            with tampered(world.parts.engine, table, change):
                assert named(world, table), (row, value)
            done += 1
    assert done, "no world has a row of this table"


@pytest.mark.parametrize("table_name", [table.name for table in TABLES if table.name not in BY_ITSELF])
def test_no_row_comes_or_goes_unseen(worlds: tuple[World, ...], table_name: str) -> None:
    table = record.tables[table_name]
    unique = {column.name for one in table.constraints if isinstance(one, UniqueConstraint) for column in one.columns}
    for world in worlds:
        for row in rows_of(world.parts.engine, table)[:2]:
            place = [table.c[one.name] == row[one.name] for one in table.primary_key]
            key = {list(table.primary_key)[-1].name, *unique}
            more = row | {name: other(row[name]) for name in key}
            for change in (delete(table).where(*place), insert(table).values(more)):
                with tampered(world.parts.engine, table, partial(Connection.execute, statement=change)):
                    assert named(world, table), (str(change), row)


def test_the_list_of_what_cannot_matter_names_columns_that_exist() -> None:
    assert all(name in record.tables[table].c for table, name in CANNOT_MATTER)
