"""Step 2: policy + directory + approvals -> Facts -> Decision recorded.

``look`` works a decision out and writes nothing (pages, status past its time); ``decide`` also
records it when it says something new. A decision that says the same as the recorded one only
renews its freshness, which is housekeeping: the log holds what changed, not that we looked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Final

from gate.auditlog.entry import EntryKind, Recorder
from gate.directory.remembered import RememberedDirectory
from gate.domain.contribution import ContributionState
from gate.domain.errors import ConflictError, UnavailableError
from gate.policy.decision import Answer, Decision
from gate.policy.evaluate import evaluate
from gate.policy.record import decision_bytes, facts_bytes, parse_decision
from gate.store import blobs, contributions, freshness
from gate.store.command import Blob, Command, EntryIndex, Row
from gate.store.contributions import ContributionRow
from gate.store.freshness import FreshnessRow
from gate.store.housekeeping import freshness as freshness_table
from gate.store.tables import contribution
from gate.workflow.entry import SYSTEM, build_entry, contribution_stream, revision_subject
from gate.workflow.gather import Gathered, gather
from gate.workflow.parts import Parts

# How often a decision is worked out again when somebody was faster; each try reads the world anew.
ATTEMPTS: Final = 5
# Decisions of one batch rest on one reading of the directory; their threads share the ledger's commits.
BATCH: Final = 200
THREADS: Final = 4
_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A decision as of now, with what it rests on. Nothing of it is recorded by looking."""

    gathered: Gathered
    decision: Decision
    facts: bytes


def look(parts: Parts, repository: str, number: int, *, reader: str | None = None) -> Look:
    """Evaluate now, write nothing; ``reader`` is a person's key to describe besides.

    Raises ``NotFoundError``, ``UnavailableError``.
    """
    gathered = gather(parts, repository, number, also=(reader,) if reader else ())
    raw = facts_bytes(gathered.facts)
    decision = replace(evaluate(gathered.policy, gathered.facts), facts_digest=hashlib.sha256(raw).hexdigest())
    return Look(gathered=gathered, decision=decision, facts=raw)


def decide(parts: Parts, repository: str, number: int, *, by: Recorder = SYSTEM) -> Decision:
    """Evaluate an open contribution and record the decision if it says something new.

    Returns the decision that now stands. Raises ``ConflictError`` when others kept being faster,
    ``NotFoundError``, ``UnavailableError`` (no policy, directory away): then nothing is recorded.
    """
    for attempt in range(ATTEMPTS):
        seen = look(parts, repository, number)
        row = seen.gathered.row
        if row.state != ContributionState.OPEN:
            return recorded_decision(parts, row) or seen.decision
        if (outage := seen.gathered.outage) is not None:
            # An outage is no fact about the contribution. What is recorded runs out by itself.
            raise UnavailableError(outage.message, code="unreachable") from outage.__cause__ or outage
        known = recorded_decision(parts, row)
        if known is not None and _says_the_same(known, seen.decision):
            _renew(parts, row, seen.decision)
            return replace(known, valid_until=seen.decision.valid_until, evaluated_at=seen.decision.evaluated_at)
        try:
            _record(parts, seen, by)
        except ConflictError:
            if attempt == ATTEMPTS - 1:
                raise
            continue
        return seen.decision
    raise AssertionError("the loop returns or raises")


def recorded_decision(parts: Parts, row: ContributionRow) -> Decision | None:
    """The decision as recorded, read from its stored bytes. None when there is none for this state."""
    if row.answer is None or row.decision_digest is None:
        return None
    return parse_decision(blobs.load(parts.engine, row.decision_digest))


def good_until(parts: Parts, row: ContributionRow, decision: Decision) -> datetime:
    """When the recorded ``decision`` of ``row`` runs out (exclusive): as last renewed, else as made."""
    fresh = freshness.find(parts.engine, row.repository, row.number)
    return fresh.valid_until if fresh and fresh.decision_digest == row.decision_digest else decision.valid_until


def foremost(rows: Sequence[ContributionRow]) -> ContributionRow:
    """Which of several open contributions speaks for the head and branch they all propose.

    A veto on one is not got round by proposing the head again, nor while one is being decided; and proposing
    somebody else's approved head again takes nothing from them. Of equals the first speaks.
    """
    order = (Answer.REJECTED, None, Answer.APPROVED, Answer.OVERRIDDEN, Answer.PENDING, Answer.BLOCKED, Answer.ERROR)
    return min(rows, key=lambda row: (order.index(Answer(row.answer) if row.answer else None), row.number))


