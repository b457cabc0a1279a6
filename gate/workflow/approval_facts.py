"""Approvals and rejections as facts: what people signed, what they said on a forge, and where else they rejected it.

Only what is recorded; whether any of it counts is the policy's to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from gate.domain.approval import Act
from gate.policy.effective import EffectivePolicy
from gate.policy.facts import ApprovalFacts
from gate.store import approvals, carried, contributions, forge_reviews
from gate.store.approvals import ApprovalRow
from gate.store.carried import CarriedRow
from gate.store.contributions import ContributionRow
from gate.store.engine import Source
from gate.workflow.forge_words import build_review_facts


def read_approvals(
    source: Source, row: ContributionRow, policy: EffectivePolicy, others: Iterable[int]
) -> tuple[tuple[ApprovalFacts, ...], Mapping[int, ContributionRow]]:
    """In log order, and by index the other contribution in which a rejection among them was given.

    ``others`` are contributions of the same work. A rejection survives a push, so it survives its branch being deleted
    and pushed again, and the same work being proposed beside it (INV-01). Whether it is a veto is the policy's to say.
    """
    here = _carried_here(source, row)
    signed = approvals.standing(source, row.repository, row.number)
    found = [_carried(_approval(one), here.get(one.idx)) for one in signed]
    found += build_review_facts(forge_reviews.history(source, row.repository, row.number), policy)
    vetoed_in: dict[int, ContributionRow] = {}
    for number in others:
        where = contributions.load(source, row.repository, number)
        if where.target == row.target:
            elsewhere = _rejections_in(source, where, policy)
            vetoed_in |= {one.index: where for one in elsewhere}
            found += elsewhere
    return tuple(sorted(found, key=lambda one: one.index)), vetoed_in


def _rejections_in(source: Source, where: ContributionRow, policy: EffectivePolicy) -> list[ApprovalFacts]:
    told = f", in {where.id},"
    signed = (_approval(one) for one in approvals.standing(source, where.repository, where.number))
    found = [replace(one, name=f"{one.name}{told}") for one in signed if one.act == Act.REJECT]
    said = forge_reviews.history(source, where.repository, where.number)
    return [*found, *build_review_facts(said, policy, only=Act.REJECT, told=told)]


def _carried_here(source: Source, row: ContributionRow) -> dict[int, CarriedRow]:
    """By approval, the entry that carried it to the head."""
    return {one.approval: one for one in carried.carried(source, row.repository, row.number) if one.head == row.head}


def _carried(approval: ApprovalFacts, by: CarriedRow | None) -> ApprovalFacts:
    if by is None or approval.head != by.from_head:
        return approval
    return replace(approval, head=by.head, carried_from=by.from_head, carried_by=by.proof)


def _approval(one: ApprovalRow) -> ApprovalFacts:
    return ApprovalFacts(
        index=one.idx,
        act=one.act,
        person=one.person,
        name=one.name,
        role=one.role,
        team=one.team,
        meaning=one.meaning,
        head=one.head,
        target=one.target,
        policy_digest=one.policy_digest.hex(),
        signed_at=one.signed_at,
        expires_at=one.expires_at,
        on_behalf_of=one.on_behalf_of,
        kind=one.kind or "signature",
        freeze=one.freeze,
    )
