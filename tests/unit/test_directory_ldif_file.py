"""The LDIF file as an outage: missing, broken, refused in production, and read again when changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gate.directory.api import LdifSettings
from gate.directory.ldif import LdifDirectory
from gate.domain.errors import NotSignedInError, UnavailableError
from tests.support.directory_ldif import LAYOUT, PASSWORD, build_ldif, entry, person, ref_of, role
from tests.support.slapd import quick_hash


@pytest.fixture
def settings(tmp_path: Path) -> LdifSettings:
    path = tmp_path / "people.ldif"
    path.write_text(build_ldif(quick_hash), encoding="utf-8")
    return LdifSettings(name="corp", path=path, layout=LAYOUT)


def outage_of(directory: LdifDirectory) -> UnavailableError:
    for ask in (
        lambda: directory.authenticate("anna", PASSWORD),
        lambda: directory.person(ref_of("anna")),
        lambda: directory.snapshots([ref_of("anna")], [role("direct")]),
        lambda: directory.members(role("direct")),
    ):
        with pytest.raises(UnavailableError) as caught:
            ask()
    with pytest.raises(UnavailableError) as caught:
        directory.person_by_address("anna@old.example")
    assert directory.health().ok is False
    return caught.value


@pytest.mark.req("DIR-01")
def test_a_department_is_read_only_where_an_attribute_is_named(settings: LdifSettings, tmp_path: Path) -> None:
    people = [person("dora", quick_hash, ("ou", "Risk")), person("emil", quick_hash)]
    settings.path.write_text(build_ldif(quick_hash, people=people, groups=[]), encoding="utf-8")
    named = LdifDirectory(replace(settings, layout=replace(LAYOUT, department="ou")))
    for login, department in (("dora", "Risk"), ("emil", None)):
        found = named.person_by_login(login)
        unread = LdifDirectory(settings).person_by_login(login)
        assert found is not None
        assert unread is not None
        assert (found.department, unread.department) == (department, None)


@pytest.mark.req("INV-01", "DIR-01")
@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ("dn: nonsense\n", "people.ldif:1"),
        ("", "base"),
        (entry("cn=x,dc=example,dc=org", "x", [("userPassword", "secret")]), "people.ldif:1"),
        (entry("cn=x,dc=example,dc=org", "x", [("member", "nonsense")]), "people.ldif:1"),
    ],
)
def test_a_broken_file_is_an_outage_and_heals(settings: LdifSettings, broken: str, says: str) -> None:
    directory = LdifDirectory(settings)
    good = settings.path.read_text(encoding="utf-8")
    assert directory.person(ref_of("anna")) is not None
    settings.path.write_text(broken)
    error = outage_of(directory)
    assert error.code == "misconfigured"
    assert says in str(error)
    assert "secret" not in str(error)
    settings.path.write_text(good, encoding="utf-8")
    assert directory.person(ref_of("anna")) is not None


@pytest.mark.req("INV-01")
def test_a_missing_file_is_an_outage(settings: LdifSettings) -> None:
    directory = LdifDirectory(settings)
    settings.path.unlink()
    assert outage_of(directory).code == "unreachable"


@pytest.mark.req("INV-01")
def test_production_refuses_a_file(settings: LdifSettings) -> None:
    error = outage_of(LdifDirectory(replace(settings, production=True)))
    assert error.code == "misconfigured"
    assert "production" in str(error)


def test_a_changed_file_is_read_again(settings: LdifSettings) -> None:
    directory = LdifDirectory(settings)
    assert directory.person(ref_of("newcomer")) is None
    with settings.path.open("a", encoding="utf-8") as file:
        file.write("\n" + person("newcomer", quick_hash))
    assert directory.authenticate("newcomer", PASSWORD).ref == ref_of("newcomer")


def test_the_banner_says_what_this_is(settings: LdifSettings) -> None:
    directory = LdifDirectory(settings)
    assert "never for production" in directory.banner
    assert directory.source.kind == "ldif"
    assert ("banner", True, directory.banner) in directory.health().stages


@pytest.mark.req("SGN-04")
def test_a_full_width_uid_in_the_file_is_the_same_login(settings: LdifSettings) -> None:
    with settings.path.open("a", encoding="utf-8") as file:
        file.write("\n" + person("ａnna", quick_hash, dn="cn=wide,ou=people,dc=example,dc=org", label="wide"))
    with pytest.raises(UnavailableError) as caught:
        LdifDirectory(settings).person_by_login("anna")
    assert caught.value.code == "ambiguous"


def test_a_person_without_a_password_cannot_sign_in(settings: LdifSettings) -> None:
    text = settings.path.read_text(encoding="utf-8")
    kept = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("userPassword"))
    settings.path.write_text(kept, encoding="utf-8")
    with pytest.raises(NotSignedInError):
        LdifDirectory(settings).authenticate("anna", PASSWORD)
