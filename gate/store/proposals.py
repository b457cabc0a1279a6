"""Queries about proposals of policies and who approved them. What counts is read from the signed entries instead."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from gate.domain.errors import NotFoundError
from gate.store.engine import Source
from gate.store.fetch import fetch_all, fetch_one, fetch_value
from gate.store.tables import policy_approval, policy_proposal


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalRow:
    """One proposal. ``files`` is JSON: hex digests of blobs by file name. ``state``: open, withdrawn or in-force.

    ``idx`` is the entry that proposed it, ``ended_idx`` the one that withdrew or activated it.
    """

    number: int
    files: str
    base_epoch: int
    digest: bytes
    proposer: str
    name: str
    proposed_at: datetime
    effective_at: datetime | None
    state: str
    idx: int
    ended_idx: int | None

    @property
    def index(self) -> dict[str, str]:
        """``files`` parsed."""
        parsed: dict[str, str] = json.loads(self.files)
        return parsed

    @property
    def stream(self) -> str:
        return f"proposal/{self.number}"


def load(source: Source, number: int) -> ProposalRow:
    """Raises ``NotFoundError``."""
    found = fetch_one(source, select(policy_proposal).where(policy_proposal.c.number == number), ProposalRow)
    if found is None:
        raise NotFoundError(f"There is no policy proposal {number}.", remedy="See the page of policies.")
    return found


def by_entry(source: Source, index: int) -> ProposalRow:
    """The proposal that audit entry ``index`` made. Raises ``NotFoundError``."""
    found = fetch_one(source, select(policy_proposal).where(policy_proposal.c.idx == index), ProposalRow)
    if found is None:
        raise NotFoundError(f"Audit entry {index} proposes no policies.")
    return found


def next_number(source: Source) -> int:
    """The number of the next proposal. Two may race for it; the ledger refuses the second."""
    return (fetch_value(source, select(func.max(policy_proposal.c.number))) or 0) + 1


def newest(source: Source, limit: int = 50) -> tuple[ProposalRow, ...]:
    """The last proposals, newest first."""
    query = select(policy_proposal).order_by(policy_proposal.c.number.desc()).limit(limit)
    return fetch_all(source, query, ProposalRow)


def approved_counts(source: Source) -> dict[int, int]:
    """How many approved each proposal."""
    a = policy_approval.c
    query = select(a.proposal, func.count().label("count")).group_by(a.proposal)
    return {row.proposal: row.count for row in fetch_all(source, query, _Count)}


@dataclass(frozen=True, slots=True)
class _Count:
    proposal: int
    count: int
