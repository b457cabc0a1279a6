"""Servers that hang, lie, limit or redirect: each ends in an error in time, and no password leaves TLS."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gate.demo.slapd import PrivateSlapd, hash_password_for_slapd
from gate.demo.slapd_certificates import write_certificates
from gate.directory.api import LdapSettings
from gate.directory.ldap import LdapDirectory
from gate.directory.session import Session
from gate.domain.errors import NotSignedInError, UnavailableError
from tests.support.directory_ldif import (
    GROUPS,
    LAYOUT,
    PASSWORD,
    PEOPLE,
    build_ldif,
    entry,
    group,
    ref_of,
    role,
    uid_dn,
    usual_groups,
)
from tests.support.hostile_servers import (
    Answer,
    accept_tls_then_dribble,
    accept_tls_then_silence,
    dribble,
    forward_to,
    hang_up,
    hostile_server,
    refuse_tls,
    stay_silent,
    welcome_in_clear,
)
from tests.support.slapd import quick_settings, running_slapd

ROOT = Path(__file__).resolve().parents[2]

ANSWERS = (
    stay_silent, accept_tls_then_silence, accept_tls_then_dribble, hang_up, dribble, refuse_tls, welcome_in_clear,
)  # fmt: skip
CALLS: dict[str, Callable[[LdapDirectory], object]] = {
    "authenticate": lambda directory: directory.authenticate("anna", PASSWORD),
    "reauthenticate": lambda directory: directory.reauthenticate(ref_of("anna"), PASSWORD),
    "person": lambda directory: directory.person(ref_of("anna")),
    "address": lambda directory: directory.person_by_address("olga@example.org"),
    "snapshot": lambda directory: directory.snapshot(ref_of("anna"), [role("direct")]),
    "members": lambda directory: directory.members(role("direct")),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateSlapd]:
    """The usual people behind slapd; tests leave it running."""
    with running_slapd(tmp_path_factory.mktemp("hostile")) as running:
        yield running


@contextmanager
def bounded(settings: LdapSettings) -> Iterator[None]:
    """The promise itself: whatever happens inside ends within the call's deadline and a second."""
    started = time.monotonic()
    yield
    assert time.monotonic() - started < settings.total_timeout + 1


def refused_with(code: str, settings: LdapSettings, call: Callable[[], object]) -> UnavailableError:
    with bounded(settings), pytest.raises(UnavailableError) as caught:
        call()
    assert caught.value.code == code, caught.value
    return caught.value


def uri_of(scheme: str, port: int, host: str = "127.0.0.1") -> str:
    return f"{scheme}://{host}:{port}"


# Hangs and outages


@pytest.mark.req("DIR-02", "INV-01")
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("scheme", ["ldap", "ldaps"])
def test_a_hung_server_ends_in_an_error_and_heals(
    server: PrivateSlapd, scheme: str, call: Callable[[LdapDirectory], object]
) -> None:
    uri = server.starttls_uri if scheme == "ldap" else server.ldaps_uri
    settings = quick_settings(server, servers=(uri,))
    directory = LdapDirectory(settings)
    server.suspend()
    try:
        refused_with("unreachable", settings, lambda: call(directory))
    finally:
        server.resume()
    assert call(directory)


@pytest.mark.req("DIR-02")
def test_a_server_that_hangs_in_the_middle_of_a_call(server: PrivateSlapd) -> None:
    settings = quick_settings(server)
    directory = LdapDirectory(settings)

    def hang_between_two_searches(session: Session) -> None:
        assert session.find_people(("uid",), ("anna",))
        server.suspend()
        session.find_people(("uid",), ("anna",))

    try:
        refused_with("unreachable", settings, lambda: directory._run(hang_between_two_searches))
    finally:
        server.resume()