def undecided() -> dict[str, object]:
    """Columns that mark a contribution as not yet re-decided: whoever records a new fact about it sets them."""
    return {"answer": None, "decision_index": None, "decision_digest": None, "facts_digest": None, "decided_at": None}


def _says_the_same(known: Decision, now: Decision) -> bool:
    """Equal but for the time of looking and the digest of facts that hold that time."""

    def timeless(one: Decision) -> Decision:
        return replace(one, evaluated_at=_NEVER, valid_until=_NEVER, facts_digest="")

    return timeless(known) == timeless(now)


def _renew(parts: Parts, row: ContributionRow, decision: Decision) -> None:
    if row.decision_digest is None:
        raise AssertionError("a recorded decision has a digest")
    freshness.put(
        parts.engine,
        FreshnessRow(
            repository=row.repository,
            number=row.number,
            decision_digest=row.decision_digest,
            checked_at=decision.evaluated_at,
            valid_until=decision.valid_until,
        ),
    )


def _record(parts: Parts, seen: Look, by: Recorder) -> None:
    row, decision = seen.gathered.row, seen.decision
    raw = decision_bytes(decision)
    digest, facts = hashlib.sha256(raw).digest(), hashlib.sha256(seen.facts).digest()
    entry = build_entry(
        parts,
        EntryKind.DECISION,
        stream=contribution_stream(row.repository, row.number),
        version=row.version + 1,
        subjects=[revision_subject(row.repository, row.head, row.tree)],
        predicate={
            "repository": row.repository,
            "number": row.number,
            "revision": row.revision,
            "head": row.head,
            "targetRef": row.target,
            "mode": seen.gathered.policy.repository.mode.value,
            "answer": decision.answer.value,
            "summary": decision.summary,
            "outOfScope": decision.out_of_scope,
            "crossTeam": decision.is_cross_team,
            "counted": list(decision.counted),
            "decision": {"sha256": digest.hex()},
            "facts": {"sha256": facts.hex()},
            "policy": policy_members(seen.gathered),
        },
        by=by,
        at=decision.evaluated_at,
    )
    command = Command(
        entries=(entry,),
        rows=(
            Row(
                table=contribution,
                key=("repository", "number"),
                update=True,
                values={
                    "repository": row.repository,
                    "number": row.number,
                    "version": row.version + 1,
                    "answer": decision.answer.value,
                    "decision_index": EntryIndex(),
                    "decision_digest": digest,
                    "facts_digest": facts,
                    "policy_epoch": seen.gathered.force.epoch,
                    "decided_at": decision.evaluated_at,
                },
            ),
            Row(
                table=freshness_table,
                key=("repository", "number"),
                values={
                    "repository": row.repository,
                    "number": row.number,
                    "decision_digest": digest,
                    "checked_at": decision.evaluated_at,
                    "valid_until": decision.valid_until,
                },
            ),
        ),
        blobs=(
            Blob(kind="decision", content=raw),
            Blob(kind="facts", content=seen.facts),
        ),
        policy_epoch=seen.gathered.force.epoch,
    )
    parts.ledger.append(command)


def policy_members(gathered: Gathered) -> dict[str, object]:
    """How an entry names the policy it rests on."""
    policy = gathered.policy
    return {
        "uri": policy.uri,
        "epoch": gathered.force.epoch,
        "digest": {"sha256": policy.digest},
        "textDigest": {"sha256": gathered.force.text_digest(policy.policy.file).hex()},
    }


def redecide_open(parts: Parts) -> int:
    """Decide every open contribution anew, after an activation or an import. Returns how many.

    In batches that ask the directory once. One that no policy covers any more stays undecided and
    answers *error*; the others go on. An outage is raised at the end, when everything that could be
    decided is.
    """
    done, outage = 0, None
    rows = contributions.open_for(parts.engine)
    with ThreadPoolExecutor(THREADS, thread_name_prefix="redecide") as pool:
        for start in range(0, len(rows), BATCH):
            tries = list(pool.map(partial(_try, remembering(parts)), rows[start : start + BATCH]))
            done += tries.count(None)
            outage = next((one for one in tries if one is not None and one.code != "no-policy"), outage)
    if outage is not None:
        raise outage
    return done


def _try(parts: Parts, row: ContributionRow) -> UnavailableError | None:
    try:
        decide(parts, row.repository, row.number)
    except UnavailableError as problem:
        return problem
    return None


def remembering(parts: Parts) -> Parts:
    """The same parts with a directory that asks once, for one batch of decisions."""
    return replace(parts, directory=RememberedDirectory(live=parts.directory, since=parts.clock.now()))
