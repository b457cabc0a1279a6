"""The organisation's seal on a finished PDF: PAdES B-B (ETSI EN 319 142-1), the CMS part by pyHanko.

Rules: an invisible field and one revision (``field.py``); no network, so no time stamp and no
revocation data (a self-signed certificate has none). The seal is the gate's and is nobody's
signature. ``at`` is the time the seal claims; nothing here reads a clock. What it is worth hangs
on the certificate, compared over another channel: ``standalone/verify.py`` pins it byte by byte.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from asn1crypto import keys, pem, x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from pyhanko.sign.signers import SimpleSigner
from pyhanko.sign.signers.pdf_cms import PdfCMSSignedAttributes
from pyhanko_certvalidator.registry import SimpleCertificateStore

from gate.domain.errors import UnavailableError
from gate.pdf.field import open_seal


def seal(pdf: bytes, key_pem: bytes, cert_pem: bytes, at: datetime) -> bytes:
    """``pdf`` (from ``render_pack``) with the seal.

    ``UnavailableError`` (misconfigured) for a key that cannot be used, ``InputError`` for a PDF without a place.
    """
    signer = _load_signer(key_pem, cert_pem)
    document = open_seal(pdf, at)
    digest = document.digest()

    async def sign() -> bytes:
        settings = PdfCMSSignedAttributes()
        signed = await signer.async_sign(digest, "sha256", use_pades=True, signed_attr_settings=settings)
        return bytes(signed.dump())

    # pyHanko signs only in an event loop. One of our own, in a thread of its own: the caller's may have one running.
    with ThreadPoolExecutor(max_workers=1) as own:
        return document.close(own.submit(lambda: asyncio.run(sign())).result())


def _load_signer(key_pem: bytes, cert_pem: bytes) -> SimpleSigner:
    try:
        certificate = x509.Certificate.load(pem.unarmor(cert_pem)[2], strict=True)
        private = load_pem_private_key(key_pem, None)
        key = keys.PrivateKeyInfo.load(pem.unarmor(key_pem)[2], strict=True)
        public = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        fits = certificate.public_key.dump() == public and isinstance(private, EllipticCurvePrivateKey)
    except (ValueError, TypeError) as error:
        raise _misconfigured("The sealing key or its certificate cannot be read.") from error
    if not fits:
        raise _misconfigured("The sealing key does not belong to its certificate, or is not a P-256 key.")
    store: Any = SimpleCertificateStore
    return SimpleSigner(signing_cert=certificate, signing_key=key, cert_registry=store())


def _misconfigured(message: str) -> UnavailableError:
    return UnavailableError(
        message,
        code="misconfigured",
        remedy="seal.key and seal.pem must be the pair that “gate init” made: PEM, PKCS#8, P-256, no passphrase.",
    )
