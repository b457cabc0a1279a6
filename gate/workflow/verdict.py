"""The verdict: a signed SLSA verification summary that CI and git servers can check offline.

Its lifetime starts when it is signed and ends with the decision, at the latest after the configured
lifetime. Format: ``docs/formats.md``; second implementation: ``standalone/hook.py``.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any, Final

from gate.domain.clock import format_instant
from gate.policy.decision import Decision
from gate.signing.canonical import canonical
from gate.signing.envelope import build_envelope
from gate.store.contributions import ContributionRow
from gate.workflow.parts import Parts

VSA: Final = "https://slsa.dev/verification_summary/v1"
EXTENSION: Final = "urn:contribution-gate:verdict:v1"
LEVEL: Final = "ORG_SOURCE_CONTRIBUTION_GATE"


def build_verdict(
    parts: Parts, row: ContributionRow, decision: Decision, valid_until: datetime, mode: str, now: datetime
) -> bytes:
    """The signed envelope, PASSED, for a decision that allows. ``valid_until`` is exclusive."""
    if not decision.answer.allows:
        raise AssertionError("a verdict is signed only for a yes")
    name = f"git+gate:repository/{row.repository}"
    lifetime = timedelta(seconds=parts.settings.policy.verdict_lifetime_seconds)
    statement: dict[str, Any] = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [
            {
                "name": name,
                "digest": {"gitCommit": row.head, "gitTree": row.tree},
                "annotations": {"sourceRefs": [row.target]},
            }
        ],
        "predicateType": VSA,
        "predicate": {
            "verifier": {"id": parts.settings.origin},
            "timeVerified": format_instant(now),
            "resourceUri": f"{name}@{row.target}",
            "policy": {
                "uri": f"gate:policy-epoch/{decision.policy_epoch}",
                "digest": {"sha256": decision.policy_digest},
            },
            "inputAttestations": [_input(parts, index) for index in _inputs(decision)],
            "verificationResult": "PASSED",
            "verifiedLevels": [LEVEL],
            EXTENSION: {
                "answer": decision.answer.value,
                "outOfScope": decision.out_of_scope,
                "mode": mode,
                "repository": row.repository,
                "number": row.number,
                "revision": row.revision,
                "head": row.head,
                "tree": row.tree,
                "targetRef": row.target,
                "mergeBase": row.merge_base,
                "decisionIndex": row.decision_index,
                "treeSize": parts.log.head().size,
                "notBefore": format_instant(now),
                "notAfter": format_instant(min(now + lifetime, valid_until)),
            },
        },
    }
    return build_envelope(canonical(statement), parts.keys.verdict)


def _inputs(decision: Decision) -> tuple[int, ...]:
    """The entries that the answer rests on: signatures that count, and a break-glass that holds."""
    override = decision.override
    if override is None or not override.is_effective:
        return decision.counted
    cosigned = {one.index for one in override.cosign.filled}
    return tuple(sorted({*decision.counted, override.index} | cosigned))


def _input(parts: Parts, index: int) -> dict[str, Any]:
    envelope = parts.log.entry(index).envelope
    return {"uri": f"gate:log/{index}", "digest": {"sha256": hashlib.sha256(envelope).hexdigest()}}
