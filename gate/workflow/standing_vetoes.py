"""The vetoes that stand on a contribution now, and in which role a person could clear one: of a look, only reading."""

from __future__ import annotations

from gate.domain.contribution import ContributionState
from gate.domain.errors import NotPermittedError
from gate.domain.words import address_person
from gate.policy.approvals import Acts, read_acts
from gate.policy.change import read_change
from gate.policy.facts import ApprovalFacts
from gate.policy.prerequisites import why_unfit
from gate.policy.vetoes import read_vetoes
from gate.workflow.evaluate import Look


def find_standing(seen: Look) -> tuple[ApprovalFacts, ...]:
    """The rejections that stand as vetoes now, each read alone, so that one's clearance is not another's."""
    gathered = seen.gathered
    policy, facts = gathered.policy, gathered.facts
    if policy.policy.veto is None or facts.directory_error is not None:
        return ()
    change = read_change(policy, facts)
    rejected = read_acts(change).rejected
    return tuple(
        one
        for key, one in sorted(rejected.items(), key=lambda item: item[1].index)
        if read_vetoes(change, Acts(rejected={key: one})).standing
    )


def choose_clearing_role(seen: Look, person: str, veto: ApprovalFacts) -> tuple[str, str | None]:
    """The role (of a team) in which they could clear it. ``NotPermittedError`` with the reason why they cannot."""
    policy, facts = seen.gathered.policy.policy, seen.gathered.facts
    reader = next((one for one in facts.people if one.id == person), None)
    cleared_by = policy.veto.cleared_by if policy.veto is not None else ()
    if seen.gathered.row.state != ContributionState.OPEN:
        raise NotPermittedError("The contribution is not open; there is nothing left to clear.", code="not-open")
    if veto.person == person:
        raise NotPermittedError(
            "It is your own rejection: you take it back yourself.", code="own-veto", remedy="Withdraw it."
        )
    if not cleared_by:
        raise NotPermittedError("The policy lets nobody clear a veto.", code="no-clearing")
    excluded = next((one for one in seen.decision.excluded if one.person == person), None)
    if excluded is not None:
        raise NotPermittedError(
            f"You cannot clear it: {address_person(excluded.reason, excluded.name)}.", code="excluded"
        )
    place = next(
        (
            (one.role, one.team)
            for role in cleared_by
            for one in (reader.roles if reader else ())
            if one.role == role and (one.team is None or one.team in seen.decision.owning_teams)
        ),
        None,
    )
    if reader is None or place is None:
        raise NotPermittedError(
            f"You do not hold a role that clears vetoes here: {' or '.join(cleared_by)}.", code="no-role"
        )
    unfit = why_unfit(reader, read_change(seen.gathered.policy, facts).asking)
    if unfit is not None:
        raise NotPermittedError(f"You cannot clear it: {address_person(unfit[1], reader.name)}.", code="unfit")
    return place
