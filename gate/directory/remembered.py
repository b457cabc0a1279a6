"""A directory that is asked once: for deciding many contributions, where the same groups and people come back.

It lives for one batch, and whoever rests on it says when the batch began (``directory_checked_at``), so a decision is
never fresher than what it was made from. Outages are raised, never remembered. Only what decides is answered from
memory: nobody signs in or signs with it, and addresses are looked up where they are needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from gate.directory.api import Directory
from gate.domain.people import Person, PersonRef, RoleGroup, RoleSnapshot

_Groups = tuple[RoleGroup, ...]


@dataclass(slots=True, kw_only=True)
class RememberedDirectory:
    """``live`` with a memory; see there for what each question means."""

    live: Directory
    _members: dict[RoleGroup, tuple[Person, ...]] = field(default_factory=dict)
    _logins: dict[str, Person | None] = field(default_factory=dict)
    _snapshots: dict[tuple[str, _Groups], RoleSnapshot | None] = field(default_factory=dict)

    def members(self, group: RoleGroup) -> tuple[Person, ...]:
        if group not in self._members:
            self._members[group] = self.live.members(group)
        return self._members[group]

    def person_by_login(self, login: str) -> Person | None:
        if login not in self._logins:
            self._logins[login] = self.live.person_by_login(login)
        return self._logins[login]

    def snapshots(self, refs: Sequence[PersonRef], groups: Sequence[RoleGroup]) -> dict[str, RoleSnapshot]:
        wanted = tuple(groups)
        asked = [ref for ref in refs if (ref.key, wanted) not in self._snapshots]
        if asked:
            found = self.live.snapshots(asked, wanted)
            self._snapshots |= {(ref.key, wanted): found.get(ref.key) for ref in asked}
        known = {ref.key: self._snapshots[ref.key, wanted] for ref in refs}
        return {key: snapshot for key, snapshot in known.items() if snapshot is not None}
