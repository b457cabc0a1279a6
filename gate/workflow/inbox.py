"""What wants a person's signature, what they wait for, and what was decided lately. Only what is recorded: no look."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from gate.domain.contribution import ContributionState
from gate.policy.decision import Answer, Decision
from gate.policy.exceptions import Open, find_open
from gate.store import approvals
from gate.store import contributions as stored
from gate.store.contributions import ContributionFilter, ContributionRow
from gate.workflow.act_form import say_role
from gate.workflow.evaluate import recorded_decision
from gate.workflow.items import Labels, build_item
from gate.workflow.override_list import owed_to
from gate.workflow.parts import Parts
from gate.workflow.shown import Inbox, SignedIn

DECIDED: Final = 10


def inbox(parts: Parts, who: SignedIn) -> Inbox:
    """What wants this person's signature, what they wait for, and what they had a part in and was decided lately."""
    names = Labels(parts)
    needs, waiting, elsewhere = [], [], 0
    for row in stored.open_for(parts.engine):
        decision = recorded_decision(parts, row)
        item = build_item(parts, row, decision, names)
        wanted = say_ask(decision, who.key)
        if wanted is not None:
            needs.append(replace(item, ask=wanted))
        elif row.author_person == who.key:
            waiting.append(item)
        else:
            elsewhere += 1
    return Inbox(
        needs_you=tuple(sorted(needs, key=lambda item: item.opened_at)),
        waiting=tuple(waiting),
        decided=tuple(build_item(parts, row, recorded_decision(parts, row), names) for row in _decided(parts, who.key)),
        open_elsewhere=elsewhere,
        reviews=owed_to(parts, who),
    )


def _decided(parts: Parts, person: str) -> tuple[ContributionRow, ...]:
    """What landed lately and this person wrote, or signed."""
    theirs = ContributionFilter(state=ContributionState.MERGED, person=person)
    found = {row.id: row for row in stored.list_page(parts.engine, theirs, limit=DECIDED)}
    signed = dict.fromkeys((act.repository, act.number) for act in approvals.by_person(parts.engine, person))
    for repository, number in signed:
        row = stored.load(parts.engine, repository, number)
        if row.state == ContributionState.MERGED:
            found[row.id] = row
    return tuple(sorted(found.values(), key=lambda row: row.updated_at, reverse=True)[:DECIDED])


def say_ask(decision: Decision | None, person: str) -> str | None:
    """The one sentence of what is asked of ``person``, None when nothing is."""
    if decision is None or decision.answer is not Answer.PENDING:
        return None
    asked = ((one, each) for one in find_open(decision) for each in one.need.candidates if each.person == person)
    return next((_say_open(one, each.on_behalf_of) for one, each in asked), None)


def _say_open(one: Open, giver: str | None) -> str:
    role = say_role(one.need.role, one.need.team)
    whose = f", in the name of {giver}" if giver is not None else ""
    if one.is_exemption:
        return f"Let it through the freeze {one.of}, as {role}{whose}."
    return f"Review and sign as {role}{whose}."
