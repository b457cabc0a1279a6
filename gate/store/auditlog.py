"""Reading the audit log: entries, checkpoints, proofs, receipts. Never writes.

Each call reads in one transaction, so a proof and its checkpoint are of one moment. What is returned
is bytes as stored; verifying is ``gate.auditlog``'s and the auditor's own software's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine, Row, Select, func, select

from gate.auditlog.merkle import Peaks, build_consistency, build_inclusion
from gate.auditlog.proof import build_receipt
from gate.auditlog.tiles import build_node_reader
from gate.domain.errors import NotFoundError
from gate.store.tables import log_checkpoint, log_entry
from gate.store.tree import build_tile_reader, load_head

PAGE: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryRow:
    """One audit entry as stored."""

    index: int
    leaf_hash: bytes
    envelope: bytes
    kind: str
    stream: str
    version: int
    recorded_at: datetime


class AuditLog:
    """The reading side of one database's audit log."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def head(self) -> Peaks:
        """Size, peaks and root of the tree now."""
        with self._engine.connect() as connection:
            return load_head(connection)

    def entry(self, index: int) -> EntryRow:
        """Raises ``NotFoundError``."""
        with self._engine.connect() as connection:
            found = connection.execute(_ENTRIES.where(log_entry.c.idx == index)).one_or_none()
        if found is None:
            raise NotFoundError(f"There is no entry {index} in the log.")
        return _entry(found)

    def entries(self, start: int = 0, end: int | None = None) -> Iterator[EntryRow]:
        """Entries ``start``..``end`` (exclusive) in order, read in pages so that no transaction stays open."""
        stop = self.head().size if end is None else end
        while start < stop:
            window = _ENTRIES.where(log_entry.c.idx >= start, log_entry.c.idx < min(start + PAGE, stop))
            with self._engine.connect() as connection:
                page = connection.execute(window.order_by(log_entry.c.idx)).all()
            yield from map(_entry, page)
            start += PAGE

    def stream(self, stream: str, after_version: int = 0, limit: int = PAGE) -> tuple[EntryRow, ...]:
        """A stream's entries in order: the history of one contribution, of the policy …"""
        query = _ENTRIES.where(log_entry.c.stream == stream, log_entry.c.version > after_version)
        with self._engine.connect() as connection:
            return tuple(map(_entry, connection.execute(query.order_by(log_entry.c.version).limit(limit))))

    def newest(self, limit: int = 50, *, before: int | None = None, kinds: Sequence[str] = ()) -> tuple[EntryRow, ...]:
        """The last entries, newest first; ``before`` (exclusive) pages back."""
        query = _ENTRIES if before is None else _ENTRIES.where(log_entry.c.idx < before)
        if kinds:
            query = query.where(log_entry.c.kind.in_(kinds))
        with self._engine.connect() as connection:
            return tuple(map(_entry, connection.execute(query.order_by(log_entry.c.idx.desc()).limit(limit))))

    def find_dedup(self, key: str) -> int | None:
        """The index recorded under an idempotency key; None when nothing was."""
        with self._engine.connect() as connection:
            found = connection.execute(select(log_entry.c.idx).where(log_entry.c.dedup == key)).scalar_one_or_none()
        return None if found is None else int(found)

    def stream_version(self, stream: str) -> int:
        """The last version of a stream; 0 when it has no entry."""
        with self._engine.connect() as connection:
            return load_stream_version(connection, stream)

    def checkpoint(self, size: int | None = None) -> str:
        """The signed checkpoint of exactly ``size``, or the newest. Raises ``NotFoundError``."""
        with self._engine.connect() as connection:
            return _note(connection, size)

    def checkpoints(self, start: int = 0, limit: int = PAGE) -> tuple[tuple[int, str], ...]:
        """``(size, note)`` of the checkpoints of at least ``start`` entries, ascending."""
        query = select(log_checkpoint.c.size, log_checkpoint.c.note).where(log_checkpoint.c.size >= start)
        with self._engine.connect() as connection:
            found = connection.execute(query.order_by(log_checkpoint.c.size).limit(limit))
            return tuple((row.size, row.note) for row in found)

    def inclusion_proof(self, index: int, size: int) -> tuple[bytes, ...]:
        """RFC 6962 audit path of entry ``index`` in the tree of ``size``."""
        with self._engine.connect() as connection:
            _refuse_future(connection, size)
            return build_inclusion(build_node_reader(build_tile_reader(connection)), index, size)

    def consistency_proof(self, old: int, new: int) -> tuple[bytes, ...]:
        """RFC 6962 proof that the tree of ``new`` begins with that of ``old`` (from 1)."""
        with self._engine.connect() as connection:
            _refuse_future(connection, new)
            return build_consistency(build_node_reader(build_tile_reader(connection)), old, new)

    def receipt(self, index: int, size: int | None = None) -> str:
        """A C2SP tlog-proof of entry ``index`` under the checkpoint of ``size``, or the newest."""
        with self._engine.connect() as connection:
            reached = load_head(connection).size if size is None else size
            note = _note(connection, reached)
            if not 0 <= index < reached:
                raise NotFoundError(f"There is no entry {index} in the log of {reached}.")
            path = build_inclusion(build_node_reader(build_tile_reader(connection)), index, reached)
        return build_receipt(index, path, note.encode()).decode()


def load_stream_version(connection: Connection, stream: str) -> int:
    """The last version of a stream; 0 when it has no entry."""
    query = select(func.max(log_entry.c.version)).where(log_entry.c.stream == stream)
    return connection.execute(query).scalar_one() or 0


_ENTRIES: Final[Select[Any]] = select(
    log_entry.c.idx.label("index"),
    log_entry.c.leaf_hash,
    log_entry.c.envelope,
    log_entry.c.kind,
    log_entry.c.stream,
    log_entry.c.version,
    log_entry.c.recorded_at,
)


def _entry(row: Row[Any]) -> EntryRow:
    values = row._asdict()
    values["envelope"] = bytes(values["envelope"])
    return EntryRow(**values)


def _note(connection: Connection, size: int | None) -> str:
    query = select(log_checkpoint.c.note).order_by(log_checkpoint.c.size.desc()).limit(1)
    found = connection.execute(query if size is None else query.where(log_checkpoint.c.size == size))
    note: str | None = found.scalar_one_or_none()
    if note is None:
        raise NotFoundError("The log has no checkpoint yet." if size is None else f"No checkpoint was made at {size}.")
    return note


def _refuse_future(connection: Connection, size: int) -> None:
    reached = load_head(connection).size
    if size > reached:
        raise NotFoundError(f"The log has {reached} entries, not {size}.")
