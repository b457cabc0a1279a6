"""Acts beside approvals as facts: cleared vetoes, delegations, break-glass, and the reviews owed for it.

Only what is recorded; whether any of it counts is the policy's to say.
"""

from __future__ import annotations

from datetime import datetime

from gate.policy.facts import BreakGlassFacts, ClearanceFacts, CosignFacts, DelegationFacts, OwedReviewFacts
from gate.store import acts, approvals
from gate.store.contributions import ContributionRow
from gate.store.engine import Source


def read_clearances(source: Source, row: ContributionRow) -> tuple[ClearanceFacts, ...]:
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
        for one in acts.clearances(source, row.repository, row.number)
    )


def read_delegations(source: Source, row: ContributionRow, now: datetime) -> tuple[DelegationFacts, ...]:
    """All that have not run out, and what this contribution's approvals were given under: over, it says why not."""
    found = {one.idx: one for one in acts.live_delegations(source, now)}
    for approval in approvals.standing(source, row.repository, row.number):
        if approval.on_behalf_of is not None:
            given = acts.delegations(source, approval.on_behalf_of)
            found |= {one.idx: one for one in given if one.receiver == approval.person}
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
        for _, one in sorted(found.items())
    )


def read_break_glass(source: Source, row: ContributionRow) -> BreakGlassFacts | None:
    """The latest invocation; whether it still holds for this head is the policy's to say. A review closes it."""
    one = acts.invocation(source, row.repository, row.number)
    if one is None or one.reviewed_by is not None:
        return None
    cosigners = tuple(
        CosignFacts(index=by.idx, person=by.person, name=by.name, role=by.role, team=by.team, signed_at=by.signed_at)
        for by in acts.cosigns(source, one.idx)
    )
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
        cosigners=cosigners,
    )


def read_owed_reviews(source: Source, row: ContributionRow) -> tuple[OwedReviewFacts, ...]:
    """All that are owed in the contribution's repository."""
    return tuple(
        OwedReviewFacts(index=one.idx, number=one.number, due_at=one.review_due_at)
        for one in acts.owed_reviews(source, row.repository)
    )