@pytest.mark.req("DIR-02", "INV-01")
@pytest.mark.parametrize("scheme", ["ldap", "ldaps"])
@pytest.mark.parametrize("answer", ANSWERS)
def test_servers_that_do_not_answer_rightly(server: PrivateSlapd, answer: Answer, scheme: str) -> None:
    with hostile_server(answer) as hostile:
        settings = quick_settings(server, servers=(uri_of(scheme, hostile.port),))
        refused_with("unreachable", settings, lambda: LdapDirectory(settings).authenticate("anna", PASSWORD))
        assert hostile.accepted >= 1
        assert PASSWORD.encode() not in hostile.received
        assert server.password_file.read_bytes() not in hostile.received


@pytest.mark.req("DIR-02", "INV-01")
def test_a_stopped_server_is_an_outage_and_heals_without_a_new_object(tmp_path: Path) -> None:
    with running_slapd(tmp_path) as own:
        settings = quick_settings(own)
        directory = LdapDirectory(settings)
        own.stop()
        for call in CALLS.values():
            refused_with("unreachable", settings, partial(call, directory))
        health = directory.health()
        assert (health.ok, health.stages[0][1]) == (False, False)
        own.start()
        assert directory.authenticate("anna", PASSWORD).login == "anna"
        assert directory.health().ok


@pytest.mark.req("DIR-02")
@pytest.mark.parametrize(("scheme", "answer"), [("ldaps", stay_silent), ("ldap", accept_tls_then_silence)])
def test_hung_handshakes_really_end(server: PrivateSlapd, scheme: str, answer: Answer) -> None:
    """Not only does the caller get an answer: the work behind it is over and its slot free."""
    with hostile_server(answer) as hostile:
        settings = quick_settings(server, servers=(uri_of(scheme, hostile.port),), max_calls=1)
        directory = LdapDirectory(settings)
        for number in (1, 2):
            refused_with("unreachable", settings, lambda: directory.person(ref_of("anna")))
            assert hostile.accepted == number


@pytest.mark.req("DIR-02")
def test_the_next_server_takes_over_and_a_failed_one_is_passed_over(server: PrivateSlapd) -> None:
    with hostile_server(stay_silent) as hostile:
        settings = quick_settings(server, servers=(uri_of("ldaps", hostile.port), server.ldaps_uri))
        directory = LdapDirectory(settings)
        for _ in range(3):
            with bounded(settings):
                assert directory.snapshot(ref_of("anna"), []).source.uri == server.ldaps_uri
        assert hostile.accepted == 1


@pytest.mark.req("DIR-02")
def test_the_call_beyond_the_limit_is_refused_at_once(server: PrivateSlapd) -> None:
    with hostile_server(stay_silent) as hostile:
        settings = quick_settings(server, servers=(uri_of("ldaps", hostile.port),), connect_timeout=2.0, max_calls=3)
        directory = LdapDirectory(settings)
        callers = [threading.Thread(target=_expect_outage, args=(directory,)) for _ in range(3)]
        for caller in callers:
            caller.start()
        hostile.await_accepted(3)
        error = refused_with("unreachable", settings, lambda: directory.person(ref_of("anna")))
        assert "Too many" in str(error)
        assert hostile.accepted == 3
        for caller in callers:
            caller.join()
        hostile.close()
    assert LdapDirectory(quick_settings(server)).person(ref_of("anna")) is not None


def _expect_outage(directory: LdapDirectory) -> None:
    with pytest.raises(UnavailableError):
        directory.person(ref_of("anna"))


# Transport


@pytest.mark.req("DIR-03")
@pytest.mark.parametrize("scheme", ["ldap", "ldaps"])
def test_passwords_are_never_seen_on_the_wire(server: PrivateSlapd, scheme: str) -> None:
    upstream = server.ports[0] if scheme == "ldap" else server.ports[1]
    with hostile_server(forward_to(upstream)) as listener:
        settings = quick_settings(server, servers=(uri_of(scheme, listener.port),))
        assert LdapDirectory(settings).authenticate("anna", PASSWORD).login == "anna"
    assert listener.accepted == 2, "the password is checked on a connection of its own"
    assert len(listener.received) > 200
    for secret in (PASSWORD.encode(), server.password_file.read_bytes(), b"anna"):
        assert secret not in listener.received


