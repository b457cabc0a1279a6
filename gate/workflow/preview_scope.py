"""The policy to preview with its layers, for one repository: registered in a ``repositories.yaml``, or made up.

A made-up repository belongs to its own teams and entity and has a forge, so that nothing stops for want of a register
nobody wrote yet. Files are read one by one and not against each other: a preview of one policy must not fail because
another repository of the same file is covered by another policy.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from gate.domain.contribution import Mode
from gate.domain.errors import InputError
from gate.policy.document import Policy
from gate.policy.effective import EffectivePolicy, build_effective
from gate.policy.layer_document import Layer
from gate.policy.layers import apply_layers
from gate.policy.parse import parse_policy
from gate.policy.paths import matches_any
from gate.policy.read import check_declared
from gate.policy.read_layer import extended_by, read_layer
from gate.policy.registered import Registry, Repository, Robot
from gate.policy.registry import parse_registry
from gate.policy.source import parse_source

PLACEHOLDER_TEAM = "owners"
File = tuple[str, bytes]


def build_scope(
    policy: File,
    repositories: File | None,
    *,
    layers: Sequence[File] = (),
    id: str | None,
    folder: str,
    branch: str,
    teams: Sequence[str],
    has_directory: bool,
) -> EffectivePolicy:
    """Files are name and text; ``id`` is a registered repository, ``folder`` the clone's name.

    Raises ``InputError``: a file is wrong, or it is not clear which repository or team is meant.
    """
    parsed = parse_policy(*policy)
    more = [_read_layer(layer, parsed) for layer in layers]
    if not matches_any(parsed.branches, branch):
        raise InputError(
            f"The policy {parsed.id} does not apply to the branch {branch}, only to {', '.join(parsed.branches)}.",
            file=parsed.file,
            remedy="Name another branch with --branch, what to take it for with --as, or widen `applies_to`.",
        )
    if repositories is None:
        entry = _made_up(parsed, id or _id_of(folder), branch, teams, has_directory)
        return _effective(parsed, more, entry, (), branch)
    registry = parse_registry(*repositories)
    entry = _find(registry, id, folder)
    if teams:
        raise InputError(
            f"{entry.id} has its owning teams in {registry.file}.", field="team", remedy="Leave --team out."
        )
    if not matches_any(parsed.repositories, entry.id):
        raise InputError(
            f"The policy {parsed.id} does not apply to {entry.id}, only to {', '.join(parsed.repositories)}.",
            file=parsed.file,
            remedy="Name another repository with --id, or widen `applies_to`.",
        )
    return _effective(parsed, more, entry, _robots(registry, entry), branch)


def _read_layer(file: File, policy: Policy) -> Layer:
    source = parse_source(*file)
    check_declared(source, ("metadata", "extends"), "policy", extended_by(source), [policy.id])
    return read_layer(source, policy)


def _effective(
    policy: Policy,
    layers: Sequence[Layer],
    entry: Repository,
    robots: tuple[Robot, ...],
    branch: str,
) -> EffectivePolicy:
    """With the layers that are for this repository and branch, by id as the gate applies them."""
    for layer in layers:
        if not (matches_any(layer.repositories, entry.id) and matches_any(layer.branches, branch)):
            raise InputError(
                f"The layer {layer.id} does not apply to {branch} of {entry.id}.",
                file=layer.file,
                remedy="Leave it out, or name another repository with --id.",
            )
    whole = apply_layers(policy, sorted(layers, key=lambda one: one.id))
    return build_effective(whole, entry, robots)


def _robots(registry: Registry, entry: Repository) -> tuple[Robot, ...]:
    return tuple(robot for robot in registry.robots if matches_any(robot.repositories, entry.id))


def _find(registry: Registry, id: str | None, folder: str) -> Repository:
    """The one that is named, the only one, or the one that is called like the clone's folder."""
    if id is None and len(registry.repositories) == 1:
        return registry.repositories[0]
    found = registry.repository(id if id is not None else _id_of(folder))
    if found is None:
        known = ", ".join(one.id for one in registry.repositories)
        raise InputError(
            f"{registry.file} registers no {id or _id_of(folder)}.", field="id", remedy=f"Name one with --id: {known}."
        )
    return found


def _made_up(policy: Policy, id: str, branch: str, teams: Sequence[str], has_directory: bool) -> Repository:
    """A bare policy is looked at as if it applied here. A directory must know the team, so a guess will not do."""
    asks_for_team = any(entry.team is None for entry in policy.ownership)
    if not teams and asks_for_team and has_directory:
        raise InputError(
            "The policy leaves paths to the repository's own teams, and it is not said which these are.",
            field="team",
            remedy="Name the owning team with --team, or give --repositories.",
        )
    return Repository(
        id=id,
        url="",
        title=id,
        description="",
        protected=(branch,),
        owning_teams=tuple(dict.fromkeys(teams)) or (PLACEHOLDER_TEAM,),
        mode=Mode.OBSERVE,
        hook="github",
        entity=None if has_directory else PLACEHOLDER_TEAM,
    )


def _id_of(folder: str) -> str:
    text = re.sub(r"[^a-z0-9._-]+", "-", folder.lower().removesuffix(".git")).strip(".-_")[:63]
    return text or "repository"
