"""The policy to preview, for one repository: registered in a ``repositories.yaml``, or made up from options.

Files are read one by one and not against each other: a preview of one policy must not fail because another
repository of the same file is covered by another policy.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from gate.domain.contribution import Mode
from gate.domain.errors import InputError
from gate.policy.document import Policy
from gate.policy.effective import EffectivePolicy, build_effective
from gate.policy.parse import parse_policy
from gate.policy.paths import matches_any
from gate.policy.registered import Registry, Repository, Robot
from gate.policy.registry import parse_registry

PLACEHOLDER_TEAM = "owners"


def build_scope(
    policy: tuple[str, bytes],
    repositories: tuple[str, bytes] | None,
    *,
    id: str | None,
    folder: str,
    branch: str,
    teams: Sequence[str],
    has_directory: bool,
) -> EffectivePolicy:
    """``policy`` and ``repositories`` are name and text; ``id`` a registered repository, ``folder`` the clone's name.

    Raises ``InputError``: a file is wrong, or it is not clear which repository or team is meant.
    """
    parsed = parse_policy(*policy)
    if not matches_any(parsed.branches, branch):
        raise InputError(
            f"The policy {parsed.id} does not apply to the branch {branch}, only to {', '.join(parsed.branches)}.",
            file=parsed.file,
            remedy="Name another branch with --branch, or widen `applies_to`.",
        )
    if repositories is None:
        return build_effective(parsed, _made_up(parsed, id or _id_of(folder), branch, teams, has_directory), ())
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
    return build_effective(parsed, entry, _robots(registry, entry))


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
    )


def _id_of(folder: str) -> str:
    text = re.sub(r"[^a-z0-9._-]+", "-", folder.lower().removesuffix(".git")).strip(".-_")[:63]
    return text or "repository"
