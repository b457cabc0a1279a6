"""The directory server: search and bind through python-ldap. Nothing else imports python-ldap.

Rules: ``ldaps://``, ``ldap://`` with StartTLS, or ``ldapi://``, and nothing turns verification off;
every option is set on each connection, because libldap would otherwise read ``ldaprc`` from the
current directory (``LDAPNOINIT``) and hang in a handshake (``OPT_CONNECT_ASYNC``). A fresh
connection for every call; a password is checked on one that is thrown away, because a failed bind
leaves a connection anonymous. Referrals are not followed. Filters are RFC 4515, always escaped;
results are paged (RFC 2696), so a server's limit is an error and never a shorter answer.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlsplit

os.environ["LDAPNOINIT"] = "1"  # before the import below: libldap reads it once

import ldap
from ldap.controls import SimplePagedResultsControl
from ldap.filter import escape_filter_chars

from gate.directory.api import LdapSettings
from gate.directory.lookup import LookupDirectory, person_attributes
from gate.directory.servers import CallLimit, Deadline, ServerList
from gate.directory.session import Entry, Session
from gate.domain.clock import Clock, SystemClock
from gate.domain.errors import GateError, UnavailableError
from gate.domain.people import DirectorySource

T = TypeVar("T")

PAGE = 500
TERMS = 100
"""Values in one filter; more become more searches."""

_LIMITS = (ldap.SIZELIMIT_EXCEEDED, ldap.TIMELIMIT_EXCEEDED, ldap.ADMINLIMIT_EXCEEDED)
_OUTAGES = (ldap.SERVER_DOWN, ldap.CONNECT_ERROR, ldap.TIMEOUT, ldap.UNAVAILABLE, ldap.BUSY, ldap.PROTOCOL_ERROR)


class LdapDirectory(LookupDirectory):
    """``Directory`` over one or more servers that hold the same people."""

    def __init__(self, settings: LdapSettings, clock: Clock | None = None) -> None:
        super().__init__(settings.name, settings.layout, clock or SystemClock())
        check_settings(settings)
        self._settings = settings
        self._servers = ServerList(settings.servers, settings.down_seconds)
        self._limit = CallLimit(settings.max_calls)

    @property
    def source(self) -> DirectorySource:
        uri, bind_dn = " ".join(self._settings.servers), self._settings.bind_dn
        return DirectorySource(name=self._settings.name, kind="ldap", uri=uri, bind_dn=bind_dn)

    def _run(self, call: Callable[[Session], T]) -> T:
        return self._limit.run(lambda: self._with_session(call), self._settings.total_timeout)

    def _with_session(self, call: Callable[[Session], T]) -> T:
        with self._first_up(Deadline(self._settings.total_timeout)) as session:
            try:
                return call(session)
            except UnavailableError as error:
                if error.code == "unreachable":
                    self._servers.mark_down(session.source.uri)
                raise

    @contextmanager
    def _first_up(self, deadline: Deadline) -> Iterator[_LdapSession]:
        failure: UnavailableError | None = None
        for uri in self._servers.in_order():
            try:
                session = _LdapSession(uri, self._settings, deadline)
            except UnavailableError as error:
                if error.code != "unreachable":
                    raise
                self._servers.mark_down(uri)
                failure = error
                continue
            self._servers.mark_up(uri)
            with session:
                yield session
            return
        raise failure or UnavailableError("No directory server is configured.", code="misconfigured")

    def _stages(self) -> Iterable[tuple[str, bool, str]]:
        for uri in self._settings.servers:
            try:
                source = self._limit.run(partial(self._probe, uri), self._settings.total_timeout)
            except GateError as error:
                yield uri, False, str(error)
            else:
                yield uri, True, f"{source.tls_version or 'local socket'}, bound as {source.bind_dn}"

    def _probe(self, uri: str) -> DirectorySource:
        with _LdapSession(uri, self._settings, Deadline(self._settings.total_timeout)) as session:
            return session.source


class _LdapSession:
    """One connection bound as the gate's account, for one call, used by one thread."""

    def __init__(self, uri: str, settings: LdapSettings, deadline: Deadline) -> None:
        self._uri = uri
        self._settings = settings
        self._deadline = deadline
        self.queries = 0
        self._connection = _Connection(uri, settings, deadline)
        try:
            self._connection.bind(settings.bind_dn, _read_password(settings))
            self.source = self._connection.build_source()
        except BaseException:
            self._connection.close()
            raise

    def __enter__(self) -> _LdapSession:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def find_people(self, attributes: Sequence[str], values: Sequence[str]) -> Sequence[Entry]:
        layout = self._settings.layout
        wanted = person_attributes(layout)
        return self._find((layout.people_base,), self._settings.people_filter, attributes, values, wanted)

    def find_groups(
        self, attributes: Sequence[str], values: Sequence[str], *, within: str | None = None, with_members: bool = False
    ) -> Sequence[Entry]:
        layout = self._settings.layout
        wanted = (layout.group_id, layout.group_name, *(layout.members if with_members else ()))
        narrow = self._settings.group_filter + (_equal(layout.group_dn, within) if within is not None else "")
        return self._find(layout.group_bases, narrow, attributes, values, wanted)

    def password_holds(self, dn: str | None, password: str) -> bool:
        connection = _Connection(self._uri, self._settings, self._deadline)
        try:
            connection.bind(dn or f"cn=nobody,{self._settings.layout.people_base}", password)
            return dn is not None and connection.is_somebody()
        except UnavailableError as error:
            if isinstance(error.__cause__, ldap.INVALID_CREDENTIALS | ldap.INAPPROPRIATE_AUTH):
                return False
            raise
        finally:
            connection.close()

    def _find(
        self, bases: Sequence[str], narrow: str, attributes: Sequence[str], values: Sequence[str], wanted: Sequence[str]
    ) -> list[Entry]:
        found: dict[str, Entry] = {}
        for start in range(0, len(values), TERMS):
            terms = (_equal(name, value) for value in values[start : start + TERMS] for name in attributes)
            search = f"(&{narrow}(|{''.join(terms)}))"
            for base in bases:
                self.queries += 1
                found |= {entry.dn: entry for entry in self._connection.search(base, search, wanted)}
        return list(found.values())


