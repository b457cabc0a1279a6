"""``gate audit``: the store against the log, the log against its signatures, both against what is held outside.

The log itself is ``gate.auditlog.verify``'s, which trusts only the pinned keys and ``since``. Added here is
what only the database can say: tiles hash to the roots stored beside them, blobs to their digests, the
projections say what the entries they name say, the checkpoint file and the log are one history, the
insert-only triggers stand. The log may grow meanwhile: everything is read from one snapshot.

Rules: never stops at the first fault, always ends, repairs nothing, names the index where there is one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from gate.auditlog.checkpoint import verify_checkpoint
from gate.auditlog.entry import commitment
from gate.auditlog.finding import Finding
from gate.auditlog.tiles import TILE_WIDTH, tile_root
from gate.auditlog.trust import Trust
from gate.auditlog.verify import check_entries
from gate.domain.errors import GateError, InputError, UnavailableError, VerificationError
from gate.store import auditing
from gate.store.engine import Connection, Engine
from gate.store.projections import list_free_texts
from gate.store.tree import load_root
from gate.store.witnessed import CheckpointFile, Witnessed
from gate.workflow.audit_activations import check_activations
from gate.workflow.audit_rows import check_rows

MAX_LISTED: Final = 1000


class StoreCode(StrEnum):
    """Stable names of what an audit finds beside the log; the log's own are ``FindingCode``."""

    TILE_ROOT = "tile-root"
    BLOB_MISMATCH = "blob-mismatch"
    PROJECTION_MISMATCH = "projection-mismatch"
    PROJECTION_MISSING = "projection-missing"
    ROLLED_BACK = "rolled-back"
    FILE_MISMATCH = "checkpoint-file-mismatch"
    FILE_UNREADABLE = "checkpoint-file-unreadable"
    GUARD_MISSING = "guard-missing"
    ACTIVATION_UNSIGNED = "activation-unsigned"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFinding:
    """One finding, about entries ``index`` to ``last`` (both None: about no entry). A remark is no fault."""

    code: str
    sentence: str
    index: int | None = None
    last: int | None = None
    is_fault: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """All faults counted, the first ``MAX_LISTED`` listed, and the remarks a reader needs to judge them."""

    ok: bool
    is_witnessed: bool
    faults: int
    findings: tuple[AuditFinding, ...]


def audit(engine: Engine, trust: Trust, since: str | None = None, checkpoint_file: Path | None = None) -> AuditReport:
    """Check everything. ``since`` is the text of a checkpoint kept elsewhere; without it nothing is witnessed.

    Raises ``UnavailableError`` only when the database cannot be read: could not check is not a finding.
    """
    written, unreadable = _read_file(checkpoint_file)  # before the snapshot, which then covers all of it
    with auditing.snapshot(engine) as connection:
        faults: list[AuditFinding] = []
        remarks: list[AuditFinding] = []
        total = 0
        for finding in _findings(connection, trust, since, written, unreadable):
            kept = faults if finding.is_fault else remarks
            total += finding.is_fault
            if len(kept) < MAX_LISTED:
                kept.append(finding)
    witnessed = any(remark.code == "witnessed" for remark in remarks)
    return AuditReport(ok=total == 0, is_witnessed=witnessed, faults=total, findings=(*faults, *remarks))


def _findings(
    connection: Connection, trust: Trust, since: str | None, written: tuple[Witnessed, ...], unreadable: str | None
) -> Iterator[AuditFinding]:
    if unreadable is not None:
        yield AuditFinding(code=StoreCode.FILE_UNREADABLE, sentence=unreadable)
    yield from _check_guards(connection)
    yield from _check_log(connection, trust, since)
    yield from _check_tiles(connection)
    yield from _check_file(connection, trust, written)
    yield from _check_blobs(connection)
    yield from _check_free_texts(connection)
    yield from _check_projections(connection)


def _check_log(connection: Connection, trust: Trust, since: str | None) -> Iterator[AuditFinding]:
    found = check_entries(
        auditing.stored_entries(connection),
        auditing.stored_checkpoints(connection),
        trust,
        None if since is None else since.encode(),
        read_tile=auditing.stored_tile_reader(connection),
        head=auditing.stored_head(connection),
    )
    for finding in found:
        yield _from_log(finding)


def _from_log(finding: Finding) -> AuditFinding:
    return AuditFinding(
        code=finding.code,
        sentence=finding.sentence,
        index=finding.index,
        last=finding.last,
        is_fault=finding.is_fault,
    )


