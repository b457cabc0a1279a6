"""One batch of commands, one transaction: entries, projections, tree, checkpoint, head.

Steps, all under the head lock (on SQLite the writers' lock): 1. read the head; 2. refuse when it lies
behind a checkpoint this host has signed; 3. read versions and known keys in one query each; 4. plan;
5. insert; 6. fold the leaves into the peaks and write finished tiles; 7. sign the checkpoint;
8. move the head; 9. commit; 10. write the checkpoint to its file. Only then is anybody answered.

Rules: no policy code, no network, no savepoint in here. What spoils a batch (a duplicate key, a value
that does not fit) fails alone: the batch is halved until it stands by itself. Design and figures:
RFC 6962 tree, C2SP checkpoint, group commit as in Tessera. ``log_entry``'s primary key is the second
fence: should the lock ever fail, two writers collide there and do not fork.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine, TextClause, insert, select, text, update
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError, StatementError

from gate.auditlog.checkpoint import Checkpoint, build_checkpoint
from gate.auditlog.merkle import Peaks
from gate.domain.clock import Clock
from gate.domain.errors import ConflictError, GateError, InputError, UnavailableError
from gate.signing.api import Signer
from gate.store.bulk import insert_rows
from gate.store.command import Command, Receipt
from gate.store.engine import writing
from gate.store.fence import Fence
from gate.store.plan import Placed, Plan, State, build_plan, dedups_of, streams_of
from gate.store.rows import write_rows
from gate.store.tables import log_checkpoint, log_entry, log_head
from gate.store.tree import load_head, write_tiles

Outcome = Receipt | GateError


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A command with what was computed before the lock: the leaf hash of each of its entries."""

    command: Command
    leaves: tuple[bytes, ...]


class Writer:
    """Writes batches, one at a time. One writer per process; the ledger's thread owns it."""

    def __init__(self, *, engine: Engine, signer: Signer, origin: str, fence: Fence, clock: Clock) -> None:
        self._engine = engine
        self._signer = signer
        self._origin = origin
        self._fence = fence
        self._clock = clock

    def write(self, batch: Sequence[Item]) -> list[Outcome]:
        """One outcome an item, in order. Whatever is a receipt is durable and covered by its checkpoint."""
        try:
            return self._commit(batch)
        except GateError as error:
            return [error] * len(batch)
        except (StatementError, ValueError, OverflowError) as error:
            if not _is_spoilt(error):
                return [_outage()] * len(batch)
            if len(batch) == 1:
                return [_spoilt(error)]
        # One of them spoils it for all: halve until that one stands by itself.
        half = len(batch) // 2
        return self.write(batch[:half]) + self.write(batch[half:])

    def _commit(self, batch: Sequence[Item]) -> list[Outcome]:
        at = self._clock.now()
        commands = [item.command for item in batch]
        with writing(self._engine) as connection:
            before = load_head(connection, lock=True)
            self._fence.check(connection, before)
            plan = build_plan(commands, _load_state(connection, before.size, commands))
            if not plan.accepted:
                return _settle(batch, plan, before.size, _load_note(connection, before.size))
            leaves = [leaf for item in plan.accepted for leaf in batch[item.position].leaves]
            insert_rows(connection, log_entry, _entry_rows(plan.accepted, leaves, at))
            write_rows(connection, plan.accepted)
            after, note = self._extend(connection, before, leaves)
        self._fence.advance(after, note, at)
        return _settle(batch, plan, after.size, note.decode())

    def _extend(self, connection: Connection, before: Peaks, leaves: Sequence[bytes]) -> tuple[Peaks, bytes]:
        """Steps 6 to 8: fold, store finished tiles, sign, move the head."""
        after, completed = before.extend(leaves)
        write_tiles(connection, completed)
        note = build_checkpoint(Checkpoint(origin=self._origin, size=after.size, root=after.root), self._signer)
        connection.execute(_INSERT_CHECKPOINT, {"size": after.size, "note": note.decode()})
        connection.execute(_MOVE_HEAD, {"size": after.size, "peaks": after.to_bytes()})
        return after, note