@pytest.mark.req("DIR-03", "INV-01")
@pytest.mark.parametrize("scheme", ["ldap", "ldaps"])
def test_a_certificate_of_another_authority_is_refused(server: PrivateSlapd, tmp_path: Path, scheme: str) -> None:
    write_certificates(tmp_path / "tls")
    uri = server.starttls_uri if scheme == "ldap" else server.ldaps_uri
    settings = quick_settings(server, servers=(uri,), ca_file=tmp_path / "tls" / "ca.pem")
    refused_with("unreachable", settings, lambda: LdapDirectory(settings).person(ref_of("anna")))


@pytest.mark.req("DIR-03", "INV-01")
@pytest.mark.parametrize("scheme", ["ldap", "ldaps"])
def test_a_certificate_for_another_host_is_refused(server: PrivateSlapd, scheme: str) -> None:
    upstream = server.ports[0] if scheme == "ldap" else server.ports[1]
    with hostile_server(forward_to(upstream), host="127.0.0.2") as other:
        settings = quick_settings(server, servers=(uri_of(scheme, other.port, "127.0.0.2"),))
        refused_with("unreachable", settings, lambda: LdapDirectory(settings).person(ref_of("anna")))
        assert other.accepted == 1


@pytest.mark.req("DIR-03")
@pytest.mark.parametrize(
    "changes",
    [
        {"start_tls": False},
        {"servers": ()},
        {"servers": ("http://127.0.0.1",)},
        {"servers": ("ldaps://127.0.0.1 ldaps://127.0.0.2",)},
        {"servers": ("ldaps://a,ldaps://b",)},
        {"servers": ("ldaps://",)},
        {"servers": ("ldaps://127.0.0.1/dc=example??sub?(x=y)",)},
        {"ca_file": None},
        {"ca_file": Path("ca.pem")},
        {"ca_file": Path("/nowhere/ca.pem")},
    ],
)
def test_settings_that_could_lose_tls_are_refused_before_any_connection(
    server: PrivateSlapd, changes: dict[str, Any]
) -> None:
    settings = replace(server.settings("corp", LAYOUT, start_tls=True), **changes)
    with pytest.raises(UnavailableError) as caught:
        LdapDirectory(settings)
    assert caught.value.code == "misconfigured"


