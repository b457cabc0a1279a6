"""What can be set: frozen dataclasses with their defaults, and the digest of all of it.

Plain data, no secret: a secret is named by its file. Types carry their limits for pydantic, which
checks them once, in ``load``. The directory's settings stand here as plain values too, so that this
room knows no other; ``app.py`` makes the directory's own types of them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
WholeSeconds = Annotated[int, Field(gt=0, le=31 * 86_400)]
Minutes = Annotated[int, Field(gt=0, le=1440)]
Port = Annotated[int, Field(ge=0, le=65_535)]
Count = Annotated[int, Field(ge=1, le=1024)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
Origin = Annotated[str, Field(pattern=r"^[^\s+]{1,200}$")]
Url = Annotated[str, Field(pattern=r"^https?://[^\s/?#]+(/[^\s?#]*)?$")]


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSettings:
    """``sqlite:////absolute/file`` or ``postgresql+psycopg://…``, without a password (``passfile=`` names its file)."""

    url: str = "sqlite:///gate.sqlite"


@dataclass(frozen=True, slots=True, kw_only=True)
class InactiveRule:
    """An account is inactive when ``attribute`` holds one of ``values``."""

    attribute: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectorySettings:
    """The directory of people, as plain data; ``app.py`` makes the directory's own settings of it.

    ``kind`` decides which keys are needed: ldap wants servers, bases and a bind; ldif wants a file.
    """

    kind: Literal["ldap", "ldif"] = "ldif"
    name: Name = "corp"
    ldif_file: Path | None = Path("people.ldif")
    servers: tuple[str, ...] = ()
    start_tls: bool = True
    ca_file: Path | None = None
    bind_dn: str | None = None
    bind_password_file: Path | None = None
    people_base: str = ""
    people_filter: str = "(objectClass=inetOrgPerson)"
    login_attr: str = "uid"
    id_attr: str = "entryUUID"
    name_attrs: tuple[str, ...] = ("displayName", "cn")
    mail_attr: str = "mail"
    alias_attrs: tuple[str, ...] = ("mailLocalAddress",)
    team_attr: str = "departmentNumber"
    entity_attr: str = "o"
    department_attr: str | None = None
    groups_base: tuple[str, ...] = ()
    groups_filter: str = "(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames))"
    group_id_attr: str = "entryUUID"
    group_name_attr: str = "cn"
    group_dn_attr: str = "entryDN"
    member_attrs: tuple[str, ...] = ("member",)
    inactive: tuple[InactiveRule, ...] = (InactiveRule(attribute="employeeType", values=("terminated",)),)
    lockout_seconds: WholeSeconds | None = None
    canary_disabled: str | None = None
    connect_timeout: Seconds = 2.0
    operation_timeout: Seconds = 3.0
    total_timeout: Seconds = 8.0
    down_seconds: Seconds = 15.0
    max_calls: Count = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class PermissionSettings:
    """Who may do what with the gate itself: group DNs per permission. Empty means nobody."""

    auditor: tuple[str, ...] = ()
    administrator: tuple[str, ...] = ()
    change_board: tuple[str, ...] = ()
    programme_office: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySettings:
    """Where proposals are read from, how old a directory reading may be, how long a verdict may live."""

    dir: Path = Path("../policies")
    max_age_seconds: WholeSeconds = 300
    verdict_lifetime_seconds: WholeSeconds = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class GitSettings:
    """``mirrors`` holds a bare mirror per repository; ``timeout`` bounds a git command, ``fetch_timeout`` a fetch."""

    mirrors: Path = Path("mirrors")
    timeout: Seconds = 30.0
    fetch_timeout: Seconds = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgeSettings:
    """A forge that sends deliveries.

    Several ``secret_files`` allow rotation. ``repositories`` maps its full names to our ids.
    ``api_url`` and ``token_file`` are for publishing statuses; without them none are published.
    """

    name: Name
    kind: Literal["github", "gitea"]
    secret_files: Annotated[tuple[Path, ...], Field(min_length=1)]
    repositories: Mapping[str, Name] = field(default_factory=dict)
    api_url: Url | None = None
    token_file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """The web processes. ``port`` 0 takes a free one.

    ``trusted_proxies`` are the addresses whose forwarded headers count. ``reauth_seconds`` is how long
    a password proves presence for administrators' acts; signing asks for it every time, whatever stands here.
    """

    host: str = "127.0.0.1"
    port: Port = 8480
    workers: Count = 2
    threads: Count = 8
    trusted_proxies: tuple[str, ...] = ()
    session_idle_minutes: Minutes = 30
    session_absolute_minutes: Minutes = 480
    reauth_seconds: WholeSeconds = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything, read once. ``instance`` is the directory ``gate.toml`` stands in; it is no key of the file."""

    instance: Path
    organisation: str = "Example organisation"
    origin: Origin = "gate.example"
    base_url: Url = "http://127.0.0.1:8480"
    production: bool = False
    time_zone: str = "UTC"
    checkpoint_file: Path = Path("checkpoints.jsonl")
    database: DatabaseSettings = field(default_factory=DatabaseSettings)
    directory: DirectorySettings = field(default_factory=DirectorySettings)
    permissions: PermissionSettings = field(default_factory=PermissionSettings)
    policy: PolicySettings = field(default_factory=PolicySettings)
    git: GitSettings = field(default_factory=GitSettings)
    forges: tuple[ForgeSettings, ...] = ()
    server: ServerSettings = field(default_factory=ServerSettings)

    @property
    def keys_dir(self) -> Path:
        return self.instance / "keys"


def digest(settings: Settings) -> bytes:
    """SHA-256 over sorted JSON of all settings: entry 0 says by it how the gate was connected. No secret is in them."""
    text = json.dumps(_plain(settings), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).digest()


def _plain(value: object) -> object:
    """JSON values of a settings tree."""
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: _plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value
