"""What would flip: the record's decisions replayed under proposed policies. Reads the record, writes nothing.

The last decision of every contribution is replayed from its stored bytes, merged and closed ones as frozen, so that
"over the history" and "right now" are one question. Nothing is asked of the directory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from math import inf
from typing import Final

from gate.policy.record import parse_decision, parse_facts
from gate.policy.registry import build_policy_set
from gate.policy.simulate import Recorded, Replayed, replay
from gate.store import blobs, contributions
from gate.store.contributions import ContributionFilter, ContributionRow
from gate.workflow.parts import Parts

PAGE: Final = 200


def simulate(
    parts: Parts,
    files: Mapping[str, bytes],
    *,
    repository: str | None = None,
    since: datetime | None = None,
    newest: int | None = None,
) -> Iterator[Replayed]:
    """Every decided contribution under the proposed ``files``, by repository and number.

    ``since``: only those decided then or later; ``newest``: only so many, last changed first. Raises ``InputError``
    with file and line for broken proposals.
    """
    proposed = build_policy_set(files)
    return replay(proposed, _recorded(parts, _decided(parts, repository, newest), since))


def recorded(parts: Parts, row: ContributionRow) -> Recorded | None:
    """The last decision of a contribution and its facts, from their stored bytes; None when it was never decided."""
    if row.decision_digest is None or row.facts_digest is None:
        return None
    decision = parse_decision(blobs.load(parts.engine, row.decision_digest))
    return Recorded(decision=decision, facts=parse_facts(blobs.load(parts.engine, row.facts_digest)))


def _recorded(parts: Parts, rows: Iterable[ContributionRow], since: datetime | None) -> Iterator[Recorded]:
    for row in rows:
        found = recorded(parts, row)
        if found is not None and (since is None or found.decision.evaluated_at >= since):
            yield found


def _decided(parts: Parts, repository: str | None, newest: int | None) -> list[ContributionRow]:
    wanted = ContributionFilter(repository=repository)
    rows: list[ContributionRow] = []
    most = newest if newest is not None else inf
    while len(rows) < most and (
        page := contributions.list_page(parts.engine, wanted, limit=int(min(PAGE, most - len(rows))), offset=len(rows))
    ):
        rows += page
    return sorted(rows, key=lambda row: (row.repository, row.number))
