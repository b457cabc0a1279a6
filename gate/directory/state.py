"""Whether an account is active, from its attributes. Preset for OpenLDAP.

Rules: a bind that succeeds proves nothing here, ``shadowExpire`` and ``employeeType`` do not hinder
one. A value that cannot be read makes the state unknown, which nobody treats as active. Sources:
slapo-ppolicy(5) for ``pwd…``, RFC 2307 for ``shadowExpire`` (days since 1970; -1 is never).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

from gate.directory.api import StateRules
from gate.directory.names import fold
from gate.domain.people import PersonState

Attributes = Mapping[str, tuple[str, ...]]
Finding = tuple[PersonState, str]

LOCKED_FOR_GOOD = "000001010000Z"
STATE_ATTRIBUTES = ("pwdAccountLockedTime", "pwdStartTime", "pwdEndTime", "pwdReset", "shadowExpire")


def state_attributes(rules: StateRules) -> tuple[str, ...]:
    """What to ask for by name: operational attributes are not part of ``*``."""
    return (*STATE_ATTRIBUTES, *(attribute for attribute, _ in rules.denied))


def evaluate_state(attributes: Attributes, rules: StateRules, at: datetime) -> tuple[PersonState, tuple[str, ...]]:
    """State and the reasons for it. ``attributes`` has lower-case names."""
    found = [*_locked(attributes, rules, at), *_outside_times(attributes, at), *_denied(attributes, rules)]
    reasons = tuple(reason for _, reason in found)
    states = {state for state, _ in found}
    if PersonState.INACTIVE in states:
        return PersonState.INACTIVE, reasons
    return (PersonState.UNKNOWN if states else PersonState.ACTIVE), reasons


def _locked(attributes: Attributes, rules: StateRules, at: datetime) -> Iterator[Finding]:
    for value in attributes.get("pwdaccountlockedtime", ()):
        since = _parse_time(value)
        forever = value == LOCKED_FOR_GOOD or since is None or rules.lockout_seconds in (None, 0)
        if forever or (since and at < since + timedelta(seconds=rules.lockout_seconds or 0)):
            yield PersonState.INACTIVE, f"pwdAccountLockedTime is {value}"
    if any(fold(value) == "true" for value in attributes.get("pwdreset", ())):
        yield PersonState.INACTIVE, "pwdReset: the password must be changed first"


def _outside_times(attributes: Attributes, at: datetime) -> Iterator[Finding]:
    for attribute, is_outside in (("pwdStartTime", datetime.__gt__), ("pwdEndTime", datetime.__le__)):
        for value in attributes.get(attribute.lower(), ()):
            limit = _parse_time(value)
            if limit is None:
                yield PersonState.UNKNOWN, f"{attribute} cannot be read: {value!r}"
            elif is_outside(limit, at):
                yield PersonState.INACTIVE, f"{attribute} is {value}"
    for value in attributes.get("shadowexpire", ()):
        yield from _shadow_expired(value, at)


def _shadow_expired(value: str, at: datetime) -> Iterator[Finding]:
    try:
        days = int(value)
        expired = days >= 0 and datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=days) <= at
    except (ValueError, OverflowError):
        yield PersonState.UNKNOWN, f"shadowExpire cannot be read: {value[:40]!r}"
        return
    if expired:
        yield PersonState.INACTIVE, f"shadowExpire is {days} (days since 1970)"


def _denied(attributes: Attributes, rules: StateRules) -> Iterator[Finding]:
    for attribute, values in rules.denied:
        denied = {fold(value) for value in values}
        for value in attributes.get(attribute.lower(), ()):
            if fold(value) in denied:
                yield PersonState.INACTIVE, f"{attribute} is {value}"


def _parse_time(value: str) -> datetime | None:
    """LDAP generalized time in UTC (RFC 4517 3.3.13), with or without seconds and fraction."""
    text = value.removesuffix("Z").partition(".")[0]
    if not value.endswith("Z") or not text.isdigit() or not text.isascii():
        return None
    try:
        return datetime.strptime(text.ljust(14, "0"), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
