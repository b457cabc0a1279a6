"""Queries about reviews that were given on a forge: what was said there, newest word or not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, select

from gate.store.engine import Source
from gate.store.fetch import Place, fetch_all, fetch_each
from gate.store.tables import contribution, forge_review


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgeReviewRow:
    """One review as a forge delivered it. ``act`` is that of an approval, ``withdraw`` for one dismissed there.

    ``account`` and ``login`` are the reviewer's on the forge; ``person`` None: the login is nobody's, and ``how`` says
    why. ``roles`` are those the person held when it was recorded, as ``role`` or ``role of team``.
    """

    idx: int
    repository: str
    number: int
    revision: int
    act: str
    forge: str
    review: str
    account: str
    login: str
    person: str | None
    how: str
    name: str
    roles: tuple[str, ...]
    head: str
    target: str
    policy_digest: bytes
    submitted_at: datetime
    recorded_at: datetime
    expires_at: datetime | None


def history(source: Source, repository: str, number: int) -> tuple[ForgeReviewRow, ...]:
    """Every review of the contribution, in log order."""
    place = Place(repository, number)
    return history_each(source, (place,))[place]


def history_each(source: Source, places: Iterable[Place]) -> dict[Place, tuple[ForgeReviewRow, ...]]:
    return fetch_each(source, forge_review.c.number, places, ForgeReviewRow, forge_review.c.idx)


def unattributed(source: Source) -> tuple[ForgeReviewRow, ...]:
    """Reviews of open contributions by logins that are nobody's, and of which nothing is known since."""
    c, f, since = contribution.c, forge_review.c, forge_review.alias()
    held = and_(c.repository == f.repository, c.number == f.number)
    same = (since.c.repository == f.repository, since.c.number == f.number, since.c.forge == f.forge)
    later = select(since.c.idx).where(*same, since.c.review == f.review, since.c.idx > f.idx).exists()
    query = select(forge_review).join(contribution, held).where(f.person.is_(None), c.state == "open", ~later)
    return fetch_all(source, query.order_by(f.login, f.idx), ForgeReviewRow)
