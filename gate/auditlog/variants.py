"""Three trees grown side by side by the checker, because the same leaf is stored up to three times.

The bytes of an entry give one leaf hash, the column beside them holds one, and a stored tile may hold a third. While
they agree there is one tree. When they do not, a signed root says which of them is what was signed: the checker names
the others, carries on from the right one, and can so place a second change that comes after the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from gate.auditlog.merkle import CompletedTile, Peaks

_BATCH = 4096
"""Leaves held before they are folded in: bounds memory when checkpoints are far apart."""


class Source(StrEnum):
    """Where a leaf hash came from."""

    BYTES = "the entries' bytes"
    ROWS = "the recorded leaf hashes"
    TILES = "the tiles"


class TreeVariants:
    """The trees that bytes, rows and tiles make. One of them is given up when a leaf is unknown to it."""

    def __init__(self) -> None:
        self.size = 0
        self._trees: dict[Source, Peaks | None] = dict.fromkeys(Source, Peaks())
        self._pending: dict[Source, list[bytes]] = {source: [] for source in Source}
        self._tiles: list[CompletedTile] = []

    @property
    def is_lost(self) -> bool:
        """Whether no tree can be continued: some leaf is known to none of the three."""
        return not any(self._trees.values())

    @property
    def peaks(self) -> Peaks | None:
        """The tree that the entries' bytes make, if no entry was missing."""
        self._fold()
        return self._trees[Source.BYTES]

    def add(self, computed: bytes | None, recorded: bytes | None, tile: bytes | None) -> None:
        """The next leaf, as each source has it. Beyond the tiles their tree follows the rows."""
        leaves = (computed, recorded, tile or recorded)
        for source, leaf in zip(Source, leaves, strict=True):
            if leaf is None:
                self._trees[source] = None
            else:
                self._pending[source].append(leaf)
        self.size += 1
        if self.size % _BATCH == 0:
            self._fold()

    def jump(self, size: int) -> None:
        """Goes on at ``size`` without knowing the leaves in between."""
        self._fold()
        self._trees = dict.fromkeys(Source)
        self.size = size

    def settle(self, root: bytes) -> Source | None:
        """The source that gives ``root``; all go on from its tree. None, and nothing changes, if none does."""
        self._fold()
        for source, tree in self._trees.items():
            if tree is not None and tree.root == root:
                self._trees = dict.fromkeys(Source, tree)
                return source
        return None

    def take_tiles(self) -> Sequence[CompletedTile]:
        """The tiles completed since the last call, with the roots that the stored tiles below them give."""
        tiles, self._tiles = self._tiles, []
        return tiles

    def _fold(self) -> None:
        last: tuple[Peaks, list[bytes], Peaks, tuple[CompletedTile, ...]] | None = None
        for source, leaves in self._pending.items():
            tree = self._trees[source]
            if tree is None or not leaves:
                continue
            if last is None or tree is not last[0] or leaves != last[1]:  # Nearly always equal: fold once.
                last = (tree, leaves, *tree.extend(leaves))
            self._trees[source] = last[2]
            if source is Source.TILES:
                self._tiles += last[3]
        self._pending = {source: [] for source in Source}
