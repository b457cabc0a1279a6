"""Queries about evidence packs that were issued."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from gate.store.engine import Source
from gate.store.fetch import fetch_all, fetch_one
from gate.store.tables import pack_issued


@dataclass(frozen=True, slots=True, kw_only=True)
class PackRow:
    """One pack: its period ``[period_from, period_to)``, file digest, and the log size it speaks of."""

    idx: int
    pack_id: str
    sha256: bytes
    repository: str
    period_from: datetime
    period_to: datetime
    tree_size: int
    by_person: str
    at: datetime


def find(source: Source, pack_id: str) -> PackRow | None:
    """One pack by its id, or None."""
    return fetch_one(source, select(pack_issued).where(pack_issued.c.pack_id == pack_id), PackRow)


def newest(source: Source, repository: str | None = None, limit: int = 50) -> tuple[PackRow, ...]:
    """The last packs, newest first."""
    query = select(pack_issued)
    if repository is not None:
        query = query.where(pack_issued.c.repository == repository)
    return fetch_all(source, query.order_by(pack_issued.c.idx.desc()).limit(limit), PackRow)
