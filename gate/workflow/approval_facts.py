"""Approvals and rejections as facts: what people signed, what they said on a forge, and where else they rejected it.

Only what is recorded; whether any of it counts is the policy's to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from gate.domain.approval import Act
from gate.policy.effective import EffectivePolicy
from gate.policy.facts import ApprovalFacts
from gate.store import approvals, carried, contributions, forge_reviews
from gate.store.approvals import ApprovalRow
from gate.store.carried import CarriedRow
from gate.store.contributions import ContributionRow
from gate.store.engine import Source
from gate.store.fetch import Place
from gate.store.forge_reviews import ForgeReviewRow
from gate.workflow.forge_words import build_review_facts


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What was said of many contributions, and of those of the same work, by contribution."""

    rows: Mapping[Place, ContributionRow]
    signed: Mapping[Place, tuple[ApprovalRow, ...]]
    reviews: Mapping[Place, tuple[ForgeReviewRow, ...]]
    carried: Mapping[Place, tuple[CarriedRow, ...]]


def read_words(source: Source, rows: Mapping[Place, ContributionRow], others: Iterable[Place]) -> Words:
    every = {**contributions.find_each(source, others), **rows}
    return Words(
        rows=every,
        signed=approvals.standing_each(source, every),
        reviews=forge_reviews.history_each(source, every),
        carried=carried.carried_each(source, rows),
    )


def build_approvals(
    words: Words, row: ContributionRow, policy: EffectivePolicy, others: Iterable[Place]
) -> tuple[tuple[ApprovalFacts, ...], dict[int, ContributionRow]]:
    """In log order, and by index the other contribution in which a rejection among them was given.

    ``others`` are contributions of the same work. A rejection survives a push, so it survives its branch being deleted
    and pushed again, and the same work being proposed beside it (INV-01). Whether it is a veto is the policy's to say.
    """
    here = {one.approval: one for one in words.carried[row.place] if one.head == row.head}
    found = [_carried(_approval(one), here.get(one.idx)) for one in words.signed[row.place]]
    found += build_review_facts(words.reviews[row.place], policy)
    vetoed_in: dict[int, ContributionRow] = {}
    for where in (words.rows[other] for other in others):
        if where.target == row.target:
            elsewhere = _rejections_in(words, where, policy)
            vetoed_in |= {one.index: where for one in elsewhere}
            found += elsewhere
    return tuple(sorted(found, key=lambda one: one.index)), vetoed_in


def _rejections_in(words: Words, where: ContributionRow, policy: EffectivePolicy) -> list[ApprovalFacts]:
    told = f", in {where.id},"
    signed = (_approval(one) for one in words.signed[where.place] if one.act == Act.REJECT)
    found = [replace(one, name=f"{one.name}{told}") for one in signed]
    return [*found, *build_review_facts(words.reviews[where.place], policy, only=Act.REJECT, told=told)]


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