_INSERT_CHECKPOINT = insert(log_checkpoint).inline()
_MOVE_HEAD = update(log_head).where(log_head.c.id == 1)


# One backward step of the (stream, version) index for each stream, however long its history is.
_VERSIONS: Final[dict[str, TextClause]] = {
    "sqlite": text(
        "SELECT s.value, (SELECT max(version) FROM log_entry WHERE stream = s.value) FROM json_each(:wanted) s"
    ),
    "postgresql": text(
        "SELECT s, (SELECT max(version) FROM log_entry WHERE stream = s) FROM json_array_elements_text(:wanted) s"
    ),
}
_DEDUPS: Final[dict[str, TextClause]] = {
    "sqlite": text("SELECT dedup, idx FROM log_entry WHERE dedup IN (SELECT value FROM json_each(:wanted))"),
    "postgresql": text("SELECT dedup, idx FROM log_entry WHERE dedup IN (SELECT json_array_elements_text(:wanted))"),
}


def _load_state(connection: Connection, size: int, commands: Sequence[Command]) -> State:
    found = State(size=size, versions={}, recorded={})
    dialect = connection.dialect.name
    streams, dedups = streams_of(commands), dedups_of(commands)
    if streams:
        rows = connection.execute(_VERSIONS[dialect], {"wanted": json.dumps(list(streams))})
        found.versions = {stream: version or 0 for stream, version in rows}
    if dedups:
        rows = connection.execute(_DEDUPS[dialect], {"wanted": json.dumps(list(dedups))})
        found.recorded = {row.dedup: row.idx for row in rows}
    return found


def _load_note(connection: Connection, size: int) -> str:
    note = connection.execute(select(log_checkpoint.c.note).where(log_checkpoint.c.size == size)).scalar_one_or_none()
    return note or ""  # only the empty log has none, and nobody has a receipt of that


def _entry_rows(placed: list[Placed], leaves: list[bytes], at: datetime) -> list[dict[str, Any]]:
    entries = (
        (item.first + position, item.command.dedup(position), entry)
        for item in placed
        for position, entry in enumerate(item.command.entries)
    )
    return [
        {
            "idx": index,
            "leaf_hash": leaf,
            "envelope": entry.envelope,
            "kind": entry.kind,
            "stream": entry.stream,
            "version": entry.version,
            "dedup": dedup,
            "recorded_at": at,
        }
        for (index, dedup, entry), leaf in zip(entries, leaves, strict=True)
    ]


def _settle(batch: Sequence[Item], plan: Plan, size: int, note: str) -> list[Outcome]:
    outcomes: dict[int, Outcome] = {**plan.refused}
    for position, indexes in plan.repeated.items():
        outcomes[position] = Receipt(indexes=indexes, size=size, checkpoint=note, repeated=True)
    for item in plan.accepted:
        indexes = tuple(range(item.first, item.first + len(item.command.entries)))
        outcomes[item.position] = Receipt(indexes=indexes, size=size, checkpoint=note)
    return [outcomes[position] for position in range(len(batch))]


def _is_spoilt(error: Exception) -> bool:
    """Whether the batch holds something that cannot be written, rather than the database being out."""
    if isinstance(error, ProgrammingError):  # with an SQLSTATE it is the schema's fault, not the values'
        return getattr(error.orig, "sqlstate", None) is None
    return isinstance(error, IntegrityError | DataError) or not isinstance(error, DBAPIError)


def _spoilt(error: Exception) -> GateError:
    if isinstance(error, IntegrityError):
        return ConflictError(
            "This contradicts what is already recorded.",
            code="contradicts-record",
            remedy="Look at it again and repeat the step.",
        )
    return InputError("This holds a value that cannot be recorded.", code="unrecordable")


def _outage() -> UnavailableError:
    return UnavailableError(
        "The record could not be written; whether it was is not known.",
        code="unreachable",
        remedy="Repeat the step: under the same key nothing is recorded twice.",
    )
