"""Password hashes of the LDIF directory: scrypt (RFC 7914).

Form: ``{SCRYPT}<log2 n>$<r>$<p>$<salt, base64>$<hash, base64>``, 16 octets of salt, 32 of hash. The
costs are bounded when read, so that a file cannot make a check take minutes or gigabytes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

from gate.domain.errors import InputError

SCHEME = "{SCRYPT}"
LOG_N = 14

_FORM = re.compile(r"\{SCRYPT\}(\d{1,2})\$(\d{1,2})\$(\d{1,2})\$([A-Za-z0-9+/=]{24})\$([A-Za-z0-9+/=]{44})")


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordHash:
    """Parsed form of one hash."""

    log_n: int
    r: int
    p: int
    salt: bytes
    digest: bytes

    def holds(self, password: str) -> bool:
        return hmac.compare_digest(_derive(password, self.salt, self.log_n, self.r, self.p), self.digest)


def hash_password(password: str, *, log_n: int = LOG_N) -> str:
    """A new hash for ``userPassword`` of an LDIF directory, under a random salt."""
    salt = secrets.token_bytes(16)
    digest = _derive(password, salt, log_n, 8, 1)
    return f"{SCHEME}{log_n}$8$1${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def parse_password_hash(text: str) -> PasswordHash:
    """``InputError`` for any other scheme, a clear password, or costs out of bounds."""
    match = _FORM.fullmatch(text)
    if match is None:
        raise InputError("userPassword is not a {SCRYPT} hash.", code="bad-password-hash")
    log_n, r, p = (int(match[number]) for number in (1, 2, 3))
    if not (4 <= log_n <= 17 and 1 <= r <= 8 and 1 <= p <= 4):
        raise InputError("The costs of the {SCRYPT} hash are out of bounds.", code="bad-password-hash")
    try:
        salt, digest = (base64.b64decode(match[number], validate=True) for number in (4, 5))
    except binascii.Error as error:
        raise InputError("The {SCRYPT} hash is not base64.", code="bad-password-hash") from error
    if (len(salt), len(digest)) != (16, 32):
        raise InputError("The {SCRYPT} hash has the wrong length.", code="bad-password-hash")
    return PasswordHash(log_n=log_n, r=r, p=p, salt=salt, digest=digest)


def _derive(password: str, salt: bytes, log_n: int, r: int, p: int) -> bytes:
    n = 1 << log_n
    return hashlib.scrypt(password.encode(), salt=salt, n=n, r=r, p=p, dklen=32, maxmem=256 * n * r + (1 << 20))
