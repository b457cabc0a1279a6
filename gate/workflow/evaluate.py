"""Step 2: policy + directory + approvals -> Facts -> Decision recorded.

``look`` works a decision out and writes nothing (pages, status past its time); ``decide`` also
records it when it says something new. A decision that says the same as the recorded one only
renews its freshness, which is housekeeping: the log holds what changed, not that we looked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from gate.auditlog.entry import EntryKind, Recorder
from gate.domain.contribution import ContributionState
from gate.domain.errors import ConflictError, UnavailableError
from gate.policy.decision import Answer, Decision
from gate.policy.evaluate import evaluate
from gate.policy.record import decision_bytes, facts_bytes, parse_decision
from gate.store import blobs, freshness
from gate.store.command import Blob, Command, EntryIndex, Row
from gate.store.contributions import ContributionRow
from gate.store.fetch import Place
from gate.store.freshness import FreshnessRow
from gate.store.housekeeping import freshness as freshness_table
from gate.store.tables import contribution
from gate.workflow.entry import PEOPLE, SYSTEM, build_entry, contribution_stream, revision_subject
from gate.workflow.gather import Gathered, Reading
from gate.workflow.parts import Parts

# How often a decision is worked out again when somebody was faster; each try reads the world anew.
ATTEMPTS: Final = 5
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
    place = Place(repository, number)
    return _look(Reading(parts, (place,), also=(reader,) if reader else ()), place)


def _look(reading: Reading, place: Place) -> Look:
    gathered = reading.gather(place)
    raw = facts_bytes(gathered.facts)
    decision = replace(evaluate(gathered.policy, gathered.facts), facts_digest=hashlib.sha256(raw).hexdigest())
    return Look(gathered=gathered, decision=decision, facts=raw)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """The decision that stands once ``command`` is appended, or ``renewal`` kept; of a closed contribution, neither."""

    decision: Decision
    command: Command | None = None
    renewal: FreshnessRow | None = None


def decide(parts: Parts, repository: str, number: int, *, by: Recorder = SYSTEM) -> Decision:
    """Evaluate an open contribution and record the decision if it says something new.

    Returns the decision that now stands. Raises ``ConflictError`` when others kept being faster,
    ``NotFoundError``, ``UnavailableError`` (no policy, directory away): then nothing is recorded.
    """
    place = Place(repository, number)
    for attempt in range(ATTEMPTS):
        found = weigh(parts, Reading(parts, (place,)), place, by=by)
        freshness.put(parts.engine, [found.renewal] if found.renewal is not None else [])
        try:
            if found.command is not None:
                parts.ledger.append(found.command)
        except ConflictError:
            if attempt == ATTEMPTS - 1:
                raise
            continue
        return found.decision
    raise AssertionError("the loop returns or raises")


def weigh(parts: Parts, reading: Reading, place: Place, *, by: Recorder) -> Weighed:
    """What ``decide`` would record, and writes nothing. Raises ``NotFoundError``, ``UnavailableError``."""
    seen = _look(reading, place)
    row, decision = seen.gathered.row, seen.decision
    if row.state != ContributionState.OPEN:
        return Weighed(decision=recorded_decision(parts, row) or decision)
    if (outage := seen.gathered.outage) is not None:
        # An outage is no fact about the contribution. What is recorded runs out by itself.
        raise UnavailableError(outage.message, code="unreachable") from outage.__cause__ or outage
    # A decision of another epoch never says the same: it names its epoch.
    known = recorded_decision(parts, row) if row.policy_epoch == seen.gathered.force.epoch else None
    if known is None or not _says_the_same(known, decision):
        return Weighed(decision=decision, command=_build_command(parts, seen, by))
    renewed = replace(known, valid_until=decision.valid_until, evaluated_at=decision.evaluated_at)
    return Weighed(decision=renewed, renewal=_build_renewal(row, decision))


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


def _build_renewal(row: ContributionRow, decision: Decision) -> FreshnessRow:
    if row.decision_digest is None:
        raise AssertionError("a recorded decision has a digest")
    return FreshnessRow(
        repository=row.repository,
        number=row.number,
        decision_digest=row.decision_digest,
        checked_at=decision.evaluated_at,
        valid_until=decision.valid_until,
    )


def _build_command(parts: Parts, seen: Look, by: Recorder) -> Command:
    row, decision = seen.gathered.row, seen.decision
    said = Blob(kind="decision", content=decision_bytes(decision))
    facts = Blob(kind="facts", content=seen.facts)
    # A delegation that ends meanwhile leaves no entry in this contribution's stream.
    is_delegated = any(one.on_behalf_of is not None for one in seen.gathered.facts.approvals)
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
            "decision": {"sha256": said.sha256.hex()},
            "facts": {"sha256": facts.sha256.hex()},
            "policy": policy_members(seen.gathered),
        },
        by=by,
        at=decision.evaluated_at,
    )
    return Command(
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
                    "decision_digest": said.sha256,
                    "facts_digest": facts.sha256,
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
                    "decision_digest": said.sha256,
                    "checked_at": decision.evaluated_at,
                    "valid_until": decision.valid_until,
                },
            ),
        ),
        blobs=(said, facts),
        expects=((PEOPLE, seen.gathered.people_version),) if is_delegated else (),
        policy_epoch=seen.gathered.force.epoch,
    )


def policy_members(gathered: Gathered) -> dict[str, object]:
    """How an entry names the policy it rests on."""
    policy = gathered.policy
    return {
        "uri": policy.uri,
        "epoch": gathered.force.epoch,
        "digest": {"sha256": policy.digest},
        "textDigest": {"sha256": gathered.force.text_digest(policy.policy.file).hex()},
    }
