"""The keys of a gate as PEM files (PKCS #8, unencrypted) in one directory that only its account can read.

``log.pem``, ``act.pem``, ``verdict.pem``: Ed25519. ``seal.pem``: certificate of ``seal-key.pem`` (P-256), which seals
PDFs; self-signed, because the trust file pins it. ``origin`` holds the name they all carry.

- A key that others on the machine could read is not used: ``UnavailableError`` with the command that mends it.
- Nothing is ever overwritten: a lost key is replaced by a new one beside it in the trust file.
- Private keys stay in the objects made here; only signatures leave them.
"""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from gate.auditlog.trust import Trust
from gate.domain.errors import ConflictError, InputError, UnavailableError
from gate.signing.api import PublicKey, check_key_name, derive_key_id, public_key_of

SEAL_YEARS = 20
MAX_FILE = 16 * 1024

_ORIGIN = "origin"
_SEAL_KEY = "seal-key.pem"
_SEAL_CERTIFICATE = "seal.pem"
_ROLES = ("log", "act", "verdict")


@dataclass(frozen=True, slots=True)
class FileSigner:
    """A ``Signer`` over an Ed25519 key held in memory, as read from a file."""

    name: str
    private: Ed25519PrivateKey = field(repr=False)
    public_key: bytes = field(init=False)
    key_id: bytes = field(init=False)

    def __post_init__(self) -> None:
        """Derived once: a signer's key never changes, and every entry names it."""
        object.__setattr__(self, "public_key", self.private.public_key().public_bytes_raw())
        object.__setattr__(self, "key_id", derive_key_id(self.name, self.public_key))

    def sign(self, message: bytes) -> bytes:
        return self.private.sign(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRing:
    """All keys of one gate. ``seal_key`` is the path of the PDF seal's private key, ``seal_certificate`` PEM text."""

    origin: str
    log: FileSigner
    act: FileSigner
    verdict: FileSigner
    seal_key: Path
    seal_certificate: str


def key_name(origin: str, role: str) -> str:
    """The origin itself for ``log``, and ``<origin>/<role>`` for the others."""
    return origin if role == "log" else f"{origin}/{role}"


def generate_keys(directory: Path, origin: str, now: datetime) -> KeyRing:
    """Makes all keys in ``directory`` (created 0700 if need be) and loads them. ``ConflictError`` if one exists."""
    check_key_name(origin)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if found := sorted(path.name for path in directory.iterdir()):
        raise ConflictError(
            f"{directory} is not empty: it holds {', '.join(found[:5])}.",
            code="keys-exist",
            remedy="Keys are never overwritten. Name another directory, or keep using these.",
        )
    for role in _ROLES:
        _write_new(directory / f"{role}.pem", _pem(Ed25519PrivateKey.generate()), 0o600)
    seal = ec.generate_private_key(ec.SECP256R1())
    _write_new(directory / _SEAL_KEY, _pem(seal), 0o600)
    _write_new(directory / _SEAL_CERTIFICATE, _build_certificate(seal, origin, now), 0o644)
    _write_new(directory / _ORIGIN, f"{origin}\n".encode(), 0o644)
    return load_keys(directory)


def load_keys(directory: Path) -> KeyRing:
    """The keys in ``directory``. ``UnavailableError`` (misconfigured) when one is missing, broken or too open."""
    origin = _load_origin(directory / _ORIGIN)
    seal_key, certificate = directory / _SEAL_KEY, directory / _SEAL_CERTIFICATE
    _check_seal(seal_key, certificate)
    log, act, verdict = (_load_signer(directory / f"{role}.pem", key_name(origin, role)) for role in _ROLES)
    return KeyRing(
        origin=origin,
        log=log,
        act=act,
        verdict=verdict,
        seal_key=seal_key,
        seal_certificate=_read(certificate).decode("ascii", "replace"),
    )


def build_trust(ring: KeyRing) -> Trust:
    """What others must hold to check this gate."""
    return Trust(
        origin=ring.origin,
        log=(public_key_of(ring.log),),
        act=(public_key_of(ring.act),),
        verdict=(public_key_of(ring.verdict),),
        seal=(ring.seal_certificate,),
    )


def fingerprints(ring: KeyRing) -> tuple[tuple[str, str], ...]:
    """``(what, fingerprint)`` to print and read out: SHA-256 of each public key (seal: of the certificate), in hex."""
    certificate = x509.load_pem_x509_certificate(ring.seal_certificate.encode("ascii"))
    keys: tuple[tuple[str, PublicKey], ...] = tuple(
        (role, public_key_of(signer)) for role, signer in zip(_ROLES, (ring.log, ring.act, ring.verdict), strict=True)
    )
    return (
        *((f"{role} {key.label}", _spaced(hashlib.sha256(key.raw).digest())) for role, key in keys),
        (f"seal {ring.origin} evidence seal", _spaced(certificate.fingerprint(hashes.SHA256()))),
    )


def _spaced(digest: bytes) -> str:
    """Groups of four, as people compare them."""
    return digest.hex(" ", 2)


def _pem(key: Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write_new(path: Path, content: bytes, mode: int) -> None:
    """Creates the file with its mode from the first byte on, durably; never replaces one."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    except FileExistsError as error:
        raise ConflictError(f"{path} exists; keys are never overwritten.", code="keys-exist") from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _read(path: Path, *, private: bool = False) -> bytes:
    """The file's bytes; with ``private`` only if nobody but its owner may read it (checked on the open file)."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            content = file.read(MAX_FILE + 1)
    except OSError as error:
        raise _misconfigured(
            f"{path} cannot be read: {error.strerror}.", "Run `gate init`, or restore the keys."
        ) from error
    if private and mode & 0o077:
        raise _misconfigured(f"{path} can be read by others (mode {mode:04o}).", f"Run: chmod 600 {path}")
    if not content or len(content) > MAX_FILE:
        raise _misconfigured(f"{path} is empty or larger than {MAX_FILE} bytes.", "Restore it from a copy.")
    return content


def _load_origin(path: Path) -> str:
    try:
        origin = _read(path).decode("utf-8").removesuffix("\n")
        check_key_name(origin)
    except (InputError, UnicodeDecodeError) as error:
        raise _misconfigured(f"{path} holds no name that a key can have.", "Restore it from a copy.") from error
    return origin


def _load_private(path: Path) -> object:
    content = _read(path, private=True)
    try:
        return serialization.load_pem_private_key(content, password=None)
    except (ValueError, TypeError) as error:  # TypeError: encrypted with a password.
        raise _misconfigured(f"{path} is not an unencrypted private key in PEM.", "Restore it from a copy.") from error


def _load_signer(path: Path, name: str) -> FileSigner:
    key = _load_private(path)
    if not isinstance(key, Ed25519PrivateKey):
        raise _misconfigured(f"{path} is not an Ed25519 key.", "Restore it from a copy.")
    return FileSigner(name, key)


def _check_seal(key_path: Path, certificate_path: Path) -> None:
    key = _load_private(key_path)
    try:
        certificate = x509.load_pem_x509_certificate(_read(certificate_path))
    except ValueError as error:
        raise _misconfigured(f"{certificate_path} is not a certificate in PEM.", "Restore it from a copy.") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or certificate.public_key() != key.public_key():
        raise _misconfigured(f"{certificate_path} does not belong to {key_path}.", "Restore both from one copy.")


def _build_certificate(key: ec.EllipticCurvePrivateKey, origin: str, now: datetime) -> bytes:
    """A self-signed certificate for signing documents only (RFC 5280; keyUsage as PDF readers expect it)."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{origin[:50]} evidence seal")])
    usage = {
        usage: usage in ("digital_signature", "content_commitment")
        for usage in (
            "digital_signature",
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "key_cert_sign",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        )
    }
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))  # A reader's clock may be behind ours.
        .not_valid_after(now + timedelta(days=365 * SEAL_YEARS + SEAL_YEARS // 4))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM)


def _misconfigured(message: str, remedy: str) -> UnavailableError:
    return UnavailableError(message, code="misconfigured", remedy=remedy)