def _check_guards(connection: Connection) -> Iterator[AuditFinding]:
    for name in auditing.missing_guards(connection):
        sentence = f"The trigger {name}, which keeps the table insert-only, is missing or switched off."
        yield AuditFinding(code=StoreCode.GUARD_MISSING, sentence=sentence)


def _check_tiles(connection: Connection) -> Iterator[AuditFinding]:
    for tile in auditing.stored_tiles(connection):
        try:
            is_right = len(tile.hashes) == TILE_WIDTH * 32 and tile_root(tile.hashes) == tile.root
        except VerificationError:
            is_right = False
        if not is_right:
            first = tile.n * TILE_WIDTH ** (tile.level + 1)
            sentence = f"Tile {tile.n} of level {tile.level} does not hash to the root stored beside it."
            last = first + TILE_WIDTH ** (tile.level + 1) - 1
            yield AuditFinding(code=StoreCode.TILE_ROOT, index=first, last=last, sentence=sentence)


def _check_blobs(connection: Connection) -> Iterator[AuditFinding]:
    for digest, kind, content in auditing.stored_blobs(connection):
        if hashlib.sha256(content).digest() != digest:
            sentence = f"The stored {kind} with the digest {digest.hex()} has been changed: its bytes hash to another."
            yield AuditFinding(code=StoreCode.BLOB_MISMATCH, sentence=sentence)


def _check_projections(connection: Connection) -> Iterator[AuditFinding]:
    for index, sentence, is_missing in check_rows(connection):
        code = StoreCode.PROJECTION_MISSING if is_missing else StoreCode.PROJECTION_MISMATCH
        yield AuditFinding(code=code, index=index, sentence=sentence)
    for index, sentence in check_activations(auditing.policy_entries(connection)):
        yield AuditFinding(code=StoreCode.ACTIVATION_UNSIGNED, index=index, sentence=sentence)


def _check_free_texts(connection: Connection) -> Iterator[AuditFinding]:
    for digest, salt, value in list_free_texts(connection):
        try:
            is_right = commitment(salt, value) == digest
        except InputError:
            is_right = False
        if not is_right:
            sentence = f"The free text behind the commitment {digest.hex()} has been changed."
            yield AuditFinding(code=StoreCode.BLOB_MISMATCH, sentence=sentence)


def _read_file(checkpoint_file: Path | None) -> tuple[tuple[Witnessed, ...], str | None]:
    if checkpoint_file is None:
        return (), None
    try:
        return tuple(CheckpointFile(checkpoint_file).lines()), None
    except (OSError, UnavailableError) as error:
        return (), f"The checkpoint file cannot be read: {error}"


def _check_file(connection: Connection, trust: Trust, written: tuple[Witnessed, ...]) -> Iterator[AuditFinding]:
    size = auditing.stored_size(connection)
    stored = dict(auditing.stored_checkpoints(connection)) if written else {}
    largest = max((line.size for line in written), default=0)
    if largest > size:
        sentence = (
            f"The checkpoint file holds a checkpoint of {largest} entries, the log has {size}: it was rolled back."
        )
        yield AuditFinding(code=StoreCode.ROLLED_BACK, index=size, last=largest - 1, sentence=sentence)
    for line in written:
        if line.size <= size and stored.get(line.size) != line.note.encode():
            yield from _check_line(connection, trust, line)


def _check_line(connection: Connection, trust: Trust, line: Witnessed) -> Iterator[AuditFinding]:
    """A line whose like is not stored: genuine, and of this history?"""
    try:
        checkpoint = verify_checkpoint(line.note.encode(), trust.origin, trust.log)
        agrees = checkpoint.size == line.size and load_root(connection, line.size) == checkpoint.root
    except (InputError, VerificationError) as error:
        sentence = f"The checkpoint file's line for size {line.size} cannot be confirmed: {error.message}"
        yield AuditFinding(code=StoreCode.FILE_MISMATCH, sentence=sentence)
        return
    except GateError as error:
        yield AuditFinding(code=StoreCode.FILE_MISMATCH, sentence=error.message)
        return
    if not agrees:
        sentence = f"The log's first {line.size} entries are not those that the checkpoint file says were signed."
        yield AuditFinding(code=StoreCode.FILE_MISMATCH, index=0, last=line.size - 1, sentence=sentence)
