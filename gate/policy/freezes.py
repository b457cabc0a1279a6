"""Which freezes hold now for this change, and who may let it through.

A freeze holds from its start to its end (half-open) for its branches and levels, whoever reviewed what: what a rule
leaves out of scope it stops too. An exemption is asked like any requirement and matched with all others, so one person
fills one slot of rules and exemptions together; the approvals that give it name the freeze and do nothing else.
A freeze that nobody may exempt from ends by its time alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from gate.policy.change import Change
from gate.policy.decision import FreezeResult, RequirementResult
from gate.policy.document import Freeze
from gate.policy.fill_words import name_filled
from gate.policy.paths import branch_name, matches_any
from gate.policy.requirements import Need, expand_requirement


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """``holding`` are the freezes that hold now; ``lapses`` when one of this change's freezes starts or ends."""

    holding: tuple[Freeze, ...] = ()
    lapses: tuple[datetime, ...] = ()


def find_freezes(change: Change) -> Frozen:
    """The freezes of the policy for this change."""
    now = change.facts.now
    meant = [one for one in change.policy.freezes if _is_meant(one, change)]
    return Frozen(
        holding=tuple(one for one in meant if one.start <= now < one.end),
        lapses=tuple(at for one in meant for at in (one.start, one.end)),
    )


def _is_meant(one: Freeze, change: Change) -> bool:
    """A change without a level is at all of them."""
    if one.branches and not matches_any(one.branches, branch_name(change.facts.target)):
        return False
    return not one.levels or change.level is None or change.level.is_at(one.levels)


def expand_exemptions(frozen: Frozen, change: Change) -> tuple[Need, ...]:
    """What would exempt from each freeze that holds, one need each; none where nobody may."""
    return tuple(
        need
        for one in frozen.holding
        if one.exempt is not None
        for need in expand_requirement(one.id, f"{one.id}/exempt", one.exempt, change, freeze=one.id)
    )


def read_freezes(frozen: Frozen, exemptions: Mapping[str, RequirementResult]) -> tuple[FreezeResult, ...]:
    """Each freeze that holds with its exemption, given or not. ``exemptions`` are by freeze id."""
    return tuple(_read_freeze(one, exemptions.get(one.id)) for one in frozen.holding)


def _read_freeze(one: Freeze, exempt: RequirementResult | None) -> FreezeResult:
    frozen = f"Frozen by {one.id} until {one.end:%Y-%m-%d %H:%M} UTC: {one.because.rstrip('.')}"
    if exempt is None:
        return FreezeResult(id=one.id, sentence=f"{frozen}. Nobody may exempt from it.", until=one.end)
    if not exempt.missing:
        by = " and ".join(name_filled(filled) for filled in exempt.filled)
        sentence = f"{by} exempted this from the freeze {one.id}, which ends {one.end:%Y-%m-%d %H:%M} UTC."
        indexes = tuple(sorted(filled.index for filled in exempt.filled))
        return FreezeResult(id=one.id, sentence=sentence, until=one.end, exempt=exempt, exempted_by=indexes)
    return FreezeResult(id=one.id, sentence=f"{frozen}. To be exempt: {exempt.sentence}.", until=one.end, exempt=exempt)
