"""Proof that the person is there: the password again, against the live directory, throttled and recorded.

A wrong password changes nothing but two things: the throttle, and an ``approval-refused`` entry in
stream ``people``. Secrets never leave this call.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Final

from gate.auditlog.entry import EntryKind, Recorder
from gate.domain.errors import ConflictError, NotPermittedError, NotSignedInError
from gate.domain.people import Person, PersonRef
from gate.store import sessions
from gate.store.command import Command
from gate.workflow.entry import SYSTEM, build_entry, by_person
from gate.workflow.parts import Parts

# Five tries of one account in fifteen minutes, then a minute's wait before each further try: guessing
# is slow, a typo is not punished. An address serves many people, so it is allowed more.
FREE_TRIES: Final = 5
FREE_TRIES_OF_ADDRESS: Final = 50
WINDOW: Final = timedelta(minutes=15)
LOCK: Final = timedelta(minutes=1)
ATTEMPTS: Final = 20


def sign_in_person(parts: Parts, login: str, password: str, address: str) -> Person:
    """The person behind a login and password. ``NotSignedInError``; ``NotPermittedError`` (throttled)."""
    keys = (f"login/{hashlib.sha256(login.strip().casefold().encode()).hexdigest()}", f"address/{address}")
    _check_throttle(parts, keys)
    try:
        person = parts.directory.authenticate(login, password)
    except NotSignedInError as refusal:
        _failed(parts, keys, refusal, SYSTEM, "sign-in")
        raise
    sessions.forgive(parts.engine, keys[0])
    return person


def prove_presence(parts: Parts, ref: PersonRef, password: str, *, what: str, address: str) -> Person:
    """Re-authentication for one act. ``NotSignedInError``; ``NotPermittedError`` (throttled); ``UnavailableError``."""
    keys = (f"person/{ref.key}", f"address/{address}")
    _check_throttle(parts, keys)
    try:
        person = parts.directory.reauthenticate(ref, password)
    except NotSignedInError as refusal:
        _failed(parts, keys, refusal, by_person(ref.key), what)
        raise
    sessions.forgive(parts.engine, keys[0])
    return person


def _check_throttle(parts: Parts, keys: tuple[str, ...]) -> None:
    now = parts.clock.now()
    for key in keys:
        row = sessions.load_throttle(parts.engine, key)
        if row is not None and row.locked_until is not None and row.is_shut(now):
            wait = max(1, round((row.locked_until - now).total_seconds()))
            raise NotPermittedError(
                f"Too many wrong passwords. Try again in {wait} seconds.", code="throttled", retry_after=wait
            )


def _failed(parts: Parts, keys: tuple[str, ...], refusal: NotSignedInError, by: Recorder, what: str) -> None:
    now = parts.clock.now()
    for key in keys:
        allowed = FREE_TRIES if not key.startswith("address/") else FREE_TRIES_OF_ADDRESS
        sessions.count_failure(parts.engine, key, now, allowed=allowed, window=WINDOW, shut_for=LOCK)
    append_to_stream(parts, "people", EntryKind.APPROVAL_REFUSED, {"what": what, "reason": refusal.code}, by)


def append_to_stream(parts: Parts, stream: str, kind: EntryKind, predicate: dict[str, object], by: Recorder) -> int:
    """One entry at the end of a busy stream, again when somebody was faster. Returns its index."""
    for attempt in range(ATTEMPTS):
        version = parts.log.stream_version(stream)
        entry = build_entry(
            parts,
            kind,
            stream=stream,
            version=version + 1,
            subjects=[],
            predicate=predicate,
            by=by,
            at=parts.clock.now(),
        )
        try:
            return parts.ledger.append(Command(entries=(entry,))).indexes[0]
        except ConflictError:
            if attempt == ATTEMPTS - 1:
                raise
    raise AssertionError("the loop returns or raises")
