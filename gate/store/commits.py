"""Queries about the commits of revisions: which contribution holds one, and who shares it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select

from gate.store.engine import Source, reading
from gate.store.fetch import chunks, fetch_all
from gate.store.tables import revision_commit


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitRow:
    """One commit of one revision. ``patch_id`` None: a merge, or empty."""

    repository: str
    number: int
    revision: int
    sha: str
    patch_id: str | None


def commits(source: Source, repository: str, number: int, revision: int | None = None) -> tuple[CommitRow, ...]:
    """Commits of one revision, or of all of them."""
    c = revision_commit.c
    query = select(revision_commit).where(c.repository == repository, c.number == number)
    if revision is not None:
        query = query.where(c.revision == revision)
    return fetch_all(source, query.order_by(c.revision, c.sha), CommitRow)


def sharing(
    source: Source, repository: str, shas: Iterable[str], patch_ids: Iterable[str], *, other_than: int
) -> tuple[CommitRow, ...]:
    """Commits of *other* contributions of the repository with one of these ids or patches."""
    c = revision_commit.c
    others = select(revision_commit).where(c.repository == repository, c.number != other_than)
    found: dict[tuple[int, int, str], CommitRow] = {}
    with reading(source) as connection:
        for column, wanted in ((c.sha, shas), (c.patch_id, patch_ids)):
            for chunk in chunks(wanted):
                for row in fetch_all(connection, others.where(column.in_(chunk)), CommitRow):
                    found[row.number, row.revision, row.sha] = row
    return tuple(found[place] for place in sorted(found))
