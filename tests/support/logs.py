"""A small log with fixed keys, as rows, checkpoints and tiles: what a database holds, without one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.auditlog.checkpoint import Checkpoint, build_checkpoint
from gate.auditlog.entry import EntryKind, Operator, Recorder, RecorderKind, build_statement, leaf_hash
from gate.auditlog.merkle import Peaks
from gate.auditlog.trust import Trust
from gate.auditlog.verify import StoredEntry, StoredHead
from gate.keys.files import FileSigner
from gate.signing.api import public_key_of
from gate.signing.envelope import build_envelope

ORIGIN = "gate.example"
START = datetime(2026, 11, 22, 16, 0, 0, tzinfo=UTC)
STREAMS = ("gate", "policy", "contribution/ledger-core#1", "contribution/ledger-core#2")


def fixed_signer(name: str, seed: int) -> FileSigner:
    """The Ed25519 key whose 32 secret bytes all are ``seed``."""
    return FileSigner(name, Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32))


LOG = fixed_signer(ORIGIN, 1)
ACT = fixed_signer(f"{ORIGIN}/act", 2)
VERDICT = fixed_signer(f"{ORIGIN}/verdict", 3)
STRANGER = fixed_signer(f"{ORIGIN}/act", 4)


def fixed_trust() -> Trust:
    """Trust in the three keys above."""
    return Trust(
        origin=ORIGIN,
        log=(public_key_of(LOG),),
        act=(public_key_of(ACT),),
        verdict=(public_key_of(VERDICT),),
    )


def sample_entry(index: int, *, stream: str, version: int, note: str = "", signer: FileSigner = ACT) -> StoredEntry:
    """One genuine row."""
    payload = build_statement(
        EntryKind.DECISION,
        (),
        {"note": note},
        stream=stream,
        version=version,
        timestamp=START + timedelta(seconds=index),
        request_id=f"request-{index}",
        recorded_by=Recorder(kind=RecorderKind.SYSTEM, id="worker"),
        operator=Operator(software="contribution-gate/1.0.0"),
    )
    envelope = build_envelope(payload, signer)
    return StoredEntry(
        index=index,
        leaf_hash=leaf_hash(envelope),
        envelope=envelope,
        kind="decision",
        stream=stream,
        version=version,
    )


@dataclass
class SampleLog:
    """Mutable on purpose: tests tamper with it."""

    entries: list[StoredEntry]
    checkpoints: list[tuple[int, bytes]]
    tiles: dict[tuple[int, int], bytes] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return len(self.entries)

    @property
    def head(self) -> StoredHead:
        return StoredHead(size=self.size, peaks=peaks_of(self.entries).to_bytes())

    def read_tile(self, level: int, n: int) -> bytes:
        return self.tiles.get((level, n), b"")


def peaks_of(entries: Sequence[StoredEntry]) -> Peaks:
    return Peaks().extend(entry.leaf_hash for entry in entries)[0]


def sign_head(size: int, root: bytes, signer: FileSigner = LOG) -> bytes:
    return build_checkpoint(Checkpoint(origin=ORIGIN, size=size, root=root), signer)


def sample_entries(count: int, *, seed: str = "") -> list[StoredEntry]:
    """``count`` rows spread over a few streams."""
    versions = dict.fromkeys(STREAMS, 0)
    rows = []
    for index in range(count):
        stream = STREAMS[index * 7 // 3 % len(STREAMS)]
        versions[stream] += 1
        rows.append(sample_entry(index, stream=stream, version=versions[stream], note=seed))
    return rows


def sample_checkpoints(entries: Sequence[StoredEntry], every: int) -> list[tuple[int, bytes]]:
    """A checkpoint after each batch of ``every`` entries, and one at the end."""
    peaks, notes = Peaks(), []
    for start in range(0, len(entries), every):
        peaks, _ = peaks.extend(entry.leaf_hash for entry in entries[start : start + every])
        notes.append((peaks.size, sign_head(peaks.size, peaks.root)))
    return notes


def sample_tiles(leaves: Sequence[bytes]) -> dict[tuple[int, int], bytes]:
    """All full tiles, of every level."""
    tiles, level, row = {}, 0, list(leaves)
    while len(row) >= 256:
        above = []
        for n in range(len(row) // 256):
            tile = row[256 * n : 256 * (n + 1)]
            tiles[level, n] = b"".join(tile)
            above.append(Peaks().extend(tile)[0].root)
        level, row = level + 1, above
    return tiles


def sample_log(count: int, *, every: int = 1, seed: str = "") -> SampleLog:
    entries = sample_entries(count, seed=seed)
    return SampleLog(
        entries=entries,
        checkpoints=sample_checkpoints(entries, every),
        tiles=sample_tiles([entry.leaf_hash for entry in entries]),
    )
