"""Acts beside approvals as facts: cleared vetoes, delegations, break-glass, and the reviews owed for it.

Only what is recorded; whether any of it counts is the policy's to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from gate.policy.facts import BreakGlassFacts, ClearanceFacts, CosignFacts, DelegationFacts, OwedReviewFacts
from gate.store import acts
from gate.store.acts import BreakGlassRow, ClearanceRow, CosignRow, DelegationRow
from gate.store.approvals import ApprovalRow
from gate.store.engine import Source
from gate.store.fetch import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Acts:
    """What was done to many contributions, by contribution; invocations with their co-signatures.

    ``live`` are the delegations that have not run out, ``given`` all that a person ever gave or received, and ``owed``
    the reviews by repository.
    """

    clearances: Mapping[Place, tuple[ClearanceRow, ...]]
    invoked: Mapping[Place, tuple[BreakGlassRow, tuple[CosignRow, ...]]]
    owed: Mapping[str, tuple[BreakGlassRow, ...]]
    live: tuple[DelegationRow, ...]
    given: Mapping[str, tuple[DelegationRow, ...]]


def read_acts(source: Source, places: Iterable[Place], signed: Iterable[ApprovalRow], now: datetime) -> Acts:
    wanted = tuple(places)
    invoked = {place: rows[-1] for place, rows in acts.invocations_each(source, wanted).items() if rows}
    givers = {one.on_behalf_of for one in signed if one.on_behalf_of is not None}
    return Acts(
        clearances=acts.clearances_each(source, wanted),
        invoked={place: (one, acts.cosigns(source, one.idx)) for place, one in invoked.items()},
        owed={name: acts.owed_reviews(source, name) for name in {place.repository for place in wanted}},
        live=acts.live_delegations(source, now),
        given={giver: acts.delegations(source, giver) for giver in givers},
    )


def build_clearances(found: Acts, place: Place) -> tuple[ClearanceFacts, ...]:
    return tuple(
        ClearanceFacts(
            index=one.idx,
            veto=one.veto,
            person=one.person,
            name=one.name,
            role=one.role,
            team=one.team,
            signed_at=one.signed_at,
        )
        for one in found.clearances[place]
    )


def build_delegations(found: Acts, signed: Iterable[ApprovalRow]) -> tuple[DelegationFacts, ...]:
    """All that have not run out, and what this contribution's approvals were given under: over, it says why not."""
    known = {one.idx: one for one in found.live}
    for approval in signed:
        if approval.on_behalf_of is not None:
            given = found.given[approval.on_behalf_of]
            known |= {one.idx: one for one in given if one.receiver == approval.person}
    return tuple(
        DelegationFacts(
            index=one.idx,
            giver=one.giver,
            receiver=one.receiver,
            role=one.role,
            team=one.team,
            starts_at=one.starts_at,
            ends_at=one.until,
        )
        for _, one in sorted(known.items())
    )


def build_break_glass(found: Acts, place: Place) -> BreakGlassFacts | None:
    """The latest invocation; whether it still holds for this head is the policy's to say. A review closes it."""
    if place not in found.invoked or found.invoked[place][0].reviewed_by is not None:
        return None
    one, cosigners = found.invoked[place]
    return BreakGlassFacts(
        index=one.idx,
        person=one.person,
        name=one.name,
        role=one.role,
        code=one.code,
        incident=one.incident,
        reason_chars=one.reason_chars,
        head=one.head,
        target=one.target,
        policy_digest=one.policy_digest.hex(),
        invoked_at=one.invoked_at,
        cosigners=tuple(map(_cosign, cosigners)),
    )


def _cosign(by: CosignRow) -> CosignFacts:
    return CosignFacts(index=by.idx, person=by.person, name=by.name, role=by.role, team=by.team, signed_at=by.signed_at)


def build_owed_reviews(found: Acts, repository: str) -> tuple[OwedReviewFacts, ...]:
    """All that are owed in the contribution's repository."""
    return tuple(
        OwedReviewFacts(index=one.idx, number=one.number, due_at=one.review_due_at) for one in found.owed[repository]
    )
