"""A test of a policy file, read and checked: the facts it imagines, who signs in it, and what must come of it.

The facts are complete but for what only a policy can say: digests, who holds a role, and as what a signature counts
that names no role. ``suite.py`` fills these in and evaluates; so one case can be tried on many versions of a policy.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from gate.policy.decision import Answer
from gate.policy.facts import Facts


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """Somebody signs. ``role`` None: as everything they are, with every meaning asked of it.

    ``freeze``: it exempts from that freeze. ``under_earlier_policy``: it was given before the policy changed.
    """

    person: str
    role: str | None = None
    team: str | None = None
    meaning: str | None = None
    head: str
    target: str
    signed_at: datetime
    expires_at: datetime | None = None
    on_behalf_of: str | None = None
    kind: str = "signature"
    carried_from: str | None = None
    carried_by: str | None = None
    freeze: str | None = None
    under_earlier_policy: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One entry of `tests`. ``unmet`` None: the test does not say. ``facts.approvals`` are its vetoes only."""

    name: str
    line: int
    facts: Facts
    signings: tuple[Signing, ...] = ()
    cosigners: tuple[str, ...] = field(default=())
    expect: Answer
    unmet: frozenset[str] | None = None
    level: str | None = None
    until: datetime | None = None
    review_due: datetime | None = None
