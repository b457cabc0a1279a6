"""Spellings: what is one login, one address, one DN, and what is refused."""

from __future__ import annotations

import unicodedata
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.directory.names import fold, is_under, parse_address, parse_dn, parse_login
from gate.domain.errors import InputError


@pytest.mark.req("SGN-04")
@pytest.mark.parametrize("text", ["ANNA", " anna ", "ａｎｎａ", "Ａnna", "ａnna"])
def test_spellings_that_slapd_takes_for_one_are_one(text: str) -> None:
    assert fold(text) == "anna"


@pytest.mark.parametrize(
    ("one", "other"), [("groß", "gross"), ("an na", "anna"), ("anna", "аnna"), ("ann\u00ada", "anna"), ("é", "e")]
)
def test_spellings_that_slapd_tells_apart_stay_apart(one: str, other: str) -> None:
    assert fold(one) != fold(other)


@pytest.mark.req("DIR-03", "SGN-04")
@pytest.mark.parametrize("text", ["", " ", "a\0", "a\n", "a\u200b", "\u202ea", "\ue000", "a" * 257])
def test_refused_logins(text: str) -> None:
    with pytest.raises(InputError) as refused:
        parse_login(text)
    assert refused.value.code == "bad-login"


@given(st.text(max_size=40))
def test_a_login_that_passes_is_stable(text: str) -> None:
    try:
        login = parse_login(text)
    except InputError:
        return
    assert login == parse_login(login) == unicodedata.normalize("NFKC", text)


@pytest.mark.req("SGN-04")
@pytest.mark.parametrize(("typed", "plain"), [("ａｎｎａ", "anna"), ("Ａnna", "Anna"), ("ﬁ", "fi"), ("e\u0301", "é")])
def test_a_login_is_asked_about_in_its_plain_spelling(typed: str, plain: str) -> None:
    assert parse_login(typed) == plain


@pytest.mark.parametrize("text", ["Anna@Example.org", " anna@example.org", "anna@EXAMPLE.ORG "])
def test_addresses_are_compared_in_lower_case(text: str) -> None:
    assert parse_address(text) == "anna@example.org"


@pytest.mark.parametrize(
    "text",
    ["", "anna", "@x", "anna@", "a b@x", "a@x y", "a@b@c", "anna@x\n", "\tanna@x", "ä@x", "<a@x>", "a@" + "x" * 320],
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(InputError):
        parse_address(text)


@pytest.mark.parametrize(
    "spelling",
    [
        r"cn=smith\2c john,ou=People,dc=x",
        r"CN=Smith\, John , OU=people,DC=X",
        r"2.5.4.3=smith\2C  john,ou=people,dc=x",
        r"commonName=ｓmith\,\20john,organizationalUnitName=people,dc=x",
        r"cn=\73mith\2c john;ou=people;dc=x",
    ],
)
def test_spellings_of_one_dn(spelling: str) -> None:
    assert parse_dn(spelling) == parse_dn(r"cn=smith\, john,ou=people,dc=x")


@pytest.mark.parametrize(
    ("one", "other"),
    [(r"cn=smith\, john,dc=x", "cn=smith,cn=john,dc=x"), ("cn=a,dc=x", "sn=a,dc=x"), ("cn=a+sn=b,dc=x", "cn=a,dc=x"),
     (r"cn=a\,dc=x,dc=x", "cn=a,dc=x,dc=x")],
)  # fmt: skip
def test_different_dns(one: str, other: str) -> None:
    assert parse_dn(one) != parse_dn(other)


def test_parts_of_one_rdn_have_no_order() -> None:
    assert parse_dn("cn=a+sn=b,dc=x") == parse_dn("SN=B + CN=a,dc=x")


@pytest.mark.parametrize(
    "text", ["x", "cn=a,", "=a", "cn=a,,dc=x", "cn=a\\", r"cn=\zz", "1cn=a", "cn=#04024869", r"cn=\ff"]
)
def test_what_is_no_dn(text: str) -> None:
    with pytest.raises(InputError):
        parse_dn(text)


@given(st.text(max_size=60))
def test_nothing_but_input_errors_escape(text: str) -> None:
    for parse in (parse_login, parse_address, parse_dn):
        with suppress(InputError):
            assert parse(text) is not None


def test_under_a_base() -> None:
    base = parse_dn("ou=people,dc=x")
    assert is_under(parse_dn("uid=a,OU=People,dc=x"), base)
    assert is_under(base, base)
    assert not is_under(parse_dn("dc=x"), base)
    assert not is_under(parse_dn("uid=a,ou=people2,dc=x"), base)
    assert not is_under(parse_dn(r"uid=a\,ou=people,dc=x"), base)
