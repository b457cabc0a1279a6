"""Queries about API tokens. Only the SHA-256 of a secret is ever stored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from gate.store.engine import Source
from gate.store.fetch import fetch_all, fetch_one
from gate.store.tables import api_token


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRow:
    """One token. ``repository`` None: all of them. ``scopes`` are space-separated."""

    id: str
    name: str
    repository: str | None
    scopes: str
    secret_sha256: bytes
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None
    person: str | None
    idx: int

    def is_live(self, now: datetime) -> bool:
        """Neither revoked nor expired at ``now``."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    @property
    def scope_set(self) -> frozenset[str]:
        """What the token may do."""
        return frozenset(self.scopes.split())


def by_secret(source: Source, secret_sha256: bytes) -> TokenRow | None:
    """The token with this secret, live or not; None when there is none."""
    return fetch_one(source, select(api_token).where(api_token.c.secret_sha256 == secret_sha256), TokenRow)


def find(source: Source, token_id: str) -> TokenRow | None:
    """One token by its id, or None."""
    return fetch_one(source, select(api_token).where(api_token.c.id == token_id), TokenRow)


def everything(source: Source) -> tuple[TokenRow, ...]:
    """Every token ever issued, in order."""
    return fetch_all(source, select(api_token).order_by(api_token.c.idx), TokenRow)
