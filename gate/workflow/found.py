"""The gate is founded: entry 0 with the public keys and the digest of the settings, entry 1 the first policy.

Both are one command: a log never begins without saying under which keys, settings and policy.
The first policy is nobody's decision but the operator's, and says so (``bootstrap``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from ssl import PEM_cert_to_DER_cert

from gate.auditlog.entry import EntryKind, Recorder
from gate.domain.errors import ConflictError
from gate.keys.files import build_trust, fingerprints
from gate.policy.registry import build_policy_set
from gate.settings import digest
from gate.store.command import Command, Receipt
from gate.workflow.activate import build_activation
from gate.workflow.entry import build_entry, thing_subject
from gate.workflow.parts import Parts


def found(parts: Parts, files: Mapping[str, bytes], *, by: Recorder) -> Receipt:
    """Write entries 0 and 1. ``ConflictError`` when the log has begun, ``InputError`` for a broken policy."""
    if parts.log.head().size:
        raise ConflictError("This gate was founded already.", remedy="Use `gate policy activate` for a new policy.")
    proposed = build_policy_set(files)
    settings_digest = digest(parts.settings)
    trust = build_trust(parts.keys)
    genesis = build_entry(
        parts,
        EntryKind.GENESIS,
        stream="gate",
        version=1,
        subjects=[thing_subject("gate:settings", settings_digest)],
        predicate={
            "organisation": parts.settings.organisation,
            "origin": parts.settings.origin,
            "production": parts.settings.production,
            "settings": {"sha256": settings_digest.hex()},
            "keys": {
                "log": [key.vkey for key in trust.log],
                "act": [key.vkey for key in trust.act],
                "verdict": [key.vkey for key in trust.verdict],
                "sealSha256": [hashlib.sha256(PEM_cert_to_DER_cert(pem)).hexdigest() for pem in trust.seal],
            },
            "fingerprints": [{"key": name, "fingerprint": value} for name, value in fingerprints(parts.keys)],
            "directory": {"name": parts.settings.directory.name, "kind": parts.settings.directory.kind},
        },
        by=by,
        at=parts.clock.now(),
    )
    activation, _ = build_activation(parts, files, proposed, 0, by, position=1)
    return parts.ledger.append(
        Command(
            entries=(genesis, *activation.entries),
            rows=activation.rows,
            blobs=activation.blobs,
            jobs=activation.jobs,
        )
    )
