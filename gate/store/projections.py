"""What an audit reads of projections: entries stream by stream, and rows exactly as stored.

Nothing is trusted and nothing repaired. Every table of ``record`` that is no part of the log itself is a projection;
``free_text`` and ``blob`` are held by their digests. What the rows must hold is ``gate/workflow/replay.py``'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Table, func, select, tuple_

from gate.store.tables import blob, free_text, log_entry, record

BY_ITSELF: Final = frozenset({"log_head", "log_entry", "log_tile", "log_checkpoint", "blob", "free_text"})
PROJECTIONS: Final[Mapping[str, Table]] = {
    table.name: table for table in record.sorted_tables if table.name not in BY_ITSELF
}
CHUNK: Final = 400


def list_landed(connection: Connection) -> Iterator[tuple[int, bytes]]:
    """``(index, envelope)`` of every landing."""
    e = log_entry.c
    for row in connection.execute(select(e.idx, e.envelope).where(e.kind == "landed").order_by(e.idx)):
        yield row.idx, bytes(row.envelope)


def list_entries(connection: Connection) -> Iterator[tuple[str, int, bytes]]:
    """``(stream, index, envelope)`` of every entry, stream by stream, each in its order."""
    e = log_entry.c
    for row in connection.execute(select(e.stream, e.idx, e.envelope).order_by(e.stream, e.version, e.idx)):
        yield row.stream, row.idx, bytes(row.envelope)


def key_names(table: str) -> tuple[str, ...]:
    """The columns that tell a row of the table from all others."""
    return tuple(column.name for column in PROJECTIONS[table].primary_key.columns)


def rows_at(
    connection: Connection, table: str, names: Sequence[str], places: Sequence[tuple[Any, ...]]
) -> Iterator[Mapping[str, Any]]:
    """Rows whose columns ``names`` have one of the values ``places``."""
    found = PROJECTIONS[table]
    columns = [found.c[name] for name in names]
    for start in range(0, len(places), CHUNK):
        chunk = places[start : start + CHUNK]
        is_there = columns[0].in_([one for (one,) in chunk]) if len(columns) == 1 else tuple_(*columns).in_(chunk)
        yield from (row._asdict() for row in connection.execute(select(found).where(is_there)))


def count_rows(connection: Connection, table: str) -> int:
    return connection.execute(select(func.count()).select_from(PROJECTIONS[table])).scalar_one()


def list_free_texts(connection: Connection) -> Iterator[tuple[bytes, bytes, str]]:
    """``(commitment, salt, value)`` of every text that was not erased."""
    for row in connection.execute(select(free_text).order_by(free_text.c.commitment)):
        yield row.commitment, bytes(row.salt), row.value


def blob_bytes(connection: Connection, digest: bytes) -> bytes | None:
    """The bytes stored under a digest, whatever they hash to."""
    return connection.execute(select(blob.c.bytes).where(blob.c.sha256 == digest)).scalar_one_or_none()
