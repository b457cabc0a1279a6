"""Queries about what landed on protected branches, and how far each branch has been walked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from gate.store.engine import Source
from gate.store.fetch import fetch_all, fetch_one, fetch_value
from gate.store.tables import branch_tip, landing


@dataclass(frozen=True, slots=True, kw_only=True)
class LandingRow:
    """One first-parent commit of a protected branch, and the class it is counted in.

    ``seq`` counts the branch's commits from 1; ``step_before``..``step_after`` is the landing step it
    belongs to; ``head`` the approved head and ``number`` the contribution, None when unexplained.
    """

    repository: str
    branch: str
    seq: int
    commit: str
    kind: str
    step_before: str
    step_after: str
    head: str | None
    number: int | None
    classification: str
    landed_at: datetime
    idx: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchTipRow:
    """How far a protected branch has been walked."""

    repository: str
    branch: str
    tip: str
    idx: int


def tip(source: Source, repository: str, branch: str) -> BranchTipRow | None:
    """The last recorded tip; None before the branch was first walked."""
    b = branch_tip.c
    return fetch_one(source, select(branch_tip).where(b.repository == repository, b.branch == branch), BranchTipRow)


def tips(source: Source, repository: str) -> tuple[BranchTipRow, ...]:
    """Every branch of the repository that was ever walked, with its last recorded tip."""
    b = branch_tip.c
    query = select(branch_tip).where(b.repository == repository).order_by(b.branch)
    return fetch_all(source, query, BranchTipRow)


def next_seq(source: Source, repository: str, branch: str) -> int:
    """The sequence number of the next commit that lands on the branch."""
    c = landing.c
    query = select(func.max(c.seq)).where(c.repository == repository, c.branch == branch)
    return (fetch_value(source, query) or 0) + 1


def between(
    source: Source, repository: str, start: datetime, end: datetime, branch: str | None = None
) -> tuple[LandingRow, ...]:
    """What landed in ``[start, end)``, in order."""
    c = landing.c
    query = select(landing).where(c.repository == repository, c.landed_at >= start, c.landed_at < end)
    if branch is not None:
        query = query.where(c.branch == branch)
    return fetch_all(source, query.order_by(c.branch, c.seq), LandingRow)


def classified(source: Source, repository: str, classes: Sequence[str]) -> tuple[LandingRow, ...]:
    """Every commit counted in one of these classes, in the order they landed."""
    c = landing.c
    query = select(landing).where(c.repository == repository, c.classification.in_(classes))
    return fetch_all(source, query.order_by(c.idx, c.branch, c.seq), LandingRow)


def newest(source: Source, repository: str, branch: str, limit: int = 50) -> tuple[LandingRow, ...]:
    """The last commits of a branch, newest first."""
    c = landing.c
    query = select(landing).where(c.repository == repository, c.branch == branch)
    return fetch_all(source, query.order_by(c.seq.desc()).limit(limit), LandingRow)
