"""Queries about approvals that an entry carried to a later revision."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from gate.store.engine import Source
from gate.store.fetch import Place, fetch_each
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
    place = Place(repository, number)
    return carried_each(source, (place,))[place]


def carried_each(source: Source, places: Iterable[Place]) -> dict[Place, tuple[CarriedRow, ...]]:
    c = approval_carried.c
    return fetch_each(source, c.number, places, CarriedRow, c.idx)
