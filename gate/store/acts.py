"""Queries about acts beside approvals: cleared vetoes, delegations, break-glass with its co-signatures and reviews."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, or_, select

from gate.domain.errors import NotFoundError
from gate.store.engine import Source
from gate.store.fetch import Place, fetch_all, fetch_each, fetch_one
from gate.store.tables import approval, break_glass, break_glass_cosign, contribution, delegation, veto_clearance


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearanceRow:
    """A veto (``veto``: its audit entry) cleared by somebody in ``role``."""

    idx: int
    repository: str
    number: int
    veto: int
    person: str
    name: str
    role: str
    team: str | None
    signed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DelegationRow:
    """A role handed over from ``starts_at`` to ``ends_at`` (half-open), or to ``ended_at`` if it was ended before."""

    idx: int
    giver: str
    giver_name: str
    receiver: str
    receiver_name: str
    role: str
    team: str | None
    starts_at: datetime
    ends_at: datetime
    ended_by: int | None
    ended_at: datetime | None

    @property
    def until(self) -> datetime:
        return self.ends_at if self.ended_at is None else min(self.ends_at, self.ended_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakGlassRow:
    """An invocation. ``reviewed_by`` is the entry of the independent review, None while it is owed."""

    idx: int
    repository: str
    number: int
    revision: int
    head: str
    target: str
    policy_digest: bytes
    person: str
    name: str
    role: str
    code: str
    incident: str
    reason_chars: int
    reason_commitment: bytes
    invoked_at: datetime
    review_role: str
    review_due_at: datetime
    reviewed_by: int | None
    reviewed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CosignRow:
    idx: int
    invocation: int
    person: str
    name: str
    role: str
    team: str | None
    signed_at: datetime


def clearances_each(source: Source, places: Iterable[Place]) -> dict[Place, tuple[ClearanceRow, ...]]:
    return fetch_each(source, veto_clearance.c.number, places, ClearanceRow, veto_clearance.c.idx)


def clearances_of(source: Source, veto: int) -> tuple[ClearanceRow, ...]:
    """Every clearance of one veto, whatever the contribution."""
    c = veto_clearance.c
    return fetch_all(source, select(veto_clearance).where(c.veto == veto).order_by(c.idx), ClearanceRow)


def delegations(source: Source, person: str) -> tuple[DelegationRow, ...]:
    """All that ``person`` gave or received, newest first."""
    c = delegation.c
    query = select(delegation).where(or_(c.giver == person, c.receiver == person)).order_by(c.idx.desc())
    return fetch_all(source, query, DelegationRow)


def live_delegations(source: Source, now: datetime) -> tuple[DelegationRow, ...]:
    """All that have not run out at ``now``, those that start later included."""
    c = delegation.c
    query = select(delegation).where(and_(c.ends_at > now, or_(c.ended_at.is_(None), c.ended_at > now)))
    return fetch_all(source, query.order_by(c.idx), DelegationRow)


def all_delegations(source: Source, limit: int = 1_000) -> tuple[DelegationRow, ...]:
    """Everybody's, those that are over included, newest first."""
    return fetch_all(source, select(delegation).order_by(delegation.c.idx.desc()).limit(limit), DelegationRow)


def signed_under(source: Source, one: DelegationRow) -> tuple[Place, ...]:
    """Open contributions on which the receiver signed for the giver in this role, and it stands."""
    a, c = approval.c, contribution.c
    query = (
        select(a.repository, a.number)
        .distinct()
        .join(contribution, and_(c.repository == a.repository, c.number == a.number))
        .where(c.state == "open", a.withdrawn_by.is_(None), a.person == one.receiver, a.on_behalf_of == one.giver)
        .where(a.role == one.role, a.team.is_(None) if one.team is None else a.team == one.team)
    )
    return fetch_all(source, query.order_by(a.repository, a.number), Place)


def load_delegation(source: Source, idx: int) -> DelegationRow:
    """Raises ``NotFoundError``."""
    found = fetch_one(source, select(delegation).where(delegation.c.idx == idx), DelegationRow)
    if found is None:
        raise NotFoundError(f"There is no delegation with audit entry {idx}.")
    return found


def invocation(source: Source, repository: str, number: int) -> BreakGlassRow | None:
    """The latest break-glass on a contribution."""
    place = Place(repository, number)
    return next(reversed(invocations_each(source, (place,))[place]), None)


def invocations_each(source: Source, places: Iterable[Place]) -> dict[Place, tuple[BreakGlassRow, ...]]:
    """All on each contribution, in log order."""
    return fetch_each(source, break_glass.c.number, places, BreakGlassRow, break_glass.c.idx)


def invocations(source: Source, repository: str | None = None) -> tuple[BreakGlassRow, ...]:
    """All of them, newest first; of one repository or of all."""
    query = select(break_glass).order_by(break_glass.c.idx.desc())
    if repository is not None:
        query = query.where(break_glass.c.repository == repository)
    return fetch_all(source, query, BreakGlassRow)


def cosigns(source: Source, invoked: int) -> tuple[CosignRow, ...]:
    c = break_glass_cosign.c
    return fetch_all(source, select(break_glass_cosign).where(c.invocation == invoked).order_by(c.idx), CosignRow)


def owed_reviews(source: Source, repository: str | None = None) -> tuple[BreakGlassRow, ...]:
    """Invocations that were co-signed and not yet reviewed, by due date; of one repository or of all.

    Without a co-signature an invocation let nothing through, and nothing is owed for it.
    """
    c = break_glass.c
    signed = select(break_glass_cosign.c.idx).where(break_glass_cosign.c.invocation == c.idx).exists()
    query = select(break_glass).where(c.reviewed_by.is_(None), signed)
    if repository is not None:
        query = query.where(c.repository == repository)
    return fetch_all(source, query.order_by(c.review_due_at, c.idx), BreakGlassRow)
