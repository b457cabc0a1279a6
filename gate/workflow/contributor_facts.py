"""Contributors as facts: who made a change, who else had a part in the same work, and heads nobody answers for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from gate.policy.facts import ContributorFacts
from gate.store import contributions
from gate.store.contributions import ContributorRow, RevisionRow
from gate.store.engine import Source
from gate.store.fetch import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Makers:
    """Who made many contributions, and those of the same work, by contribution; ``pushes`` by repository and head."""

    seen: Mapping[Place, tuple[ContributorRow, ...]]
    pushes: Mapping[tuple[str, str], tuple[RevisionRow, ...]]


def read_makers(source: Source, revisions: Mapping[Place, Sequence[RevisionRow]], others: Iterable[Place]) -> Makers:
    untold = {(place.repository, head) for place, rows in revisions.items() for head in _untold(rows)}
    return Makers(
        seen=contributions.contributors_each(source, {*revisions, *others}),
        pushes=contributions.revisions_at(source, untold),
    )


def build_contributors(
    makers: Makers, place: Place, revisions: Sequence[RevisionRow], others: Iterable[Place]
) -> tuple[ContributorFacts, ...]:
    """One fact an identity and part, with the revisions it was seen in.

    Who had a part in another contribution that shares a commit or patch had one in this (INV-03).
    """
    shared = _identities(row for other in others for row in makers.seen[other])
    return (
        *_identities(makers.seen[place]),
        *(replace(one, part="shared", revisions=()) for one in shared if one.person is not None),
        *_unsaid_pushers(makers, place, revisions),
    )


def _identities(rows: Iterable[ContributorRow]) -> tuple[ContributorFacts, ...]:
    found: dict[tuple[str, str, str | None, str], set[int]] = {}
    for row in rows:
        found.setdefault((row.part, row.address, row.person, row.how), set()).add(row.revision)
    return tuple(
        ContributorFacts(part=part, address=address, person=person, how=how, revisions=tuple(sorted(revisions)))
        for (part, address, person, how), revisions in sorted(found.items(), key=lambda item: str(item[0]))
    )


def _untold(revisions: Iterable[RevisionRow]) -> dict[str, list[int]]:
    """By head, the revisions of one contribution, where it was never told who pushed that head."""
    told = {one.head for one in revisions if one.pusher_login is not None}
    found: dict[str, list[int]] = {}
    for one in revisions:
        if one.head not in told:
            found.setdefault(one.head, []).append(one.revision)
    return found


def _unsaid_pushers(makers: Makers, place: Place, revisions: Iterable[RevisionRow]) -> tuple[ContributorFacts, ...]:
    """Heads of which nobody said who pushed them (CI does not know, a delivery was lost): INV-01, INV-03.

    Addresses in commits are claims; without the git server's word anybody may stand behind them. Whoever
    tells it later, here or for another contribution of the repository, mends this.
    """
    return tuple(
        ContributorFacts(
            part="pusher", address="Whoever pushed it", person=None, how="unsaid", revisions=tuple(numbers)
        )
        for head, numbers in _untold(revisions).items()
        if not any(one.pusher_person for one in makers.pushes[place.repository, head])
    )
