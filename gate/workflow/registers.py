"""Registers the gate keeps by signed entries: trainings, imported from a file with an as-of date.

The file is CSV with a header: ``login,code,valid_until`` (``valid_until`` is a date or empty). A row
that names nobody is an error, and then nothing is imported.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from gate.auditlog.entry import EntryKind, Recorder
from gate.domain.clock import format_instant
from gate.domain.errors import ConflictError, InputError
from gate.signing.canonical import canonical
from gate.store import people
from gate.store.command import Blob, Command, EntryIndex, Job, Row
from gate.store.tables import training
from gate.workflow.entry import build_entry, thing_subject
from gate.workflow.parts import Parts

COLUMNS = ("login", "code", "valid_until")
MAX_ROWS = 100_000
ATTEMPTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class _Training:
    person: str
    code: str
    valid_until: datetime | None


def import_trainings(parts: Parts, name: str, text: str, as_of: date, *, by: Recorder) -> int:
    """Record every training of the file; returns how many. ``InputError`` with file and line, ``UnavailableError``."""
    found = _parse(parts, name, text)
    _refuse_older(parts, name, found, as_of)
    raw = canonical(
        {
            "format": "gate-trainings/v1",
            "asOf": as_of.isoformat(),
            "rows": [
                {
                    "person": one.person,
                    "code": one.code,
                    "validUntil": format_instant(one.valid_until) if one.valid_until else None,
                }
                for one in found
            ],
        }
    )
    blob = Blob(kind="trainings", content=raw)
    for attempt in range(ATTEMPTS):
        try:
            parts.ledger.append(_command(parts, found, blob, f"file {name}"[:255], as_of, by))
        except ConflictError:
            # The stream is shared with every refused sign-in, so somebody may well be faster.
            if attempt == ATTEMPTS - 1:
                raise
            continue
        break
    return len(found)


def _command(parts: Parts, found: Sequence[_Training], blob: Blob, source: str, as_of: date, by: Recorder) -> Command:
    now = parts.clock.now()
    entry = build_entry(
        parts,
        EntryKind.TRAININGS_IMPORTED,
        stream="people",
        version=parts.log.stream_version("people") + 1,
        subjects=[thing_subject("gate:trainings", blob.sha256)],
        predicate={
            "count": len(found),
            "asOf": as_of.isoformat(),
            "source": source,
            "rows": {"sha256": blob.sha256.hex()},
        },
        by=by,
        at=now,
    )
    rows = [
        Row(
            table=training,
            key=("person", "code"),
            values={
                "person": one.person,
                "code": one.code,
                "valid_until": one.valid_until,
                "as_of": as_of.isoformat(),
                "source": source,
                "idx": EntryIndex(),
            },
        )
        for one in found
    ]
    job = Job(kind="redecide", payload={"trainings": as_of.isoformat()}, not_before=now)
    return Command(entries=(entry,), rows=tuple(rows), blobs=(blob,), jobs=(job,))


def _refuse_older(parts: Parts, name: str, found: list[_Training], as_of: date) -> None:
    """A list that is older than what the register holds would bring back what has lapsed since."""
    known = people.trainings(parts.engine, [one.person for one in found])
    newer = max((row.as_of for row in known), default="")
    if newer > as_of.isoformat():
        raise InputError(
            f"The register already holds trainings of these people as of {newer}; this list is of {as_of}.",
            file=name,
            remedy="Import a list at least as new.",
        )


def _parse(parts: Parts, name: str, text: str) -> list[_Training]:
    reader = csv.DictReader(io.StringIO(text), strict=True)
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise InputError(f"The header must be {','.join(COLUMNS)}.", file=name, line=1)
    people: dict[str, str] = {}
    found: dict[tuple[str, str], _Training] = {}
    try:
        for row in reader:
            if len(found) >= MAX_ROWS:
                raise InputError(f"More than {MAX_ROWS} rows.", file=name, line=reader.line_num)
            if None in row:
                raise InputError(f"A row has more than {len(COLUMNS)} columns.", file=name, line=reader.line_num)
            one = _row(parts, name, reader.line_num, row, people)
            if (one.person, one.code) in found:
                raise InputError(f"{row['login']} has {one.code} twice.", file=name, line=reader.line_num)
            found[one.person, one.code] = one
    except csv.Error as problem:
        raise InputError(f"This is not CSV: {problem}.", file=name, line=reader.reader.line_num) from problem
    return list(found.values())


def _row(parts: Parts, name: str, line: int, row: dict[str, str], people: dict[str, str]) -> _Training:
    login, code, until = (str(row.get(column) or "").strip() for column in COLUMNS)
    if not login or not code:
        raise InputError("A row needs a login and a code.", file=name, line=line)
    if login not in people:
        try:
            person = parts.directory.person_by_login(login)
        except InputError as problem:
            raise InputError(problem.message, file=name, line=line) from problem
        if person is None:
            raise InputError(f"The directory has nobody with the login {login!r}.", file=name, line=line)
        people[login] = person.key
    return _Training(person=people[login], code=code, valid_until=_until(name, line, until))


def _until(name: str, line: int, text: str) -> datetime | None:
    """The last instant of the day named, which still counts; None when it does not expire."""
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError as problem:
        raise InputError(f"{text!r} is not a date like 2026-12-31.", file=name, line=line) from problem
    return datetime(day.year, day.month, day.day, 23, 59, 59, 999_999, tzinfo=UTC)
