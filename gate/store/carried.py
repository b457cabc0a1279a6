"""Queries about approvals that an entry carried to a later revision."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from gate.store.engine import Source
from gate.store.fetch import fetch_all
from gate.store.tables import approval_carried


@dataclass(frozen=True, slots=True, kw_only=True)
class CarriedRow:
    """The approval with audit entry ``approval``, given for ``from_head``, carried to ``head`` because of ``proof``."""

    idx: int
    approval: int
    repository: str
    number: int
    revision: int
    from_head: str
    head: str
    proof: str
    carried_at: datetime


def carried(source: Source, repository: str, number: int) -> tuple[CarriedRow, ...]:
    """All of one contribution, in log order."""
    c = approval_carried.c
    query = select(approval_carried).where(c.repository == repository, c.number == number)
    return fetch_all(source, query.order_by(c.idx), CarriedRow)
