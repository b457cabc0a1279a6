"""What the gate asks of a directory of people, and how one is configured.

Rules: an outage, a limit or an ambiguity is ``UnavailableError`` (codes ``unreachable``,
``ambiguous``, ``truncated``, ``misconfigured``), never an empty answer. ``None`` and "nobody" mean
that the directory was asked and said so. People are known by their immutable id; logins, addresses
and DNs are labels.

Two implementations stand behind this: ``ldap.py`` (a server, over TLS only) and ``ldif.py`` (a
file, for a first look; refused in production). ``lookup.py`` holds what both do alike. ``remembered.py``
asks either of them once for a batch of decisions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from gate.domain.people import AddressMatch, DirectorySource, Health, Person, PersonRef, RoleGroup, RoleSnapshot


class Directory(Protocol):
    """People, passwords and roles, read live. Every call is bounded in time."""

    @property
    def source(self) -> DirectorySource:
        """Where answers come from, as configured; a snapshot carries the connection it really used."""

    def authenticate(self, login: str, password: str) -> Person:
        """The active person with this login and password.

        Raises ``NotSignedInError`` with code ``bad-credentials`` (also for a login that no directory
        should be asked about) or, after a right password, ``inactive``; ``UnavailableError``.
        """

    def reauthenticate(self, ref: PersonRef, password: str) -> Person:
        """The same for a person already known by id: what signing asks."""

    def person(self, ref: PersonRef) -> Person | None:
        """The person with this id; ``None`` only if the directory said that there is none."""

    def person_by_login(self, login: str) -> Person | None:
        """The person with this login. ``InputError`` for a refused login, ``ambiguous`` for two entries."""

    def person_by_address(self, address: str) -> AddressMatch:
        """Whose mail or alias address this is: exactly one person, or the reason why not."""

    def people_by_addresses(self, addresses: Sequence[str]) -> dict[str, AddressMatch]:
        """The same for many, in few queries; keyed by the address as given."""

    def snapshot(self, ref: PersonRef, groups: Sequence[RoleGroup]) -> RoleSnapshot:
        """The person and which of ``groups`` they hold, complete. ``NotFoundError`` if there is no such person."""

    def snapshots(self, refs: Sequence[PersonRef], groups: Sequence[RoleGroup]) -> dict[str, RoleSnapshot]:
        """Snapshots by ``PersonRef.key``, over one connection. People the directory says do not exist are left out."""

    def members(self, group: RoleGroup) -> tuple[Person, ...]:
        """Everybody in the group, through nested groups too, by name. For suggestions, never for a decision."""

    def health(self) -> Health:
        """Each stage with its own cause; never raises for an outage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateRules:
    """What makes an account inactive (preset for OpenLDAP); a bind that succeeds is no proof of an active one.

    ``lockout_seconds`` is the server's ``pwdLockoutDuration``; ``None`` (not known) means that every
    lock holds. ``denied`` are (attribute, values): one of these values and the account is inactive.
    """

    lockout_seconds: int | None = None
    denied: tuple[tuple[str, tuple[str, ...]], ...] = (("employeeType", ("terminated",)),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where people and groups stand in the tree and which attributes say what.

    ``group_dn`` is the attribute by which the server finds an entry by its own DN with its own
    matching rules (OpenLDAP, 389-DS: ``entryDN``).
    """

    people_base: str
    group_bases: tuple[str, ...]
    login: str = "uid"
    id: str = "entryUUID"
    names: tuple[str, ...] = ("displayName", "cn")
    mail: str = "mail"
    aliases: tuple[str, ...] = ("mailLocalAddress",)
    team: str = "departmentNumber"
    entity: str = "o"
    department: str | None = None
    group_id: str = "entryUUID"
    group_name: str = "cn"
    group_dn: str = "entryDN"
    members: tuple[str, ...] = ("member",)
    state: StateRules = field(default_factory=StateRules)
    canary_disabled: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LdapSettings:
    """A server over TLS. ``ldaps://``, ``ldap://`` with ``start_tls``, or ``ldapi://``; nothing turns verification off.

    ``servers`` hold one host each, in order of preference. Times are seconds. ``password_file`` is
    read at each bind, so that a changed password needs no restart.
    """

    name: str
    servers: tuple[str, ...]
    bind_dn: str
    password_file: Path
    layout: Layout
    ca_file: Path | None = None
    start_tls: bool = True
    people_filter: str = "(objectClass=inetOrgPerson)"
    group_filter: str = "(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames))"
    connect_timeout: float = 2.0
    operation_timeout: float = 3.0
    total_timeout: float = 8.0
    down_seconds: float = 15.0
    max_calls: int = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class LdifSettings:
    """A file of people: the embedded default for a first look. ``production=True`` refuses every call."""

    name: str
    path: Path
    layout: Layout
    production: bool = False
    person_class: str = "inetOrgPerson"
    group_classes: tuple[str, ...] = ("groupOfNames", "groupOfUniqueNames")
