"""What the applicable rules ask for, need by need, and whether it can be told who could give it.

``each_owning_team`` makes one need for every team that owns a changed path. Who fills the needs is ``filling``'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import assert_never

from gate.policy.change import Change
from gate.policy.decision import Reason
from gate.policy.document import Of, Requirement, Rule
from gate.policy.facts import Facts, RoleMembers
from gate.policy.ownership import Owned


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One requirement; ``places`` are the (role, team) it accepts, team None for a role that is not per team.

    ``freeze``: it asks for an exemption from that freeze, which ``rule`` then names. ``is_waived`` by a break-glass.
    ``not_admitted``: by person, why its expression does not let their approval count.
    """

    rule: str
    id: str
    ask: Requirement
    places: tuple[tuple[str, str | None], ...]
    freeze: str | None = None
    is_waived: bool = False
    not_admitted: Mapping[str, str] = field(default_factory=dict)

    @property
    def team(self) -> str | None:
        return self.places[0][1] if len(self.places) == 1 else None

    @property
    def who(self) -> str:
        """ "maintainer of ledger", "maintainer of ledger or payments", "maintainer of ledger or qa"."""
        words = []
        for role in self.ask.roles:
            teams = [team for name, team in self.places if name == role and team is not None]
            words.append(f"{role} of {' or '.join(teams)}" if teams else role)
        return " or ".join(words)

    def fits(self, role: str, team: str | None) -> bool:
        return (role, team) in self.places


def expand(rule: Rule, change: Change) -> tuple[Need, ...]:
    """The needs of one applicable rule; never none, because somebody owns every path."""
    needs: list[Need] = []
    for number, ask in enumerate(rule.require, 1):
        needs += expand_requirement(rule.id, f"{rule.id}/{number}", ask, change)
    return tuple(needs)


def expand_requirement(
    name: str, id: str, ask: Requirement, change: Change, *, freeze: str | None = None
) -> tuple[Need, ...]:
    """One requirement of ``name`` (a rule, a freeze …): a need for every team asked on its own, or one for any."""
    needs = []
    for teams in _asked(ask.of, change.owned):
        suffix = f"/{teams[0]}" if ask.of is Of.EACH_OWNING_TEAM else ""
        places: list[tuple[str, str | None]] = []
        for role in ask.roles:
            places += [(role, team) for team in teams] if change.policy.role(role).is_per_team else [(role, None)]
        needs.append(Need(rule=name, id=f"{id}{suffix}", ask=ask, places=tuple(places), freeze=freeze))
    return tuple(needs)


def _asked(of: Of | None, owned: Owned) -> list[tuple[str, ...]]:
    match of:
        case None:
            return [()]
        case Of.EACH_OWNING_TEAM:
            return [(team,) for team in owned.teams]
        case Of.ANY_OWNING_TEAM:
            return [owned.own_teams]
        case _:
            assert_never(of)


def find_fault(need: Need, facts: Facts) -> Reason | None:
    """Why it cannot be told who holds the role: unread, unreadable or empty. Never taken for "nobody"."""
    rows = member_rows(need, facts)
    for role, team in need.places:
        name = f"{role} of {team}" if team is not None else role
        row = rows.get((role, team))
        if row is None:
            return Reason(
                code="missing-facts", rule=need.rule, sentence=f"The members of the role {name} were not read."
            )
        if row.error is not None:
            return Reason(
                code="group-unreadable",
                rule=need.rule,
                sentence=f"The group of the role {name} ({row.group_dn}) could not be read: {row.error}",
            )
    if not any(row.members for row in rows.values()):
        groups = ", ".join(row.group_dn for row in rows.values())
        return Reason(
            code="group-empty",
            rule=need.rule,
            sentence=f"Nobody holds the role {need.who}: the group {groups} is empty.",
        )
    return None


def member_rows(need: Need, facts: Facts) -> dict[tuple[str, str | None], RoleMembers]:
    """Who holds the accepted roles, as far as it was read."""
    return {(row.role, row.team): row for row in facts.role_members if (row.role, row.team) in need.places}
