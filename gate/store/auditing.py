"""What an audit reads: everything as stored, at one moment, nothing trusted, nothing repaired.

``snapshot`` holds one view of the database while the log may go on growing. Readers stream. Which
entry kinds must have which projection, and back, is said once here (``PROJECTIONS``); whether they
agree is ``gate/workflow/audit.py``'s question.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Engine, Table, func, or_, select, text
from sqlalchemy.exc import DBAPIError

from gate.auditlog.row_checks import StoredEntry
from gate.auditlog.tiles import TileReader
from gate.auditlog.verify import StoredHead
from gate.domain.errors import UnavailableError
from gate.store.tables import (
    api_token,
    approval,
    approval_carried,
    blob,
    break_glass,
    break_glass_cosign,
    check_report,
    contribution,
    contributor,
    delegation,
    forge_review,
    landing,
    log_checkpoint,
    log_entry,
    log_head,
    log_tile,
    pack_issued,
    policy_approval,
    policy_proposal,
    policy_version,
    revision,
    terms_acceptance,
    training,
    veto_clearance,
)
from gate.store.triggers import list_guards

PROJECTIONS: Final[tuple[tuple[Table, str], ...]] = (
    (approval, "approval"),
    (forge_review, "forge-review"),
    (approval_carried, "approval-carried"),
    (veto_clearance, "veto-cleared"),
    (delegation, "delegated"),
    (break_glass, "break-glass"),
    (break_glass_cosign, "break-glass-cosigned"),
    (revision, "revision-recorded"),
    (check_report, "check-reported"),
    (terms_acceptance, "terms-accepted"),
    (training, "trainings-imported"),
    (policy_version, "policy-activated"),
    (policy_proposal, "policy-proposed"),
    (policy_approval, "policy-approved"),
    (landing, "landed"),
    (pack_issued, "pack-issued"),
    (api_token, "token-issued"),
)
ALWAYS_PROJECTED: Final = frozenset(
    {
        "approval",
        "forge-review",
        "approval-carried",
        "veto-cleared",
        "delegated",
        "break-glass",
        "break-glass-cosigned",
        "revision-recorded",
        "policy-activated",
        "policy-proposed",
        "policy-approved",
        "pack-issued",
        "token-issued",
    }
)
"""Kinds whose every entry has a row of its own. Of the others a later entry may have replaced the row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Projected:
    """A projection row, and the entry it names (``envelope`` None: there is none)."""

    table: str
    index: int
    expected_kind: str
    kind: str | None
    envelope: bytes | None
    values: Mapping[str, Any]


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


def projected_rows(connection: Connection) -> Iterator[Projected]:
    """Every projection row that names an entry, with that entry."""
    for table, kind in PROJECTIONS:
        query = select(table, *_ENTRY).outerjoin(log_entry, log_entry.c.idx == table.c.idx).order_by(table.c.idx)
        for row in connection.execute(query):
            yield _projected(table, kind, row._asdict(), row.idx)


def decided_contributions(connection: Connection) -> Iterator[Projected]:
    """Contributions with a decision, and the entry of that decision."""
    c = contribution.c
    query = select(contribution, *_ENTRY).outerjoin(log_entry, log_entry.c.idx == c.decision_index)
    for row in connection.execute(query.where(c.decision_index.is_not(None)).order_by(c.decision_index)):
        yield _projected(contribution, "decision", row._asdict(), row.decision_index)


def ended_proposals(connection: Connection) -> Iterator[Projected]:
    """Proposals of policies that a row says have ended, and the entry that ended them."""
    p = policy_proposal.c
    query = select(policy_proposal, *_ENTRY).outerjoin(log_entry, log_entry.c.idx == p.ended_idx)
    for row in connection.execute(query.where(p.state != "open").order_by(p.number)):
        ended = {"withdrawn": "policy-proposal-withdrawn"}.get(row.state, "policy-activated")
        index = row.idx if row.ended_idx is None else row.ended_idx
        yield _projected(policy_proposal, ended, row._asdict(), index)


def reviewed_break_glass(connection: Connection) -> Iterator[Projected]:
    """Every break-glass whose row says it was reviewed, with the entry that is to have done it."""
    b = break_glass.c
    query = select(break_glass, *_ENTRY).outerjoin(log_entry, log_entry.c.idx == b.reviewed_by)
    for row in connection.execute(query.where(b.reviewed_by.is_not(None)).order_by(b.idx)):
        yield _projected(break_glass, "break-glass-reviewed", row._asdict(), row.reviewed_by)


def unmarked_reviews(connection: Connection) -> Iterator[int]:
    """Reviews of a break-glass that no row says."""
    held = select(break_glass.c.idx).where(break_glass.c.reviewed_by == log_entry.c.idx).exists()
    query = select(log_entry.c.idx).where(log_entry.c.kind == "break-glass-reviewed", ~held)
    yield from connection.execute(query.order_by(log_entry.c.idx)).scalars()


