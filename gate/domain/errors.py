"""Errors, sorted by who must act.

Each has a stable ``code`` (machines may switch on it), a message that is safe to show to the
caller, and a ``remedy``: what that caller can do about it. Only ``web/errors.py`` and the CLI
translate them. A "no" from policy is a ``Decision``, never an exception.
"""

from __future__ import annotations

from typing import Any


class GateError(Exception):
    """Root of everything the gate raises on purpose.

    ``details`` holds JSON-able facts that help the caller (never a secret).
    """

    default_code = "gate-error"

    def __init__(self, message: str, *, code: str | None = None, remedy: str = "", **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.remedy = remedy
        self.details = details

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class InputError(GateError):
    """The caller sent something malformed. Says where: ``file`` and ``line`` (1-based), or ``field``."""

    default_code = "bad-input"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        remedy: str = "",
        file: str | None = None,
        line: int | None = None,
        field: str | None = None,
        **details: Any,
    ) -> None:
        super().__init__(message, code=code, remedy=remedy, **details)
        self.file = file
        self.line = line
        self.field = field

    @property
    def where(self) -> str:
        """``file:line`` or the field's name; empty when neither is known."""
        if self.file is not None:
            return f"{self.file}:{self.line}" if self.line is not None else self.file
        return self.field or ""

    def __str__(self) -> str:
        text = super().__str__()
        return f"{self.where}: {text}" if self.where else text


class NotSignedInError(GateError):
    """Nobody is signed in, or the credentials given are wrong."""

    default_code = "not-signed-in"


class NotPermittedError(GateError):
    """Known caller, missing permission. The message says which and who grants it."""

    default_code = "not-permitted"


class NotFoundError(GateError):
    """No such thing, or none that this caller may know of."""

    default_code = "not-found"


class ConflictError(GateError):
    """The world moved on: stale revision, already decided, changed while you were reading."""

    default_code = "conflict"


class UnavailableError(GateError):
    """*Could not check.* Codes: unreachable, ambiguous, truncated, misconfigured, not-decided."""

    default_code = "unreachable"


class VerificationError(GateError):
    """*Checked and false.* A signature, proof or digest does not hold."""

    default_code = "verification-failed"
