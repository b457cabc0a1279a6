"""Step 2 for many: open contributions decided anew, after an activation or an import and when their time runs out.

In batches. Those of one batch rest on one reading of record and directory and are appended together; what each says is
what it would say alone, and each is fenced alone: one that moved meanwhile is read and decided again by itself. One
that cannot be decided stops no other. A batch is small enough that what it rests on is never older than a second or
so, and that others who append wait for it no longer than for one another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Final, TypeAlias, TypeVar

from gate.domain.errors import ConflictError, UnavailableError
from gate.policy.decision import Decision
from gate.store import contributions, freshness
from gate.store.contributions import ContributionRow
from gate.store.fetch import Place
from gate.workflow.entry import SYSTEM
from gate.workflow.evaluate import Weighed, decide, weigh
from gate.workflow.gather import Reading, numbers_sharing
from gate.workflow.parts import Parts

BATCH: Final = 100
# Of facts and decisions held before they are appended; the facts of one change of 100,000 paths are 12 MB.
MOST_BYTES: Final = 16 * 1024 * 1024

Outcome: TypeAlias = Decision | Exception
T = TypeVar("T")


def redecide_open(parts: Parts) -> int:
    """Decide every open contribution anew. Returns how many.

    One that no policy covers any more stays undecided and answers *error*; the others go on. Any other problem is
    raised at the end, when everything that could be decided is.
    """
    done, problem = 0, None
    for _, outcome in redecide(parts, contributions.open_for(parts.engine)):
        if isinstance(outcome, Decision):
            done += 1
        elif not (isinstance(outcome, UnavailableError) and outcome.code == "no-policy"):
            problem = outcome
    if problem is not None:
        raise problem
    return done


def redecide_same_work(parts: Parts, repository: str, number: int) -> None:
    """Decide every other contribution of the same work anew: a rejection stands, and ends, in all of them.

    One that cannot be decided now stops none of the others; what is recorded of it runs out by itself.
    """
    for other in numbers_sharing(parts.engine, repository, number):
        with suppress(UnavailableError, ConflictError):
            decide(parts, repository, other)


def redecide(parts: Parts, rows: Sequence[ContributionRow]) -> Iterator[tuple[ContributionRow, Outcome]]:
    """Decide each anew: the decision that now stands, or why there is none."""
    for start in range(0, len(rows), BATCH):
        batch = rows[start : start + BATCH]
        places = [row.place for row in batch]
        outcomes = _tried(partial(_decide_together, parts, places))
        if isinstance(outcomes, Exception):
            # Something spoils it for all: it is found by asking for each alone.
            outcomes = [_tried(partial(decide, parts, *place)) for place in places]
        yield from zip(batch, outcomes, strict=True)


def _decide_together(parts: Parts, places: Sequence[Place]) -> list[Outcome]:
    reading = Reading(parts, places)
    outcomes: list[Outcome] = []
    held: list[tuple[Place, Weighed | Exception]] = []
    size = 0
    for place in places:
        found = _tried(partial(weigh, parts, reading, place, by=SYSTEM))
        held.append((place, found))
        size += _size(found)
        if size > MOST_BYTES:
            outcomes += _record(parts, held)
            held, size = [], 0
    return outcomes + _record(parts, held)


def _record(parts: Parts, held: Sequence[tuple[Place, Weighed | Exception]]) -> list[Outcome]:
    """Keep and append what was weighed, together; what moved meanwhile is decided again by itself."""
    weighed = [one for _, one in held if isinstance(one, Weighed)]
    freshness.put(parts.engine, [one.renewal for one in weighed if one.renewal is not None])
    receipts = iter(parts.ledger.append_all([one.command for one in weighed if one.command is not None]))
    outcomes: list[Outcome] = []
    for place, one in held:
        receipt = next(receipts) if isinstance(one, Weighed) and one.command is not None else None
        if isinstance(receipt, ConflictError):
            outcomes.append(_tried(partial(decide, parts, *place)))
        elif isinstance(receipt, Exception):
            outcomes.append(receipt)
        else:
            outcomes.append(one.decision if isinstance(one, Weighed) else one)
    return outcomes


def _size(one: Weighed | Exception) -> int:
    command = one.command if isinstance(one, Weighed) else None
    return sum(len(blob.content) for blob in command.blobs) if command is not None else 0


def _tried(act: Callable[[], T]) -> T | Exception:
    try:
        return act()
    except Exception as problem:  # noqa: BLE001 -- returned to whoever asked; see the module's rules
        return problem
