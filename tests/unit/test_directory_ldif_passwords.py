"""scrypt hashes of the LDIF directory."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.directory.passwords import hash_password, parse_password_hash
from gate.domain.errors import InputError

SALT = base64.b64encode(b"s" * 16).decode()
DIGEST = base64.b64encode(b"d" * 32).decode()


def test_a_hash_holds_its_password_only() -> None:
    stored = hash_password("pässword", log_n=4)
    assert "pässword" not in stored
    assert parse_password_hash(stored).holds("pässword")
    for wrong in ("passwörd", "pässword ", "", "PÄSSWORD"):
        assert not parse_password_hash(stored).holds(wrong)


def test_a_known_hash() -> None:
    """Computed with ``hashlib.scrypt(b"secret", salt=b"s"*16, n=16, r=8, p=1, dklen=32)``, so the form cannot drift."""
    digest = base64.b64encode(hashlib.scrypt(b"secret", salt=b"s" * 16, n=16, r=8, p=1, dklen=32)).decode()
    assert parse_password_hash(f"{{SCRYPT}}4$8$1${SALT}${digest}").holds("secret")


def test_salts_differ() -> None:
    assert hash_password("x", log_n=4) != hash_password("x", log_n=4)


@pytest.mark.req("DIR-03")
@pytest.mark.parametrize(
    "text",
    [
        "",
        "secret",
        "{SSHA}xxxx",
        "{CLEARTEXT}secret",
        f"{{SCRYPT}}30$8$1${SALT}${DIGEST}",
        f"{{SCRYPT}}14$99$1${SALT}${DIGEST}",
        f"{{SCRYPT}}14$8$0${SALT}${DIGEST}",
        f"{{SCRYPT}}14$8$1${SALT[:-1]}x${DIGEST}",
        f"{{SCRYPT}}14$8$1${SALT}${'=' * 44}",
        f"{{SCRYPT}}14$8$1${SALT}${DIGEST}\n",
    ],
)
def test_other_forms_are_refused(text: str) -> None:
    with pytest.raises(InputError) as refused:
        parse_password_hash(text)
    assert "secret" not in str(refused.value)


@settings(max_examples=25)
@given(st.text(min_size=1, max_size=30).filter(lambda text: text.isprintable()))
def test_every_password_survives(password: str) -> None:
    assert parse_password_hash(hash_password(password, log_n=4)).holds(password)
