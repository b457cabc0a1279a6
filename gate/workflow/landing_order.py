"""Whether the gate's yes stood before the branch moved: as far as can be known, and said where it cannot.

A look at a branch finds it moved; it does not find when. What was signed between the push and the look must not pass
for a yes that was there before. Two things can show the order, and both are weighed against the first of the decisions
that have said yes to this head without a break:
- the record: that decision is older than the look that last saw the branch at its old tip;
- the git server: its hook told of this very move (a hint from the old tip to the new one, spooled or not), or its
  forge of this very head on this branch, and of a time that is not before the decision.
A look is as old as the log was when it began: what is appended while the mirror is being fetched may be younger than
what was seen.
Clocks of two machines are compared only here, and leniently: a hook that told of the move had let it in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from gate.auditlog.entry import EntryKind, parse_statement
from gate.domain.contribution import LandingStep
from gate.policy.decision import Answer
from gate.signing.envelope import parse_envelope
from gate.store.contributions import ContributionRow
from gate.store.landings import BranchTipRow
from gate.workflow.parts import Parts

SKEW: Final = timedelta(minutes=5)
MANY: Final = 1_000_000
RECORD: Final = "record"
GIT_SERVER: Final = "git-server"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a git server told of ``ref``: it moved from ``old`` to ``new`` (a hook), or ``new`` came in (a forge)."""

    ref: str
    old: str | None = None
    new: str
    at: datetime | None


def covered(told: Told | None, steps: Sequence[LandingStep]) -> frozenset[int]:
    """Positions of the steps that the git server told of. A push that nobody told of may lie before them."""
    if told is None:
        return frozenset()
    if told.old is None:
        return frozenset(place for place, step in enumerate(steps) if told.new in (step.after, step.head))
    starts = [place for place, step in enumerate(steps) if step.before == told.old]
    ends = [place for place, step in enumerate(steps) if step.after == told.new]
    return frozenset(range(starts[0], ends[-1] + 1)) if starts and ends else frozenset()


def last_look(parts: Parts, known: BranchTipRow | None) -> int:
    """How long the log was when a look began that saw the branch where it is recorded to stand; 0 when none did."""
    if known is None:
        return 0
    said = parse_statement(parse_envelope(parts.log.entry(known.idx).envelope).payload).predicate
    size = said.get("logSize")
    return size if isinstance(size, int) and known.tip in (said.get("branchTip"), said.get("tip")) else 0


def order_members(parts: Parts, row: ContributionRow, looked_at: int, told: Told | None) -> dict[str, Any]:
    """``since``: the entry since which the yes stands; ``proven``: what shows that it is older than the move, or null.

    ``looked_at`` is how long the log was when the branch was last seen at its old tip; ``told`` is given where the git
    server told of this move.
    """
    since, at = _stands_since(parts, row)
    if since is None or at is None:
        return {"since": None, "proven": None}
    if since < looked_at:
        return {"since": since, "proven": RECORD}
    is_told = told is not None and told.at is not None and at <= told.at + SKEW
    return {"since": since, "proven": GIT_SERVER if is_told else None}


def _stands_since(parts: Parts, row: ContributionRow) -> tuple[int | None, datetime | None]:
    """The first of the newest decisions on this head that all said yes."""
    since: tuple[int | None, datetime | None] = (None, None)
    for entry in reversed(parts.log.stream(row.stream, limit=MANY)):
        if entry.kind != EntryKind.DECISION:
            continue
        statement = parse_statement(parse_envelope(entry.envelope).payload)
        said = statement.predicate
        if said.get("head") != row.head or not Answer(str(said.get("answer"))).allows:
            break
        since = (entry.index, statement.at)
    return since
