"""A directory that asks once: for deciding many contributions in one go, where the same groups and people come back.

Everything it answers was read at or after ``since``, and whoever rests on it says so (``directory_checked_at``), so a
decision is never fresher than what it was made from. It lives for one batch. Outages are raised, never remembered;
passwords, addresses and health always go to the directory itself. Nobody signs with it: signing reads live.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from gate.directory.api import Directory
from gate.domain.people import AddressMatch, DirectorySource, Health, Person, PersonRef, RoleGroup, RoleSnapshot

_Groups = tuple[RoleGroup, ...]


@dataclass(slots=True, kw_only=True)
class RememberedDirectory:
    """``live`` with a memory. ``since``: when the first question could have been asked. Threads may share it."""

    live: Directory
    since: datetime
    _members: dict[RoleGroup, tuple[Person, ...]] = field(default_factory=dict)
    _logins: dict[str, Person | None] = field(default_factory=dict)
    _snapshots: dict[tuple[str, _Groups], RoleSnapshot | None] = field(default_factory=dict)

    @property
    def source(self) -> DirectorySource:
        return self.live.source

    @property
    def remembered_since(self) -> datetime | None:
        return self.since

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

    def snapshot(self, ref: PersonRef, groups: Sequence[RoleGroup]) -> RoleSnapshot:
        return self.live.snapshot(ref, groups)

    def authenticate(self, login: str, password: str) -> Person:
        return self.live.authenticate(login, password)

    def reauthenticate(self, ref: PersonRef, password: str) -> Person:
        return self.live.reauthenticate(ref, password)

    def person(self, ref: PersonRef) -> Person | None:
        return self.live.person(ref)

    def person_by_address(self, address: str) -> AddressMatch:
        return self.live.person_by_address(address)

    def people_by_addresses(self, addresses: Sequence[str]) -> dict[str, AddressMatch]:
        return self.live.people_by_addresses(addresses)

    def health(self) -> Health:
        return self.live.health()