def ended_delegations(connection: Connection) -> Iterator[Projected]:
    """Delegations that a row says were ended early, and the entry that ended them."""
    d = delegation.c
    query = select(delegation, *_ENTRY).outerjoin(log_entry, log_entry.c.idx == d.ended_by)
    for row in connection.execute(query.where(or_(d.ended_by.is_not(None), d.ended_at.is_not(None))).order_by(d.idx)):
        index = row.idx if row.ended_by is None else row.ended_by
        yield _projected(delegation, "delegation-ended", row._asdict(), index)


def unmarked_ends(connection: Connection) -> Iterator[int]:
    """Ends of delegations that no row says."""
    held = select(delegation.c.idx).where(delegation.c.ended_by == log_entry.c.idx).exists()
    query = select(log_entry.c.idx).where(log_entry.c.kind == "delegation-ended", ~held)
    yield from connection.execute(query.order_by(log_entry.c.idx)).scalars()


def revocations(connection: Connection) -> tuple[tuple[int, bytes], ...]:
    """Index and envelope of every revocation of a token."""
    query = select(log_entry.c.idx, log_entry.c.envelope).where(log_entry.c.kind == "token-revoked")
    return tuple((row.idx, row.envelope) for row in connection.execute(query.order_by(log_entry.c.idx)))


def contributing(connection: Connection) -> Iterator[tuple[Projected, frozenset[tuple[str, str, str]], int]]:
    """Every revision with its entry, who its rows say contributed (part, person, how), and how many are nobody."""
    held: dict[tuple[str, int, int], tuple[set[tuple[str, str, str]], int]] = {}
    for row in connection.execute(select(contributor)):
        place = (row.repository, row.number, row.revision)
        known, nobody = held.get(place, (set(), 0))
        if row.person is None:
            nobody += 1
        else:
            known.add((row.part, row.person, row.how))
        held[place] = (known, nobody)
    query = select(revision, *_ENTRY).outerjoin(log_entry, log_entry.c.idx == revision.c.idx).order_by(revision.c.idx)
    for row in connection.execute(query):
        known, nobody = held.get((row.repository, row.number, row.revision), (set(), 0))
        yield _projected(revision, "revision-recorded", row._asdict(), row.idx), frozenset(known), nobody


def trained(connection: Connection) -> Iterator[Projected]:
    """Every row of the training register, with the entry of its import."""
    query = select(training, *_ENTRY).outerjoin(log_entry, log_entry.c.idx == training.c.idx).order_by(training.c.idx)
    for row in connection.execute(query):
        yield _projected(training, "trainings-imported", row._asdict(), row.idx)


def blob_bytes(connection: Connection, digest: bytes) -> bytes | None:
    """The bytes stored under a digest, whatever they hash to."""
    return connection.execute(select(blob.c.bytes).where(blob.c.sha256 == digest)).scalar_one_or_none()


def unprojected_entries(connection: Connection) -> Iterator[tuple[int, str, str]]:
    """``(index, kind, table)`` of entries that must have a projection row and have none."""
    for table, kind in PROJECTIONS:
        if kind in ALWAYS_PROJECTED:
            held = select(table.c.idx).where(table.c.idx == log_entry.c.idx).exists()
            for row in connection.execute(select(log_entry.c.idx).where(log_entry.c.kind == kind, ~held)):
                yield row.idx, kind, table.name


def policy_entries(connection: Connection) -> Iterator[tuple[int, bytes]]:
    """``(index, envelope)`` of every entry about policies, in log order."""
    e = log_entry.c
    query = select(e.idx, e.envelope).where(e.kind.like("policy-%")).order_by(e.idx)
    for row in connection.execute(query):
        yield row.idx, bytes(row.envelope)


def unended_withdrawals(connection: Connection) -> Iterator[int]:
    """Withdrawals of proposals that no row says."""
    p = policy_proposal.c
    held = select(p.ended_idx).where(p.ended_idx == log_entry.c.idx, p.state == "withdrawn").exists()
    query = select(log_entry.c.idx).where(log_entry.c.kind == "policy-proposal-withdrawn", ~held)
    yield from connection.execute(query.order_by(log_entry.c.idx)).scalars()


def missing_guards(connection: Connection) -> tuple[str, ...]:
    """Names of the insert-only triggers that are not there (or, on PostgreSQL, switched off)."""
    query = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
        "postgresql": "SELECT tgname FROM pg_trigger WHERE tgenabled IN ('O', 'A') "
        "AND tgrelid IN (SELECT oid FROM pg_class WHERE relnamespace = current_schema()::regnamespace)",
    }[connection.dialect.name]
    found = set(connection.execute(text(query)).scalars())
    return tuple(name for name in list_guards(connection.dialect.name) if name not in found)


_ENTRY: Final = (log_entry.c.kind.label("entry_kind"), log_entry.c.envelope.label("entry_envelope"))


def _projected(table: Table, expected: str, values: dict[str, Any], index: int) -> Projected:
    kind, envelope = values.pop("entry_kind"), values.pop("entry_envelope")
    return Projected(table=table.name, index=index, expected_kind=expected, kind=kind, envelope=envelope, values=values)
