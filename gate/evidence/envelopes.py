"""Reading the entries a pack rests on: envelope bytes to the statement's members the pack prints.

The bytes are taken as they were signed and never written again. Whether the signatures hold is
not asked here: the ledger verified them when it wrote, and ``standalone/verify.py`` does when it
reads. Member names are those of the audit entries (docs/formats.md).
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gate.domain.errors import InputError
from gate.evidence.twin import Authentication, EntryRow, ErasableText, Meaning, SignatureRow

PREFIX = "urn:contribution-gate:"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedEntry:
    """One entry, decoded. ``record`` is the hex SHA-256 of the envelope."""

    index: int
    kind: str
    stream: str
    version: int
    timestamp: str
    record: str
    key: str
    predicate: Mapping[str, Any]
    subject: tuple[Mapping[str, Any], ...]


def parse_entry(row: EntryRow) -> OpenedEntry:
    """Decode one entry; ``InputError`` naming its index if it is no statement of the gate."""
    try:
        envelope = base64.b64decode(row.envelope, validate=True)
        outer = json.loads(envelope)
        statement = json.loads(base64.b64decode(outer["payload"], validate=True))
        predicate = statement["predicate"]
        return OpenedEntry(
            index=row.index,
            kind=statement["predicateType"].removeprefix(PREFIX).removesuffix(":v1"),
            stream=str(predicate["stream"]),
            version=int(predicate["version"]),
            timestamp=str(predicate["timestamp"]),
            record=hashlib.sha256(envelope).hexdigest(),
            key=str(outer["signatures"][0]["keyid"]),
            predicate=predicate,
            subject=tuple(statement.get("subject", ())),
        )
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"entry {row.index} is not a statement of the gate", field=f"entries[{row.index}]") from error


def build_signatures(
    entries: Iterable[OpenedEntry], head: str | None, texts: Mapping[str, ErasableText]
) -> tuple[SignatureRow, ...]:
    """The signature blocks of one contribution, in log order, from its ``approval`` entries alone.

    ``head`` is the last recorded head (what names another is stale); ``texts`` are free texts by
    commitment. An erased text has its commitment only.
    """
    acts = [entry for entry in entries if entry.kind == "approval"]
    withdrawn = {
        entry.predicate["supersedes"]: entry.index
        for entry in acts
        if entry.predicate.get("result") == "WITHDRAWN" and entry.predicate.get("supersedes") is not None
    }
    try:
        return tuple(_build_signature(entry, head, withdrawn.get(entry.index), texts) for entry in acts)
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError("an approval entry lacks what a signature must show (21 CFR 11.50)") from error


def _build_signature(
    entry: OpenedEntry, head: str | None, withdrawn: int | None, texts: Mapping[str, ErasableText]
) -> SignatureRow:
    said = entry.predicate
    reviewer, policy = said["reviewer"], said["policy"]
    return SignatureRow(
        index=entry.index,
        record=entry.record,
        result=said["result"],
        name=reviewer["displayName"],
        person=reviewer["id"],
        login=reviewer["login"],
        dn=reviewer["dn"],
        role=reviewer["role"],
        team=reviewer.get("team"),
        meaning=Meaning(id=said["meaning"], text=said["meaningText"], kind=said["meaningKind"]),
        signed_at=entry.timestamp,
        auth=_build_authentication(said["auth"]),
        revision=said["revision"],
        head=said["head"],
        tree=said["targetID"],
        target=said["targetRef"],
        policy_epoch=policy["epoch"],
        policy_sha256=policy["digest"]["sha256"],
        statement=said["statementText"],
        reason=_build_reason(said.get("reasonCommitment"), texts),
        key=entry.key,
        vouched_by=said.get("vouch", {}).get("by", ""),
        expires_at=said.get("expiresAt"),
        supersedes=said.get("supersedes"),
        stale=said["head"] != head,
        withdrawn=withdrawn,
    )


def _build_authentication(said: Mapping[str, Any]) -> Authentication:
    return Authentication(
        method=said["method"],
        components=tuple(said["components"]),
        at=said["at"],
        session=said["session"],
        first_in_session=said["firstInSession"],
    )


def _build_reason(said: Mapping[str, str] | None, texts: Mapping[str, ErasableText]) -> ErasableText | None:
    if said is None:
        return None
    commitment = said["sha256"]
    return texts.get(commitment) or ErasableText(value=None, salt=None, commitment=commitment)
