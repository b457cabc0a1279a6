"""The checker's look at one entry after the other: hashes, signature, statement, stream versions.

Steps (2) to (6) of ``gate.auditlog.verify``, which see; the tree and the checkpoints are its own part.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gate.auditlog.entry import Statement, leaf_hash, parse_statement
from gate.auditlog.finding import Finding, FindingCode
from gate.auditlog.merkle import HASH_SIZE
from gate.auditlog.tiles import TILE_WIDTH, TileReader
from gate.auditlog.trust import Trust
from gate.domain.errors import InputError, VerificationError
from gate.signing.envelope import verify_envelope


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEntry:
    """One row of the log, exactly as stored."""

    index: int
    leaf_hash: bytes
    envelope: bytes
    kind: str
    stream: str
    version: int


class RowChecks:
    """What needs no tree. Remembers the newest version of each stream, and one tile."""

    def __init__(self, trust: Trust, read_tile: TileReader | None) -> None:
        self._trust = trust
        self._read_tile = read_tile
        self._tile = (-1, b"")
        self._versions: dict[str, int] = {}

    @property
    def streams(self) -> int:
        """How many streams were seen."""
        return len(self._versions)

    # (3)
    def tile_hash(self, index: int) -> bytes | None:
        """The leaf hash of ``index`` in the stored tile, if there is one."""
        if self._read_tile is None:
            return None
        n, slot = divmod(index, TILE_WIDTH)
        if n != self._tile[0]:
            self._tile = (n, self._read_tile(0, n))
        found = self._tile[1][slot * HASH_SIZE : (slot + 1) * HASH_SIZE]
        return found if len(found) == HASH_SIZE else None

    # (2) and (3)
    def check_hashes(self, entry: StoredEntry, computed: bytes, tile: bytes | None) -> Iterator[Finding]:
        if computed != entry.leaf_hash:
            sentence = f"The bytes of entry {entry.index} do not hash to the leaf hash recorded for it."
            yield Finding(code=FindingCode.LEAF_MISMATCH, index=entry.index, sentence=sentence)
        if tile is not None and tile != computed:
            sentence = f"The stored tile holds another hash for entry {entry.index} than its bytes give."
            yield Finding(code=FindingCode.TILE_MISMATCH, index=entry.index, sentence=sentence)

    # (4) and (5)
    def check_statement(self, entry: StoredEntry) -> Iterator[Finding]:
        statement: Statement | None = None
        try:
            leaf_hash(entry.envelope)
            statement = parse_statement(verify_envelope(entry.envelope, self._trust.act).payload)
        except VerificationError as error:
            sentence = f"Entry {entry.index} is not signed by a key that may sign acts: {error.message}"
            yield Finding(code=FindingCode.BAD_SIGNATURE, index=entry.index, sentence=sentence)
        except InputError as error:
            sentence = f"Entry {entry.index} is not an entry of this log: {error}"
            yield Finding(code=FindingCode.BAD_ENTRY, index=entry.index, sentence=sentence)
        stored = (entry.kind, entry.stream, entry.version)
        if statement is not None:
            signed = (str(statement.kind), statement.stream, statement.version)
            for name, was, now in zip(("kind", "stream", "version"), signed, stored, strict=True):
                if was != now:
                    sentence = f"Entry {entry.index} was signed with {name} {was}, but {now} is stored beside it."
                    yield Finding(code=FindingCode.COLUMN_MISMATCH, index=entry.index, sentence=sentence)
            yield from self._check_version(entry.index, statement.stream, statement.version)
        else:
            yield from self._check_version(entry.index, entry.stream, entry.version)

    # (6)
    def _check_version(self, index: int, stream: str, version: int) -> Iterator[Finding]:
        expected = self._versions.get(stream, 0) + 1
        if version != expected:
            sentence = f"Entry {index} is version {version} of {stream}; version {expected} was expected."
            yield Finding(code=FindingCode.STREAM_GAP, index=index, sentence=sentence)
        self._versions[stream] = max(version, expected - 1)
