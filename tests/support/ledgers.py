"""Ledgers to test with: fixed keys, genuine signed entries, and commands of the usual shape."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from gate.auditlog.checkpoint import verify_checkpoint
from gate.auditlog.entry import EntryKind, Operator, Recorder, RecorderKind, build_statement, leaf_hash
from gate.auditlog.merkle import Peaks
from gate.domain.clock import SystemClock
from gate.signing.api import public_key_of
from gate.signing.envelope import build_envelope
from gate.store.ledger import Blob, Command, EntryIndex, Ledger, NewEntry, Row
from gate.store.tables import approval
from tests.support.databases import TestDatabase
from tests.support.logs import ACT, LOG, ORIGIN

AT = datetime(2026, 11, 22, 16, 0, 0, tzinfo=UTC)


@contextmanager
def open_ledger(engine: Engine, database: TestDatabase) -> Iterator[Ledger]:
    """A ledger on a migrated database, closed at the end."""
    ledger = build_ledger(engine, database.checkpoint_file)
    try:
        yield ledger
    finally:
        ledger.close()


def build_ledger(engine: Engine, checkpoint_file: Path) -> Ledger:
    return Ledger(engine=engine, log_signer=LOG, origin=ORIGIN, checkpoint_file=checkpoint_file, clock=SystemClock())


def signed_envelope(kind: EntryKind, stream: str, version: int, **predicate: object) -> bytes:
    """A genuine entry's bytes, signed by the act key."""
    payload = build_statement(
        kind,
        (),
        predicate,
        stream=stream,
        version=version,
        timestamp=AT,
        request_id=f"{stream}/{version}",
        recorded_by=Recorder(kind=RecorderKind.PERSON, id="corp:p1"),
        operator=Operator(software="contribution-gate/1.0.0"),
    )
    return build_envelope(payload, ACT)


def new_entry(stream: str, version: int, kind: EntryKind = EntryKind.APPROVAL_REFUSED, **predicate: object) -> NewEntry:
    envelope = signed_envelope(kind, stream, version, **predicate)
    return NewEntry(kind=kind, envelope=envelope, stream=stream, version=version)


def plain_command(stream: str, version: int, *, key: str | None = None) -> Command:
    """One entry and nothing else."""
    return Command(entries=(new_entry(stream, version),), key=key)


def approval_row(number: int, *, repository: str = "ledger-core", person: str = "corp:p1", **changes: object) -> Row:
    """A projection row of the approval that the command's first entry records."""
    values: dict[str, object] = {
        "idx": EntryIndex(),
        "repository": repository,
        "number": number,
        "revision": 1,
        "act": "approve",
        "person": person,
        "name": "Anna Example",
        "role": "maintainer",
        "team": "ledger",
        "meaning": "code-review",
        "head": "a" * 40,
        "target": "refs/heads/main",
        "policy_digest": bytes(32),
        "signed_at": AT,
        "expires_at": None,
    }
    return Row(table=approval, values=values | changes)


def approval_command(number: int, version: int, *, key: str | None = None, **changes: Any) -> Command:
    """One signed entry, one projection row, one precondition: what a signature costs."""
    stream = f"contribution/ledger-core#{number}"
    predicate = {
        "result": "APPROVED",
        "meaning": "code-review",
        "reviewer": {"id": "corp:p1", "displayName": "Anna Example", "role": "maintainer", "team": "ledger"},
        "repository": "ledger-core",
        "number": number,
        "revision": 1,
        "head": "a" * 40,
        "targetRef": "refs/heads/main",
        "policy": {"digest": {"sha256": "00" * 32}, "epoch": 0},
        "supersedes": None,
        "expiresAt": None,
    }
    return Command(
        entries=(new_entry(stream, version, EntryKind.APPROVAL, **predicate),),
        rows=(approval_row(number, **changes),),
        expects=((stream, version - 1),),
        key=key,
    )


def append_some(ledger: Ledger, count: int, *, stream: str = "repository/ledger-core", blobs: bool = False) -> None:
    """``count`` entries on one stream, in batches as large as commands may be."""
    first = ledger.read.stream_version(stream) + 1
    versions = range(first, first + count)
    content = tuple(Blob(kind="facts", content=f"{stream} {version}".encode()) for version in versions) if blobs else ()
    ledger.append(Command(entries=tuple(new_entry(stream, version) for version in versions), blobs=content))


def check_log(ledger: Ledger) -> int:
    """Gapless, and every stored checkpoint's root recomputed. Returns the size."""
    peaks = Peaks()
    notes = dict(ledger.read.checkpoints(limit=1_000_000))
    for expected, entry in enumerate(ledger.read.entries()):
        assert entry.index == expected
        peaks, _ = peaks.extend([entry.leaf_hash])
        note = notes.pop(peaks.size, None)
        assert note is None or _root_of(note) == peaks.root
    assert not notes
    assert ledger.read.head() == peaks
    return peaks.size


def _root_of(note: str) -> bytes:
    return verify_checkpoint(note.encode(), ORIGIN, [public_key_of(LOG)]).root


def leaves_of(command: Command) -> tuple[bytes, ...]:
    return tuple(leaf_hash(entry.envelope) for entry in command.entries)
