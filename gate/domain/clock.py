"""Time is a part like any other: passed in, never read from inside a rule."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where the time comes from. Two exist: the system's, and the demo's own."""

    def now(self) -> datetime:
        """The current instant: aware, UTC."""


class SystemClock:
    """The machine's clock. No setting can change it."""

    def now(self) -> datetime:
        return datetime.now(UTC)


def format_instant(at: datetime) -> str:
    """RFC 3339 in UTC with microseconds: ``2026-11-22T16:04:52.000001Z``. Raises ``ValueError`` if naive."""
    if at.tzinfo is None:
        raise ValueError("a naive time has no meaning here; use an aware UTC datetime")
    return at.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def parse_instant(text: str) -> datetime:
    """The reverse of ``format_instant``; also takes RFC 3339 without a fraction. ``ValueError`` if not UTC."""
    if not text.endswith("Z"):
        raise ValueError(f"not a UTC instant ending in Z: {text!r}")
    return datetime.fromisoformat(text[:-1]).replace(tzinfo=UTC)
