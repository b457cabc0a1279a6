"""What the record holds about contributions: the first half of gathering facts.

``Records`` asks for many contributions at once, with one query a kind of row and repository, all of one moment. What
``build`` then says of a contribution is the same whatever else was asked for with it, and asks nothing more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from gate.domain.errors import NotFoundError
from gate.policy.effective import EffectivePolicy
from gate.policy.facts import (
    ApprovalFacts,
    BreakGlassFacts,
    CheckFacts,
    ClearanceFacts,
    ContributorFacts,
    DelegationFacts,
    OwedReviewFacts,
)
from gate.store import approvals, commits, contributions
from gate.store.approvals import CheckRow
from gate.store.auditlog import load_stream_version
from gate.store.contributions import ContributionRow
from gate.store.engine import Connection
from gate.store.fetch import Place
from gate.workflow.act_facts import (
    build_break_glass,
    build_clearances,
    build_delegations,
    build_owed_reviews,
    read_acts,
)
from gate.workflow.approval_facts import build_approvals, read_words
from gate.workflow.contributor_facts import build_contributors, read_makers
from gate.workflow.entry import PEOPLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One contribution as recorded. ``git_digest`` names the blob of what git said of its head.

    ``vetoed_in``: by log index, the other contribution in which a rejection among the facts was signed.
    ``people_version``: of stream ``people`` when it was read, which ends delegations without a word in this one's.
    """

    row: ContributionRow
    people_version: int
    git_digest: bytes
    contributors: tuple[ContributorFacts, ...]
    approvals: tuple[ApprovalFacts, ...]
    checks: tuple[CheckFacts, ...]
    vetoed_in: Mapping[int, ContributionRow]
    clearances: tuple[ClearanceFacts, ...]
    delegations: tuple[DelegationFacts, ...]
    break_glass: BreakGlassFacts | None
    owed_reviews: tuple[OwedReviewFacts, ...]

    @property
    def people(self) -> set[str]:
        """Everybody whose act, or whose part in one, is among the facts."""
        keys = {one.person for one in self.contributors if one.person is not None}
        keys |= {one.person for one in self.approvals} | {one.person for one in self.clearances}
        keys |= {key for one in self.delegations for key in (one.giver, one.receiver)}
        if self.break_glass is not None:
            keys |= {self.break_glass.person, *(one.person for one in self.break_glass.cosigners)}
        return keys | ({self.row.author_person} if self.row.author_person is not None else set())


class Records:
    """The rows about ``places``, read now over one connection, whose answers are all of one moment."""

    def __init__(self, connection: Connection, places: Sequence[Place], now: datetime) -> None:
        self._people_version = load_stream_version(connection, PEOPLE)
        self._rows = contributions.find_each(connection, places)
        self._revisions = contributions.revisions_each(connection, self._rows)
        self._others = {
            place: [Place(place.repository, number) for number in numbers]
            for place, numbers in commits.sharing_each(connection, self._rows).items()
        }
        others = {other for shared in self._others.values() for other in shared}
        self._makers = read_makers(connection, self._revisions, others)
        self._words = read_words(connection, self._rows, others)
        signed = [one for place in self._rows for one in self._words.signed[place]]
        self._acts = read_acts(connection, self._rows, signed, now)
        heads = {(row.repository, row.head) for row in self._rows.values()}
        self._checks = approvals.checks_each(connection, heads)

    def row(self, place: Place) -> ContributionRow:
        """Raises ``NotFoundError``."""
        if place not in self._rows:
            raise NotFoundError(f"There is no contribution {place.repository}#{place.number}.")
        return self._rows[place]

    def build(self, row: ContributionRow, policy: EffectivePolicy) -> Recorded:
        place, others = row.place, self._others[row.place]
        revisions, signed = self._revisions[place], self._words.signed[place]
        said, vetoed_in = build_approvals(self._words, row, policy, others)
        return Recorded(
            row=row,
            people_version=self._people_version,
            git_digest=revisions[-1].git_digest,
            contributors=build_contributors(self._makers, place, revisions, others),
            approvals=said,
            checks=tuple(map(_check, self._checks[row.repository, row.head])),
            vetoed_in=vetoed_in,
            clearances=build_clearances(self._acts, place),
            delegations=build_delegations(self._acts, signed),
            break_glass=build_break_glass(self._acts, place),
            owed_reviews=build_owed_reviews(self._acts, row.repository),
        )


def _check(one: CheckRow) -> CheckFacts:
    return CheckFacts(
        name=one.name,
        head=one.head,
        outcome=one.outcome,
        reporter=one.reporter,
        reporter_person=one.reporter_person,
        reported_at=one.reported_at,
    )
