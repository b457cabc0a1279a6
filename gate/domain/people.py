"""People as the directory knows them.

Identity is the directory's immutable id (entryUUID, objectGUID); a login, a mail address or a DN
is a label that may change or be given to somebody else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRef:
    """Who, for ever. ``directory`` is the configured name of the directory ("corp")."""

    directory: str
    id_attr: str
    id: str

    @property
    def key(self) -> str:
        """``corp:d023c978-…``: the person's id in rows, facts and statements."""
        return f"{self.directory}:{self.id}"


class PersonState(StrEnum):
    """Unknown is never treated as active."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One directory entry, as read at ``fetched_at``. ``reasons`` say why the state is what it is."""

    ref: PersonRef
    login: str
    dn: str
    name: str
    addresses: tuple[str, ...] = ()
    state: PersonState
    reasons: tuple[str, ...] = ()
    team: str | None = None
    entity: str | None = None
    department: str | None = None
    fetched_at: datetime

    @property
    def key(self) -> str:
        return self.ref.key

    @property
    def is_active(self) -> bool:
        return self.state is PersonState.ACTIVE


class AddressHow(StrEnum):
    """How a mail address of a commit was resolved. Only MAIL and ALIAS name a person."""

    MAIL = "mail"
    ALIAS = "alias"
    NOBODY = "nobody"
    AMBIGUOUS = "ambiguous"
    MALFORMED = "malformed"


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressMatch:
    """Answer to "whose address is this?". ``person`` is set for exactly one match only."""

    address: str
    how: AddressHow
    person: Person | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleGroup:
    """One concrete group that grants a role: ``maintainer`` of team ``ledger`` by this DN."""

    role: str
    team: str | None
    group_dn: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRef:
    """A directory group by immutable id, with its labels."""

    id: str
    dn: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleGrant:
    """A role held, and the path of nested groups that grants it (nearest to the person first)."""

    role: str
    team: str | None
    group: GroupRef
    via: tuple[GroupRef, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectorySource:
    """Where a snapshot came from, for the record. No credential."""

    name: str
    kind: str
    uri: str
    tls_version: str | None = None
    peer_cert_sha256: str | None = None
    bind_dn: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleSnapshot:
    """What one person is entitled to at ``taken_at``; complete, or it would have raised.

    ``groups_digest`` is SHA-256 over the sorted ids of all groups, newline-joined: the record
    proves what was read without naming groups the policy does not ask about.
    """

    person: Person
    grants: tuple[RoleGrant, ...]
    groups_total: int
    groups_digest: bytes
    source: DirectorySource
    taken_at: datetime
    took_ms: int
    queries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Answer of ``Directory.health``: one line a stage, each ok or with its own cause."""

    ok: bool
    stages: tuple[tuple[str, bool, str], ...] = field(default=())
