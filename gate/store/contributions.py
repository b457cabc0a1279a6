"""Queries about contributions, their revisions, commits and contributors.

Rows are the projections as of now; what was decided stands in the blobs they name. Every function
takes an engine or a connection (pass a connection to read several things of one moment).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, func, or_, select

from gate.domain.contribution import ContributionState
from gate.domain.errors import NotFoundError
from gate.store.engine import Source
from gate.store.fetch import Place, fetch_all, fetch_each, fetch_one, fetch_value
from gate.store.housekeeping import freshness
from gate.store.tables import contribution, contributor, revision


@dataclass(frozen=True, slots=True, kw_only=True)
class ContributionRow:
    """One contribution and its latest decision (``answer`` None: not decided yet). ``labels`` None: nobody said."""

    repository: str
    number: int
    target: str
    topic: str
    source_ref: str | None
    state: str
    draft: bool
    head: str
    tree: str
    merge_base: str
    revision: int
    opened_at: datetime
    updated_at: datetime
    author_person: str | None
    change_request: str | None
    labels: tuple[str, ...] | None
    title_commitment: bytes | None
    version: int
    answer: str | None
    decision_index: int | None
    decision_digest: bytes | None
    facts_digest: bytes | None
    policy_epoch: int | None
    decided_at: datetime | None

    @property
    def place(self) -> Place:
        return Place(self.repository, self.number)

    @property
    def id(self) -> str:
        """``ledger-core#12``."""
        return f"{self.repository}#{self.number}"

    @property
    def stream(self) -> str:
        """The audit log's stream of this contribution."""
        return f"contribution/{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionRow:
    """One revision. ``git_digest`` names the blob of its git facts; ``idx`` its audit entry."""

    repository: str
    number: int
    revision: int
    head: str
    tree: str
    target: str
    merge_base: str
    merge_tree: str | None
    pusher_login: str | None
    pusher_person: str | None
    git_digest: bytes
    recorded_at: datetime
    idx: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ContributorRow:
    """One identity on one revision; ``person`` None is unattributed, and ``how`` says why."""

    repository: str
    number: int
    revision: int
    part: str
    address: str
    person: str | None
    how: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContributionFilter:
    """What a list shows. Empty fields do not filter. ``person`` is the author or any contributor."""

    repository: str | None = None
    state: ContributionState | None = None
    answers: tuple[str, ...] = ()
    target: str | None = None
    person: str | None = None
    opened_from: datetime | None = None
    opened_to: datetime | None = None


def load(source: Source, repository: str, number: int) -> ContributionRow:
    """Raises ``NotFoundError``."""
    found = find(source, repository, number)
    if found is None:
        raise NotFoundError(f"There is no contribution {repository}#{number}.")
    return found


def find(source: Source, repository: str, number: int) -> ContributionRow | None:
    """The contribution, or None."""
    c = contribution.c
    return fetch_one(source, _ALL.where(c.repository == repository, c.number == number), ContributionRow)


def find_each(source: Source, places: Iterable[Place]) -> dict[Place, ContributionRow]:
    """Those of the contributions that there are."""
    found = fetch_each(source, contribution.c.number, places, ContributionRow)
    return {place: row for place, rows in found.items() for row in rows}


def find_open(source: Source, repository: str, target: str, topic: str) -> ContributionRow | None:
    """The open contribution of one contribution branch: a push there updates it."""
    c = contribution.c
    query = _ALL.where(c.repository == repository, c.target == target, c.topic == topic, c.state == "open")
    return fetch_one(source, query.order_by(c.number.desc()), ContributionRow)


def open_from(source: Source, repository: str, ref: str) -> tuple[ContributionRow, ...]:
    """Open contributions whose head comes from the branch ``ref``."""
    c = contribution.c
    query = _ALL.where(c.repository == repository, c.source_ref == ref, c.state == "open")
    return fetch_all(source, query.order_by(c.number), ContributionRow)


def of_topic(source: Source, repository: str, topic: str) -> tuple[ContributionRow, ...]:
    """Contributions of one branch or pull request, to whatever target and in whatever state, first to last."""
    query = _ALL.where(contribution.c.repository == repository, contribution.c.topic == topic)
    return fetch_all(source, query.order_by(contribution.c.number), ContributionRow)


def by_head(source: Source, repository: str, sha: str, target: str | None = None) -> tuple[ContributionRow, ...]:
    """Contributions whose *current* head is ``sha``: open ones first, then the newest."""
    c = contribution.c
    query = _ALL.where(c.repository == repository, c.head == sha)
    if target is not None:
        query = query.where(c.target == target)
    return fetch_all(source, query.order_by(c.state != "open", c.number.desc()), ContributionRow)


def with_revision(source: Source, repository: str, sha: str, target: str | None = None) -> tuple[RevisionRow, ...]:
    """Revisions, current or past, with this head: what makes a question stale rather than unknown."""
    r = revision.c
    query = select(revision).where(r.repository == repository, r.head == sha)
    if target is not None:
        query = query.where(r.target == target)
    return fetch_all(source, query.order_by(r.number.desc(), r.revision.desc()), RevisionRow)


