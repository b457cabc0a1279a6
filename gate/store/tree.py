"""The Merkle tree in the database: the head's peaks, finished tiles, and readers for proofs.

Layout (C2SP tlog-tiles, 256 wide): ``log_tile(level, n)`` holds the 256 hashes of a finished tile and
its root; the right edge, not yet a tile, is read from ``log_entry.leaf_hash`` (level 0) or from the
roots of the tiles below. Nothing is written twice. All hashing is ``gate.auditlog.merkle``'s.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection, insert, select, text

from gate.auditlog.merkle import CompletedTile, Peaks
from gate.auditlog.tiles import TILE_WIDTH, TileReader, build_tree_root
from gate.domain.errors import InputError, UnavailableError
from gate.store.tables import log_head, log_tile

_HEAD: Final = select(log_head.c.size, log_head.c.peaks).where(log_head.c.id == 1)
_LOCKED_HEAD: Final = _HEAD.with_for_update()
_TILE: Final = insert(log_tile).inline()


def load_head(connection: Connection, *, lock: bool = False) -> Peaks:
    """The head row; with ``lock``, held until the transaction ends (SQLite: the writers' lock does that).

    Raises ``UnavailableError``: misconfigured (no head), damaged (peaks that make no tree).
    """
    found = connection.execute(_LOCKED_HEAD if lock else _HEAD).one_or_none()
    if found is None:
        raise UnavailableError("The log has no head.", code="misconfigured", remedy="Run the migrations.")
    try:
        return Peaks.from_bytes(found.size, bytes(found.peaks))
    except InputError as error:
        raise _damaged("The log's head row holds peaks that do not make a tree of its size.") from error


def write_tiles(connection: Connection, completed: Iterable[CompletedTile]) -> None:
    """Store tiles that an append completed, lower levels first. The leaves are in ``log_entry`` already."""
    for tile in completed:
        start = tile.n * TILE_WIDTH
        hashes = load_hashes(connection, tile.level, start, start + TILE_WIDTH)
        if len(hashes) != TILE_WIDTH:
            raise _damaged(f"Tile {tile.n} of level {tile.level} lacks hashes that the log must have.")
        values = {"level": tile.level, "n": tile.n, "root": tile.root, "hashes": b"".join(hashes)}
        connection.execute(_TILE, values)


def load_hashes(connection: Connection, level: int, start: int, end: int) -> list[bytes]:
    """Hashes ``start``..``end`` of a level, as far as they exist: leaves at 0, roots of finished tiles above."""
    if level == 0:
        return _load_leaves(connection, start, end)
    roots = select(log_tile.c.root).where(log_tile.c.level == level - 1, log_tile.c.n >= start, log_tile.c.n < end)
    return list(connection.execute(roots.order_by(log_tile.c.n)).scalars())


# In one row: SQLite's driver lets go of the interpreter lock for each row it reads, in the middle of an append.
_LEAVES: Final = {
    "sqlite": text("SELECT json_group_object(idx, hex(leaf_hash)) FROM log_entry WHERE idx >= :start AND idx < :end"),
    "postgresql": text(
        "SELECT CAST(json_object_agg(idx, encode(leaf_hash, 'hex')) AS text)"
        " FROM log_entry WHERE idx >= :start AND idx < :end"
    ),
}


def _load_leaves(connection: Connection, start: int, end: int) -> list[bytes]:
    found = connection.execute(_LEAVES[connection.dialect.name], {"start": start, "end": end}).scalar_one()
    leaves = {int(index): bytes.fromhex(leaf) for index, leaf in json.loads(found or "{}").items()}
    return [leaves[index] for index in sorted(leaves)]


def build_tile_reader(connection: Connection) -> TileReader:
    """Tiles as stored; the partial one at the right edge is put together from what lies below it."""

    def read(level: int, n: int) -> bytes:
        stored = select(log_tile.c.hashes).where(log_tile.c.level == level, log_tile.c.n == n)
        found: bytes | None = connection.execute(stored).scalar_one_or_none()
        if found is not None:
            return bytes(found)
        return b"".join(load_hashes(connection, level, n * TILE_WIDTH, (n + 1) * TILE_WIDTH))

    return read


def load_root(connection: Connection, size: int) -> bytes:
    """The root the stored tree had at ``size`` leaves."""
    return build_tree_root(build_tile_reader(connection), size)


def _damaged(message: str) -> UnavailableError:
    return UnavailableError(message, code="damaged", remedy="Run gate audit: it names what was changed.")
