"""What reviewers on a forge say now: from all their recorded reviews to their word, and from that to facts.

A reviewer's newest review is their word, by the forge's time and number, not by when it was delivered. One that was
dismissed there is taken back for good: it never comes again, and no older approval does in its place; an older change
request that nobody dismissed stands again. Whatever an account says later ends its approval, also when it is nobody's
by then; a change request ends only by that person's approval or its dismissal. Ties go to the stricter.

A review has no role and no meaning. As an approval it may stand in wherever the policy lets a review stand in for a
role the reviewer held when it was recorded; as a rejection it counts where the policy lets their approval count, and
nowhere else. Whether either counts is the evaluator's question, which asks the role again, live.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from gate.domain.approval import Act
from gate.policy.approvals import FORGE_REVIEW
from gate.policy.effective import EffectivePolicy
from gate.policy.facts import ApprovalFacts
from gate.store.forge_reviews import ForgeReviewRow

Held = tuple[str, str | None]
_STRICTER = (Act.APPROVE, Act.REJECT, Act.WITHDRAW)


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """The review that is somebody's word, and the roles they held when giving it."""

    row: ForgeReviewRow
    roles: tuple[Held, ...]


def write_role(role: str, team: str | None) -> str:
    """How a row keeps a role: ``qa``, ``maintainer:ledger``."""
    return role if team is None else f"{role}:{team}"


def read_role(text: str) -> Held:
    role, _, team = text.partition(":")
    return role, team or None


def why_no_news(rows: Iterable[ForgeReviewRow], new: ForgeReviewRow) -> str | None:
    """Why a delivery tells nothing that is not on record. What is older than that is news, and overturns nothing."""
    same = [one for one in rows if (one.forge, one.review) == (new.forge, new.review)]
    if any(one.act == Act.WITHDRAW for one in same):
        return f"review {new.review} is on record as dismissed"
    if any((one.act, one.person) == (new.act, new.person) for one in same):
        return f"review {new.review} is on record"
    return None


def _rank(one: ForgeReviewRow) -> tuple[datetime, int, int]:
    """The order in which reviews were given; GitHub's numbers grow, others have none."""
    number = int(one.review) if one.review.isascii() and one.review.isdigit() else 0
    return one.submitted_at, number, _STRICTER.index(Act(one.act))


def find_words(rows: Iterable[ForgeReviewRow]) -> tuple[Word, ...]:
    """By person, the approval or change request that is their word now; in log order."""
    ordered = sorted(rows, key=lambda one: (*_rank(one), one.idx))
    dismissed = {(one.forge, one.review) for one in ordered if one.act == Act.WITHDRAW}
    words = []
    for person in {one.person for one in ordered if one.person is not None}:
        own = [one for one in ordered if one.person == person]
        standing = [one for one in own if (one.forge, one.review) not in dismissed]
        accounts = {(one.forge, one.account) for one in own}
        newest = [one for one in ordered if one.person == person or (one.forge, one.account) in accounts][-1]
        if standing and standing[-1].act == Act.REJECT:
            words.append(Word(row=standing[-1], roles=_roles(_last_rejections(standing))))
        elif standing and standing[-1] is newest:
            words.append(Word(row=newest, roles=_roles([newest])))
    return tuple(sorted(words, key=lambda one: one.row.idx))


def _last_rejections(standing: list[ForgeReviewRow]) -> list[ForgeReviewRow]:
    """To say it again in fewer roles takes nothing back."""
    ended = max((at for at, one in enumerate(standing) if one.act != Act.REJECT), default=-1)
    return standing[ended + 1 :]


def _roles(rows: Iterable[ForgeReviewRow]) -> tuple[Held, ...]:
    return tuple(sorted({read_role(role) for one in rows for role in one.roles}, key=str))


def build_review_facts(
    rows: Iterable[ForgeReviewRow], policy: EffectivePolicy, *, only: Act | None = None, told: str = ""
) -> Iterator[ApprovalFacts]:
    """The words of reviewers as the evaluator reads acts. ``told`` goes with the name: where else it was said."""
    for word in find_words(rows):
        if only is not None and word.row.act != only:
            continue
        places = _rejecting(word, policy) if word.row.act == Act.REJECT else _approving(word, policy)
        for role, team, meaning in places:
            yield _fact(word.row, role, team, meaning, told)


def _approving(word: Word, policy: EffectivePolicy) -> list[tuple[str, str | None, str]]:
    """Each place where it may stand in; where there is none, one place, so that the decision says why not."""
    asks = [ask for rule in policy.policy.rules for ask in rule.require]
    places = [
        (ask.forge_review, (role, team, ask.meaning)) for ask in asks for role, team in word.roles if role in ask.roles
    ]
    admitted = [place for is_admitted, place in places if is_admitted]
    return sorted(set(admitted), key=str) or [place for _, place in places[:1]]


def _rejecting(word: Word, policy: EffectivePolicy) -> list[tuple[str, str | None, str]]:
    """One place, in a role with a veto if they held one."""
    admitted = {role for rule in policy.policy.rules for ask in rule.require if ask.forge_review for role in ask.roles}
    vetoing = policy.policy.veto.roles if policy.policy.veto is not None else ()
    held = sorted((one for one in word.roles if one[0] in admitted), key=lambda one: (one[0] not in vetoing, str(one)))
    return [(role, team, "rejection") for role, team in held[:1]]


def _fact(row: ForgeReviewRow, role: str, team: str | None, meaning: str, told: str) -> ApprovalFacts:
    if row.person is None:
        raise AssertionError("nobody's review is nobody's word")
    return ApprovalFacts(
        index=row.idx,
        act=row.act,
        person=row.person,
        name=f"{row.name}{told}",
        role=role,
        team=team,
        meaning=meaning,
        head=row.head,
        target=row.target,
        policy_digest=row.policy_digest.hex(),
        signed_at=min(row.submitted_at, row.recorded_at),
        expires_at=row.expires_at,
        kind=FORGE_REVIEW,
    )
