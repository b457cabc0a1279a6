"""Proof that the person is there: the password again, against the live directory, throttled and recorded.

A try is counted before the directory is asked, so that tries at once escape nothing. A wrong password
changes nothing but two things: the throttle, and an ``approval-refused`` entry in stream ``people``.
Secrets never leave this call.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from gate.auditlog.entry import EntryKind, Recorder
from gate.domain.errors import ConflictError, NotPermittedError, NotSignedInError
from gate.domain.people import Person, PersonRef
from gate.store import sessions
from gate.store.command import Command
from gate.store.sessions import Limit, ThrottleRow
from gate.workflow.entry import SYSTEM, build_entry, by_person
from gate.workflow.parts import Parts

# Five tries of one account in fifteen minutes, then a minute's wait before each further try: guessing
# is slow, a typo is not punished. An address serves many people, so it is allowed more.
FREE_TRIES: Final = 5
FREE_TRIES_OF_ADDRESS: Final = 50
WINDOW: Final = timedelta(minutes=15)
LOCK: Final = timedelta(minutes=1)
ATTEMPTS: Final = 20
# Tries at once are no more than tries one after the other: those that find no place wait, in seconds, for one. A try
# that never ended (its process died) is forgotten after the lease.
PATIENCE: Final = 20.0
FIRST_PAUSE: Final = 0.01
LONGEST_PAUSE: Final = 0.2
LEASE: Final = timedelta(minutes=2)


def sign_in_person(parts: Parts, login: str, password: str, address: str) -> Person:
    """The person behind a login and password. ``NotSignedInError``; ``NotPermittedError`` (throttled)."""
    key = f"login/{hashlib.sha256(login.strip().casefold().encode()).hexdigest()}"
    return _try(parts, key, address, lambda: parts.directory.authenticate(login, password), SYSTEM, "sign-in")


def prove_presence(parts: Parts, ref: PersonRef, password: str, *, what: str, address: str) -> Person:
    """Re-authentication for one act. ``NotSignedInError``; ``NotPermittedError`` (throttled); ``UnavailableError``."""
    by = by_person(ref.key)
    return _try(parts, f"person/{ref.key}", address, lambda: parts.directory.reauthenticate(ref, password), by, what)


def _try(parts: Parts, key: str, address: str, ask: Callable[[], Person], by: Recorder, what: str) -> Person:
    """One try: a place is taken before the directory is asked, and given back, with or without a failure, after."""
    limits = (
        Limit(key=key, allowed=FREE_TRIES, window=WINDOW, shut_for=LOCK),
        Limit(key=f"address/{address}", allowed=FREE_TRIES_OF_ADDRESS, window=WINDOW, shut_for=LOCK),
    )
    attempt = parts.random_bytes(16).hex()
    _reserve(parts, limits, attempt)
    failed = False
    try:
        person = ask()
    except NotSignedInError as refusal:
        failed = True
        append_to_stream(parts, "people", EntryKind.APPROVAL_REFUSED, {"what": what, "reason": refusal.code}, by)
        raise
    finally:
        sessions.settle(parts.engine, limits, attempt, parts.clock.now(), failed=failed)
    sessions.forgive(parts.engine, key)
    return person


def _reserve(parts: Parts, limits: Sequence[Limit], attempt: str) -> None:
    """Wait for a place, but not for ever. ``NotPermittedError`` (throttled)."""
    give_up_at, pause = time.monotonic() + PATIENCE, FIRST_PAUSE
    while True:
        now = parts.clock.now()
        found = sessions.reserve(parts.engine, limits, attempt, now, lease=LEASE)
        if found is None:
            return
        if isinstance(found, ThrottleRow):
            raise _throttled("Too many wrong passwords.", found.locked_until, now)
        while True:
            if time.monotonic() >= give_up_at:
                raise _throttled("Too many tries at once.", None, now)
            time.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
            if sessions.has_place(parts.engine, found, parts.clock.now(), lease=LEASE):
                break


def _throttled(why: str, until: datetime | None, now: datetime) -> NotPermittedError:
    wait = max(1, round((until - now).total_seconds())) if until is not None else 1
    return NotPermittedError(f"{why} Try again in {wait} seconds.", code="throttled", retry_after=wait)


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
