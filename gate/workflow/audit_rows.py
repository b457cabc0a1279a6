"""Whether the projection rows hold what the signed entries say: every column of every row, no row more, no row less.

The rows are told anew from the entries (``replay.py``) and compared with what is stored, so a table or column that no
entry accounts for is a finding, not an oversight. Contributions and branches are compared a few thousand rows at a
time; the registers, which are small, at the end.

One thing may differ: a contribution may be without the decision that was recorded for it, because delegations that end
open it again, and an open question is never a yes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from gate.auditlog.entry import Statement, parse_statement
from gate.domain.clock import format_instant
from gate.domain.errors import InputError
from gate.signing.envelope import parse_envelope
from gate.store import projections
from gate.store.engine import Connection
from gate.store.projections import PROJECTIONS
from gate.workflow.replay import CONTRIBUTIONS, DECISION, Key, Replayed, Said, merge, replay
from gate.workflow.replay_acts import ACTS
from gate.workflow.replay_registers import REGISTERS

HANDLERS: Final = {**CONTRIBUTIONS, **ACTS, **REGISTERS}
AT_ONCE: Final = 2000
_OFTEN: Final = ("contribution/", "repository/")
_PLACES: Final[Mapping[str, tuple[str, ...]]] = {
    "contribution": ("repository", "number"),
    "revision": ("repository", "number"),
    "revision_commit": ("repository", "number"),
    "contributor": ("repository", "number"),
    "landing": ("repository", "branch"),
    "branch_tip": ("repository", "branch"),
}
"""Where the rows of one stream are looked for, so that one too many is seen beside its entry. Else: by their key."""


class RowFinding(NamedTuple):
    """``entry``: which one it is about; ``is_missing``: the entry's row is not there at all."""

    entry: int | None
    sentence: str
    is_missing: bool = False


def check_rows(connection: Connection) -> Iterator[RowFinding]:
    """Every difference between the rows and the log."""
    checked = _Checked(connection)
    landed = _read_landed(connection)
    last = ""
    for stream, index, envelope in projections.list_entries(connection):
        if stream != last:
            yield from checked.finish(last, landed.pop(last, []))
            last = stream
        said = _read(index, envelope)
        if said is not None:  # an entry that cannot be read is the log's own finding
            while landed.get(stream) and landed[stream][0].index < index:
                checked.merge(landed[stream].pop(0))
            yield from checked.tell(said)
    yield from checked.finish(last, landed.pop(last, []))
    yield from checked.compare_all()


def _read(index: int, envelope: bytes) -> Said | None:
    try:
        statement: Statement = parse_statement(parse_envelope(envelope).payload)
    except InputError:
        return None
    return Said(index, statement)


def _read_landed(connection: Connection) -> dict[str, list[Said]]:
    """Landings by the stream of the contribution that they merged."""
    found: dict[str, list[Said]] = {}
    for index, envelope in projections.list_landed(connection):
        said = _read(index, envelope)
        if said is not None and said("number") is not None:
            found.setdefault(f"contribution/{said('repository')}#{said('number')}", []).append(said)
    return found


class _Checked:
    """Rows as told so far, of the streams that are compared often and of the others, and how many stood the test."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.often, self.once = Replayed(self._blob), Replayed(self._blob)
        self.known = dict.fromkeys(PROJECTIONS, 0)

    def _blob(self, digest: str) -> bytes | None:
        return projections.blob_bytes(self.connection, bytes.fromhex(digest))

    def tell(self, said: Said) -> Iterator[RowFinding]:
        rows = self.often if said.statement.stream.startswith(_OFTEN) else self.once
        try:
            replay(rows, said, HANDLERS)
        except (TypeError, ValueError, KeyError, AttributeError):
            yield RowFinding(said.index, f"Entry {said.index} does not say what a {said.statement.kind} must say.")

    def merge(self, said: Said) -> None:
        merge(self.often, said)

    def finish(self, stream: str, landed: list[Said]) -> Iterator[RowFinding]:
        """The end of a stream: the landings after its last entry, and a look at the rows when they are many."""
        for said in landed:
            self.merge(said)
        if stream.startswith(_OFTEN) and sum(map(len, self.often.rows.values())) >= AT_ONCE:
            yield from self._compare(self.often)
            self.often = Replayed(self._blob)

    def compare_all(self) -> Iterator[RowFinding]:
        yield from self._compare(self.often)
        yield from self._compare(self.once)
        for table, known in self.known.items():
            if (more := projections.count_rows(self.connection, table) - known) > 0:
                yield RowFinding(None, f"The table {_words(table)} has rows that no entry accounts for: {more}.")

    def _compare(self, told: Replayed) -> Iterator[RowFinding]:
        for index, what in told.missing:
            yield RowFinding(index, f"The {what} that entry {index} names by digest is not stored, or not readable.")
        for table, rows in told.rows.items():
            stored = self._stored(table, rows)
            self.known[table] += len(stored)
            names, places = _places(table), dict[Key, int]()
            for key, values in rows.items():
                entry = values.get("idx", told.last[table, key])
                places[tuple(values[name] for name in names)] = entry
                held = stored.pop(key, None)
                if held is None:
                    sentence = f"Entry {entry} has no row in {_words(table)}: what it records would not be seen."
                    yield RowFinding(entry, sentence, is_missing=True)
                    continue
                yield from (RowFinding(entry, sentence) for sentence in _differences(table, key, values, held))
            for key, held in stored.items():
                entry = held.get("idx", places[tuple(held[name] for name in names)])
                yield RowFinding(entry, f"The row of {_name(table, key)} says what no entry does.")

    def _stored(self, table: str, rows: Mapping[Key, Mapping[str, Any]]) -> dict[Key, Mapping[str, Any]]:
        key, names = projections.key_names(table), _places(table)
        places = list(dict.fromkeys(tuple(values[name] for name in names) for values in rows.values()))
        found = projections.rows_at(self.connection, table, names, places)
        return {tuple(row[name] for name in key): row for row in found}


def _places(table: str) -> tuple[str, ...]:
    return _PLACES.get(table) or projections.key_names(table)


def _differences(table: str, key: Key, told: Mapping[str, Any], held: Mapping[str, Any]) -> Iterator[str]:
    is_open_again = table == "contribution" and all(held[name] is None for name in DECISION)
    for name, value in held.items():
        if is_open_again and name in DECISION:
            continue
        stored = _as_said(value)
        if name not in told:
            yield f"The row of {_name(table, key)} has {name} {stored!r}, which no entry says."
        elif stored != told[name]:
            yield f"The row of {_name(table, key)} has {name} {stored!r}; what was signed is {told[name]!r}."


def _as_said(value: Any) -> Any:
    """A stored value as entries write it."""
    match value:
        case bytes():
            return value.hex()
        case datetime():
            return format_instant(value)
        case tuple():
            return list(value)
        case _:
            return value


def _name(table: str, key: Key) -> str:
    return f"{_words(table)} {' '.join(str(part) for part in key)}"


def _words(table: str) -> str:
    return table.replace("_", " ")
