"""One row of a list of contributions, and what a page looks up about several of them, each thing once."""

from __future__ import annotations

from gate.domain.contribution import ContributionState
from gate.domain.words import leave_out_answer
from gate.policy.decision import Answer, Decision
from gate.store import contributions as stored
from gate.store.contributions import ContributionRow
from gate.workflow.free_text import text_of
from gate.workflow.names import Names
from gate.workflow.parts import Parts
from gate.workflow.robots import Robots
from gate.workflow.shown import ContributionItem
from gate.workflow.unapproved import Unapproved


class Labels:
    """What one page looks up about several contributions, each thing once."""

    def __init__(self, parts: Parts) -> None:
        self.names = Names(parts)
        self.robots = Robots(parts, self.names)
        self.unapproved = Unapproved(parts)


def build_item(parts: Parts, row: ContributionRow, decision: Decision | None, names: Labels) -> ContributionItem:
    has_landed = row.state == ContributionState.MERGED
    return ContributionItem(
        repository=row.repository,
        number=row.number,
        title=text_of(parts, row.title_commitment),
        author=_author(parts, row, names),
        from_teams=decision.contributing_teams if decision else (),
        to_teams=decision.owning_teams if decision else (),
        target=row.target,
        head=row.head,
        state=ContributionState(row.state),
        answer=Answer(row.answer) if row.answer else None,
        ask=leave_out_answer(decision.answer, decision.summary) if decision else "Not yet decided.",
        opened_at=row.opened_at,
        updated_at=row.updated_at,
        unapproved_in=names.unapproved.mode_of(row.repository, row.number) if has_landed else None,
    )


def _author(parts: Parts, row: ContributionRow, names: Labels) -> str:
    if row.author_person is not None:
        return names.robots.of_person(row.author_person, row.repository) or names.names.of(row.author_person)
    robot = names.robots.first_of(stored.contributors(parts.engine, row.repository, row.number))
    return robot or names.names.of(None)
