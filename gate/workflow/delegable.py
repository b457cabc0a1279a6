"""Which roles the policies in force let people hand over, and which of them a person holds: read live."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from gate.domain.people import PersonRef, RoleGroup, RoleSnapshot
from gate.policy.effective import EffectivePolicy
from gate.workflow.force import InForce
from gate.workflow.gather import readable_groups
from gate.workflow.group_check import read_groups
from gate.workflow.parts import Parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Delegable:
    """A role (of a team) that some policy lets hand over, for ``max_period`` where it lets it longest."""

    role: str
    team: str | None
    max_period: timedelta


def find_delegable(force: InForce) -> tuple[Delegable, ...]:
    """The union over the policies in force."""
    return tuple(found for found, _ in _collect(force))


def find_places(force: InForce, repository: str) -> frozenset[tuple[str, str | None]]:
    """The roles, of which teams, that the policies of one repository know. ``NotFoundError``."""
    force.repository(repository)
    return frozenset(
        (role.name, group.team)
        for effective in _policies(force)
        if effective.repository.id == repository
        for role in effective.policy.roles
        for group in _groups(effective, role.name)
    )


def read_own(parts: Parts, ref: PersonRef) -> tuple[RoleSnapshot, tuple[Delegable, ...]]:
    """The person, and what they hold in the directory of what may be handed over. ``UnavailableError``."""
    known = _collect(parts.in_force())
    groups = {group for _, mine in known for group in mine}
    asked = readable_groups(
        read_groups(parts, sorted(groups, key=lambda one: (one.role, one.team or "", one.group_dn)))
    )
    snapshot = parts.directory.snapshot(ref, asked)
    held = {(one.role, one.team) for one in snapshot.grants}
    return snapshot, tuple(one for one, _ in known if (one.role, one.team) in held)


def _collect(force: InForce) -> list[tuple[Delegable, frozenset[RoleGroup]]]:
    found: dict[tuple[str, str | None], tuple[Delegable, frozenset[RoleGroup]]] = {}
    for effective in _policies(force):
        delegation = effective.policy.delegation
        for name in delegation.roles if delegation is not None else ():
            for group in _groups(effective, name):
                assert delegation is not None  # noqa: S101 - without one there are no names
                place = (name, group.team)
                known, groups = found.get(place, (None, frozenset[RoleGroup]()))
                longest = max(delegation.max_period, known.max_period) if known else delegation.max_period
                one = Delegable(role=name, team=group.team, max_period=longest)
                found[place] = (one, groups | {group})
    return [found[place] for place in sorted(found, key=lambda place: (place[0], place[1] or ""))]


def _policies(force: InForce) -> Iterator[EffectivePolicy]:
    for entry in force.policies.registry.repositories:
        for branch in entry.protected:
            effective = force.policies.policy_for(entry.id, branch)
            if effective is not None:
                yield effective


def _groups(effective: EffectivePolicy, name: str) -> Iterator[RoleGroup]:
    role = effective.policy.role(name)
    if not role.is_per_team:
        yield RoleGroup(role=name, team=None, group_dn=role.group)
        return
    entries = (*effective.policy.ownership, *effective.policy.added_ownership)
    own = effective.repository.owning_teams
    for team in sorted({team for one in entries for team in (own if one.team is None else (one.team,))}):
        yield RoleGroup(role=name, team=team, group_dn=role.group.replace("{team}", team))
