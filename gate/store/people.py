"""Queries about the registers the gate keeps of people: terms accepted, trainings imported."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from gate.store.engine import Source, reading
from gate.store.fetch import chunks, fetch_all
from gate.store.tables import terms_acceptance, training


@dataclass(frozen=True, slots=True, kw_only=True)
class TermsRow:
    """A person accepted terms (their id names the version too); ``idx`` is the signed entry."""

    person: str
    terms: str
    idx: int
    accepted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRow:
    """A completed course as last imported. ``as_of`` is the register's date, ``YYYY-MM-DD``."""

    person: str
    code: str
    valid_until: datetime | None
    as_of: str
    source: str
    idx: int


def terms(source: Source, people: Iterable[str]) -> tuple[TermsRow, ...]:
    """What these people have accepted."""
    found: list[TermsRow] = []
    with reading(source) as connection:
        for chunk in chunks(people):
            query = select(terms_acceptance).where(terms_acceptance.c.person.in_(chunk))
            found.extend(fetch_all(connection, query.order_by(terms_acceptance.c.idx), TermsRow))
    return tuple(found)


def accepted_terms(source: Source) -> tuple[TermsRow, ...]:
    """The latest acceptance of every terms that anybody accepted."""
    t = terms_acceptance.c
    latest = select(func.max(t.idx)).group_by(t.terms)
    return fetch_all(source, select(terms_acceptance).where(t.idx.in_(latest)).order_by(t.terms), TermsRow)


def trainings(source: Source, people: Iterable[str]) -> tuple[TrainingRow, ...]:
    """What these people have completed, by the last import that named it."""
    found: list[TrainingRow] = []
    with reading(source) as connection:
        for chunk in chunks(people):
            query = select(training).where(training.c.person.in_(chunk))
            found.extend(fetch_all(connection, query.order_by(training.c.person, training.c.code), TrainingRow))
    return tuple(found)
