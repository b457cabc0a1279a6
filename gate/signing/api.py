"""Who can sign, and how a signature is checked: the ``Signer`` protocol and Ed25519 public keys.

Keys are named and written as in C2SP signed-note: ``<name>+<hex key id>+<base64(type || key)>``, where the key id is
the first four bytes of SHA-256(name || 0x0A || type || key). Type 0x01 is Ed25519 (RFC 8032), the only one today; the
type byte is kept in every text form so that another algorithm can stand beside it.

Private keys are not handled here: see ``gate.keys``.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gate.domain.errors import InputError, VerificationError
from gate.signing.armour import decode_base64, encode_base64

ED25519 = 0x01
"""The signed-note type byte of Ed25519."""
KEY_SIZE = 32
SIGNATURE_SIZE = 64
MAX_NAME = 255

_VKEY = re.compile(r"([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)")


class Signer(Protocol):
    """Something that holds one Ed25519 private key: a file, a token, a remote service."""

    @property
    def name(self) -> str:
        """The key's name, as in its vkey."""

    @property
    def key_id(self) -> bytes:
        """Four bytes, as in its vkey."""

    @property
    def public_key(self) -> bytes:
        """The 32 raw bytes of the public key."""

    def sign(self, message: bytes) -> bytes:
        """The 64-byte signature over ``message``. ``UnavailableError`` when the key cannot be reached."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A named Ed25519 public key. Equal only if name and bytes are."""

    name: str
    raw: bytes

    def __post_init__(self) -> None:
        check_key_name(self.name)
        if len(self.raw) != KEY_SIZE:
            raise InputError(f"An Ed25519 public key has {KEY_SIZE} bytes, not {len(self.raw)}.", field="key")

    @property
    def key_id(self) -> bytes:
        return derive_key_id(self.name, self.raw)

    @property
    def label(self) -> str:
        """``gate.example/act+0a1b2c3d``: the DSSE key id, and how the key is named to people."""
        return f"{self.name}+{self.key_id.hex()}"

    @property
    def vkey(self) -> str:
        """The C2SP text form, which ``parse_vkey`` reads."""
        return f"{self.label}+{encode_base64(bytes([ED25519]) + self.raw)}"

    def is_signature(self, message: bytes, signature: bytes) -> bool:
        """Whether ``signature`` is this key's over ``message``."""
        try:
            _load(self.raw).verify(signature, message)
        except InvalidSignature:
            return False
        return True

    def verify(self, message: bytes, signature: bytes) -> None:
        """Raises ``VerificationError`` unless ``signature`` is this key's over ``message``."""
        if not self.is_signature(message, signature):
            raise VerificationError(f"The signature is not one of {self.label}.", code="bad-signature")


def parse_vkey(text: str) -> PublicKey:
    """A key from its C2SP text form. Raises ``InputError``, also when name and key id do not belong together."""
    parts = _VKEY.fullmatch(text)
    if parts is None:
        raise InputError("This is not a key: expected <name>+<8 hex digits>+<base64>.", field="key")
    name, key_id, encoded = parts.groups()
    typed = decode_base64(encoded, field="key")
    if typed[:1] != bytes([ED25519]):
        raise InputError(f"Key {name} is of type {typed[:1].hex() or 'none'}; only Ed25519 (01) is known.", field="key")
    key = PublicKey(name, typed[1:])
    if key.key_id.hex() != key_id:
        raise InputError(f"Key {name} does not have the id {key_id}: name or key was changed.", field="key")
    return key


def public_key_of(signer: Signer) -> PublicKey:
    """The public half of ``signer``."""
    return PublicKey(signer.name, signer.public_key)


@lru_cache(maxsize=256)
def derive_key_id(name: str, raw: bytes, algorithm: int = ED25519) -> bytes:
    """The C2SP key id: four bytes that say which key is meant, and prove nothing."""
    return hashlib.sha256(name.encode("utf-8") + b"\n" + bytes([algorithm]) + raw).digest()[:4]


def check_key_name(name: str) -> None:
    """Raises ``InputError`` unless ``name`` can stand in a note: printable, without spaces and plus signs."""
    if not name or len(name) > MAX_NAME or "+" in name or not name.isprintable() or any(map(str.isspace, name)):
        raise InputError("A key name is printable text without spaces or plus signs.", field="key name")


@lru_cache(maxsize=256)
def _load(raw: bytes) -> Ed25519PublicKey:
    try:
        return Ed25519PublicKey.from_public_bytes(raw)
    except ValueError as error:
        raise InputError("These bytes are not an Ed25519 public key.", field="key") from error
