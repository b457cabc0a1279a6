"""The tree cut into tiles, as C2SP tlog-tiles lays it out (v0.1.0): coordinates, paths, bundles, proofs.

- Tile ``n`` at ``level`` holds up to 256 hashes; its slot ``i`` is the root over the 256^level leaves from
  ``(256 n + i) * 256^level``. A tile is full once and for ever; only the right edge is partial.
- Paths: ``tile/<level>/<n>[.p/<width>]`` and ``tile/entries/<n>[.p/<width>]``, ``n`` in groups of three digits, all but
  the last after an ``x``: 1234067 is ``x001/x234/067``.
- An entry bundle is (16-bit big-endian length, entry) for each entry.

Where tiles are stored is the caller's business: it answers as a ``TileReader``.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from gate.auditlog.merkle import HASH_SIZE, MAX_TREE, TILE_HEIGHT, NodeReader, Peaks, build_root
from gate.domain.errors import InputError, VerificationError

TILE_WIDTH = 256
MAX_ENTRY = 65_535
"""Bytes: what the 16-bit length in a bundle can say."""
MAX_LEVEL = 7
"""Levels 0 to 7 hold any tree below 2^64 leaves."""

TileReader = Callable[[int, int], bytes]
"""``(level, n)`` to the tile's 32-byte hashes, one after the other: all 256, or those that exist so far."""

_PATH = re.compile(r"tile/(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class TileCoordinate:
    """One tile, or one entry bundle when ``level`` is None. ``width`` is 256 unless partial."""

    level: int | None
    n: int
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        """``tile/0/x001/x234/067.p/8``."""
        digits = f"{self.n:03d}"
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
        number = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
        partial = "" if self.width == TILE_WIDTH else f".p/{self.width}"
        return f"tile/{'entries' if self.level is None else self.level}/{number}{partial}"


def parse_tile_path(path: str) -> TileCoordinate:
    """The reverse of ``TileCoordinate.path``: one spelling per tile. Raises ``InputError``."""
    parts = _PATH.fullmatch(path) if len(path) <= 64 and path.isascii() else None
    if parts is None:
        raise InputError("This is not the path of a tile.", field="path")
    level, number, width = parts.groups()
    coordinate = TileCoordinate(
        level=None if level == "entries" else int(level),
        n=int(number.replace("x", "").replace("/", "")),
        width=int(width or TILE_WIDTH),
    )
    is_inside = coordinate.width <= TILE_WIDTH and (coordinate.level or 0) <= MAX_LEVEL
    if coordinate.path != path or not is_inside or coordinate.n > MAX_TREE // TILE_WIDTH:
        raise InputError("This is not the path of a tile.", field="path")
    return coordinate


def list_tiles(size: int) -> Iterator[TileCoordinate]:
    """Every tile of a tree of ``size`` leaves, level by level, the partial one at the right edge last."""
    level = 0
    while hashes := size >> (TILE_HEIGHT * level):
        full, rest = divmod(hashes, TILE_WIDTH)
        yield from (TileCoordinate(level=level, n=n) for n in range(full))
        if rest:
            yield TileCoordinate(level=level, n=full, width=rest)
        level += 1


def build_node_reader(read: TileReader) -> NodeReader:
    """A ``NodeReader`` over tiles. Each tile is read once in the reader's life: make one per proof."""
    tiles: dict[tuple[int, int], bytes] = {}

    def read_node(height: int, index: int) -> bytes:
        level, spread = divmod(height, TILE_HEIGHT)
        first = index << spread
        n, slot = divmod(first, TILE_WIDTH)
        if (level, n) not in tiles:
            tiles[level, n] = read(level, n)
        return tile_root(tiles[level, n], slot, 1 << spread)

    return read_node


def tile_root(tile: bytes, slot: int = 0, width: int = TILE_WIDTH) -> bytes:
    """The root over ``width`` hashes of a tile from ``slot``. Raises ``VerificationError`` when some are missing."""
    hashes = tile[slot * HASH_SIZE : (slot + width) * HASH_SIZE]
    if len(hashes) != width * HASH_SIZE:
        raise VerificationError("A stored tile lacks hashes that the tree needs.", code="bad-tile")
    if width == 1:
        return hashes
    leaves = (hashes[at : at + HASH_SIZE] for at in range(0, len(hashes), HASH_SIZE))
    return Peaks().extend(leaves)[0].root


def build_tree_root(read: TileReader, size: int) -> bytes:
    """The root of the tree as it was at ``size`` leaves."""
    return build_root(build_node_reader(read), 0, size)


def encode_bundle(entries: Iterable[bytes]) -> bytes:
    """Up to 256 entries as one bundle. Raises ``InputError`` for an entry of more than ``MAX_ENTRY`` bytes."""
    parts = []
    for entry in entries:
        if len(entry) > MAX_ENTRY:
            raise InputError(f"An entry has {len(entry)} bytes; at most {MAX_ENTRY} fit.", code="too-large")
        parts += [struct.pack(">H", len(entry)), entry]
    if len(parts) > 2 * TILE_WIDTH:
        raise InputError("A bundle holds at most 256 entries.", field="bundle")
    return b"".join(parts)


def parse_bundle(raw: bytes) -> tuple[bytes, ...]:
    """The entries of a bundle. Raises ``InputError`` when it is cut or holds more than 256."""
    entries: list[bytes] = []
    at = 0
    while at < len(raw):
        end = at + 2 + int.from_bytes(raw[at : at + 2], "big")
        if at + 2 > len(raw) or end > len(raw) or len(entries) == TILE_WIDTH:
            raise InputError("The entry bundle is cut, or holds more than 256 entries.", field="bundle")
        entries.append(raw[at + 2 : end])
        at = end
    return tuple(entries)
