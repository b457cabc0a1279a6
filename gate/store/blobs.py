"""Stored bytes by digest, and the erasable texts behind commitments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Engine, bindparam, delete, select

from gate.domain.errors import NotFoundError
from gate.store.engine import Source, reading, writing
from gate.store.fetch import fetch_one
from gate.store.tables import blob, free_text

_LOAD: Final = select(blob.c.bytes).where(blob.c.sha256 == bindparam("digest"))


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeTextRow:
    """What a person typed, with the salt that opens its commitment."""

    commitment: bytes
    salt: bytes
    value: str
    about: str


def load(source: Source, sha256: bytes) -> bytes:
    """The bytes with this digest. Raises ``NotFoundError``."""
    with reading(source) as connection:
        found = connection.execute(_LOAD, {"digest": sha256}).scalar_one_or_none()
    if found is None:
        raise NotFoundError(f"No stored bytes have the digest {sha256.hex()}.")
    return bytes(found)


def text_of(source: Source, commitment: bytes) -> FreeTextRow | None:
    """The text behind a commitment; None when it was erased (or never was)."""
    return fetch_one(source, select(free_text).where(free_text.c.commitment == commitment), FreeTextRow)


def erase_text(engine: Engine, commitment: bytes) -> bool:
    """Erase one text for ever; the log keeps its commitment. True when there was one."""
    with writing(engine) as connection:
        result = connection.execute(delete(free_text).where(free_text.c.commitment == commitment))
        return bool(result.rowcount)