@pytest.mark.req("DIR-03")
def test_a_ca_file_that_holds_no_certificate_is_an_error(server: PrivateSlapd, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("not a certificate\n")
    settings = quick_settings(server, ca_file=tmp_path / "ca.pem")
    with bounded(settings), pytest.raises(UnavailableError):
        LdapDirectory(settings).person(ref_of("anna"))


CHILD = """
import sys
from pathlib import Path
import gate.directory.ldap
import ldap
defaults = ldap.get_option(ldap.OPT_X_TLS_REQUIRE_CERT), ldap.get_option(ldap.OPT_SIZELIMIT)
assert defaults == (ldap.OPT_X_TLS_DEMAND, 0), defaults
from gate.directory.api import LdapSettings, Layout
from gate.directory.ldap import LdapDirectory
from gate.directory.session import Session
from gate.domain.errors import UnavailableError
uri, ca, password, people, groups = sys.argv[1:]
layout = Layout(people_base=people, group_bases=(groups,))
settings = LdapSettings(name="corp", servers=(uri,), bind_dn="cn=gate,ou=services,dc=example,dc=org",
                        password_file=Path(password), layout=layout, ca_file=Path(ca))
try:
    addresses = ["anna.schmidt@example.org", "olga@example.org", "expired@example.org"]
    found = LdapDirectory(settings).people_by_addresses(addresses)
    print("answered", sum(match.person is not None for match in found.values()))
except UnavailableError as error:
    print("refused", error.code)
"""


@pytest.mark.req("DIR-03")
@pytest.mark.parametrize("start_tls", [True, False])
def test_a_hostile_ldaprc_changes_nothing(server: PrivateSlapd, tmp_path: Path, start_tls: bool) -> None:
    write_certificates(tmp_path / "tls")
    lines = [
        "TLS_REQCERT never",
        f"TLS_CACERT {server.ca_file}",
        "SIZELIMIT 1",
        "URI ldap://127.0.0.1:1",
        "DEREF always",
    ]
    for name in ("ldaprc", ".ldaprc"):
        (tmp_path / name).write_text("\n".join(lines) + "\n")
    environment = {
        "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(tmp_path),
        "LDAPTLS_REQCERT": "never", "LDAPTLS_CACERT": str(server.ca_file), "LDAPCONF": str(tmp_path / "ldaprc"),
    }  # fmt: skip
    uri = server.starttls_uri if start_tls else server.ldaps_uri

    def ask(ca_file: Path) -> str:
        command = [sys.executable, "-c", CHILD, uri, str(ca_file), str(server.password_file), PEOPLE, GROUPS]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    assert ask(tmp_path / "tls" / "ca.pem") == "refused unreachable"
    assert ask(server.ca_file) == "answered 3"


# Answers that are less, more or elsewhere


@pytest.mark.req("DIR-03")
def test_a_referral_is_never_followed(tmp_path: Path) -> None:
    with hostile_server(stay_silent) as foreign, running_slapd(tmp_path, _with_referral(foreign.port)) as own:
        directory = LdapDirectory(quick_settings(own))
        assert directory.authenticate("anna", PASSWORD).login == "anna"
        assert directory.person_by_login("somebody-else") is None
        assert directory.members(role("direct"))
        below = replace(LAYOUT, people_base=f"ou=people,cn=away,{PEOPLE}", canary_disabled=None)
        settings = quick_settings(own, layout=below)
        refused_with("misconfigured", settings, lambda: LdapDirectory(settings).person(ref_of("anna")))
        assert foreign.accepted == 0


def _with_referral(port: int) -> str:
    attributes = [("objectClass", "referral"), ("objectClass", "extensibleObject"), ("cn", "away")]
    attributes.append(("ref", f"ldap://127.0.0.1:{port}/{PEOPLE}"))
    return build_ldif(hash_password_for_slapd) + entry(f"cn=away,{PEOPLE}", "away", attributes)


@pytest.mark.req("DIR-03", "INV-01")
def test_a_limit_of_the_server_is_an_error_not_a_shorter_answer(tmp_path: Path) -> None:
    many = [group(f"many{number}", [uid_dn("anna"), uid_dn("olga")]) for number in range(6)]
    ldif = build_ldif(hash_password_for_slapd, groups=[*usual_groups(), *many])
    with running_slapd(tmp_path, ldif, size_limit=5) as own:
        settings = quick_settings(own)
        directory = LdapDirectory(settings)
        assert directory.snapshot(ref_of("jsmith"), [role("odd")]).groups_total == 1
        refused_with("truncated", settings, lambda: directory.snapshot(ref_of("anna"), [role("direct")]))


@pytest.mark.req("INV-01")
@pytest.mark.parametrize("base", ["people_base", "group_bases"])
def test_a_base_that_is_not_there_is_an_error(server: PrivateSlapd, base: str) -> None:
    wrong: Any = f"ou=missing,{PEOPLE}" if base == "people_base" else (f"ou=missing,{GROUPS}",)
    settings = quick_settings(server, layout=replace(LAYOUT, **{base: wrong}))
    directory = LdapDirectory(settings)
    refused_with("misconfigured", settings, lambda: directory.snapshot(ref_of("anna"), [role("direct")]))
    assert not directory.health().ok


@pytest.mark.req("INV-01", "INV-09")
def test_an_id_that_cannot_be_read_is_an_error(server: PrivateSlapd) -> None:
    settings = quick_settings(server, layout=replace(LAYOUT, id="employeeNumber"))
    refused_with("misconfigured", settings, lambda: LdapDirectory(settings).person_by_login("anna"))


# Passwords


@pytest.mark.req("DIR-03")
def test_an_empty_password_is_refused_without_asking_anybody() -> None:
    with hostile_server(stay_silent) as silent:
        ca_file = password_file = Path(__file__)
        settings = LdapSettings(
            name="corp", servers=(uri_of("ldaps", silent.port),), bind_dn="cn=gate", password_file=password_file,
            ca_file=ca_file, layout=LAYOUT,
        )  # fmt: skip
        directory = LdapDirectory(settings)
        for password in ("", "\0"):
            with pytest.raises(NotSignedInError):
                directory.authenticate("anna", password)
            with pytest.raises(NotSignedInError):
                directory.reauthenticate(ref_of("anna"), password)
        assert silent.accepted == 0


@pytest.mark.req("DIR-03")
def test_a_bind_that_the_server_takes_as_anonymous_is_no_proof(tmp_path: Path) -> None:
    """The server is set to say yes to a DN without a password (RFC 4513 5.1.2); the gate asks who it then is."""
    extra = "allow bind_anon_cred bind_anon_dn"
    with running_slapd(tmp_path, extra_configuration=extra) as own:
        directory = LdapDirectory(quick_settings(own))
        assert directory._run(lambda session: session.password_holds(uid_dn("anna"), "")) is False
        assert directory._run(lambda session: session.password_holds(uid_dn("anna"), PASSWORD)) is True
        assert directory._run(lambda session: session.password_holds(None, PASSWORD)) is False


@pytest.mark.req("DIR-03")
def test_a_wrong_password_does_not_touch_the_searching_connection(server: PrivateSlapd) -> None:
    directory = LdapDirectory(quick_settings(server))

    def wrong_then_search(session: Session) -> tuple[bool, int]:
        return session.password_holds(uid_dn("anna"), "wrong"), len(session.find_people(("uid",), ("anna",)))

    assert directory._run(wrong_then_search) == (False, 1)


@pytest.mark.req("INV-01")
@pytest.mark.parametrize("content", [None, b"", b"\n", b"wrong\n", b"\xff\xfe"])
def test_the_gates_own_password_missing_or_wrong_is_an_error(
    server: PrivateSlapd, tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "password").write_bytes(content)
    settings = quick_settings(server, password_file=tmp_path / "password")
    error = refused_with("misconfigured", settings, lambda: LdapDirectory(settings).authenticate("anna", PASSWORD))
    assert "wrong" not in str(error), "the password is not told"
    assert LdapDirectory(settings).health().ok is False


# The private server itself


def test_the_private_server_listens_on_loopback_and_only_for_its_account(server: PrivateSlapd) -> None:
    for port in server.ports:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    assert server.password_file.stat().st_mode & 0o777 == 0o600
    assert (server.directory / "tls" / "server.key").stat().st_mode & 0o777 == 0o600
    assert "rootpw" not in (server.directory / "slapd.conf").read_text()


def test_the_private_server_keeps_data_ports_and_password(tmp_path: Path) -> None:
    with running_slapd(tmp_path) as first:
        settings = quick_settings(first)
        kept = (first.ports, first.password_file.read_text())
    with running_slapd(tmp_path, "dn: dc=other\n") as second:
        assert (second.ports, second.password_file.read_text()) == kept
        assert LdapDirectory(settings).authenticate("anna", PASSWORD).login == "anna"


def test_the_private_server_says_why_it_refuses_data(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="slapadd"), running_slapd(tmp_path, "dn: nonsense\n"):
        pass


def test_the_private_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    with running_slapd(tmp_path) as own:
        own.stop()
        own.directory.joinpath("tls", "server.key").write_text("no key\n")
        with pytest.raises(UnavailableError, match="did not start"):
            own.start()
        assert own.pid is None
