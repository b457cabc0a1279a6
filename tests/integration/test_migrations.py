"""The schema: migrations lead to exactly the models, with data and back, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, insert, inspect, select, text
from sqlalchemy.exc import DBAPIError

from gate.store import forge_reviews
from gate.store.engine import downgrade, migrate, writing
from gate.store.housekeeping import housekeeping
from gate.store.tables import forge_review, log_entry, record
from gate.store.triggers import INSERT_ONLY
from tests.support.databases import TestDatabase
from tests.support.ledgers import append_some, open_ledger

pytestmark = pytest.mark.req("GND-02")


def test_head_equals_the_models(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, [record, housekeeping]) == []  # type: ignore[arg-type]


def test_up_with_data_down_and_up_again(database: TestDatabase) -> None:
    engine = database.migrated()
    with open_ledger(engine, database) as ledger:
        append_some(ledger, 300)
    downgrade(engine)
    assert set(inspect(engine).get_table_names()) <= {"alembic_version"}
    migrate(engine)
    database.forget_checkpoints()
    with open_ledger(engine, database) as ledger:
        append_some(ledger, 3)
        assert ledger.read.head().size == 3
    engine.dispose()


@pytest.mark.req("RCV-08")
def test_reviews_on_a_forge_come_and_go_with_their_migration(database: TestDatabase) -> None:
    engine = database.migrated()
    with open_ledger(engine, database) as ledger:
        append_some(ledger, 3)
    for _ in range(2):
        rows = [build_review_row(1, person=None, roles=()), build_review_row(2, person="corp:bob")]
        with writing(engine) as connection:
            connection.execute(insert(forge_review), rows)
        found = forge_reviews.history(engine, "ledger-core", 1)
        assert [(one.person, one.roles) for one in found] == [(None, ()), ("corp:bob", ("maintainer:ledger", "qa"))]
        assert {one.submitted_at for one in found} == {AT}
        downgrade(engine, "0004")
        assert "forge_review" not in inspect(engine).get_table_names()
        migrate(engine)
        assert forge_reviews.history(engine, "ledger-core", 1) == ()
    with open_ledger(engine, database) as ledger:
        assert ledger.read.head().size == 3, "the log is untouched"
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), [record, housekeeping])  # type: ignore[arg-type]
    assert differences == []
    engine.dispose()


AT = datetime(2026, 11, 22, 9, 30, 0, 123456, tzinfo=UTC)


def build_review_row(index: int, **changes: object) -> dict[str, object]:
    row: dict[str, object] = {
        "idx": index,
        "repository": "ledger-core",
        "number": 1,
        "revision": 1,
        "act": "approve",
        "forge": "hub",
        "review": str(index),
        "account": "7",
        "login": "bob",
        "person": "corp:bob",
        "how": "login",
        "name": "Bob Lind",
        "roles": ("maintainer:ledger", "qa"),
        "head": "a" * 40,
        "target": "refs/heads/main",
        "policy_digest": bytes(32),
        "submitted_at": AT,
        "recorded_at": AT,
        "expires_at": None,
    }
    return row | changes


def test_migrating_twice_changes_nothing(engine: Engine, database: TestDatabase) -> None:
    with open_ledger(engine, database) as ledger:
        append_some(ledger, 5)
    migrate(engine)
    with engine.connect() as connection:
        assert len(connection.execute(select(log_entry.c.idx)).all()) == 5


@pytest.mark.req("INV-10")
@pytest.mark.parametrize("table", INSERT_ONLY)
@pytest.mark.parametrize("verb", ["UPDATE", "DELETE"])
def test_log_tables_refuse_change(engine: Engine, database: TestDatabase, table: str, verb: str) -> None:
    with open_ledger(engine, database) as ledger:
        append_some(ledger, 300, blobs=True)
    column = {"log_entry": "kind", "log_tile": "level", "log_checkpoint": "note", "blob": "kind"}[table]
    statement = f"UPDATE {table} SET {column} = {column}" if verb == "UPDATE" else f"DELETE FROM {table}"
    with pytest.raises(DBAPIError, match="is insert-only"), writing(engine) as connection:
        connection.execute(text(statement))


@pytest.mark.req("INV-10")
def test_log_head_cannot_be_deleted(engine: Engine) -> None:
    with pytest.raises(DBAPIError, match="is insert-only"), writing(engine) as connection:
        connection.execute(text("DELETE FROM log_head"))


@pytest.mark.req("INV-10")
@pytest.mark.parametrize("table", [*INSERT_ONLY, "log_head"])
def test_truncate_is_refused_on_postgresql(postgres_database: TestDatabase, table: str) -> None:
    engine = postgres_database.migrated()
    with pytest.raises(DBAPIError, match="is insert-only"), writing(engine) as connection:
        connection.execute(text(f"TRUNCATE {table}"))
    engine.dispose()
