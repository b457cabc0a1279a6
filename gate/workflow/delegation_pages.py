"""Delegations as pages, the API and ``gate people delegations`` show them: reading only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gate.domain.clock import format_instant
from gate.domain.errors import UnavailableError
from gate.domain.words import say_span
from gate.store import acts
from gate.store.acts import DelegationRow
from gate.workflow.act_form import say_instant, say_role
from gate.workflow.delegable import find_delegable, find_places, read_own
from gate.workflow.parts import Parts
from gate.workflow.shown import SignedIn

FORMAT: Final = "gate-delegations/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class DelegationShown:
    """``state`` is coming, active, ended (before its time) or over. ``may_end``: the reader can."""

    index: int
    giver: str
    receiver: str
    role: str
    team: str | None
    starts_at: datetime
    ends_at: datetime
    state: str
    ended_at: datetime | None
    ended_by: int | None
    may_end: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DelegableShown:
    role: str
    team: str | None
    longest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DelegationsPage:
    """``may_give``: own roles that may be handed over; ``error``: why that could not be asked."""

    given: tuple[DelegationShown, ...]
    received: tuple[DelegationShown, ...]
    may_give: tuple[DelegableShown, ...]
    is_known: bool
    error: str | None


def delegations_page(parts: Parts, who: SignedIn) -> DelegationsPage:
    """What this person gave and received, that which is over included, and what they may hand over."""
    rows = acts.delegations(parts.engine, who.key)
    shown = [(row, show(row, parts.clock.now(), who.key)) for row in rows]
    may_give: tuple[DelegableShown, ...] = ()
    error = None
    try:
        _, own = read_own(parts, who.ref)
        may_give = tuple(DelegableShown(role=one.role, team=one.team, longest=say_span(one.max_period)) for one in own)
    except UnavailableError as problem:
        error = problem.message
    return DelegationsPage(
        given=tuple(one for row, one in shown if row.giver == who.key),
        received=tuple(one for row, one in shown if row.receiver == who.key),
        may_give=may_give,
        is_known=bool(find_delegable(parts.in_force())),
        error=error,
    )


def list_delegations(parts: Parts, repository: str | None = None) -> dict[str, object]:
    """Newest first, as the API and the CLI give them: ``gate-delegations/v1``.

    Everybody's, or those that could matter for one repository: of roles (of teams) that its policies know.
    ``NotFoundError``.
    """
    rows, now = acts.all_delegations(parts.engine), parts.clock.now()
    if repository is not None:
        places = find_places(parts.in_force(), repository)
        rows = tuple(row for row in rows if (row.role, row.team) in places)
    return {"format": FORMAT, "repository": repository, "delegations": [_as_json(row, now) for row in rows]}


def tell_delegations(parts: Parts) -> tuple[str, ...]:
    """One line each."""
    now = parts.clock.now()
    return tuple(
        f"{row.idx}: {row.giver_name} to {row.receiver_name}, {say_role(row.role, row.team)}, "
        f"{say_instant(row.starts_at)} to {say_instant(row.until)} ({_state(row, now)})"
        for row in acts.all_delegations(parts.engine)
    )


def show(row: DelegationRow, now: datetime, reader: str | None = None) -> DelegationShown:
    return DelegationShown(
        index=row.idx,
        giver=row.giver_name,
        receiver=row.receiver_name,
        role=row.role,
        team=row.team,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        state=_state(row, now),
        ended_at=row.ended_at,
        ended_by=row.ended_by,
        may_end=row.until > now and reader in (row.giver, row.receiver),
    )


def _state(row: DelegationRow, now: datetime) -> str:
    if row.ended_at is not None:
        return "ended"
    if row.ends_at <= now:
        return "over"
    return "active" if row.starts_at <= now else "coming"


def _as_json(row: DelegationRow, now: datetime) -> dict[str, object]:
    return {
        "index": row.idx,
        "giver": {"id": row.giver, "displayName": row.giver_name},
        "receiver": {"id": row.receiver, "displayName": row.receiver_name},
        "role": row.role,
        "team": row.team,
        "startsAt": format_instant(row.starts_at),
        "endsAt": format_instant(row.ends_at),
        "endedAt": format_instant(row.ended_at) if row.ended_at else None,
        "endedIndex": row.ended_by,
        "state": _state(row, now),
    }
