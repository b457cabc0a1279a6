"""Vetoes as pages show them: who could clear which, what it is about, and that a clearance holds here alone."""

from __future__ import annotations

from gate.domain.contribution import ContributionState
from gate.domain.errors import NotPermittedError
from gate.policy.approvals import SIGNATURE
from gate.policy.facts import ApprovalFacts
from gate.store import acts, contributions
from gate.store.contributions import ContributionRow
from gate.workflow.act_form import say_instant
from gate.workflow.evaluate import Look
from gate.workflow.free_text import text_of
from gate.workflow.gather import numbers_sharing
from gate.workflow.parts import Parts
from gate.workflow.sign_shown import VetoShown
from gate.workflow.standing_vetoes import choose_clearing_role, find_standing
from gate.workflow.timeline import build_timeline


def find_vetoes(parts: Parts, seen: Look, person: str) -> tuple[VetoShown, ...]:
    """The vetoes that stand, and whether this person could clear each."""
    here = seen.gathered.row
    return tuple(
        VetoShown(
            index=one.index,
            name=one.name.rstrip(","),
            may_clear=_may_clear(seen, person, one),
            cleared_in=tuple(
                f"{each.repository}#{each.number}"
                for each in acts.clearances_of(parts.engine, one.index)
                if each.number != here.number
            ),
        )
        for one in find_standing(seen)
    )


def _may_clear(seen: Look, person: str, veto: ApprovalFacts) -> bool:
    try:
        choose_clearing_role(seen, person, veto)
    except NotPermittedError:
        return False
    return True


def describe_veto(parts: Parts, row: ContributionRow, veto: ApprovalFacts) -> tuple[tuple[str, str], ...]:
    """What somebody is about to clear, as pairs of name and value."""
    (item,) = build_timeline(parts, (parts.log.entry(veto.index),))
    is_signed = veto.kind == SIGNATURE
    return (
        ("Contribution", f"{row.id} {text_of(parts, row.title_commitment) or ''}".strip()),
        ("Head commit", row.head),
        ("The veto", item.sentence),
        ("Signed on" if is_signed else "Given on", say_instant(veto.signed_at)),
        ("Reason given", item.reason or "erased" if is_signed else "on the forge, not here"),
    )


def say_afterwards(parts: Parts, row: ContributionRow) -> str:
    """What clearing does and does not."""
    said = f"{row.id} is decided anew without this veto; whoever gave it can reject anew, which is another veto."
    others = [
        one.id
        for number in numbers_sharing(parts.engine, row.repository, row.number)
        for one in (contributions.load(parts.engine, row.repository, number),)
        if one.state == ContributionState.OPEN and one.target == row.target
    ]
    if not others:
        return f"{said} It is cleared for {row.id} alone."
    hold, it_stands = ("holds", "there it stands until it is cleared there too")
    if len(others) > 1:
        hold, it_stands = ("hold", "it stands in each of them until it is cleared there too")
    return f"{said} It is cleared for {row.id} alone: {' and '.join(others)} {hold} the same work, and {it_stands}."
