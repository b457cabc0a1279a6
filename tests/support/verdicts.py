"""Signs verdicts with a test key, in the gate's format, by nothing but ``cryptography`` and ``json``.

Deliberately not the gate's own signer: the hook's tests must notice when either side drifts.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ORIGIN = "gate.example"
TYPE = "application/vnd.in-toto+json"
MEMBER = "urn:contribution-gate:verdict:v1"


@dataclass(frozen=True)
class VerdictKey:
    """An Ed25519 key from a fixed seed."""

    name: str
    private: Ed25519PrivateKey

    @property
    def _typed(self) -> bytes:
        return b"\x01" + self.private.public_key().public_bytes_raw()

    @property
    def key_id(self) -> str:
        digest = hashlib.sha256(self.name.encode() + b"\n" + self._typed).hexdigest()
        return f"{self.name}+{digest[:8]}"

    @property
    def vkey(self) -> str:
        return f"{self.key_id}+{base64.b64encode(self._typed).decode()}"


def make_key(seed: int = 1, name: str = f"{ORIGIN}/verdict") -> VerdictKey:
    return VerdictKey(name, Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32))


def trust(*keys: VerdictKey, origin: str = ORIGIN) -> dict[str, Any]:
    """A trust file that pins these verdict keys."""
    return {
        "format": "gate-trust/v1",
        "origin": origin,
        "log": [],
        "act": [],
        "verdict": [key.vkey for key in keys],
        "seal": [],
        "witnesses": [],
    }


def instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def build_statement(
    *,
    head: str,
    tree: str,
    merge_base: str,
    target: str,
    repository: str,
    number: int = 1,
    result: str = "PASSED",
    answer: str = "approved",
    not_before: datetime | None = None,
    not_after: datetime | None = None,
    origin: str = ORIGIN,
) -> dict[str, Any]:
    """The verdict statement; by default in force from a minute ago for ten minutes."""
    now = datetime.now(UTC)
    start, end = not_before or now - timedelta(minutes=1), not_after or now + timedelta(minutes=10)
    name = f"git+gate:repository/{repository}"
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [
            {"name": name, "digest": {"gitCommit": head, "gitTree": tree}, "annotations": {"sourceRefs": [target]}}
        ],
        "predicateType": "https://slsa.dev/verification_summary/v1",
        "predicate": {
            "verifier": {"id": origin},
            "timeVerified": instant(start),
            "resourceUri": f"{name}@{target}",
            "policy": {"uri": "gate:policy/main", "digest": {"sha256": "0" * 64}},
            "inputAttestations": [],
            "verificationResult": result,
            "verifiedLevels": ["ORG_SOURCE_CONTRIBUTION_GATE"],
            MEMBER: {
                "answer": answer,
                "mode": "enforce",
                "repository": repository,
                "number": number,
                "revision": 1,
                "head": head,
                "tree": tree,
                "targetRef": target,
                "mergeBase": merge_base,
                "decisionIndex": 7,
                "treeSize": 8,
                "notBefore": instant(start),
                "notAfter": instant(end),
            },
        },
    }


def sign_statement(statement: Mapping[str, Any], key: VerdictKey) -> dict[str, Any]:
    """A DSSE envelope."""
    payload = json.dumps(statement, sort_keys=True, separators=(",", ":")).encode()
    message = b"DSSEv1 %d %s %d %s" % (len(TYPE), TYPE.encode(), len(payload), payload)
    signature = key.private.sign(message)
    return {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": TYPE,
        "signatures": [{"keyid": key.key_id, "sig": base64.b64encode(signature).decode()}],
    }


def push_option(envelope: Mapping[str, Any] | bytes) -> str:
    """``gate.verdict=…`` as given to ``git push -o``."""
    raw = envelope if isinstance(envelope, bytes) else json.dumps(envelope, separators=(",", ":")).encode()
    return "gate.verdict=" + base64.urlsafe_b64encode(raw).decode().rstrip("=")
