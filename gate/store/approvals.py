"""Queries about signed acts (approvals, rejections, withdrawals) and reported checks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from gate.domain.approval import Act, Approval
from gate.domain.errors import NotFoundError
from gate.store.engine import Source
from gate.store.fetch import Place, fetch_all, fetch_each, fetch_one
from gate.store.tables import approval, check_report


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRow:
    """One act. ``idx`` is its audit entry; ``withdrawn_by`` the entry that took it back.

    ``kind`` None is a signature; ``freeze`` names the freeze it exempts from, and then it does nothing else.
    """

    idx: int
    repository: str
    number: int
    revision: int
    act: str
    person: str
    name: str
    role: str
    team: str | None
    meaning: str
    head: str
    target: str
    policy_digest: bytes
    signed_at: datetime
    expires_at: datetime | None
    supersedes: int | None
    withdrawn_by: int | None
    kind: str | None
    on_behalf_of: str | None
    freeze: str | None

    def to_domain(self) -> Approval:
        """The same act as the domain speaks of it."""
        return Approval(
            index=self.idx,
            act=Act(self.act),
            person=self.person,
            name=self.name,
            role=self.role,
            team=self.team,
            meaning=self.meaning,
            head=self.head,
            target=self.target,
            policy_digest=self.policy_digest,
            signed_at=self.signed_at,
            expires_at=self.expires_at,
            supersedes=self.supersedes,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRow:
    """One reported check. ``reporter`` is the token's name."""

    idx: int
    repository: str
    head: str
    name: str
    outcome: str
    reporter: str
    reporter_person: str | None
    reported_at: datetime


def load(source: Source, index: int) -> ApprovalRow:
    """One act by its log index. Raises ``NotFoundError``."""
    found = fetch_one(source, select(approval).where(approval.c.idx == index), ApprovalRow)
    if found is None:
        raise NotFoundError(f"Entry {index} of the log is no signed act.")
    return found


def standing(source: Source, repository: str, number: int) -> tuple[ApprovalRow, ...]:
    """Approvals and rejections that nobody took back, on any revision, in log order.

    A rejection took its giver's earlier approvals back; withdrawing it gives none of them again: only signing does.
    """
    place = Place(repository, number)
    return standing_each(source, (place,))[place]


def standing_each(source: Source, places: Iterable[Place]) -> dict[Place, tuple[ApprovalRow, ...]]:
    return {place: _standing(acts) for place, acts in _history_each(source, places).items()}


def _standing(acts: tuple[ApprovalRow, ...]) -> tuple[ApprovalRow, ...]:
    ended = {one.person: one.idx for one in acts if one.act == Act.REJECT and one.withdrawn_by is not None}
    return tuple(
        one
        for one in acts
        if one.withdrawn_by is None
        and one.act != Act.WITHDRAW
        and not (one.act == Act.APPROVE and one.idx < ended.get(one.person, -1))
    )


def history(source: Source, repository: str, number: int) -> tuple[ApprovalRow, ...]:
    """Every act on the contribution, withdrawn and withdrawals included, in log order."""
    place = Place(repository, number)
    return _history_each(source, (place,))[place]


def _history_each(source: Source, places: Iterable[Place]) -> dict[Place, tuple[ApprovalRow, ...]]:
    return fetch_each(source, approval.c.number, places, ApprovalRow, approval.c.idx)


def by_person(source: Source, person: str, limit: int = 100) -> tuple[ApprovalRow, ...]:
    """What one person signed, newest first."""
    query = select(approval).where(approval.c.person == person).order_by(approval.c.idx.desc()).limit(limit)
    return fetch_all(source, query, ApprovalRow)


def checks_each(source: Source, heads: Iterable[tuple[str, str]]) -> dict[tuple[str, str], tuple[CheckRow, ...]]:
    """By repository and head, the latest report per name and reporter."""
    found = fetch_each(source, check_report.c.head, heads, CheckRow, check_report.c.idx)
    return {head: _latest(reports) for head, reports in found.items()}


def _latest(reports: Iterable[CheckRow]) -> tuple[CheckRow, ...]:
    return tuple({(one.name, one.reporter): one for one in reports}.values())
