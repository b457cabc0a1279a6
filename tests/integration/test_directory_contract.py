"""One contract for every directory: OpenLDAP over StartTLS, over LDAPS, and the LDIF file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from gate.domain.errors import InputError, NotFoundError, NotSignedInError, UnavailableError
from gate.domain.people import AddressHow, PersonRef, PersonState, RoleGroup
from tests.support.directory_ldif import (
    ELSEWHERE,
    GROUPS,
    PASSWORD,
    build_ldif,
    group,
    group_dn,
    id_of,
    person,
    ref_of,
    role,
    uid_dn,
    usual_groups,
    usual_people,
)
from tests.support.slapd import KINDS, Backend, open_backend

pytestmark = pytest.mark.req("DIR-01")


@pytest.fixture(scope="module", params=KINDS)
def corp(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    """The usual people, for tests that only read."""
    with open_backend(request.param, tmp_path_factory.mktemp("directory")) as backend:
        yield backend


@pytest.fixture(params=KINDS)
def changing(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    """A directory of its own, for tests that change people."""
    with open_backend(request.param, tmp_path) as backend:
        yield backend


def test_a_person_is_read_whole(corp: Backend) -> None:
    anna = corp.directory.person(ref_of("anna"))
    assert anna is not None
    assert (anna.login, anna.name, anna.team, anna.entity) == ("anna", "Anna Schmidt", "ledger", "Example Bank AG")
    assert anna.dn == uid_dn("anna")
    assert set(anna.addresses) == {"Anna.Schmidt@example.org", "anna@old.example"}
    assert (anna.state, anna.reasons, anna.key) == (PersonState.ACTIVE, (), f"corp:{id_of('anna')}")
    assert anna.fetched_at.utcoffset() is not None


def test_optional_attributes_may_be_absent(corp: Backend) -> None:
    smith = corp.directory.person(ref_of("jsmith"))
    assert smith is not None
    assert (smith.name, smith.team, smith.entity, smith.addresses) == ("smith, john", None, None, ())


@pytest.mark.req("INV-01")
def test_nobody_is_none_only_when_the_directory_said_so(corp: Backend) -> None:
    assert corp.directory.person(ref_of("never existed")) is None
    assert corp.directory.person_by_login("never-existed") is None


@pytest.mark.req("INV-01")
def test_a_reference_to_another_directory_is_no_answer(corp: Backend) -> None:
    for strange in (PersonRef(directory="other", id_attr="entryUUID", id=id_of("anna")),
                    PersonRef(directory="corp", id_attr="uid", id="anna")):  # fmt: skip
        with pytest.raises(UnavailableError) as caught:
            corp.directory.person(strange)
        assert caught.value.code == "misconfigured"


@pytest.mark.req("SGN-04", "INV-09")
@pytest.mark.parametrize("typed", ["anna", "ANNA", " anna ", "  Anna", "aNNa", "ａｎｎａ", "Ａnna"])
def test_spellings_of_a_login_are_one_person(corp: Backend, typed: str) -> None:
    person = corp.directory.authenticate(typed, PASSWORD)
    assert (person.ref, person.login) == (ref_of("anna"), "anna")
    looked_up = corp.directory.person_by_login(typed)
    assert looked_up is not None
    assert (looked_up.ref, looked_up.login) == (ref_of("anna"), "anna")


@pytest.mark.req("SGN-04", "DIR-03")
@pytest.mark.parametrize("typed", ["ann\u00ada", "an\u200bna", "anna\n", "anna\0", "\u202eanna", "", "   ", "a" * 257])
def test_a_login_that_only_looks_like_one_is_refused(corp: Backend, typed: str) -> None:
    with pytest.raises(NotSignedInError) as refused:
        corp.directory.authenticate(typed, PASSWORD)
    assert refused.value.code == "bad-credentials"
    with pytest.raises(InputError):
        corp.directory.person_by_login(typed)


@pytest.mark.req("DIR-03")
@pytest.mark.parametrize(
    "typed", ["*", "ann*", "a*)(uid=*", "anna)(|(uid=*", "\\61nna", "star*(y)", "anna\\", "uid=anna"]
)
def test_filters_cannot_be_injected(corp: Backend, typed: str) -> None:
    assert corp.directory.person_by_login(typed) is None
    with pytest.raises(NotSignedInError):
        corp.directory.authenticate(typed, PASSWORD)


@pytest.mark.req("DIR-03")
def test_filter_characters_in_a_real_login_work(corp: Backend) -> None:
    assert corp.directory.authenticate("star*(x)", PASSWORD).ref == ref_of("star")


@pytest.mark.req("SGN-04")
def test_letters_beyond_ascii_are_compared_as_letters(corp: Backend) -> None:
    assert corp.directory.authenticate("ZOË", PASSWORD).ref == ref_of("zoë")
    assert corp.directory.authenticate("KGROß", PASSWORD).ref == ref_of("kgross")
    assert corp.directory.person_by_login("kgross") is None


def test_wrong_passwords_and_unknown_logins_look_the_same(corp: Backend) -> None:
    told = set()
    for login, password in (("anna", "wrong"), ("nobody-here", PASSWORD), ("expired", "wrong"), ("ann*", PASSWORD)):
        with pytest.raises(NotSignedInError) as refused:
            corp.directory.authenticate(login, password)
        told.add((str(refused.value), refused.value.code))
    assert told == {("Login or password is wrong.", "bad-credentials")}


@pytest.mark.req("DIR-03")
@pytest.mark.parametrize("password", ["", None, "\0", f"{PASSWORD}\0", "\ud800"])
def test_empty_and_broken_passwords_are_refused(corp: Backend, password: str) -> None:
    with pytest.raises(NotSignedInError):
        corp.directory.authenticate("anna", password)
    with pytest.raises(NotSignedInError):
        corp.directory.reauthenticate(ref_of("anna"), password)


@pytest.mark.req("INV-09")
def test_reauthentication_goes_by_id(corp: Backend) -> None:
    assert corp.directory.reauthenticate(ref_of("anna"), PASSWORD).login == "anna"
    for label, password in (("anna", "wrong"), ("never existed", PASSWORD), ("olga", PASSWORD + " ")):
        with pytest.raises(NotSignedInError) as refused:
            corp.directory.reauthenticate(ref_of(label), password)
        assert refused.value.code == "bad-credentials"


@pytest.mark.req("INV-01")
@pytest.mark.parametrize(
    ("label", "reason"),
    [
        ("expired", "shadowExpire"),
        ("left", "employeeType"),
        ("ended", "pwdEndTime"),
        ("locked", "pwdAccountLockedTime"),
    ],
)
def test_inactive_accounts_say_why(corp: Backend, label: str, reason: str) -> None:
    person = corp.directory.person(ref_of(label))
    assert person is not None
    assert person.state is PersonState.INACTIVE
    assert reason in " ".join(person.reasons)


@pytest.mark.req("INV-01")
@pytest.mark.parametrize(
    ("login", "code"), [("expired", "inactive"), ("left", "inactive"), ("locked", "bad-credentials")]
)
def test_inactive_accounts_cannot_sign_in(corp: Backend, login: str, code: str) -> None:
    """A lock makes slapd refuse the password itself; the other two would bind."""
    with pytest.raises(NotSignedInError) as by_login:
        corp.directory.authenticate(login, PASSWORD)
    with pytest.raises(NotSignedInError) as by_id:
        corp.directory.reauthenticate(ref_of(login), PASSWORD)
    assert (by_login.value.code, by_id.value.code) == (code, code)


@pytest.mark.req("INV-01", "DIR-03")
def test_two_entries_with_one_login_are_ambiguous(corp: Backend) -> None:
    with pytest.raises(UnavailableError) as by_login:
        corp.directory.person_by_login("twin")
    with pytest.raises(UnavailableError) as at_sign_in:
        corp.directory.authenticate("twin", PASSWORD)
    assert {by_login.value.code, at_sign_in.value.code} == {"ambiguous"}


@pytest.mark.parametrize(
    ("address", "how", "label"),
    [
        ("anna.schmidt@example.org", AddressHow.MAIL, "anna"),
        ("ANNA.SCHMIDT@EXAMPLE.ORG", AddressHow.MAIL, "anna"),
        (" anna.schmidt@example.org ", AddressHow.MAIL, "anna"),
        ("Anna@Old.Example", AddressHow.ALIAS, "anna"),
        ("expired@example.org", AddressHow.MAIL, "expired"),
        ("shared@example.org", AddressHow.AMBIGUOUS, None),
        ("anna@example.org", AddressHow.NOBODY, None),
        ("*@example.org", AddressHow.NOBODY, None),
        ("", AddressHow.MALFORMED, None),
        ("anna", AddressHow.MALFORMED, None),
        ("anna@", AddressHow.MALFORMED, None),
        ("a b@example.org", AddressHow.MALFORMED, None),
        ("anna.schmidt@example.org\n", AddressHow.MALFORMED, None),
        ("ａnna.schmidt@example.org", AddressHow.MALFORMED, None),
        ("x)(mail=*@example.org", AddressHow.MALFORMED, None),
    ],
)
@pytest.mark.req("SGN-04", "INV-01")
def test_whose_address(corp: Backend, address: str, how: AddressHow, label: str | None) -> None:
    match = corp.directory.person_by_address(address)
    assert (match.address, match.how) == (address, how)
    assert (match.person.ref if match.person else None) == (ref_of(label) if label else None)


def test_many_addresses_at_once(corp: Backend) -> None:
    asked = [f"person{number}@example.org" for number in range(250)]
    asked += ["Anna@old.example", "anna@OLD.example", "shared@example.org", "nonsense", "olga@example.org"]
    found = corp.directory.people_by_addresses(asked)
    assert list(found) == asked
    named = {address: match.person.login for address, match in found.items() if match.person}
    assert named == {"Anna@old.example": "anna", "anna@OLD.example": "anna", "olga@example.org": "olga"}
    assert found["shared@example.org"].how is AddressHow.AMBIGUOUS
    assert corp.directory.people_by_addresses([]) == {}


def test_nested_groups_grant_with_their_path(corp: Backend) -> None:
    asked = [role("level4"), role("direct", "author"), role("level1"), role("inner"), role("odd")]
    snapshot = corp.directory.snapshot(ref_of("anna"), asked)
    paths = {grant.group.name: [group.name for group in grant.via] for grant in snapshot.grants}
    assert paths == {"level4": ["direct", "level3"], "direct": [], "level1": []}
    ids = sorted(id_of(name) for name in ("direct", "level1", "level2", "level3", "level4"))
    assert snapshot.groups_total == 5
    assert snapshot.groups_digest == hashlib.sha256("\n".join(ids).encode()).digest()
    assert snapshot.person.ref == ref_of("anna")
    assert {(grant.role, grant.team) for grant in snapshot.grants} == {("approver", "ledger"), ("author", "ledger")}


def test_a_path_through_four_levels(corp: Backend) -> None:
    (grant,) = corp.directory.snapshot(ref_of("left"), [role("level4")]).grants
    assert [(group.name, group.id) for group in grant.via] == [(n, id_of(n)) for n in ("level1", "level2", "level3")]
    assert grant.group.id == id_of("level4")


def test_a_cycle_of_groups_ends(corp: Backend) -> None:
    snapshot = corp.directory.snapshot(ref_of("kgross"), [role("cycle-a"), role("cycle-b"), role("itself")])
    assert {grant.group.name for grant in snapshot.grants} == {"cycle-a", "cycle-b"}
    assert snapshot.groups_total == 2


@pytest.mark.parametrize("label", ["jsmith", "zoë"])
def test_other_spellings_of_a_dn_are_the_same_member(corp: Backend, label: str) -> None:
    snapshot = corp.directory.snapshot(ref_of(label), [role("odd")])
    assert [grant.group.id for grant in snapshot.grants] == [id_of("odd")]


def test_other_spellings_of_a_role_group_are_the_same_group(corp: Backend) -> None:
    for spelling in (f"CN=Direct,{GROUPS}", f"2.5.4.3=direct, {GROUPS}", f"cn=dir\\65ct,{GROUPS.upper()}"):
        asked = RoleGroup(role="approver", team=None, group_dn=spelling)
        assert len(corp.directory.snapshot(ref_of("anna"), [asked]).grants) == 1


@pytest.mark.req("INV-01")
@pytest.mark.parametrize("cn", ["nobody", "itself", "blank"])
def test_a_group_without_people_grants_nothing(corp: Backend, cn: str) -> None:
    assert corp.directory.members(role(cn)) == ()
    assert corp.directory.snapshot(ref_of("anna"), [role(cn)]).grants == ()


@pytest.mark.req("INV-01")
def test_a_chain_through_a_group_outside_grants_nothing(corp: Backend) -> None:
    snapshot = corp.directory.snapshot(ref_of("olga"), [role("beyond"), role("inner")])
    assert [grant.group.name for grant in snapshot.grants] == ["inner"]
    assert corp.directory.members(role("beyond")) == ()


def test_members_through_nested_groups(corp: Backend) -> None:
    assert [person.login for person in corp.directory.members(role("level4"))] == ["anna", "left", "olga"]
    assert {person.ref for person in corp.directory.members(role("cycle-b"))} == {ref_of("kgross")}
    assert {person.ref for person in corp.directory.members(role("odd"))} == {ref_of("jsmith"), ref_of("zoë")}


@pytest.mark.req("INV-01")
def test_a_missing_role_group_is_an_error(corp: Backend) -> None:
    for dn in (f"cn=no such group,{GROUPS}", group_dn("outside", ELSEWHERE), uid_dn("anna"), "x"):
        asked = RoleGroup(role="approver", team=None, group_dn=dn)
        with pytest.raises(UnavailableError) as in_members:
            corp.directory.members(asked)
        with pytest.raises(UnavailableError) as in_snapshot:
            corp.directory.snapshot(ref_of("anna"), [role("direct"), asked])
        assert {in_members.value.code, in_snapshot.value.code} == {"misconfigured"}
        assert dn in str(in_members.value)


@pytest.mark.req("INV-01")
def test_snapshots_of_many_leave_out_only_who_is_not_there(corp: Backend) -> None:
    refs = [ref_of("anna"), ref_of("olga"), ref_of("never existed"), ref_of("anna")]
    found = corp.directory.snapshots(refs, [role("level3")])
    assert set(found) == {ref_of("anna").key, ref_of("olga").key}
    assert [len(found[ref.key].grants) for ref in refs[:2]] == [1, 1]
    assert corp.directory.snapshots([], [role("level3")]) == {}
    with pytest.raises(NotFoundError):
        corp.directory.snapshot(ref_of("never existed"), [])


def test_health_names_each_stage(corp: Backend) -> None:
    health = corp.directory.health()
    assert health.ok, health
    assert {"search", "canary"} <= {name for name, _, _ in health.stages}


def test_the_source_names_the_directory(corp: Backend) -> None:
    source = corp.directory.source
    used = corp.directory.snapshot(ref_of("anna"), []).source
    assert (source.name, source.kind) == (used.name, used.kind)
    if source.kind == "ldap":
        assert used.tls_version is not None
        assert used.tls_version.startswith("TLS1.")
        assert len(bytes.fromhex(used.peer_cert_sha256 or "")) == 32


@pytest.mark.req("INV-01")
def test_a_canary_that_looks_active_fails_health(changing: Backend) -> None:
    changing.replace(build_ldif(changing.hash, people=[person("canary", changing.hash)], groups=[]))
    health = changing.directory.health()
    assert not health.ok
    assert health.stages[-1][:2] == ("canary", False)


@pytest.mark.req("INV-09")
def test_a_renamed_person_stays_the_same_person(changing: Backend) -> None:
    renamed = person("anna-maria", changing.hash, label="anna")
    groups = [group("direct", [uid_dn("anna-maria")])]
    changing.replace(build_ldif(changing.hash, people=[renamed], groups=groups))
    again = changing.directory.reauthenticate(ref_of("anna"), PASSWORD)
    assert (again.login, again.ref) == ("anna-maria", ref_of("anna"))
    assert len(changing.directory.snapshot(ref_of("anna"), [role("direct")]).grants) == 1
    assert changing.directory.person_by_login("anna") is None


@pytest.mark.req("INV-09", "INV-01")
def test_a_login_given_to_somebody_else_is_somebody_else(changing: Backend) -> None:
    changing.replace(build_ldif(changing.hash, people=[person("anna", changing.hash, label="anna the second")]))
    assert changing.directory.authenticate("anna", PASSWORD).ref == ref_of("anna the second")
    assert changing.directory.person(ref_of("anna")) is None
    with pytest.raises(NotSignedInError):
        changing.directory.reauthenticate(ref_of("anna"), PASSWORD)


@pytest.mark.req("INV-01")
def test_revocation_holds_on_the_next_call(changing: Backend) -> None:
    anna = changing.directory.authenticate("anna", PASSWORD).ref
    people = [person("anna", changing.hash, ("pwdAccountLockedTime", "000001010000Z"))]
    changing.replace(build_ldif(changing.hash, people=people, groups=[group("direct", [f"cn=nobody,{GROUPS}"])]))
    with pytest.raises(NotSignedInError):
        changing.directory.reauthenticate(anna, PASSWORD)
    snapshot = changing.directory.snapshot(anna, [role("direct")])
    assert (snapshot.grants, snapshot.person.state) == ((), PersonState.INACTIVE)


@pytest.mark.req("INV-09", "INV-01")
def test_one_id_twice_is_never_one_person(changing: Backend) -> None:
    double = [person("anna", changing.hash), person("olga", changing.hash, label="anna")]
    changing.replace(build_ldif(changing.hash, people=double, groups=[]))
    with pytest.raises(UnavailableError) as caught:
        changing.directory.person(ref_of("anna"))
    assert caught.value.code in {"ambiguous", "misconfigured"}


@pytest.mark.req("INV-01")
def test_groups_deeper_than_the_limit_are_no_answer(changing: Backend) -> None:
    chain = [group("deep0", [uid_dn("anna")])]
    chain += [group(f"deep{n}", [group_dn(f"deep{n - 1}")]) for n in range(1, 16)]
    changing.replace(build_ldif(changing.hash, groups=chain))
    assert len(changing.directory.snapshot(ref_of("anna"), [role("deep15")]).grants[0].via) == 15
    changing.replace(build_ldif(changing.hash, groups=[*chain, group("deep16", [group_dn("deep15")])]))
    with pytest.raises(UnavailableError) as upwards:
        changing.directory.snapshot(ref_of("anna"), [role("deep0")])
    with pytest.raises(UnavailableError) as downwards:
        changing.directory.members(role("deep16"))
    assert (upwards.value.code, downwards.value.code) == ("truncated", "truncated")


def test_a_group_of_more_people_than_a_page(changing: Backend) -> None:
    hashed = changing.hash("x")
    crowd = [person(f"u{n:04}", lambda _: hashed) for n in range(620)]
    groups = [*usual_groups(), group("crowd", [uid_dn(f"u{n:04}") for n in range(620)])]
    groups += [group(f"many{n}", [uid_dn("anna")]) for n in range(620)]
    changing.replace(build_ldif(changing.hash, people=[*usual_people(changing.hash), *crowd], groups=groups))
    assert len(changing.directory.members(role("crowd"))) == 620
    assert changing.directory.snapshot(ref_of("anna"), [role("many619")]).groups_total == 625
