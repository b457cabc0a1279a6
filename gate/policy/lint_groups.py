"""Findings about the directory groups behind roles: missing, unreadable, empty, or smaller than what is asked.

Those of the section ``activation`` are judged by ``lint_activation.py``.

``groups_of`` says what to read, ``check_groups`` judges what was read. Members are those who could sign: active people.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain

from gate.domain.people import RoleGroup
from gate.policy.document import Of, Policy, Requirement
from gate.policy.facts import RoleMembers
from gate.policy.layers import apply_layers
from gate.policy.lint_activation import activation_groups, check_activation
from gate.policy.lint_finding import Finding, Severity, build_finding
from gate.policy.ownership import needed_roles
from gate.policy.paths import globs_overlap, matches_any
from gate.policy.registered import Repository
from gate.policy.registry import PolicySet
from gate.policy.source import Place, Source


def groups_of(found: PolicySet) -> tuple[RoleGroup, ...]:
    """Every group that some contribution to a registered repository could ask, and those who change the policies."""
    groups = (group for repository in found.registry.repositories for group in _groups(found, repository))
    return tuple(dict.fromkeys((*groups, *activation_groups(found))))


def _groups(found: PolicySet, repository: Repository) -> Iterator[RoleGroup]:
    for policy in _policies(found, repository):
        for name in needed_roles(policy):
            role = policy.role(name)
            for team in _teams(policy, repository) if role.is_per_team else (None,):
                group_dn = role.group if team is None else role.group.replace("{team}", team)
                yield RoleGroup(role=name, team=team, group_dn=group_dn)


def _policies(found: PolicySet, repository: Repository) -> Iterator[Policy]:
    """The policies of a repository, each with every layer that meets a protected branch of it."""
    for policy in found.policies:
        if not matches_any(policy.repositories, repository.id):
            continue
        if not any(globs_overlap(glob, one) for glob in policy.branches for one in repository.protected):
            continue
        layers = [
            layer
            for layer in found.layers
            if layer.extends == policy.id
            and matches_any(layer.repositories, repository.id)
            and any(globs_overlap(glob, one) for glob in layer.branches for one in repository.protected)
        ]
        yield apply_layers(policy, layers)


def _teams(policy: Policy, repository: Repository) -> tuple[str, ...]:
    entries = (*policy.ownership, *policy.added_ownership)
    teams = chain.from_iterable(repository.owning_teams if one.team is None else (one.team,) for one in entries)
    return tuple(sorted(set(teams)))


def check_groups(found: PolicySet, sources: Mapping[str, Source], groups: tuple[RoleMembers, ...]) -> Iterator[Finding]:
    """What was read, against what is asked. A group that was not read is not judged."""
    yield from check_activation(found, sources, groups)
    read = {(one.role, one.team, one.group_dn): one for one in groups}
    for repository in found.registry.repositories:
        for policy in _policies(found, repository):
            mine = {
                (one.role, one.team): read[key]
                for one in _groups(found, repository)
                if (key := (one.role, one.team, one.group_dn)) in read
            }
            source = sources[policy.file]
            yield from _check_members(policy, source, mine)
            for file, place, what, one in _requirements(found, policy):
                yield from _check_count(policy, sources[file], place, what, one, mine, repository)


Members = Mapping[tuple[str, str | None], RoleMembers]


def _check_members(policy: Policy, source: Source, members: Members) -> Iterator[Finding]:
    for one in members.values():
        place: Place = ("identity", "roles", one.role, "group")
        name = f"{one.role} of {one.team}" if one.team is not None else one.role
        if one.error is not None:
            yield build_finding(
                source,
                place,
                Severity.ERROR,
                "group-unreadable",
                f"The group of {name}, {one.group_dn}, cannot be read: {one.error}",
                "Create the group, or correct its name.",
            )
        elif not one.members:
            yield build_finding(
                source,
                place,
                Severity.ERROR,
                "group-empty",
                f"Nobody who is active is in the group of {name}, {one.group_dn}.",
                "Put people into it: what asks for it answers error.",
            )


def _requirements(found: PolicySet, policy: Policy) -> Iterator[tuple[str, Place, str, Requirement]]:
    """Every requirement with its file, its place there and whose it is."""
    files: dict[str | None, str] = {None: policy.file} | {layer.id: layer.file for layer in found.layers}
    counted: dict[str | None, int] = {}
    for rule in policy.rules:
        number = counted.setdefault(rule.layer, 0)
        counted[rule.layer] += 1
        for at, one in enumerate(rule.require):
            yield files[rule.layer], ("rules", number, "require", at, "count"), f"The rule `{rule.id}`", one
    if policy.break_glass is not None:
        yield policy.file, ("break_glass", "cosign", "count"), "The break-glass", policy.break_glass.cosign


def _check_count(
    policy: Policy,
    source: Source,
    place: Place,
    what: str,
    one: Requirement,
    members: Members,
    repository: Repository,
) -> Iterator[Finding]:
    for team in _teams(policy, repository) if one.of is Of.EACH_OWNING_TEAM else (None,):
        able: set[str] = set()
        for (role, of_team), read in members.items():
            if role in one.roles and (team is None or of_team in (None, team)):
                if read.error is not None:
                    return
                able |= set(read.members)
        whose = f"{one.role} of {team}" if team is not None else one.role
        if able and len(able) < one.count:
            yield build_finding(
                source,
                place,
                Severity.ERROR,
                "count-above-group",
                f"{what} asks {one.count} of {whose}, and there are {len(able)}: nobody can satisfy it.",
                "Ask fewer, or put more people into the group.",
            )
        elif able and len(able) == one.count:
            yield build_finding(
                source,
                place,
                Severity.WARNING,
                "count-equals-group",
                f"{what} asks {one.count} of {whose}, and there are no more: when one of them contributes or is away, "
                "nobody can satisfy it.",
                "Put more people into the group.",
            )
