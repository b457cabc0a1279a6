"""What an audit reads of the log: everything as stored, at one moment, nothing trusted, nothing repaired.

``snapshot`` holds one view of the database while the log may go on growing. Readers stream. The rows beside the log
are ``gate/store/projections.py``'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, func, select, text
from sqlalchemy.exc import DBAPIError

from gate.auditlog.row_checks import StoredEntry
from gate.auditlog.tiles import TileReader
from gate.auditlog.verify import StoredHead
from gate.domain.errors import UnavailableError
from gate.store.tables import (
    blob,
    log_checkpoint,
    log_entry,
    log_head,
    log_tile,
)
from gate.store.triggers import list_guards


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTile:
    level: int
    n: int
    root: bytes
    hashes: bytes


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """One connection that sees one moment until it is closed. Raises ``UnavailableError`` on an outage."""
    try:
        with engine.connect() as connection:
            if engine.dialect.name == "postgresql":
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection.execution_options(yield_per=500)
    except DBAPIError as error:
        raise UnavailableError(
            "The database could not be read to its end.", code="unreachable", remedy="Check that it runs; audit again."
        ) from error


def stored_entries(connection: Connection) -> Iterator[StoredEntry]:
    """Every row of the log, by index."""
    e = log_entry.c
    query = select(e.idx, e.leaf_hash, e.envelope, e.kind, e.stream, e.version).order_by(e.idx)
    for row in connection.execute(query):
        yield StoredEntry(
            index=row.idx,
            leaf_hash=row.leaf_hash,
            envelope=row.envelope,
            kind=row.kind,
            stream=row.stream,
            version=row.version,
        )


def stored_checkpoints(connection: Connection) -> Iterator[tuple[int, bytes]]:
    """Every checkpoint, by size."""
    for row in connection.execute(select(log_checkpoint).order_by(log_checkpoint.c.size)):
        yield row.size, row.note.encode()


def stored_head(connection: Connection) -> StoredHead | None:
    """The head row as it stands."""
    row = connection.execute(select(log_head).where(log_head.c.id == 1)).one_or_none()
    return None if row is None else StoredHead(size=row.size, peaks=bytes(row.peaks))


def stored_size(connection: Connection) -> int:
    """How many entries there are up to the last one, whatever the head row says; never more than it says."""
    last = connection.execute(select(func.max(log_entry.c.idx))).scalar_one_or_none()
    head = stored_head(connection)
    return 0 if last is None or head is None else min(last + 1, head.size)


def stored_tile_reader(connection: Connection) -> TileReader:
    """Only what is stored: no bytes for a tile that is not."""

    def read(level: int, n: int) -> bytes:
        query = select(log_tile.c.hashes).where(log_tile.c.level == level, log_tile.c.n == n)
        return bytes(connection.execute(query).scalar_one_or_none() or b"")

    return read


def stored_tiles(connection: Connection) -> Iterator[StoredTile]:
    """Every tile with the root stored beside it."""
    for row in connection.execute(select(log_tile).order_by(log_tile.c.level, log_tile.c.n)):
        yield StoredTile(level=row.level, n=row.n, root=row.root, hashes=row.hashes)


def stored_blobs(connection: Connection) -> Iterator[tuple[bytes, str, bytes]]:
    """``(digest, kind, bytes)`` of every blob."""
    for row in connection.execute(select(blob.c.sha256, blob.c.kind, blob.c.bytes).order_by(blob.c.sha256)):
        yield row.sha256, row.kind, row.bytes


def policy_entries(connection: Connection) -> Iterator[tuple[int, bytes]]:
    """``(index, envelope)`` of every entry about policies, in log order."""
    e = log_entry.c
    query = select(e.idx, e.envelope).where(e.kind.like("policy-%")).order_by(e.idx)
    for row in connection.execute(query):
        yield row.idx, bytes(row.envelope)


def missing_guards(connection: Connection) -> tuple[str, ...]:
    """Names of the insert-only triggers that are not there (or, on PostgreSQL, switched off)."""
    query = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
        "postgresql": "SELECT tgname FROM pg_trigger WHERE tgenabled IN ('O', 'A') "
        "AND tgrelid IN (SELECT oid FROM pg_class WHERE relnamespace = current_schema()::regnamespace)",
    }[connection.dialect.name]
    found = set(connection.execute(text(query)).scalars())
    return tuple(name for name in list_guards(connection.dialect.name) if name not in found)
