"""Which teams own what changed, whether that is cross-team, and which directory groups the answer needs.

Both sides of a rename or copy count. The last matching entry wins; a policy always has a catch-all, so every path
has an owner. Cross-team: some contributor's team is not an owning team of every changed path; a person without a team
is from another team.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gate.domain.people import RoleGroup
from gate.policy.document import Policy
from gate.policy.effective import EffectivePolicy
from gate.policy.facts import PathFacts, PersonFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Owned:
    """``teams`` own some changed path, sorted; ``sets`` are the distinct groups of owners, each with one path.

    ``added`` are the teams that own a changed path by a layer only: each of them is asked where every owning team is,
    and otherwise they stand in for nobody. ``sets`` know nothing of them, so a layer makes nobody an insider.
    """

    teams: tuple[str, ...]
    sets: tuple[tuple[frozenset[str], str], ...]
    added: tuple[str, ...] = ()

    @property
    def own_teams(self) -> tuple[str, ...]:
        """The teams that own a changed path by the policy itself."""
        return tuple(team for team in self.teams if team not in self.added)

    def path_outside(self, team: str | None) -> tuple[str, frozenset[str]] | None:
        """A changed path that ``team`` does not own, with its owners; None when it owns them all."""
        return next(((path, owners) for owners, path in self.sets if team not in owners), None)


def changed_names(paths: Iterable[PathFacts]) -> Iterator[str]:
    """Every name a change touches, old names of renames included."""
    for changed in paths:
        yield changed.path
        if changed.old_path is not None:
            yield changed.old_path


def find_owned(effective: EffectivePolicy, paths: tuple[PathFacts, ...]) -> Owned:
    """The owners of what changed. No path at all gives no team; the caller must not take that for an answer."""
    entries, more = effective.owners, effective.added_owners
    sets: dict[frozenset[str], str] = {}
    added: set[str] = set()
    for name in changed_names(paths):
        owners = next((teams for matches, teams in entries if matches(name)), frozenset[str]())
        sets.setdefault(owners, name)
        if more:
            added |= {team for matches, teams in more if matches(name) for team in teams}
    own = frozenset().union(*sets)
    return Owned(teams=tuple(sorted(own | added)), sets=tuple(sets.items()), added=tuple(sorted(added - own)))


def find_outsider(owned: Owned, contributors: Iterable[PersonFacts]) -> str | None:
    """Why the change is cross-team, as a sentence with values; None when it is not."""
    for person in contributors:
        outside = owned.path_outside(person.team)
        if outside is not None:
            path, owners = outside
            team = f"is of team {person.team}" if person.team is not None else "has no team in the directory"
            return f"{person.name} {team}, and {path} is owned by {' and '.join(sorted(owners))}"
    return None


def needed_roles(policy: Policy) -> tuple[str, ...]:
    """Every role that a rule, the veto, a freeze or the break-glass asks for, in the order declared."""
    asked = {role for rule in policy.rules for one in rule.require for role in one.roles}
    asked |= {*policy.veto.roles, *policy.veto.cleared_by} if policy.veto is not None else set()
    asked |= {role for freeze in policy.freezes if freeze.exempt is not None for role in freeze.exempt.roles}
    if policy.break_glass is not None:
        asked |= {policy.break_glass.invoker, policy.break_glass.review.role, *policy.break_glass.cosign.roles}
    return tuple(role.name for role in policy.roles if role.name in asked)


def role_groups(effective: EffectivePolicy, paths: tuple[PathFacts, ...]) -> tuple[RoleGroup, ...]:
    """The groups whose members ``Facts.role_members`` must hold for this change.

    ``{team}`` in the DN template is filled in here; team names are limited to characters that need no escaping in a DN.
    """
    teams = find_owned(effective, paths).teams
    groups = []
    for name in needed_roles(effective.policy):
        role = effective.policy.role(name)
        for team in teams if role.is_per_team else (None,):
            group_dn = role.group if team is None else role.group.replace("{team}", team)
            groups.append(RoleGroup(role=name, team=team, group_dn=group_dn))
    return tuple(groups)
