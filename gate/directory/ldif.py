"""The embedded directory: people and groups from an LDIF file. For a first look, never for production.

Rules: the file is read and digested at every call and parsed anew when the digest changes; a file
that is missing or broken is an outage, not an empty directory. Spellings are matched as OpenLDAP
does. Passwords are ``{SCRYPT}`` hashes (``passwords.py``); an account locked by
``pwdAccountLockedTime`` has no valid password, as under slapo-ppolicy. No dynamic groups, ACLs,
limits or password policy.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from gate.directory.api import LdifSettings
from gate.directory.ldif_reader import LdifEntry, parse_ldif
from gate.directory.lookup import LookupDirectory
from gate.directory.names import NormalDn, fold, is_under, parse_dn
from gate.directory.passwords import PasswordHash, hash_password, parse_password_hash
from gate.directory.session import Entry, Session
from gate.domain.clock import Clock, SystemClock
from gate.domain.errors import GateError, InputError, UnavailableError
from gate.domain.people import DirectorySource

T = TypeVar("T")

__all__ = ["LdifDirectory", "hash_password"]

BANNER = "People come from a file, not from a directory server: for a first look only, never for production."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tree:
    """One state of the file."""

    digest: bytes
    people: tuple[_Node, ...]
    groups: tuple[_Node, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Node:
    """An entry with its comparable forms."""

    entry: Entry
    normal_dn: NormalDn
    members: frozenset[NormalDn]
    passwords: tuple[PasswordHash, ...]


class LdifDirectory(LookupDirectory):
    """``Directory`` over one LDIF file."""

    banner = BANNER

    def __init__(self, settings: LdifSettings, clock: Clock | None = None) -> None:
        super().__init__(settings.name, settings.layout, clock or SystemClock())
        self._settings = settings
        self._tree: _Tree | None = None
        self._no_password = parse_password_hash(hash_password("nobody's"))

    @property
    def source(self) -> DirectorySource:
        uri = self._settings.path.absolute().as_uri()
        return DirectorySource(name=self._settings.name, kind="ldif", uri=uri)

    def _run(self, call: Callable[[Session], T]) -> T:
        if self._settings.production:
            raise UnavailableError(
                "A directory from an LDIF file is refused in production.",
                code="misconfigured",
                remedy="Configure an LDAP server.",
            )
        return call(_LdifSession(self._load(), self.source, self._settings, self._no_password))

    def _load(self) -> _Tree:
        path = self._settings.path
        try:
            content = path.read_bytes()
            digest = hashlib.sha256(content).digest()
            tree = self._tree
            if tree is None or tree.digest != digest:
                tree = _build_tree(digest, parse_ldif(content, path.name), self._settings)
        except OSError as error:
            # Whoever asks for an answer reads this: where the file lies is in the cause, for the log.
            raise UnavailableError(f"The directory file cannot be read: {error.strerror}.") from error
        except InputError as error:
            raise UnavailableError(f"The directory file is broken. {error}", code="misconfigured") from error
        self._tree = tree
        return tree

    def _stages(self) -> Iterable[tuple[str, bool, str]]:
        try:
            tree = self._run(lambda _: self._load())
        except GateError as error:
            yield "file", False, str(error)
            return
        yield "file", True, f"{len(tree.people)} people, {len(tree.groups)} groups, sha256 {tree.digest.hex()}"
        yield "banner", True, self.banner


class _LdifSession:
    """Searches in one state of the file."""

    def __init__(self, tree: _Tree, source: DirectorySource, settings: LdifSettings, no_password: PasswordHash) -> None:
        self._tree = tree
        self._layout = settings.layout
        self._members = {name.lower() for name in settings.layout.members}
        self._no_password = no_password
        self.source = source
        self.queries = 0

    def find_people(self, attributes: Sequence[str], values: Sequence[str]) -> Sequence[Entry]:
        return [node.entry for node in self._find(self._tree.people, attributes, values)]

    def find_groups(
        self, attributes: Sequence[str], values: Sequence[str], *, within: str | None = None, with_members: bool = False
    ) -> Sequence[Entry]:
        only = None if within is None else parse_dn(within)
        found = self._find(self._tree.groups, attributes, values)
        return [node.entry for node in found if only is None or node.normal_dn == only]

    def password_holds(self, dn: str | None, password: str) -> bool:
        wanted = None if dn is None else parse_dn(dn)
        node = next((node for node in self._tree.people if node.normal_dn == wanted), None)
        if node is None or not node.passwords:
            self._no_password.holds(password)
            return False
        holds = any(known.holds(password) for known in node.passwords)
        return holds and not node.entry.values("pwdAccountLockedTime")

    def _find(self, nodes: Sequence[_Node], attributes: Sequence[str], values: Sequence[str]) -> list[_Node]:
        self.queries += 1
        texts = {fold(value) for value in values}
        dns = {dn for dn in map(_dn_or_nothing, values) if dn}
        return [node for node in nodes if any(self._equal(node, attribute, texts, dns) for attribute in attributes)]

    def _equal(self, node: _Node, attribute: str, texts: set[str], dns: set[NormalDn]) -> bool:
        if attribute.lower() in self._members:
            return not node.members.isdisjoint(dns)
        if attribute == self._layout.group_dn:
            return node.normal_dn in dns
        return any(fold(value) in texts for value in node.entry.values(attribute))


def _build_tree(digest: bytes, entries: Sequence[LdifEntry], settings: LdifSettings) -> _Tree:
    layout, file = settings.layout, str(settings.path)
    nodes = [(entry, _build_node(entry, settings, file)) for entry in entries]
    people_base = parse_dn(layout.people_base)
    group_bases = [parse_dn(base) for base in layout.group_bases]
    known = {entry.normal_dn for entry in entries}
    for base in (people_base, *group_bases):
        if base not in known:
            raise InputError("A configured base is not in the file.", code="bad-ldif", file=file)
    return _Tree(
        digest=digest,
        people=tuple(
            node
            for entry, node in nodes
            if _is_of(entry, (settings.person_class,)) and is_under(entry.normal_dn, people_base)
        ),
        groups=tuple(
            node
            for entry, node in nodes
            if _is_of(entry, settings.group_classes) and any(is_under(entry.normal_dn, base) for base in group_bases)
        ),
    )


def _build_node(entry: LdifEntry, settings: LdifSettings, file: str) -> _Node:
    named = (value for name in settings.layout.members for value in entry.attributes.get(name.lower(), ()))
    try:
        members = frozenset(parse_dn(value) for value in named)
        passwords = tuple(parse_password_hash(value) for value in entry.attributes.get("userpassword", ()))
    except InputError as error:
        raise InputError(error.message, code="bad-ldif", file=file, line=entry.line) from error
    shown = {name: values for name, values in entry.attributes.items() if name != "userpassword"}
    return _Node(
        entry=Entry(dn=entry.dn, attributes=shown),
        normal_dn=entry.normal_dn,
        members=members - {()},
        passwords=passwords,
    )


def _is_of(entry: LdifEntry, classes: Sequence[str]) -> bool:
    wanted = {name.lower() for name in classes}
    return any(value.lower() in wanted for value in entry.attributes.get("objectclass", ()))


def _dn_or_nothing(text: str) -> NormalDn | None:
    """A value that is no DN equals none; a server calls such a comparison undefined."""
    try:
        return parse_dn(text)
    except InputError:
        return None
