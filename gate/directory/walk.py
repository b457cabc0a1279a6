"""Nested groups: upwards from a person for roles, downwards from a group for suggestions.

Rules: breadth first, one search a level, each group once (cycles end), and over a limit the answer
is ``truncated``, not a part of the groups. Which entry is a member of which is always the
directory's own comparison; no DN is compared here but for being the same bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gate.directory.api import Layout
from gate.directory.session import Entry, Session
from gate.domain.errors import UnavailableError
from gate.domain.people import GroupRef, RoleGrant, RoleGroup

MAX_DEPTH = 16
MAX_GROUPS = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """Every group of one person, by level (0: direct) and id."""

    layout: Layout
    levels: tuple[Mapping[str, GroupRef], ...]

    @property
    def total(self) -> int:
        return sum(map(len, self.levels))

    def digest(self) -> bytes:
        """SHA-256 over the sorted ids, newline-joined."""
        ids = sorted(group_id for level in self.levels for group_id in level)
        return hashlib.sha256("\n".join(ids).encode()).digest()

    def level_of(self, group_id: str) -> int | None:
        return next((depth for depth, level in enumerate(self.levels) if group_id in level), None)


def walk_up(session: Session, layout: Layout, dn: str) -> Walk:
    """All groups that hold ``dn``, directly or through groups."""
    levels: list[dict[str, GroupRef]] = []
    seen: set[str] = set()
    frontier: Sequence[str] = (dn,)
    while frontier:
        found = {group.id: group for group in _groups(session, layout, layout.members, frontier)}
        level = {group_id: group for group_id, group in found.items() if group_id not in seen}
        seen |= level.keys()
        if level:
            levels.append(level)
        _check_limits(len(levels), len(seen), dn)
        frontier = [group.dn for group in level.values()]
    return Walk(layout=layout, levels=tuple(levels))


def walk_down(session: Session, layout: Layout, group_dn: str) -> tuple[Entry, ...]:
    """The person entries in a group and the groups below it. Members that are neither are passed over."""
    people: dict[str, Entry] = {}
    seen: set[str] = set()
    frontier = list(session.find_groups((layout.group_dn,), (group_dn,), with_members=True))
    if not frontier:
        raise _no_such_group(group_dn)
    depth = 0
    while frontier:
        depth += 1
        seen |= {entry.only(layout.group_id) for entry in frontier}
        _check_limits(depth, len(seen), group_dn)
        named = (value for entry in frontier for attribute in layout.members for value in entry.values(attribute))
        dns = [dn for dn in dict.fromkeys(named) if dn.strip()]
        people |= {entry.only(layout.id): entry for entry in session.find_people((layout.group_dn,), dns)}
        below = session.find_groups((layout.group_dn,), dns, with_members=True)
        frontier = [entry for entry in below if entry.only(layout.group_id) not in seen]
    return tuple(people.values())


def resolve_groups(session: Session, layout: Layout, dns: Sequence[str]) -> dict[str, GroupRef]:
    """The groups that policy names, by the DN as written there. A missing one is an error, not an empty group."""
    wanted = tuple(dict.fromkeys(dns))
    found = {group.dn: group for group in _groups(session, layout, (layout.group_dn,), wanted)}
    return {dn: found.get(dn) or _resolve_one(session, layout, dn) for dn in wanted}


def role_grants(
    session: Session, walk: Walk, groups: Sequence[RoleGroup], resolved: Mapping[str, GroupRef]
) -> tuple[RoleGrant, ...]:
    """A grant for each role group held, with the path of groups between the person and it."""
    grants = []
    for asked in groups:
        group = resolved[asked.group_dn]
        depth = walk.level_of(group.id)
        if depth is not None:
            via = _path(session, walk, group, depth)
            grants.append(RoleGrant(role=asked.role, team=asked.team, group=group, via=via))
    return tuple(grants)


def _path(session: Session, walk: Walk, group: GroupRef, depth: int) -> tuple[GroupRef, ...]:
    """From the person's own group up to, not including, ``group``: found by asking, halving the candidates."""
    path: list[GroupRef] = []
    upper = group
    for level in reversed(walk.levels[:depth]):
        candidates = sorted(level.values(), key=lambda candidate: candidate.id)
        while len(candidates) > 1:
            half = candidates[: len(candidates) // 2]
            dns = [candidate.dn for candidate in half]
            holds = session.find_groups(walk.layout.members, dns, within=upper.dn)
            candidates = half if holds else candidates[len(half) :]
        upper = candidates[0]
        path.append(upper)
    return tuple(reversed(path))


def _groups(session: Session, layout: Layout, attributes: Sequence[str], values: Sequence[str]) -> list[GroupRef]:
    return [_group_ref(entry, layout) for entry in session.find_groups(attributes, values)]


def _group_ref(entry: Entry, layout: Layout) -> GroupRef:
    name = min(entry.values(layout.group_name), default=entry.dn)
    return GroupRef(id=entry.only(layout.group_id), dn=entry.dn, name=name)


def _resolve_one(session: Session, layout: Layout, dn: str) -> GroupRef:
    match _groups(session, layout, (layout.group_dn,), (dn,)):
        case [group]:
            return group
        case []:
            raise _no_such_group(dn)
        case _:
            raise UnavailableError(f"Several groups answer to {dn!r}.", code="ambiguous")


def _no_such_group(dn: str) -> UnavailableError:
    return UnavailableError(
        f"The directory has no group {dn!r} where groups are looked for.",
        code="misconfigured",
        remedy="Correct the group's name in the policy, or create the group.",
        group=dn,
    )


def _check_limits(depth: int, groups: int, start: str) -> None:
    if depth > MAX_DEPTH or groups > MAX_GROUPS:
        raise UnavailableError(
            f"The groups of {start!r} go beyond {MAX_DEPTH} levels or {MAX_GROUPS} groups.", code="truncated"
        )
