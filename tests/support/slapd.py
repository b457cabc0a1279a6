"""Directories to test against: private slapd servers and LDIF files, with one handle for both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from gate.demo.slapd import INSTALL, PrivateSlapd, find_slapd, hash_password_for_slapd
from gate.directory.api import Directory, LdapSettings, LdifSettings
from gate.directory.ldap import LdapDirectory
from gate.directory.ldif import LdifDirectory
from gate.directory.passwords import hash_password
from tests.support.directory_ldif import LAYOUT, SUFFIX, Hash, build_ldif

KINDS = ("starttls", "ldaps", "ldif")


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """A directory under test. ``replace`` takes the LDIF's builder and swaps all content."""

    directory: Directory
    hash: Hash
    replace: Callable[[str], None]


@contextmanager
def open_backend(kind: str, where: Path) -> Iterator[Backend]:
    """One of ``KINDS``, with the usual people."""
    if kind == "ldif":
        path = where / "people.ldif"
        path.write_text(build_ldif(quick_hash), encoding="utf-8")
        directory = LdifDirectory(LdifSettings(name="corp", path=path, layout=LAYOUT))
        yield Backend(directory=directory, hash=quick_hash, replace=lambda text: _write(path, text))
        return
    with running_slapd(where) as server:
        directory_over_tls = LdapDirectory(server.settings("corp", LAYOUT, start_tls=kind == "starttls"))
        yield Backend(directory=directory_over_tls, hash=hash_password_for_slapd, replace=server.load)


@contextmanager
def running_slapd(where: Path, ldif: str | None = None, **options: Any) -> Iterator[PrivateSlapd]:
    """A private server; skips, with the command that installs it, where slapd is missing."""
    if find_slapd() is None:
        pytest.skip(f"slapd is not installed: {INSTALL}")
    content = build_ldif(hash_password_for_slapd) if ldif is None else ldif
    with PrivateSlapd(where / "slapd", content, suffix=SUFFIX, **options) as server:
        yield server


def quick_settings(server: PrivateSlapd, **changes: Any) -> LdapSettings:
    """Short deadlines, so that hangs end soon: connect 1, operation 1, total 2.5 seconds."""
    quick: dict[str, Any] = {"connect_timeout": 1.0, "operation_timeout": 1.0, "total_timeout": 2.5}
    return replace(server.settings("corp", LAYOUT), **(quick | changes))


def quick_hash(password: str) -> str:
    """Cheap enough to hash a dozen people for each test."""
    return hash_password(password, log_n=4)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
