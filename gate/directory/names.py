"""Spellings: of logins, mail addresses and distinguished names.

Rules: text that looks like another text must not become another person. A login in
compatibility forms (full-width letters, ligatures) is asked about in its plain spelling, one that
holds control or format characters is refused before any directory is asked; what the directory
returns is used from then on. ``fold`` follows the matching that OpenLDAP applies to
``caseIgnoreMatch``: compatibility forms, case and repeated spaces do not count; ``ß`` is not ``ss``.
DNs follow RFC 4514; they are compared here only by the LDIF directory, a server compares its own.
"""

from __future__ import annotations

import re
import unicodedata

from gate.domain.errors import InputError

MAX_LOGIN = 256
MAX_ADDRESS = 320

_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9.-]+")
_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9-]*|\d+(\.\d+)+")
_ESCAPE = re.compile(rb'\\([0-9A-Fa-f]{2}|[ #=+,;<>"\\])')
_RDN_PART = re.compile(r"((?:[^\\,+;]|\\[\s\S])*)([,+;]|\Z)")
_OIDS = {
    "2.5.4.3": "cn", "2.5.4.6": "c", "2.5.4.7": "l", "2.5.4.8": "st", "2.5.4.10": "o", "2.5.4.11": "ou",
    "0.9.2342.19200300.100.1.1": "uid", "0.9.2342.19200300.100.1.25": "dc",
    "commonname": "cn", "organizationname": "o", "organizationalunitname": "ou", "userid": "uid",
    "domaincomponent": "dc",
}  # fmt: skip

NormalDn = tuple[frozenset[tuple[str, str]], ...]


def fold(text: str) -> str:
    """The form in which two spellings of one directory string are equal."""
    lowered = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).lower())
    return " ".join(part for part in lowered.split(" ") if part)


def parse_login(text: str) -> str:
    """The login in its plain spelling (NFKC), or ``InputError`` if no directory should be asked about it.

    Directories differ in whether full-width letters match plain ones; asked in one spelling, they all agree.
    """
    if any(unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} for char in text[: MAX_LOGIN + 1]):
        raise _refused("holds invisible or control characters")
    login = unicodedata.normalize("NFKC", text[: MAX_LOGIN + 1])
    if not login.strip():
        raise _refused("is empty")
    if len(text) > MAX_LOGIN or len(login) > MAX_LOGIN:
        raise _refused(f"is longer than {MAX_LOGIN} characters")
    return login


def _refused(why: str) -> InputError:
    return InputError(f"This login {why}.", code="bad-login", field="login", remedy="Type it on a plain keyboard.")


def parse_address(text: str) -> str:
    """The address in the form that is compared: trimmed, lower case. ``InputError`` if it is none."""
    address = text.strip(" ")
    if len(address) > MAX_ADDRESS or _ADDRESS.fullmatch(address) is None:
        raise InputError("This is not a mail address.", code="bad-address", field="address")
    return address.lower()


def parse_dn(text: str) -> NormalDn:
    """A DN in comparable form, nearest part first; ``InputError`` if it is not RFC 4514."""
    if not text.strip():
        return ()
    rdns: list[frozenset[tuple[str, str]]] = []
    pairs: list[tuple[str, str]] = []
    at = 0
    while True:
        match = _RDN_PART.match(text, at)
        if match is None:
            raise InputError(f"Not a distinguished name: {text!r}.", code="bad-dn")
        pairs.append(_parse_pair(match[1], text))
        at = match.end()
        if match[2] != "+":
            rdns.append(frozenset(pairs))
            pairs = []
        if not match[2]:
            return tuple(rdns)


def is_under(dn: NormalDn, base: NormalDn) -> bool:
    """Whether the entry stands at or below the base."""
    return len(dn) >= len(base) and dn[len(dn) - len(base) :] == base


def _parse_pair(text: str, whole: str) -> tuple[str, str]:
    kind, equals, value = text.partition("=")
    kind = kind.strip().lower()
    if not equals or _TYPE.fullmatch(kind) is None:
        raise InputError(f"Not a distinguished name: {whole!r}.", code="bad-dn")
    return _OIDS.get(kind, kind), fold(_unescape(value, whole))


def _unescape(value: str, whole: str) -> str:
    if value.lstrip().startswith("#"):
        raise InputError(f"Hexadecimal values in a distinguished name are not read: {whole!r}.", code="bad-dn")
    raw = value.encode()
    if b"\\" in _ESCAPE.sub(b"", raw):
        raise InputError(f"Wrong escape in the distinguished name {whole!r}.", code="bad-dn")
    try:
        return _ESCAPE.sub(lambda match: _escaped(match[1]), raw).decode()
    except UnicodeDecodeError as error:
        raise InputError(f"Not UTF-8 in the distinguished name {whole!r}.", code="bad-dn") from error


def _escaped(found: bytes) -> bytes:
    return bytes.fromhex(found.decode()) if len(found) == 2 else found
