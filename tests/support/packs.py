"""Evidence packs of a fictional bank, with real keys, real envelopes and a real Merkle tree.

Written beside the product's own signing and log (it is a second implementation on purpose): what
the product reads in the tests was made by somebody else. Keys come from fixed seeds.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

ORIGIN = "gate.halden.example"
REPOSITORY = "ledger-core"
MAIN = "refs/heads/main"
START = dt.datetime(2026, 7, 1, 8, 0, tzinfo=dt.UTC)


def canonical_json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def instant(at: dt.datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def digest(*parts: object) -> str:
    return hashlib.sha256("/".join(map(str, parts)).encode()).hexdigest()


def git_id(*parts: object) -> str:
    return digest("git", *parts)[:40]


class NoteKey:
    """An Ed25519 key with its C2SP name; ``seed`` makes it the same in every run."""

    def __init__(self, name: str, seed: str) -> None:
        self.name = name
        self.private = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(seed.encode()).digest())
        public = self.private.public_key().public_bytes_raw()
        self.hash = hashlib.sha256(name.encode() + b"\n\x01" + public).digest()[:4]
        encoded = base64.b64encode(b"\x01" + public).decode()
        self.vkey = f"{name}+{self.hash.hex()}+{encoded}"
        self.keyid = f"{name}+{self.hash.hex()}"

    def sign_note(self, text: str) -> str:
        signature = base64.b64encode(self.hash + self.private.sign(text.encode())).decode()
        return f"{text}\n— {self.name} {signature}\n"


def envelope(key: NoteKey, statement: dict[str, Any]) -> bytes:
    payload = canonical_json(statement)
    kind = "application/vnd.in-toto+json"
    pae = b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)
    signature = base64.b64encode(key.private.sign(pae)).decode()
    return canonical_json(
        {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": kind,
            "signatures": [{"keyid": key.keyid, "sig": signature}],
        }
    )


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """RFC 6962 by its recursive definition, memoised."""

    def __init__(self, leaves: list[bytes]) -> None:
        self.leaves = leaves
        self._memo: dict[tuple[int, int], bytes] = {}

    def root(self, start: int, end: int) -> bytes:
        if end - start == 1:
            return self.leaves[start]
        if (start, end) not in self._memo:
            cut = start + _split(end - start)
            self._memo[start, end] = node_hash(self.root(start, cut), self.root(cut, end))
        return self._memo[start, end]

    def inclusion(self, index: int, start: int, end: int) -> list[bytes]:
        if end - start == 1:
            return []
        cut = start + _split(end - start)
        if index < cut:
            return [*self.inclusion(index, start, cut), self.root(cut, end)]
        return [*self.inclusion(index, cut, end), self.root(start, cut)]

    def consistency(self, old: int, start: int, end: int, whole: bool = True) -> list[bytes]:
        if start + old == end:
            return [] if whole else [self.root(start, end)]
        cut = _split(end - start)
        if old <= cut:
            return [*self.consistency(old, start, start + cut, whole), self.root(start + cut, end)]
        return [*self.consistency(old - cut, start + cut, end, False), self.root(start, start + cut)]


def _split(size: int) -> int:
    return 1 << (size - 1).bit_length() - 1


@cache
def keys() -> dict[str, NoteKey]:
    return {
        "log": NoteKey(ORIGIN, "log"),
        "act": NoteKey(f"{ORIGIN}/act", "act"),
        "verdict": NoteKey(f"{ORIGIN}/verdict", "verdict"),
    }


@cache
def seal_pair(name: str = "seal") -> tuple[bytes, bytes]:
    """(private key PEM, self-signed certificate PEM) of a P-256 sealing key."""
    private = ec.derive_private_key(int(digest(name), 16) >> 8, ec.SECP256R1())
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Halden Bank"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"Contribution Gate seal {ORIGIN}"),
        ]
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(int(digest(name)[:16], 16))
        .not_valid_before(START - dt.timedelta(days=30))
        .not_valid_after(START + dt.timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(True, True, False, False, False, False, False, False, False),
            critical=True,
        )
        .sign(private, hashes.SHA256(), ecdsa_deterministic=True)
    )
    key_pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return key_pem, certificate.public_bytes(serialization.Encoding.PEM)


def trust_document(seal: str = "seal") -> dict[str, Any]:
    return {
        "format": "gate-trust/v1",
        "origin": ORIGIN,
        "log": [keys()["log"].vkey],
        "act": [keys()["act"].vkey],
        "verdict": [keys()["verdict"].vkey],
        "seal": [seal_pair(seal)[1].decode()],
        "witnesses": [],
    }


@dataclass
class Log:
    """Entries as they are appended; stream versions are counted here as the ledger does."""

    envelopes: list[bytes] = field(default_factory=list)
    versions: dict[str, int] = field(default_factory=dict)
    at: dt.datetime = START

    def append(self, what: str, stream: str, subject: list[dict[str, Any]], **members: Any) -> int:
        self.at += dt.timedelta(minutes=7, microseconds=1)
        self.versions[stream] = self.versions.get(stream, 0) + 1
        predicate = {
            "stream": stream,
            "version": self.versions[stream],
            "timestamp": instant(self.at),
            "requestId": f"req-{len(self.envelopes)}",
            "recordedBy": {"kind": "system", "id": "test"},
            "operator": {"software": "contribution-gate/0.1.0"},
            **members,
        }
        statement = {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": subject,
            "predicateType": f"urn:contribution-gate:{what}:v1",
            "predicate": predicate,
        }
        self.envelopes.append(envelope(keys()["act"], statement))
        return len(self.envelopes) - 1

    def tree(self) -> Tree:
        return Tree([leaf_hash(item) for item in self.envelopes])

    def checkpoint(self, size: int | None = None) -> str:
        count = len(self.envelopes) if size is None else size
        root = base64.b64encode(self.tree().root(0, count)).decode()
        return keys()["log"].sign_note(f"{ORIGIN}\n{count}\n{root}\n")
