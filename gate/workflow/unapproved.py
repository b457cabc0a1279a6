"""What is on protected branches although nobody approved it: contributions that landed so, and unexplained commits.

Read from the recorded landings. The mode is the one the landing's own entry names, not today's.
"""

from __future__ import annotations

from typing import Final

from gate.domain.contribution import Mode
from gate.evidence.twin import Outcome
from gate.store import landings
from gate.store.landings import LandingRow
from gate.workflow.parts import Parts
from gate.workflow.shown import UnexplainedShown
from gate.workflow.timeline import read_statement

_UNAPPROVED: Final = (Outcome.OBSERVED.value, Outcome.UNEXPLAINED.value)


class Unapproved:
    """Looks each repository up once for one page."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._found: dict[str, dict[int, LandingRow]] = {}

    def mode_of(self, repository: str, number: int) -> Mode | None:
        """The mode in which this contribution landed without an approval; None when it did not."""
        if repository not in self._found:
            rows = landings.classified(self._parts.engine, repository, _UNAPPROVED)
            self._found[repository] = {row.number: row for row in rows if row.number is not None}
        row = self._found[repository].get(number)
        if row is None:
            return None
        return Mode(str(read_statement(self._parts, row.idx).predicate["mode"]))


def unexplained(parts: Parts, repository: str) -> tuple[UnexplainedShown, ...]:
    """Commits on protected branches that no contribution explains, newest first."""
    rows = landings.classified(parts.engine, repository, (Outcome.UNEXPLAINED.value,))
    return tuple(
        UnexplainedShown(
            commit=row.commit, branch=row.branch, landed_at=row.landed_at, index=row.idx, number=row.number
        )
        for row in reversed(rows)
    )
