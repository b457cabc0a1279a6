"""Key files: made once, closed to others, never overwritten, and refused with the command that mends them."""

from __future__ import annotations

import dataclasses
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.auditlog.trust import build_trust_file, parse_trust
from gate.domain.errors import ConflictError, InputError, UnavailableError
from gate.keys.files import KeyRing, build_trust, fingerprints, generate_keys, load_keys
from gate.signing.api import public_key_of
from gate.signing.envelope import build_envelope, verify_envelope

pytestmark = pytest.mark.req("GND-04")

NOW = datetime(2026, 11, 22, 16, 0, tzinfo=UTC)
PRIVATE = ["log.pem", "act.pem", "verdict.pem", "seal-key.pem"]


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    return generate_keys(tmp_path / "keys", "gate.example", NOW)


def test_generated_keys_load_and_sign(ring: KeyRing, tmp_path: Path) -> None:
    again = load_keys(tmp_path / "keys")
    trust = build_trust(ring)
    assert build_trust(again) == trust
    assert fingerprints(again) == fingerprints(ring)
    assert verify_envelope(build_envelope(b"{}", again.act), trust.act).payload == b"{}"
    assert [signer.name for signer in (ring.log, ring.act, ring.verdict)] == [
        "gate.example",
        "gate.example/act",
        "gate.example/verdict",
    ]
    assert len({signer.public_key for signer in (ring.log, ring.act, ring.verdict)}) == 3
    assert public_key_of(ring.log).key_id == ring.log.key_id


def test_trust_file_of_generated_keys(ring: KeyRing) -> None:
    trust = build_trust(ring)
    assert parse_trust(build_trust_file(trust)) == trust


def test_fingerprints_are_of_public_keys(ring: KeyRing) -> None:
    printed = fingerprints(ring)
    assert [what.split()[0] for what, _ in printed] == ["log", "act", "verdict", "seal"]
    assert all(len(bytes.fromhex(fingerprint)) == 32 for _, fingerprint in printed)


@pytest.mark.req("GND-06")
def test_private_keys_are_closed_and_never_shown(ring: KeyRing, tmp_path: Path) -> None:
    for name in PRIVATE:
        assert (tmp_path / "keys" / name).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700
    assert "PrivateKey" not in repr(ring)
    assert "PRIVATE KEY" not in repr(ring)
    assert all(field.name != "private" or not field.repr for field in dataclasses.fields(ring.log))


@pytest.mark.req("GND-06")
@pytest.mark.parametrize("name", PRIVATE)
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620, 0o610])
@pytest.mark.usefixtures("ring")
def test_open_key_is_refused_with_the_command_that_closes_it(tmp_path: Path, name: str, mode: int) -> None:
    path = tmp_path / "keys" / name
    path.chmod(mode)
    with pytest.raises(UnavailableError) as caught:
        load_keys(tmp_path / "keys")
    assert caught.value.code == "misconfigured"
    assert f"chmod 600 {path}" in caught.value.remedy
    path.chmod(0o600)
    load_keys(tmp_path / "keys")


@pytest.mark.usefixtures("ring")
def test_keys_are_never_overwritten(tmp_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in (tmp_path / "keys").iterdir()}
    with pytest.raises(ConflictError):
        generate_keys(tmp_path / "keys", "gate.example", NOW)
    assert {path.name: path.read_bytes() for path in (tmp_path / "keys").iterdir()} == before


@pytest.mark.usefixtures("ring")
@pytest.mark.parametrize("name", [*PRIVATE, "seal.pem", "origin"])
@pytest.mark.parametrize("content", [None, b"", b"junk", b"x" * 100_000], ids=["gone", "empty", "junk", "huge"])
def test_broken_files_are_refused(tmp_path: Path, name: str, content: bytes | None) -> None:
    path = tmp_path / "keys" / name
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    if (name, content) == ("origin", b"junk"):
        assert load_keys(tmp_path / "keys").origin == "junk"
        return
    with pytest.raises(UnavailableError) as caught:
        load_keys(tmp_path / "keys")
    assert caught.value.code == "misconfigured"
    assert str(path) in str(caught.value)


def _rewrite(path: Path, key: Ed25519PrivateKey | ec.EllipticCurvePrivateKey, password: bytes | None = None) -> None:
    cipher: serialization.KeySerializationEncryption = (
        serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    )
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, cipher))


@pytest.mark.usefixtures("ring")
def test_keys_of_the_wrong_kind_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    original = (folder / "act.pem").read_bytes()
    for key, password in ((ec.generate_private_key(ec.SECP256R1()), None), (Ed25519PrivateKey.generate(), b"secret")):
        _rewrite(folder / "act.pem", key, password)
        with pytest.raises(UnavailableError):
            load_keys(folder)
    (folder / "act.pem").write_bytes(original)
    _rewrite(folder / "seal-key.pem", ec.generate_private_key(ec.SECP256R1()))
    with pytest.raises(UnavailableError, match="does not belong"):
        load_keys(folder)


@pytest.mark.usefixtures("ring")
def test_bad_origin_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "keys" / "origin").write_text("two words\n")
    with pytest.raises(UnavailableError):
        load_keys(tmp_path / "keys")


@pytest.mark.req("AUD-02")
def test_seal_certificate(ring: KeyRing) -> None:
    certificate = x509.load_pem_x509_certificate(ring.seal_certificate.encode())
    assert certificate.subject.rfc4514_string() == "CN=gate.example evidence seal"
    certificate.verify_directly_issued_by(certificate)
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.digital_signature, usage.content_commitment, usage.key_cert_sign) == (True, True, False)
    assert certificate.not_valid_before_utc < NOW
    assert certificate.not_valid_after_utc.year == NOW.year + 20


@pytest.mark.parametrize("origin", ["", "a b", "a+b"])
def test_bad_origin_makes_no_file(tmp_path: Path, origin: str) -> None:
    with pytest.raises(InputError):
        generate_keys(tmp_path / "keys", origin, NOW)
    assert not (tmp_path / "keys").exists()


@pytest.mark.usefixtures("ring")
def test_umask_does_not_matter(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        generate_keys(tmp_path / "other", "gate.example", NOW)
    finally:
        os.umask(before)
    assert (tmp_path / "other" / "act.pem").stat().st_mode & 0o777 == 0o600
