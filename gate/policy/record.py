"""Facts and decisions as canonical bytes, and back: what is stored by digest and replayed years later.

The formats are ``gate-facts/v1`` and ``gate-decision/v1``: the dataclasses' members by name, times in RFC 3339 UTC,
digests in lower-case hex. Members added later have defaults, so older bytes stay readable; unknown members are
ignored; another format name is refused, because an old format keeps its own parser.
"""

from __future__ import annotations

from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from gate.domain.errors import InputError
from gate.policy import decision as decisions
from gate.policy import facts as snapshots
from gate.policy.decision import Decision
from gate.policy.facts import Facts
from gate.signing.canonical import canonical, parse_canonical

MAX_BYTES = 64 * 1024 * 1024
"""A change of 100,000 paths is about 12 MB of facts."""

_FACTS: TypeAdapter[Facts] = TypeAdapter(Facts)
_DECISION: TypeAdapter[Decision] = TypeAdapter(Decision)
T = TypeVar("T")


def facts_bytes(facts: Facts) -> bytes:
    return canonical(_FACTS.dump_python(facts, mode="json"))


def decision_bytes(decision: Decision) -> bytes:
    return canonical(_DECISION.dump_python(decision, mode="json"))


def parse_facts(raw: bytes) -> Facts:
    """The reverse of ``facts_bytes``. Raises ``InputError``."""
    return _parse(raw, _FACTS, snapshots.FORMAT)


def parse_decision(raw: bytes) -> Decision:
    """The reverse of ``decision_bytes``. Raises ``InputError``."""
    return _parse(raw, _DECISION, decisions.FORMAT)


def _parse(raw: bytes, adapter: TypeAdapter[T], expected: str) -> T:
    value = parse_canonical(raw, max_size=MAX_BYTES)
    named = value.get("format") if isinstance(value, dict) else None
    if named != expected:
        raise InputError(f"The document is not {expected} but {named!r}.", field="format")
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(f"The document is not {expected}: {first['msg']}.", field=where) from error
