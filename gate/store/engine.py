"""Opening the database so that a commit is a commit, and moving its schema forward.

Rules: an engine that could lose an acknowledged commit is refused, not warned about; a connection
belongs to the process that opened it; every write transaction takes the writers' lock first.
SQLite's busy handler sleeps and starves writers, so writers queue on an OS lock beside the file
(one host, local disk); PostgreSQL serialises where it must, on the log's head row.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection as Connection
from sqlalchemy import Engine as Engine  # what the rooms above call it, without knowing SQLAlchemy
from sqlalchemy import Table, create_engine, event, make_url, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError

from gate.domain.errors import UnavailableError

Source = Engine | Connection
"""What queries read from. Pass a ``snapshot`` to see several answers of one moment."""

BUSY_MS = 10_000
_WRITES = "gate_writes"
_MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"
_DURABLE = ("fsync", "full_page_writes", "synchronous_commit", "synchronous_standby_names")


def open_engine(url: str | URL) -> Engine:
    """An engine on ``sqlite:////absolute/file`` or ``postgresql+psycopg://…``. Call it after any fork.

    Raises ``UnavailableError`` (misconfigured) when the database would not keep a commit.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise _misconfigured("The database URL cannot be read.", "Correct database.url.") from error
    match parsed.get_backend_name():
        case "sqlite":
            engine = _open_sqlite(parsed)
        case "postgresql":
            engine = _open_postgresql(parsed)
        case other:
            raise _misconfigured(f"The gate does not run on {other}.", "Use SQLite or PostgreSQL.")
    _refuse_after_fork(engine)
    _try(engine)
    return engine


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One write transaction: committed at the end, rolled back on any exception."""
    if engine.dialect.name != "sqlite":
        with engine.begin() as connection:
            yield connection
        return
    with (
        _locked(lock_file(engine)),
        engine.connect().execution_options(**{_WRITES: True}) as connection,
        connection.begin(),
    ):
        yield connection


def insert_into(connection: Connection, table: Table) -> Any:
    """An INSERT of the connection's database, which knows ON CONFLICT."""
    return (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table)


@contextmanager
def reading(source: Source) -> Iterator[Connection]:
    """A connection to read with: the caller's own, or one for the length of the block."""
    if isinstance(source, Connection):
        yield source
        return
    with source.connect() as connection:
        yield connection


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """A connection whose answers are all of one moment: that of its first question."""
    with engine.connect() as connection:
        if engine.dialect.name != "sqlite":  # where every transaction is one
            connection.execution_options(isolation_level="REPEATABLE READ")
        yield connection


def lock_file(engine: Engine) -> Path:
    """The file whose OS lock SQLite's writers queue on."""
    return Path(f"{engine.url.database}.lock")


def migrate(engine: Engine, revision: str = "head") -> None:
    """Bring the schema to ``revision`` with the migrations beside the package."""
    _run_alembic(engine, revision, command.upgrade)


def downgrade(engine: Engine, revision: str = "base") -> None:
    """Take the schema back to ``revision``. ``base`` drops everything."""
    _run_alembic(engine, revision, command.downgrade)


def _run_alembic(engine: Engine, revision: str, step: Any) -> None:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        step(config, revision)


def _open_sqlite(url: URL) -> Engine:
    if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        raise _misconfigured("The record needs a database file.", "Use sqlite:////absolute/path/gate.db.")
    engine = create_engine(url, connect_args={"timeout": BUSY_MS / 1000}, pool_size=8, max_overflow=24)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(raw: sqlite3.Connection, _record: object) -> None:
    raw.isolation_level = None  # we say BEGIN ourselves; the driver's own transactions end too early
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY_MS}"):
        raw.execute(f"PRAGMA {pragma}")
    (synchronous,) = raw.execute("PRAGMA synchronous").fetchone()
    (journal,) = raw.execute("PRAGMA journal_mode").fetchone()
    if synchronous < 2 or journal != "wal":
        raise _misconfigured(
            f"SQLite runs with synchronous={synchronous}, journal_mode={journal}; a commit could be lost.",
            "Put the database on a local disk that supports WAL, with synchronous FULL.",
        )


def _begin_sqlite(connection: Connection) -> None:
    verb = "BEGIN IMMEDIATE" if connection.get_execution_options().get(_WRITES) else "BEGIN"
    connection.exec_driver_sql(verb)


def _open_postgresql(url: URL) -> Engine:
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        connect_args={"connect_timeout": 5, "options": "-c lock_timeout=20s -c statement_timeout=60s"},
        pool_size=8,
        max_overflow=24,
        pool_pre_ping=True,
    )
    event.listen(engine, "connect", _prepare_postgresql)
    return engine


def _prepare_postgresql(raw: Any, _record: object) -> None:
    asked = ", ".join(f"current_setting('{name}')" for name in _DURABLE)
    with raw.cursor() as cursor:
        cursor.execute(f"SELECT {asked}")
        found = dict(zip(_DURABLE, cursor.fetchone(), strict=True))
    raw.rollback()
    weak = [name for name in ("fsync", "full_page_writes") if found[name] != "on"]
    commit = found["synchronous_commit"]
    if commit == "off" or (commit == "local" and found["synchronous_standby_names"]):
        weak.append("synchronous_commit")
    if weak:
        settings = ", ".join(f"{name}={found[name]}" for name in weak)
        raise _misconfigured(
            f"PostgreSQL runs with {settings}; a commit could be lost.",
            "Set fsync, full_page_writes and synchronous_commit to on.",
        )


def _refuse_after_fork(engine: Engine) -> None:
    home = os.getpid()

    def check(*_: object) -> None:
        if os.getpid() != home:
            raise _misconfigured("The database was opened before the process forked.", "Open it in each worker.")

    event.listen(engine, "checkout", check)


def _try(engine: Engine) -> None:
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except (DBAPIError, OSError) as error:
        raise UnavailableError(
            "The database cannot be opened.", code="unreachable", remedy="Check database.url and that it runs."
        ) from error


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    # A descriptor of its own for every turn: flock then also keeps threads of one process apart.
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _misconfigured(
            "The database's lock file cannot be opened.", "Let the gate write beside its database."
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _misconfigured(message: str, remedy: str) -> UnavailableError:
    return UnavailableError(message, code="misconfigured", remedy=remedy)
