"""Sessions of signed-in people: on the server, found by the digest of a secret, ended by time or by hand.

A session says who is reading; it never signs (``sign.py`` asks for the password again). Permissions
of the gate itself come from directory groups and are read again every five minutes.
"""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import datetime, timedelta
from typing import Any, Final

from gate.domain.clock import format_instant, parse_instant
from gate.domain.errors import UnavailableError
from gate.domain.people import PersonRef, RoleGroup
from gate.store import sessions
from gate.store.sessions import SessionRow
from gate.workflow.parts import Parts
from gate.workflow.presence import sign_in_person
from gate.workflow.shown import SignedIn

# What each kind of person may do; the values are `Permission`'s in `web/permissions.py`.
EVERYBODY: Final = frozenset(
    {
        "page:inbox:read",
        "page:contributions:read",
        "page:contribution:sign",
        "page:terms:accept",
        "page:repositories:read",
        "page:policies:read",
        "page:policies:propose",
        "page:policies:sign",
        "page:delegations:read",
        "page:delegations:sign",
        "page:log:read",
    }
)
EVIDENCE: Final = frozenset({"page:evidence:read", "page:evidence:request"})
BY_GROUP: Final = {
    "auditor": EVIDENCE,
    "administrator": frozenset[str](),
    "change_board": frozenset({"page:evidence:read"}),
}

RECHECK: Final = timedelta(minutes=5)
TOUCH: Final = timedelta(minutes=1)


def sign_in(parts: Parts, login: str, password: str, address: str) -> tuple[SignedIn, str]:
    """A new session and its secret. ``NotSignedInError``, ``NotPermittedError`` (throttled), ``UnavailableError``."""
    person = sign_in_person(parts, login, password, address)
    now = parts.clock.now()
    secret = base64.urlsafe_b64encode(parts.random_bytes(32)).decode().rstrip("=")
    data = {
        "id_attr": person.ref.id_attr,
        "name": person.name,
        "team": person.team,
        "permissions": _permissions(parts, person.ref),
        "csrf": base64.urlsafe_b64encode(parts.random_bytes(24)).decode(),
        "checked_at": format_instant(now),
    }
    row = SessionRow(
        id_sha256=_digest(secret),
        person=person.key,
        login=person.login,
        data=json.dumps(data, sort_keys=True),
        created_at=now,
        seen_at=now,
        expires_at=_expiry(parts, now, now),
    )
    sessions.start(parts.engine, row)
    return _signed_in(row, data), secret


def current(parts: Parts, token: str) -> SignedIn | None:
    """The person of a session, or None. Who left the directory, or is inactive, is signed out."""
    now = parts.clock.now()
    row = sessions.find(parts.engine, _digest(token), now)
    if row is None:
        return None
    data = json.loads(row.data)
    if now - parse_instant(data["checked_at"]) >= RECHECK:
        try:
            checked = _recheck(parts, row, data, now)
        except UnavailableError:
            # An outage signs nobody out: reading goes on, and signing asks the directory itself.
            checked = data
        if checked is None:
            sessions.end(parts.engine, row.id_sha256)
            return None
        data = checked
    elif now - row.seen_at < TOUCH:
        return _signed_in(row, data)
    sessions.change(
        parts.engine,
        row.id_sha256,
        data=json.dumps(data, sort_keys=True),
        seen_at=now,
        expires_at=_expiry(parts, row.created_at, now),
    )
    return _signed_in(row, data)


def sign_out(parts: Parts, token: str) -> None:
    sessions.end(parts.engine, _digest(token))


def _recheck(parts: Parts, row: SessionRow, data: dict[str, Any], now: datetime) -> dict[str, Any] | None:
    ref = _ref(row, data)
    person = parts.directory.person(ref)
    if person is None or not person.is_active:
        return None
    permissions = _permissions(parts, ref)
    return {
        **data,
        "name": person.name,
        "team": person.team,
        "permissions": permissions,
        "checked_at": format_instant(now),
    }


def _permissions(parts: Parts, ref: PersonRef) -> list[str]:
    """What this person may do here: everybody's, and what their groups (settings) add."""
    wanted = parts.settings.permissions
    named = {
        "auditor": wanted.auditor,
        "administrator": wanted.administrator,
        "change_board": wanted.change_board,
    }
    groups = [RoleGroup(role=name, team=None, group_dn=group_dn) for name, dns in named.items() for group_dn in dns]
    held: set[str] = set(EVERYBODY)
    if groups:
        for grant in parts.directory.snapshot(ref, groups).grants:
            held |= BY_GROUP[grant.role]
    return sorted(held)


def _signed_in(row: SessionRow, data: dict[str, Any]) -> SignedIn:
    return SignedIn(
        ref=_ref(row, data),
        login=row.login,
        name=data["name"],
        team=data["team"],
        permissions=frozenset(data["permissions"]),
        session=hashlib.sha256(row.id_sha256).hexdigest(),
        csrf=data["csrf"],
        signed_in_at=row.created_at,
    )


def _ref(row: SessionRow, data: dict[str, Any]) -> PersonRef:
    directory, _, identifier = row.person.partition(":")
    return PersonRef(directory=directory, id_attr=data["id_attr"], id=identifier)


def _expiry(parts: Parts, created: datetime, now: datetime) -> datetime:
    server = parts.settings.server
    idle = now + timedelta(minutes=server.session_idle_minutes)
    return min(idle, created + timedelta(minutes=server.session_absolute_minutes))


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
