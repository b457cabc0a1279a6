"""What every forge adapter does, and the one shape a delivery is read into.

Order: ``verify`` on the raw bytes, then ``parse``. A delivery is a hint: "look at this". Commit facts are
never taken from it; ``head`` only tells whether our mirror is up to date. The delivery id is not covered by the
forges' signatures: it finds repeats, it proves nothing.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any, Protocol

from gate.domain.errors import InputError, NotPermittedError

MAX_DELIVERY = 5 * 1024 * 1024
"""Bytes. The largest deliveries are pushes of thousands of commits; what we need of them is small."""

_DELIVERY_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")


class HintKind(StrEnum):
    """What a delivery asks to look at. ``pushed`` names a branch, ``reviewed`` and the first four a pull request."""

    OPENED = "opened"
    UPDATED = "updated"
    CLOSED = "closed"
    MERGED = "merged"
    PUSHED = "pushed"
    REVIEWED = "reviewed"
    PING = "ping"
    IGNORED = "ignored"


class ReviewState(StrEnum):
    """What a reviewer said on the forge; ``dismissed``: it was taken back there, by whomever the forge lets do that."""

    APPROVED = "approved"
    CHANGES_REQUESTED = "changes requested"
    DISMISSED = "dismissed"
    COMMENTED = "commented"


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgeReview:
    """One review of a pull request, as the signed body tells it.

    ``id`` is the forge's, or ``sha256:…`` of the delivery where it gives none. ``account`` is the reviewer's number on
    the forge (the login where it gives none): logins can be changed and handed on. ``commit`` None: it does not say
    which commit was reviewed.
    """

    id: str
    login: str
    account: str
    state: ReviewState
    commit: str | None
    submitted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgeHint:
    """One delivery. ``full_name`` is the repository as the forge names it (``group/app``).

    ``source_ref`` is where the head can be fetched from: a branch, or ``refs/pull/<n>/head`` for a fork.
    ``pusher_login`` is set only when the delivery says who moved the head. ``labels`` None: it says nothing
    of labels. ``at`` is the forge's time. ``review`` is there when somebody reviewed.
    """

    delivery_id: str
    event: str
    kind: HintKind
    full_name: str | None = None
    repository_url: str | None = None
    number: int | None = None
    head: str | None = None
    source_ref: str | None = None
    target_ref: str | None = None
    pusher_login: str | None = None
    author_login: str | None = None
    draft: bool = False
    labels: tuple[str, ...] | None = None
    title: str | None = None
    at: datetime | None = None
    review: ForgeReview | None = None


class Forge(Protocol):
    """``marks`` are headers that only this forge sends (or that it sends first)."""

    @property
    def name(self) -> str: ...

    @property
    def marks(self) -> tuple[str, ...]: ...

    def verify(self, headers: Mapping[str, str], raw: bytes, secrets: Sequence[bytes]) -> None:
        """Raises ``NotPermittedError`` unless one of the secrets signed these bytes, ``InputError`` if too large."""

    def parse(self, headers: Mapping[str, str], raw: bytes) -> ForgeHint:
        """Reads verified bytes. Raises ``InputError``."""


def find_header(headers: Mapping[str, str], name: str) -> str | None:
    """The value of a header in any spelling of its name."""
    wanted = name.lower()
    return next((value for key, value in headers.items() if key.lower() == wanted), None)


def read_delivery_id(headers: Mapping[str, str], *names: str) -> str:
    """The first of these headers, or ``InputError``."""
    for name in names:
        value = find_header(headers, name)
        if value is not None and _DELIVERY_ID.fullmatch(value):
            return value
    raise InputError(f"The delivery has no usable {names[0]} header.", code="no-delivery-id", field=names[0])


def verify_hmac(raw: bytes, given: str | None, secrets: Sequence[bytes]) -> None:
    """HMAC-SHA-256 in hex over the raw bytes by any of the secrets; takes the same time whichever fits."""
    if len(raw) > MAX_DELIVERY:
        raise InputError(f"The delivery has more than {MAX_DELIVERY} bytes.", code="too-large", field="body")
    if not given or not given.isascii():
        raise refused("The delivery is not signed.")
    matches = [
        hmac.compare_digest(hmac.new(secret, raw, sha256).hexdigest().encode("ascii"), given.encode("ascii"))
        for secret in secrets
        if secret
    ]
    if not any(matches):
        raise refused("The delivery's signature does not fit any secret of this forge.")


def refused(message: str) -> NotPermittedError:
    """The same remedy for every delivery whose sender is not known."""
    return NotPermittedError(
        message, code="bad-signature", remedy="Set the webhook's secret to one the gate is configured with."
    )


def parse_object(headers: Mapping[str, str], raw: bytes) -> dict[str, Any]:
    """The body as a JSON object, or ``InputError``."""
    kind = (find_header(headers, "Content-Type") or "application/json").split(";")[0].strip().lower()
    if kind != "application/json":
        raise InputError(
            f"The delivery is of type {kind[:80]!r}.",
            code="bad-content-type",
            field="Content-Type",
            remedy="Set the webhook's content type to application/json.",
        )
    if len(raw) > MAX_DELIVERY:
        raise InputError(f"The delivery has more than {MAX_DELIVERY} bytes.", code="too-large", field="body")
    try:
        told = json.loads(raw)
    except (ValueError, RecursionError) as cause:
        raise InputError("The delivery is not readable JSON.", code="bad-json", field="body") from cause
    if not isinstance(told, dict):
        raise InputError("The delivery is not a JSON object.", code="bad-json", field="body")
    return told