class _Connection:
    """The typed edge of python-ldap: its objects, rows and errors do not get past here."""

    def __init__(self, uri: str, settings: LdapSettings, deadline: Deadline) -> None:
        self._uri = uri
        self._settings = settings
        self._deadline = deadline
        with _translated(uri):
            self._ldap: Any = ldap.initialize(uri)
            self._set_options()
        if uri.startswith("ldap://"):
            with _translated(uri, otherwise="unreachable"):  # whatever it says instead of TLS: the next may do better
                self._ldap.start_tls_s()

    def _set_options(self) -> None:
        settings = self._settings
        options: list[tuple[int, Any]] = [
            (ldap.OPT_PROTOCOL_VERSION, 3),
            (ldap.OPT_REFERRALS, 0),
            (ldap.OPT_DEREF, ldap.DEREF_NEVER),
            (ldap.OPT_CONNECT_ASYNC, 1),
            (ldap.OPT_NETWORK_TIMEOUT, self._deadline.within(settings.connect_timeout)),
            (ldap.OPT_TIMEOUT, self._deadline.within(settings.operation_timeout)),
            (ldap.OPT_X_KEEPALIVE_IDLE, 60),
            (ldap.OPT_X_KEEPALIVE_PROBES, 3),
            (ldap.OPT_X_KEEPALIVE_INTERVAL, 10),
            (ldap.OPT_TCP_USER_TIMEOUT, 5000),
        ]
        if settings.ca_file is not None:
            options.append((ldap.OPT_X_TLS_CACERTFILE, str(settings.ca_file)))
        options += [
            (ldap.OPT_X_TLS_REQUIRE_CERT, ldap.OPT_X_TLS_DEMAND),
            (ldap.OPT_X_TLS_PROTOCOL_MIN, ldap.OPT_X_TLS_PROTOCOL_TLS1_2),
            (ldap.OPT_X_TLS_NEWCTX, 0),  # last: it is what puts the TLS options above into effect
        ]
        for option, value in options:
            self._ldap.set_option(option, value)

    def bind(self, dn: str, password: str) -> None:
        with _translated(self._uri):
            self._result(self._ldap.simple_bind(dn, password), None)

    def is_somebody(self) -> bool:
        """Whether the bind was one: some servers answer an odd bind with success, as anonymous."""
        with _translated(self._uri):
            try:
                return bool(self._ldap.whoami_s())
            except (ldap.PROTOCOL_ERROR, ldap.INSUFFICIENT_ACCESS):
                return True  # not offered (Samba), or forbidden until the password is changed: not anonymous

    def search(self, base: str, search: str, wanted: Sequence[str]) -> Iterator[Entry]:
        """All pages. Referral rows (their DN is ``None``) are dropped."""
        page = SimplePagedResultsControl(True, size=PAGE, cookie="")
        while True:
            with _translated(self._uri):
                started = self._ldap.search_ext(base, ldap.SCOPE_SUBTREE, search, list(wanted), serverctrls=[page])
                rows, controls = self._result(started, SimplePagedResultsControl.controlType)
            yield from (_build_entry(dn, attributes) for dn, attributes in rows if dn is not None)
            page.cookie = next((control.cookie for control in controls), None)
            if not page.cookie:
                return

    def _result(self, message: int, control_type: str | None) -> tuple[list[Any], list[Any]]:
        seconds = self._deadline.within(self._settings.operation_timeout)
        _, rows, _, controls = self._ldap.result3(message, all=1, timeout=seconds)
        return rows or [], [control for control in controls or [] if control.controlType == control_type]

    def build_source(self) -> DirectorySource:
        certificate = self._read(ldap.OPT_X_TLS_PEERCERT)
        return DirectorySource(
            name=self._settings.name,
            kind="ldap",
            uri=self._uri,
            tls_version=self._read(ldap.OPT_X_TLS_VERSION) or None,
            peer_cert_sha256=hashlib.sha256(certificate).hexdigest() if certificate else None,
            bind_dn=self._settings.bind_dn,
        )

    def _read(self, option: int) -> Any:
        """``None`` where the TLS library under libldap cannot tell."""
        try:
            return self._ldap.get_option(option)
        except (ldap.LDAPError, ValueError):
            return None

    def close(self) -> None:
        try:
            self._ldap.unbind_ext()
        except ldap.LDAPError:
            return  # the connection is gone, which is what was asked for


