"""Which rejections stand as vetoes, and which of them somebody else has cleared.

A veto stands even if its giver has lost the role since. Its giver takes it back; where the policy says so, a holder of
another role clears it: somebody active who holds that role (of an owning team) now, and who did not contribute. A
clearance names one veto and never clears a later one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gate.policy.approvals import SIGNATURE, Acts, holds_role, is_veto
from gate.policy.change import Change
from gate.policy.document import Veto
from gate.policy.facts import ApprovalFacts, ClearanceFacts, Facts
from gate.policy.prerequisites import check_approver, why_unfit


@dataclass(frozen=True, slots=True, kw_only=True)
class Vetoes:
    """``standing`` are sentences, one a veto; ``lapses`` instants at which a clearance could end."""

    standing: tuple[str, ...]
    notes: tuple[str, ...]
    lapses: tuple[datetime, ...]


def read_vetoes(change: Change, acts: Acts) -> Vetoes:
    """Every rejection that is somebody's word: a veto that stands, one that is cleared, or a note."""
    standing: list[str] = []
    notes: list[str] = []
    lapses: list[datetime] = []
    for one in sorted(acts.rejected.values(), key=lambda rejection: rejection.index):
        veto = change.policy.veto
        if veto is None or one.role not in veto.roles:
            notes.append(f"{one.name} rejected this as {one.role}, a role without a veto.")
        elif not is_veto(change, one):
            notes.append(f"{one.name} rejected the earlier head {one.head[:10]}; here a rejection ends with a push.")
        else:
            _read_veto(standing, notes, lapses, change, veto, one)
    return Vetoes(standing=tuple(standing), notes=tuple(notes), lapses=tuple(lapses))


def _read_veto(
    standing: list[str], notes: list[str], lapses: list[datetime], change: Change, veto: Veto, one: ApprovalFacts
) -> None:
    tried = sorted((each for each in change.facts.clearances if each.veto == one.index), key=lambda each: each.index)
    against = []
    for clearance in tried:
        why = _why_not_cleared(change, veto, one, clearance)
        if why is None:
            met = check_approver(change.people[clearance.person], change.asking)
            lapses += [met.lapses_at] if met.lapses_at is not None else []
            notes.append(f"{_said(one)}; {clearance.name} cleared that as {_as(clearance)} {_on(clearance.signed_at)}.")
            return
        against.append(f" {clearance.name} could not clear it: {why}.")
    or_cleared = f", or until somebody with the role {' or '.join(veto.cleared_by)} clears it"
    or_cleared = or_cleared if veto.cleared_by else ""
    standing.append(
        f"{_said(one)}; the rejection stands until they withdraw it or approve{or_cleared}.{''.join(against)}"
    )


def _said(one: ApprovalFacts) -> str:
    where = "" if one.kind == SIGNATURE else "on the forge "
    return f"{one.name} ({_as(one)}) rejected this {where}{_on(one.signed_at)}"


def _as(one: ApprovalFacts | ClearanceFacts) -> str:
    return f"{one.role} of {one.team}" if one.team is not None else one.role


def _on(at: datetime) -> str:
    return f"on {at:%Y-%m-%d %H:%M} UTC"


def _why_not_cleared(change: Change, veto: Veto, cleared: ApprovalFacts, one: ClearanceFacts) -> str | None:
    if one.index < cleared.index:
        return "what was cleared came before this rejection"
    if one.role not in veto.cleared_by:
        return f"the role {one.role} clears no veto"
    excluded = change.separation.excluded.get(one.person)
    if excluded is not None:
        return excluded.reason
    person = change.people.get(one.person)
    if person is None:
        return f"the directory says nothing about {one.name} now"
    if (unfit := why_unfit(person, change.asking)) is not None:
        return unfit[1]
    if one.team is not None and one.team not in change.owned.teams:
        return f"{one.team} owns nothing that this changes"
    if not holds_role(person, one.role, one.team) or not _is_member(one, change.facts):
        return f"{person.name} does not hold the role {_as(one)} now"
    return None


def _is_member(one: ClearanceFacts, facts: Facts) -> bool:
    """Whether the group of the role could be read and names them: what was not read makes nobody a member."""
    rows = [row for row in facts.role_members if (row.role, row.team) == (one.role, one.team)]
    return bool(rows) and all(row.error is None and one.person in row.members for row in rows)
