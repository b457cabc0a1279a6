"""Queries about the commits of revisions: which contributions of a repository share one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import Select, select

from gate.store.engine import Source, reading
from gate.store.fetch import REPOSITORY, VALUES, Place, by_repository
from gate.store.tables import revision_commit

_ONE, _OTHER = revision_commit.alias("one"), revision_commit.alias("other")


def sharing_each(source: Source, places: Iterable[Place]) -> dict[Place, tuple[int, ...]]:
    """For each contribution, the others of its repository that share a commit or patch, whatever became of them."""
    found: dict[Place, set[int]] = {place: set() for place in places}
    with reading(source) as connection:
        for wanted in by_repository(found):
            for query in (_SAME_COMMIT, _SAME_PATCH):
                for repository, number, other in connection.execute(query, wanted):
                    found[Place(repository, number)].add(other)
    return {place: tuple(sorted(others)) for place, others in found.items()}


def _sharing(column: str) -> Select[Any]:
    query = select(_ONE.c.repository, _ONE.c.number, _OTHER.c.number).distinct()
    query = query.where(_ONE.c.repository == REPOSITORY, _ONE.c.number.in_(VALUES))
    same = (_OTHER.c.repository == _ONE.c.repository, _OTHER.c[column] == _ONE.c[column])
    return query.where(*same, _OTHER.c.number != _ONE.c.number)


_SAME_COMMIT: Final = _sharing("sha")
_SAME_PATCH: Final = _sharing("patch_id")