def check_settings(settings: LdapSettings) -> None:
    """Refuses, before any connection, what could reach a server without verified TLS."""
    for uri in settings.servers:
        _check_server(uri, settings)
    if not settings.servers:
        raise _misconfigured("No directory server is configured.")


def _check_server(uri: str, settings: LdapSettings) -> None:
    parts = urlsplit(uri)
    if parts.scheme == "ldapi":
        return
    if parts.scheme not in {"ldap", "ldaps"} or not parts.hostname or parts.path not in {"", "/"} or parts.query:
        raise _misconfigured(f"{uri!r} is not the address of one LDAP server.")
    if any(char.isspace() or char == "," for char in uri):
        raise _misconfigured(f"{uri!r} names several servers: list them one by one.")
    if parts.scheme == "ldap" and not settings.start_tls:
        raise _misconfigured(f"{uri!r} would send passwords in clear: use ldaps:// or start_tls.")
    if settings.ca_file is None or not settings.ca_file.is_absolute() or not settings.ca_file.is_file():
        raise _misconfigured("ca_file must be the absolute path of the certificates that the server is checked with.")


def _read_password(settings: LdapSettings) -> str:
    try:
        password = settings.password_file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise _misconfigured(f"The password file {settings.password_file} cannot be read.") from error
    if not password:
        raise _misconfigured(f"The password file {settings.password_file} is empty.")
    return password


@contextmanager
def _translated(uri: str, otherwise: str = "misconfigured") -> Iterator[None]:
    try:
        yield
    except _LIMITS as error:
        raise _unavailable("truncated", f"{uri} gives only a part of the answer: {_said(error)}.") from error
    except _OUTAGES as error:
        raise _unavailable("unreachable", f"{uri} cannot be asked: {_said(error)}.") from error
    except (ldap.LDAPError, ValueError) as error:
        raise _unavailable(otherwise, f"{uri} refuses the gate's question: {_said(error)}.") from error


def _unavailable(code: str, message: str) -> UnavailableError:
    return UnavailableError(f"The directory server {message}", code=code)


def _misconfigured(message: str) -> UnavailableError:
    return UnavailableError(message, code="misconfigured")


def _said(error: Exception) -> str:
    told = error.args[0] if error.args else None
    if not isinstance(told, dict):
        return type(error).__name__
    return ", ".join(str(told[key]) for key in ("desc", "info") if told.get(key))


def _equal(attribute: str, value: str) -> str:
    return f"({attribute}={escape_filter_chars(value)})"


def _build_entry(dn: str, attributes: dict[str, list[bytes]]) -> Entry:
    try:
        read = {name.lower(): tuple(value.decode() for value in values) for name, values in attributes.items()}
    except UnicodeDecodeError as error:
        raise _misconfigured(f"{dn!r} has a value that is not text.") from error
    if any(";range=" in name for name in read):
        raise UnavailableError(f"The server gives only a part of {dn!r}.", code="truncated")
    return Entry(dn=dn, attributes=read)
