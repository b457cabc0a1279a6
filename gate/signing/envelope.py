"""DSSE v1 envelopes: a payload, its type, and signatures over both (secure-systems-lab/dsse, protocol.md v1.0.2).

- The signature covers ``pae(type, payload)``; lengths in it count **bytes**.
- ``keyid`` is an unauthenticated hint: it only says which key to try first.
- The threshold counts distinct keys, not signatures and not names.
- Readers take standard and URL-safe base64 and ignore members they do not know; we write canonical JSON.
- ``verify_envelope`` hands on the very bytes it verified: never parse the envelope a second time.

What the payload means is none of its business: see ``gate.auditlog.entry``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gate.domain.errors import InputError, VerificationError
from gate.signing.api import PublicKey, Signer
from gate.signing.armour import decode_base64, encode_base64
from gate.signing.canonical import canonical, parse_canonical

IN_TOTO = "application/vnd.in-toto+json"
MAX_SIGNATURES = 16
"""Bounds the work a hostile envelope can ask for: signatures times keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvelopeSignature:
    """One signature as written. ``keyid`` is a claim; empty when absent."""

    keyid: str
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A parsed, **unverified** envelope."""

    payload: bytes
    payload_type: str
    signatures: tuple[EnvelopeSignature, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedPayload:
    """The bytes that were verified and the keys, each once, whose signatures hold."""

    payload: bytes
    payload_type: str
    signed_by: tuple[PublicKey, ...]


def pae(payload_type: str, payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding: what is really signed."""
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def build_envelope(payload: bytes, *signers: Signer, payload_type: str = IN_TOTO) -> bytes:
    """The envelope's bytes as canonical JSON, signed by each signer in turn."""
    if not signers:
        raise InputError("An envelope needs at least one signer.", field="signatures")
    message = pae(payload_type, payload)
    signatures = [
        {"keyid": f"{signer.name}+{signer.key_id.hex()}", "sig": encode_base64(signer.sign(message))}
        for signer in signers
    ]
    return canonical({"payload": encode_base64(payload), "payloadType": payload_type, "signatures": signatures})


def parse_envelope(raw: bytes) -> Envelope:
    """What the envelope claims, checked for form only. Raises ``InputError``."""
    members = _members(parse_canonical(raw), "envelope")
    signatures = members.get("signatures")
    if not isinstance(signatures, list) or not 1 <= len(signatures) <= MAX_SIGNATURES:
        raise InputError(f"An envelope carries 1 to {MAX_SIGNATURES} signatures.", field="signatures")
    return Envelope(
        payload=decode_base64(_text(members, "payload"), field="payload", url_safe=True),
        payload_type=_text(members, "payloadType"),
        signatures=tuple(_signature(item) for item in signatures),
    )


def verify_envelope(
    raw: bytes, keys: Iterable[PublicKey], threshold: int = 1, *, payload_type: str = IN_TOTO
) -> VerifiedPayload:
    """The payload, if at least ``threshold`` distinct ``keys`` signed it as ``payload_type``.

    Raises ``InputError`` for what is no envelope and ``VerificationError`` for what does not hold.
    """
    if threshold < 1:
        raise ValueError("a threshold below one would accept anything")
    envelope = parse_envelope(raw)
    if envelope.payload_type != payload_type:
        raise VerificationError(f"The envelope holds {envelope.payload_type}, not {payload_type}.", code="wrong-type")
    signed_by = _signed_by(envelope, tuple(keys))
    if len(signed_by) < threshold:
        raise VerificationError(
            f"{len(signed_by)} of the {threshold} signatures needed are by keys that are trusted here.",
            code="bad-signature",
            claimed=[item.keyid for item in envelope.signatures],
        )
    return VerifiedPayload(payload=envelope.payload, payload_type=envelope.payload_type, signed_by=signed_by)


def _signed_by(envelope: Envelope, keys: tuple[PublicKey, ...]) -> tuple[PublicKey, ...]:
    message = pae(envelope.payload_type, envelope.payload)
    found: dict[bytes, PublicKey] = {}  # By key bytes: one key under two names is still one.
    for item in envelope.signatures:
        hinted = [key for key in keys if key.label == item.keyid]
        for key in (*hinted, *keys):
            if key.raw not in found and key.is_signature(message, item.signature):
                found[key.raw] = key
                break
    return tuple(found.values())


def _signature(item: object) -> EnvelopeSignature:
    members = _members(item, "signatures")
    keyid = members.get("keyid")
    if keyid is not None and not isinstance(keyid, str):
        raise InputError("A keyid is a string.", field="keyid")
    return EnvelopeSignature(
        keyid=keyid or "", signature=decode_base64(_text(members, "sig"), field="sig", url_safe=True)
    )


def _members(value: object, field: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise InputError("Expected a JSON object.", field=field)
    return value


def _text(members: dict[str, object], field: str) -> str:
    value = members.get(field)
    if not isinstance(value, str):
        raise InputError("Expected a string.", field=field)
    return value
