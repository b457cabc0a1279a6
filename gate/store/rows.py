"""Writing many rows of many commands with few statements.

Rules: rows of one shape (table, columns, key, mode) go to the database together;
two writes to the same key keep their order, by starting a new phase when their shapes differ; an
update that finds no row is an integrity error, like an insert that finds one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Executable, Table, bindparam, update
from sqlalchemy.exc import IntegrityError

from gate.store.bulk import OnConflict, insert_rows
from gate.store.command import EntryIndex, Row
from gate.store.housekeeping import outbox
from gate.store.plan import Placed
from gate.store.tables import blob, free_text

Shape = tuple[Table, tuple[str, ...], tuple[str, ...] | None, bool]


@dataclass(slots=True)
class RowBatch:
    """Rows collected for one transaction, in phases of shape → parameter sets."""

    _phases: list[dict[Shape, list[list[object]]]] = field(default_factory=lambda: [{}])
    _last: dict[tuple[object, ...], Shape] = field(default_factory=dict)

    def add(self, row: Row, first: int) -> None:
        """Take one row of a command whose first entry has index ``first``."""
        values = [first + value.position if type(value) is EntryIndex else value for value in row.values.values()]
        columns = tuple(row.values)
        shape = (row.table, columns, row.key, row.update)
        if row.key is not None:
            self._keep_order(shape, (row.table, *(values[columns.index(name)] for name in row.key)))
        self._phases[-1].setdefault(shape, []).append(values)

    def _keep_order(self, shape: Shape, written: tuple[object, ...]) -> None:
        if self._last.get(written, shape) != shape:
            self._phases.append({})
            self._last.clear()
        self._last[written] = shape

    def write(self, connection: Connection) -> None:
        """Send everything. Raises ``IntegrityError`` when an update found no row."""
        for phase in self._phases:
            for shape, rows in phase.items():
                _send(connection, shape, rows)


def write_rows(connection: Connection, placed: Iterable[Placed]) -> None:
    """Projections, blobs, free texts and jobs of the accepted commands."""
    batch = RowBatch()
    blobs: dict[bytes, tuple[object, ...]] = {}
    texts: list[tuple[object, ...]] = []
    jobs: list[tuple[object, ...]] = []
    for accepted in placed:
        command, first = accepted.item.command, accepted.first
        for row in command.rows:
            batch.add(row, first)
        for content in command.blobs:
            blobs[content.sha256] = (content.sha256, content.kind, content.content)
        for typed in command.free_texts:
            texts.append((typed.commitment, typed.salt, typed.value, typed.about))
        for job in command.jobs:
            payload = json.dumps(_resolve(job.payload, first), sort_keys=True)
            jobs.append((job.kind, payload, job.not_before))
    batch.write(connection)
    insert_rows(connection, blob, ("sha256", "kind", "bytes"), blobs.values(), on_conflict=OnConflict.IGNORE)
    insert_rows(connection, free_text, _TEXT_COLUMNS, texts, on_conflict=OnConflict.IGNORE)
    insert_rows(connection, outbox, ("kind", "payload", "not_before"), jobs)


_TEXT_COLUMNS = ("commitment", "salt", "value", "about")


def _resolve(values: Mapping[str, object], first: int) -> dict[str, object]:
    """The same values with every ``EntryIndex`` replaced by the index it stands for."""
    return {name: first + value.position if type(value) is EntryIndex else value for name, value in values.items()}


def _send(connection: Connection, shape: Shape, rows: list[list[object]]) -> None:
    table, columns, key, is_update = shape
    if key is None:
        insert_rows(connection, table, columns, rows)
    elif not is_update:
        insert_rows(connection, table, columns, rows, key=key, on_conflict=OnConflict.REPLACE)
    else:
        names = [f"key_{name}" if name in key else name for name in columns]
        result = connection.execute(_update(table, columns, key), [dict(zip(names, row, strict=True)) for row in rows])
        if result.rowcount != len(rows):
            raise IntegrityError(f"update of {table.name} found no row", None, LookupError())


@lru_cache(maxsize=256)
def _update(table: Table, columns: tuple[str, ...], key: tuple[str, ...]) -> Executable:
    changed: dict[str, Any] = {name: bindparam(name) for name in columns if name not in key}
    return update(table).where(*(table.c[name] == bindparam(f"key_{name}") for name in key)).values(changed)
