"""What a proposal would change, before anybody signs it: sentences, flips over the record, lapsing approvals, tests.

Reads the record and writes nothing; the directory is asked for groups only, and may be away. The replay is bounded,
because a person waits for it: ``gate policy simulate`` looks at everything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from gate.domain.approval import Act
from gate.domain.errors import NotFoundError
from gate.policy.activation import diff_activation
from gate.policy.difference import diff_policies
from gate.policy.registry import PolicySet, build_policy_set
from gate.policy.simulate import replay
from gate.store import approvals, contributions, forge_reviews
from gate.store.approvals import ApprovalRow
from gate.store.contributions import ContributionFilter
from gate.store.forge_reviews import ForgeReviewRow
from gate.workflow.forge_words import find_words
from gate.workflow.parts import Parts
from gate.workflow.proposal import digests_of
from gate.workflow.proposal_shown import Effects, Lapse, Trial
from gate.workflow.proposal_tests import run_tests
from gate.workflow.simulate import recorded, simulate
from gate.workflow.vet import show_findings

REPLAYED: Final = 500
CHOICES: Final = 100


def build_effects(parts: Parts, files: Mapping[str, bytes]) -> Effects:
    """Against what is in force now. Raises ``InputError`` with file and line for broken files."""
    before, after = parts.in_force().policies, build_policy_set(files)
    replayed = tuple(simulate(parts, files, newest=REPLAYED))
    flips = [one for one in replayed if one.flips]
    findings, groups_error = show_findings(parts, after, files)
    removed, added = diff_activation(before.registry.activation, after.registry.activation)
    return Effects(
        removed=removed,
        added=added,
        differences=diff_policies(before, after),
        flips=tuple(one for one in flips if one.is_told),
        untold=tuple(one for one in flips if not one.is_told),
        looked_at=len(replayed),
        total=contributions.count(parts.engine, ContributionFilter()),
        lapses=tuple(_lapses(parts, before, after)),
        tests=run_tests(after, digests_of(files)),
        findings=findings,
        groups_error=groups_error,
    )


def list_tried(parts: Parts) -> tuple[str, ...]:
    """Names of contributions that can be tried, last changed first."""
    rows = contributions.list_page(parts.engine, ContributionFilter(), limit=CHOICES)
    return tuple(row.id for row in rows if row.decision_digest is not None)


def build_trial(parts: Parts, files: Mapping[str, bytes], repository: str, number: int) -> Trial:
    """One contribution under the proposed files, on the facts of its last decision. ``NotFoundError``."""
    found = recorded(parts, contributions.load(parts.engine, repository, number))
    if found is None:
        raise NotFoundError(f"{repository}#{number} has not been decided yet.", remedy="Choose another one.")
    one = next(replay(build_policy_set(files), [found]))
    return Trial(
        repository=repository,
        number=number,
        revision=one.revision,
        before=one.before,
        after=one.after,
        unread=one.unread,
    )


def _lapses(parts: Parts, before: PolicySet, after: PolicySet) -> Iterator[Lapse]:
    """Approvals bind the effective policy (INV-02): where it changes, those of open contributions count no more."""
    for row in contributions.open_for(parts.engine):
        old, new = before.policy_for(row.repository, row.target), after.policy_for(row.repository, row.target)
        if old is None or (new is not None and new.digest == old.digest):
            continue
        given: list[ApprovalRow | ForgeReviewRow] = list(approvals.standing(parts.engine, row.repository, row.number))
        given += [one.row for one in find_words(forge_reviews.history(parts.engine, row.repository, row.number))]
        given = [
            one
            for one in given
            if one.act == Act.APPROVE and one.head == row.head and one.policy_digest.hex() == old.digest
        ]
        if given:
            yield Lapse(repository=row.repository, number=row.number, count=len(given))
