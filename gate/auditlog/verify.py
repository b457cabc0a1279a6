"""The checker behind ``gate audit``: a stored log against its own signatures, in one pass.

It reads entries, checkpoints and tiles as plain data and trusts none of them, only the keys in ``Trust`` and a
checkpoint that somebody kept outside (``since``). It never stops at the first fault, always ends, and names indexes as
sharply as the data allows: by the entry's own signature, by its stored hash, by a tile, or else by the two checkpoints
between which the change lies.

What nobody can find without ``since``: a history rewritten from some point on with all keys at hand. That is why the
result says "not witnessed" then. Memory is bounded by the number of streams. No I/O: callers hand in iterators.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gate.auditlog.checkpoint import Checkpoint, verify_checkpoint
from gate.auditlog.finding import AuditReport, Finding, FindingCode, build_report
from gate.auditlog.merkle import HASH_SIZE, Peaks, hash_leaf
from gate.auditlog.row_checks import RowChecks, StoredEntry
from gate.auditlog.tiles import TILE_WIDTH, TileReader, tile_root
from gate.auditlog.trust import Trust
from gate.auditlog.variants import Source, TreeVariants
from gate.domain.errors import InputError, VerificationError

__all__ = ["AuditReport", "Finding", "FindingCode", "StoredEntry", "StoredHead", "build_report", "check_entries"]

MAX_SUSPECTS = 16
"""Suspect entries remembered between two checkpoints, to be named when the root turns out wrong."""

# The whole procedure. Blocks below carry these numbers.
#  (0) The checkpoint held outside is genuine.
#  (1) Indexes run from 0 without gap or repetition.
#  Steps (2) to (6) look at one entry each: gate.auditlog.row_checks.
#  (2) The bytes of each entry hash to the leaf hash stored beside it.
#  (3) That is also the hash in the stored tile, and tiles agree with the tiles above them.
#  (4) Each envelope is signed by a key that may sign acts.
#  (5) It holds a statement of ours; kind, stream and version stored beside it are those that were signed.
#  (6) The versions of each stream run from 1 without gap or repetition.
#  (7) Each stored checkpoint is genuine and signs the root that the entries before it give; so does the one outside.
#  (8) No checkpoint covers more entries than there are, and none is left uncovered; the head row agrees.
#  (9) Whether anything outside the gate confirmed all this is said, always.


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredHead:
    """The head row: the size, and the peaks as stored."""

    size: int
    peaks: bytes


def check_entries(
    entries: Iterable[StoredEntry],
    checkpoints: Iterable[tuple[int, bytes]],
    trust: Trust,
    since: bytes | None = None,
    *,
    read_tile: TileReader | None = None,
    head: StoredHead | None = None,
) -> Iterator[Finding]:
    """All findings, in the order in which they become certain; remarks come last.

    ``entries`` by index and ``checkpoints`` (size, note) by size, each ascending as a query gives them. ``since`` is a
    checkpoint note kept outside. ``read_tile`` answers with no bytes for a tile that is not stored.
    """
    check = _Check(trust, read_tile)
    outside, findings = check.open_since(since)
    yield from findings
    check.heads = heapq.merge(
        ((size, 0, note) for size, note in checkpoints),
        [] if outside is None or since is None else [(outside.size, 1, since)],
        key=lambda item: item[0],
    )
    yield from check.pass_checkpoints()
    for entry in entries:
        yield from check.take(entry)
    yield from check.close(head)


class _Check:
    """One run: what was read so far, in bounded memory."""

    def __init__(self, trust: Trust, read_tile: TileReader | None) -> None:
        self.trust = trust
        self.tree = TreeVariants()
        self.rows = RowChecks(trust, read_tile)
        self.heads: Iterator[tuple[int, int, bytes]] = iter(())
        self._next: tuple[int, int, bytes] | None = None
        self._ended = False
        self._read_tile = read_tile
        self._confirmed = 0  # size of the newest checkpoint whose root was right
        self._covered = 0  # size of the newest genuine checkpoint
        self._wrong: list[int] = []  # sizes of the first and the newest checkpoint since then whose root was not
        self._wrong_count = 0
        self._uncompared = 0
        self._suspects: list[int] = []
        self._outside: Checkpoint | None = None
        self._witnessed = False

    # (0)
    def open_since(self, note: bytes | None) -> tuple[Checkpoint | None, list[Finding]]:
        if note is None:
            return None, []
        try:
            self._outside = verify_checkpoint(note, self.trust.origin, self.trust.log)
        except (InputError, VerificationError) as error:
            sentence = f"The checkpoint held outside is not one of this log: {error.message}"
            return None, [Finding(code=FindingCode.BAD_SINCE, sentence=sentence)]
        return self._outside, []

    def take(self, entry: StoredEntry) -> Iterator[Finding]:
        if entry.index < self.tree.size:  # (1)
            sentence = f"Entry {entry.index} comes again or too late; entry {self.tree.size} was expected."
            yield Finding(code=FindingCode.OUT_OF_ORDER, index=entry.index, sentence=sentence)
            return
        if entry.index > self.tree.size:
            yield from self._skip_to(entry.index)
        computed, tile = hash_leaf(entry.envelope), self.rows.tile_hash(entry.index)
        self.tree.add(computed, entry.leaf_hash, tile)
        for finding in (*self.rows.check_hashes(entry, computed, tile), *self.rows.check_statement(entry)):
            if finding.index is not None and len(self._suspects) < MAX_SUSPECTS:
                self._suspects.append(finding.index)
            yield finding
        yield from self.pass_checkpoints()

    # (1)
    def _skip_to(self, index: int) -> Iterator[Finding]:
        first = self.tree.size
        which = f"Entry {first} is" if index == first + 1 else f"Entries {first} to {index - 1} are"
        yield Finding(code=FindingCode.MISSING, index=first, last=index - 1, sentence=f"{which} missing.")
        while self.tree.size < index and (leaf := self.rows.tile_hash(self.tree.size)):
            self.tree.add(None, None, leaf)
            yield from self.pass_checkpoints()
        if self.tree.size < index:
            self.tree.jump(index)

    # (7)
    def pass_checkpoints(self) -> Iterator[Finding]:
        """Compares every checkpoint that the tree has reached."""
        while (item := self._peek()) is not None and item[0] <= self.tree.size:
            self._next = None
            yield from self._compare(*item)
        yield from self._check_tiles()

    def _compare(self, size: int, outside: int, note: bytes) -> Iterator[Finding]:
        checkpoint = None
        try:
            checkpoint = verify_checkpoint(note, self.trust.origin, self.trust.log)
        except (InputError, VerificationError) as error:
            sentence = f"The checkpoint stored for size {size} is not genuine: {error.message}"
            yield Finding(code=FindingCode.BAD_CHECKPOINT, sentence=sentence)
        if checkpoint is not None and checkpoint.size != size:
            yield self._misplaced(size, checkpoint)
        elif checkpoint is not None:
            self._covered = max(self._covered, size)
            yield from self._compare_root(checkpoint, is_outside=bool(outside))

    @staticmethod
    def _misplaced(size: int, checkpoint: Checkpoint) -> Finding:
        sentence = f"The checkpoint stored for size {size} was signed for size {checkpoint.size}."
        return Finding(code=FindingCode.BAD_CHECKPOINT, sentence=sentence)

    def _compare_root(self, checkpoint: Checkpoint, *, is_outside: bool) -> Iterator[Finding]:
        if checkpoint.size < self.tree.size or self.tree.is_lost:
            self._uncompared += 1
            return
        source = self.tree.settle(checkpoint.root)
        if source is None and is_outside:
            sentence = (
                f"At size {checkpoint.size} the checkpoint held outside has another root than the log: "
                f"one or more of entries 0 to {checkpoint.size - 1} were changed after it was signed."
            )
            yield Finding(code=FindingCode.REWRITTEN, index=0, last=checkpoint.size - 1, sentence=sentence)
        elif source is None:
            self._wrong = [*self._wrong[:1], checkpoint.size]
            self._wrong_count += 1
        else:
            # An empty checkpoint is a prefix of every history, and so confirms none.
            self._witnessed = self._witnessed or (is_outside and checkpoint.size > 0)
            yield from self._confirm(checkpoint.size, source)

    def _confirm(self, size: int, source: Source) -> Iterator[Finding]:
        """A root is right: what was doubted before it is settled."""
        if self._wrong:
            sentence = (
                f"{self._wrong_count} checkpoint(s) of sizes {self._wrong[0]} to {self._wrong[-1]}, signed by the log "
                f"key, are not of this history, which the checkpoint of size {size} confirms."
            )
            yield Finding(code=FindingCode.FORKED, sentence=sentence)
        if self._suspects:
            sentence = f"Between {self._confirmed} and {size} the signed root agrees with {source}."
            yield Finding(code=FindingCode.SETTLED, index=self._confirmed, last=size - 1, sentence=sentence)
        self._confirmed, self._wrong, self._wrong_count, self._suspects = size, [], 0, []

    # (8) and (9)
    def close(self, head: StoredHead | None) -> Iterator[Finding]:
        size = self.tree.size
        yield from self._check_last_roots()
        yield from self._check_truncation(size)
        if size > self._covered:
            sentence = f"Entries {self._covered} to {size - 1} are not covered by any genuine checkpoint."
            yield Finding(code=FindingCode.UNCOVERED, index=self._covered, last=size - 1, sentence=sentence)
        peaks = self.tree.peaks
        yield from self._check_head(head, peaks)
        yield from self._remarks(size, peaks)

    def _check_last_roots(self) -> Iterator[Finding]:
        if self._wrong:
            first, last = self._confirmed, self._wrong[0] - 1
            suspects = [index for index in self._suspects if first <= index <= last]
            yield self._wrong_root(first, last, sorted(set(suspects)))
        later = self._uncompared + max(0, self._wrong_count - 1)
        if later:
            sentence = f"{later} later checkpoint(s) could not be compared, because of what was found before them."
            yield Finding(code=FindingCode.ROOTS_UNCHECKED, sentence=sentence)

    def _wrong_root(self, first: int, last: int, suspects: list[int]) -> Finding:
        between = f"The log agrees with its checkpoints up to size {first}, but not with the one of size {last + 1}"
        if first >= last:
            first = last
            sentence = f"{between}: entry {last} is not what was signed."
        elif suspects:
            named = ", ".join(map(str, suspects))
            first, sentence = suspects[0], f"{between}: of entries {first} to {last}, {named} were found changed."
        else:
            sentence = f"{between}: one or more of entries {first} to {last} are not what was signed."
        return Finding(code=FindingCode.ROOT_MISMATCH, index=first, last=last, sentence=sentence)

    def _check_truncation(self, size: int) -> Iterator[Finding]:
        """What is left of the checkpoints covers more than there is; only the largest genuine one matters."""
        largest, outside = size, False
        while (item := self._peek()) is not None:
            self._next = None
            try:
                checkpoint = verify_checkpoint(item[2], self.trust.origin, self.trust.log)
            except (InputError, VerificationError) as error:
                sentence = f"The checkpoint stored for size {item[0]} is not genuine: {error.message}"
                yield Finding(code=FindingCode.BAD_CHECKPOINT, sentence=sentence)
                continue
            if not item[1] and checkpoint.size != item[0]:
                yield self._misplaced(item[0], checkpoint)
                continue
            self._covered = max(self._covered, checkpoint.size)
            if checkpoint.size > largest:
                largest, outside = checkpoint.size, bool(item[1])
        if largest > size:
            holder = "the checkpoint held outside" if outside else "a signed checkpoint"
            sentence = f"The log ends at {size} entries, but {holder} covers {largest}: {largest - size} are missing."
            yield Finding(code=FindingCode.TRUNCATED, index=size, last=largest - 1, sentence=sentence)

    def _check_head(self, head: StoredHead | None, peaks: Peaks | None) -> Iterator[Finding]:
        if head is None:
            return
        if head.size != self.tree.size:
            sentence = f"The head row says {head.size} entries; there are {self.tree.size}."
            yield Finding(code=FindingCode.HEAD_MISMATCH, sentence=sentence)
        elif peaks is not None and peaks.to_bytes() != head.peaks:
            sentence = "The peaks in the head row are not those of the entries."
            yield Finding(code=FindingCode.HEAD_MISMATCH, sentence=sentence)

    def _remarks(self, size: int, peaks: Peaks | None) -> Iterator[Finding]:
        root = "unknown" if peaks is None else peaks.root.hex()
        sentence = f"{size} entries in {self.rows.streams} streams were read; root {root}."
        yield Finding(code=FindingCode.SUMMARY, sentence=sentence)
        if self._witnessed and self._outside is not None:
            sentence = f"Entries up to {self._outside.size} are those of the checkpoint held outside."
            yield Finding(code=FindingCode.WITNESSED, sentence=sentence)
        else:
            sentence = "Not witnessed: no checkpoint held outside the gate has confirmed this history."
            yield Finding(code=FindingCode.NOT_WITNESSED, sentence=sentence)

    # (3)
    def _check_tiles(self) -> Iterator[Finding]:
        for tile in self.tree.take_tiles() if self._read_tile else ():
            stored = self._read_tile(tile.level, tile.n) if self._read_tile else b""
            if not stored:
                sentence = f"Tile {tile.n} of level {tile.level} is not stored."
                yield Finding(code=FindingCode.TILE_MISSING, sentence=sentence)
            elif len(stored) != TILE_WIDTH * HASH_SIZE:
                sentence = f"Tile {tile.n} of level {tile.level} has {len(stored)} bytes, not 256 hashes."
                yield Finding(code=FindingCode.TILE_MISMATCH, sentence=sentence)
            elif tile.level and tile_root(stored) != tile.root:
                sentence = f"Tile {tile.n} of level {tile.level} does not agree with the tiles below it."
                yield Finding(code=FindingCode.TILE_MISMATCH, sentence=sentence)

    def _peek(self) -> tuple[int, int, bytes] | None:
        if self._next is None and not self._ended:
            self._next = next(self.heads, None)
            self._ended = self._next is None
        return self._next
