"""The directory groups that proposed policies name, as they are now: what `gate policy check --directory` judges.

A group that is missing or unreadable is that group's error; a directory that cannot be reached at all raises
``UnavailableError``. Only active people count: nobody else could sign.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from gate.domain.errors import UnavailableError
from gate.domain.people import RoleGroup
from gate.policy.facts import RoleMembers
from gate.workflow.parts import Parts


def read_groups(parts: Parts, groups: Iterable[RoleGroup]) -> tuple[RoleMembers, ...]:
    """Each group's active members by key. Raises ``UnavailableError`` when the directory does not answer."""
    return tuple(_read_group(parts, group) for group in groups)


def _read_group(parts: Parts, group: RoleGroup) -> RoleMembers:
    plain = RoleMembers(role=group.role, team=group.team, group_dn=group.group_dn)
    try:
        members = parts.directory.members(group)
    except UnavailableError as problem:
        if problem.code == "unreachable":
            raise
        return replace(plain, error=problem.message)
    return replace(plain, members=tuple(sorted(one.key for one in members if one.is_active)))
