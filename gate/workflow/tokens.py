"""Project tokens: for machines, scoped, stored hashed, issued and revoked by audit entries.

A token reads answers and brings hints; there is no scope that signs, and nothing here can make one.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gate.auditlog.entry import EntryKind, Recorder
from gate.domain.clock import format_instant
from gate.domain.errors import ConflictError, InputError, NotFoundError, NotPermittedError, NotSignedInError
from gate.store import tokens
from gate.store.command import Command, EntryIndex, Row
from gate.store.tables import api_token
from gate.workflow.answer_cache import recall_token
from gate.workflow.entry import build_entry
from gate.workflow.parts import Parts

SCOPES: Final = frozenset({"hints:write", "contributions:write", "checks:write", "status:read"})
PREFIX: Final = "gate_"
ATTEMPTS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenHolder:
    """Whose request this is. ``person`` is the directory person a token belongs to, if one (a robot has none).

    ``log_size`` is the audit log's when the token was looked at: the request need not ask twice.
    """

    id: str
    name: str
    repository: str | None
    scopes: frozenset[str]
    person: str | None
    log_size: int | None = None


def bearer(parts: Parts, header: str | None) -> TokenHolder:
    """The holder of ``Authorization: Bearer gate_…``. Raises ``NotSignedInError`` for anything else."""
    scheme, _, secret = (header or "").partition(" ")
    if scheme.lower() != "bearer" or not secret.startswith(PREFIX):
        raise NotSignedInError("This needs a project token.", remedy="Send `Authorization: Bearer gate_…`.")
    digest = hashlib.sha256(secret.strip().encode()).digest()
    row, size = recall_token(parts, digest, lambda: tokens.by_secret(parts.engine, digest))
    if row is None or not row.is_live(parts.clock.now()):
        raise NotSignedInError(
            "The token is not valid: unknown, expired or revoked.", remedy="Ask an administrator for a new one."
        )
    return TokenHolder(
        id=row.id, name=row.name, repository=row.repository, scopes=row.scope_set, person=row.person, log_size=size
    )


def require_scope(holder: TokenHolder, scope: str, repository: str) -> None:
    """Raises ``NotPermittedError`` unless the token has ``scope`` for ``repository``."""
    if scope not in holder.scopes:
        raise NotPermittedError(
            f"The token {holder.name!r} lacks the scope {scope}.", remedy="An administrator issues one that has it."
        )
    if holder.repository is not None and holder.repository != repository:
        raise NotPermittedError(
            f"The token {holder.name!r} is for {holder.repository}, not for {repository}.",
            remedy="Use the token of this repository.",
        )


def issue(
    parts: Parts,
    name: str,
    *,
    repository: str | None,
    scopes: Iterable[str],
    by: Recorder,
    person: str | None = None,
    expires_at: datetime | None = None,
) -> str:
    """A new token; the secret is returned once and stored only as its SHA-256."""
    wanted = sorted(set(scopes))
    unknown = set(wanted) - SCOPES
    if unknown or not wanted:
        raise InputError(
            f"Unknown scopes: {', '.join(sorted(unknown)) or 'none given'}.",
            field="scope",
            remedy=f"Choose from {', '.join(sorted(SCOPES))}.",
        )
    if repository is not None:
        parts.in_force().repository(repository)
    if any(one.name == name and one.is_live(parts.clock.now()) for one in tokens.everything(parts.engine)):
        raise ConflictError(f"A token named {name!r} exists.", remedy="Revoke it first, or choose another name.")
    secret = PREFIX + base64.urlsafe_b64encode(parts.random_bytes(32)).decode().rstrip("=")
    token_id = parts.random_bytes(8).hex()
    digest = hashlib.sha256(secret.encode()).digest()
    now = parts.clock.now()
    predicate: dict[str, object] = {
        "token": token_id,
        "name": name,
        "repository": repository,
        "scopes": wanted,
        "person": person,
        "expiresAt": format_instant(expires_at) if expires_at else None,
        "secret": {"sha256": digest.hex()},
    }
    values = {
        "id": token_id,
        "name": name,
        "repository": repository,
        "scopes": " ".join(wanted),
        "secret_sha256": digest,
        "created_at": now,
        "created_by": by.id,
        "expires_at": expires_at,
        "person": person,
        "idx": EntryIndex(),
    }
    _append(parts, EntryKind.TOKEN_ISSUED, predicate, Row(table=api_token, values=values), by, now)
    return secret


def revoke(parts: Parts, name: str, *, by: Recorder) -> None:
    """Revoke the live token of this name. Raises ``NotFoundError``."""
    now = parts.clock.now()
    row = next((one for one in tokens.everything(parts.engine) if one.name == name and one.is_live(now)), None)
    if row is None:
        raise NotFoundError(f"There is no live token named {name!r}.")
    values = {"id": row.id, "revoked_at": now}
    update = Row(table=api_token, key=("id",), update=True, values=values)
    _append(parts, EntryKind.TOKEN_REVOKED, {"token": row.id, "name": row.name}, update, by, now)


def _append(parts: Parts, kind: EntryKind, predicate: dict[str, object], row: Row, by: Recorder, at: datetime) -> None:
    """One entry at the end of stream ``gate``, again when somebody was faster."""
    for attempt in range(ATTEMPTS):
        version = parts.log.stream_version("gate")
        entry = build_entry(
            parts,
            kind,
            stream="gate",
            version=version + 1,
            subjects=[],
            predicate=predicate,
            by=by,
            at=at,
        )
        try:
            parts.ledger.append(Command(entries=(entry,), rows=(row,)))
        except ConflictError:
            if attempt == ATTEMPTS - 1:
                raise
            continue
        return