def open_for(source: Source, repository: str | None = None) -> tuple[ContributionRow, ...]:
    """Every open contribution, of one repository or of all."""
    query = _ALL.where(contribution.c.state == "open")
    if repository is not None:
        query = query.where(contribution.c.repository == repository)
    return fetch_all(source, query.order_by(contribution.c.repository, contribution.c.number), ContributionRow)


def next_number(source: Source, repository: str) -> int:
    """The number a contribution opened now would get. Two may race for it; the ledger refuses the second."""
    query = select(func.max(contribution.c.number)).where(contribution.c.repository == repository)
    return (fetch_value(source, query) or 0) + 1


def list_page(
    source: Source, wanted: ContributionFilter, *, limit: int = 50, offset: int = 0
) -> tuple[ContributionRow, ...]:
    """One page of a list, last changed first."""
    c = contribution.c
    ordered = _filtered(_ALL, wanted).order_by(c.updated_at.desc(), c.repository, c.number.desc())
    return fetch_all(source, ordered.limit(limit).offset(offset), ContributionRow)


def count(source: Source, wanted: ContributionFilter) -> int:
    """How many contributions the filter lets through."""
    return int(fetch_value(source, _filtered(select(func.count()).select_from(contribution), wanted)))


def due_for_renewal(source: Source, now: datetime, limit: int = 200) -> tuple[ContributionRow, ...]:
    """Open contributions whose decision has run out by ``now``, was never made, or was never checked."""
    c, f = contribution.c, freshness.c
    fresh = and_(
        f.repository == c.repository, f.number == c.number, f.decision_digest == c.decision_digest, f.valid_until > now
    )
    query = _ALL.outerjoin(freshness, fresh).where(c.state == "open", f.number.is_(None))
    return fetch_all(source, query.order_by(c.decided_at, c.number).limit(limit), ContributionRow)


def revisions(source: Source, repository: str, number: int) -> tuple[RevisionRow, ...]:
    """Every revision, first to last."""
    place = Place(repository, number)
    return revisions_each(source, (place,))[place]


def revisions_each(source: Source, places: Iterable[Place]) -> dict[Place, tuple[RevisionRow, ...]]:
    return fetch_each(source, revision.c.number, places, RevisionRow, revision.c.revision)


def revisions_at(source: Source, heads: Iterable[tuple[str, str]]) -> dict[tuple[str, str], tuple[RevisionRow, ...]]:
    """By repository and head, the revisions with that head in any contribution."""
    return fetch_each(source, revision.c.head, heads, RevisionRow, revision.c.number, revision.c.revision)


def contributors(source: Source, repository: str, number: int) -> tuple[ContributorRow, ...]:
    """Every identity on any revision."""
    place = Place(repository, number)
    return contributors_each(source, (place,))[place]


def contributors_each(source: Source, places: Iterable[Place]) -> dict[Place, tuple[ContributorRow, ...]]:
    c = contributor.c
    return fetch_each(source, c.number, places, ContributorRow, c.revision, c.part, c.address)


def unattributed(source: Source, repository: str | None = None) -> tuple[ContributorRow, ...]:
    """Identities on open contributions that are nobody's: what ``gate people unattributed`` lists."""
    c = contributor.c
    held = and_(contribution.c.repository == c.repository, contribution.c.number == c.number)
    query = select(contributor).join(contribution, held).where(c.person.is_(None), contribution.c.state == "open")
    if repository is not None:
        query = query.where(c.repository == repository)
    return fetch_all(source, query.order_by(c.address, c.repository, c.number, c.revision), ContributorRow)


def repositories(source: Source) -> tuple[str, ...]:
    """Repositories that have any contribution."""
    query = select(contribution.c.repository).distinct().order_by(contribution.c.repository)
    return tuple(row.repository for row in fetch_all(source, query, _RepositoryName))


@dataclass(frozen=True, slots=True)
class _RepositoryName:
    repository: str


_ALL: Select[Any] = select(contribution)


def _filtered(query: Select[Any], wanted: ContributionFilter) -> Select[Any]:
    c = contribution.c
    exact: Iterable[tuple[Any, object]] = (
        (c.repository, wanted.repository),
        (c.state, wanted.state),
        (c.target, wanted.target),
    )
    query = query.where(*(column == value for column, value in exact if value is not None))
    if wanted.answers:
        query = query.where(c.answer.in_(wanted.answers))
    if wanted.person is not None:
        query = query.where(or_(c.author_person == wanted.person, _contributed(wanted.person)))
    if wanted.opened_from is not None:
        query = query.where(c.opened_at >= wanted.opened_from)
    if wanted.opened_to is not None:
        query = query.where(c.opened_at < wanted.opened_to)
    return query


def _contributed(person: str) -> Any:
    c = contributor.c
    own = (c.repository == contribution.c.repository, c.number == contribution.c.number, c.person == person)
    return select(c.number).where(*own).exists()
