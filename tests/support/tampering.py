"""Changing the database as somebody would who owns it: guards off, change, guards on again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, Table, delete, insert, select, text

from gate.store.engine import writing
from gate.store.triggers import build_guards, list_guards

Tamper = Callable[[Connection], object]


def behind_its_back(engine: Engine, tamper: Tamper) -> None:
    dialect = engine.dialect.name
    with writing(engine) as connection:
        for name in list_guards(dialect):
            table = name.removeprefix("guard_").removesuffix("_update").removesuffix("_delete")
            of = "" if dialect == "sqlite" else f" ON {table}"
            connection.execute(text(f"DROP TRIGGER {name}{of}"))
        tamper(connection)
        for statement in build_guards(dialect):
            if "FUNCTION gate_insert_only() RETURNS" not in statement:
                connection.exec_driver_sql(statement)


def rows_of(engine: Engine, table: Table) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        return [row._asdict() for row in connection.execute(select(table))]


@contextmanager
def tampered(engine: Engine, table: Table, tamper: Tamper) -> Iterator[None]:
    """A change of one table, taken back at the end."""
    before = rows_of(engine, table)
    behind_its_back(engine, tamper)
    try:
        yield
    finally:

        def put_back(connection: Connection) -> None:
            connection.execute(delete(table))
            connection.execute(insert(table), before)

        behind_its_back(engine, put_back)
