"""One batch of commands, one transaction: entries, projections, tree, checkpoint, head.

Steps, all under the head lock (on SQLite the writers' lock): 1. read the head, and let what has come
meanwhile join the batch; 2. refuse when the head lies behind a checkpoint this host has signed; 3. read
versions and known keys in one query each; 4. plan; 5. insert; 6. fold the leaves into the peaks and write
finished tiles; 7. sign the checkpoint; 8. move the head; 9. commit; 10. write the checkpoint to its file.
Only then is anybody answered.

Rules: no policy code, no network, no savepoint in here. What spoils a batch (a duplicate key, a value
that does not fit) fails alone: the batch is halved until it stands by itself. Design and figures:
RFC 6962 tree, C2SP checkpoint, group commit as in Tessera. ``log_entry``'s primary key is the second
fence: should the lock ever fail, two writers collide there and do not fork.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, Engine, TextClause, insert, select, text, update
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError, StatementError

from gate.auditlog.checkpoint import Checkpoint, build_checkpoint
from gate.auditlog.merkle import Peaks
from gate.domain.clock import Clock
from gate.domain.errors import ConflictError, GateError, InputError, UnavailableError
from gate.signing.api import Signer
from gate.store.bulk import insert_rows
from gate.store.command import Receipt
from gate.store.engine import writing
from gate.store.fence import Fence
from gate.store.plan import Item, Placed, Plan, State, build_plan, dedups_of, streams_of
from gate.store.rows import write_rows
from gate.store.tables import log_checkpoint, log_entry, log_head
from gate.store.tree import load_head, write_tiles

__all__ = ["Item", "Outcome", "Writer"]

Outcome = Receipt | GateError


class Writer:
    """Writes batches, one at a time. One writer per process; the ledger's thread owns it."""

    def __init__(self, *, engine: Engine, signer: Signer, origin: str, fence: Fence, clock: Clock) -> None:
        self._engine = engine
        self._signer = signer
        self._origin = origin
        self._fence = fence
        self._clock = clock

    def write(self, batch: list[Item], join: Callable[[], Sequence[Item]] = tuple) -> list[Outcome]:
        """One outcome an item, in order. Whatever is a receipt is durable and covered by its checkpoint.

        ``join`` is asked once, when the lock is held, for what is to be written too: ``batch`` grows by it.
        """
        try:
            return self._commit(batch, join)
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

    def _commit(self, batch: list[Item], join: Callable[[], Sequence[Item]]) -> list[Outcome]:
        with writing(self._engine) as connection:
            before = load_head(connection, lock=True)
            at = self._clock.now()
            batch.extend(join())
            self._fence.check(connection, before)
            plan = build_plan(batch, _load_state(connection, before.size, batch))
            if not plan.accepted:
                return _settle(batch, plan, before.size, _load_note(connection, before.size))
            leaves = [leaf for placed in plan.accepted for leaf in placed.item.leaves]
            insert_rows(connection, log_entry, _ENTRY_COLUMNS, _entry_rows(plan.accepted, at))
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


# For each stream one backward step of the (stream, version) index, for each key one look at its index, however long
# the history is; all in one row, because SQLite's driver lets go of the interpreter lock for each row it reads.
_STATE: Final[dict[str, TextClause]] = {
    "sqlite": text(
        "SELECT (SELECT json_group_object(w.key, (SELECT max(version) FROM log_entry WHERE stream = w.value))"
        " FROM json_each(:streams) w),"
        " (SELECT json_group_object(w.key, (SELECT idx FROM log_entry WHERE dedup = w.value))"
        " FROM json_each(:dedups) w)"
    ),
    "postgresql": text(
        "SELECT (SELECT CAST(json_object_agg(w.n - 1, (SELECT max(version) FROM log_entry WHERE stream = w.value))"
        " AS text) FROM json_array_elements_text(CAST(:streams AS json)) WITH ORDINALITY w(value, n)),"
        " (SELECT CAST(json_object_agg(w.n - 1, (SELECT idx FROM log_entry WHERE dedup = w.value))"
        " AS text) FROM json_array_elements_text(CAST(:dedups AS json)) WITH ORDINALITY w(value, n))"
    ),
}


def _load_state(connection: Connection, size: int, batch: Sequence[Item]) -> State:
    streams, dedups = list(streams_of(batch)), list(dedups_of(batch))
    wanted = {"streams": json.dumps(streams), "dedups": json.dumps(dedups)}
    versions, indexes = connection.execute(_STATE[connection.dialect.name], wanted).one()
    return State(
        size=size,
        versions={stream: version or 0 for stream, version in _named(streams, versions)},
        recorded={dedup: index for dedup, index in _named(dedups, indexes) if index is not None},
    )


def _named(names: Sequence[str], found: str | None) -> Iterator[tuple[str, int | None]]:
    """Names with what was found for them; the answer holds places in ``names``, and is NULL for no names."""
    return ((names[int(place)], value) for place, value in json.loads(found or "{}").items())


def _load_note(connection: Connection, size: int) -> str:
    note = connection.execute(select(log_checkpoint.c.note).where(log_checkpoint.c.size == size)).scalar_one_or_none()
    return note or ""  # only the empty log has none, and nobody has a receipt of that


_ENTRY_COLUMNS: Final = ("idx", "leaf_hash", "envelope", "kind", "stream", "version", "dedup", "recorded_at")


def _entry_rows(accepted: Sequence[Placed], at: datetime) -> list[tuple[object, ...]]:
    return [
        (placed.first + position, leaf, entry.envelope, entry.kind, entry.stream, entry.version, dedup, at)
        for placed in accepted
        for position, (entry, leaf, dedup) in enumerate(
            zip(placed.item.command.entries, placed.item.leaves, placed.item.dedups, strict=True)
        )
    ]


def _settle(batch: Sequence[Item], plan: Plan, size: int, note: str) -> list[Outcome]:
    outcomes: dict[int, Outcome] = {**plan.refused}
    for position, indexes in plan.repeated.items():
        outcomes[position] = Receipt(indexes=indexes, size=size, checkpoint=note, repeated=True)
    for placed in plan.accepted:
        indexes = tuple(range(placed.first, placed.first + len(placed.item.leaves)))
        outcomes[placed.position] = Receipt(indexes=indexes, size=size, checkpoint=note)
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
