"""What reached a protected branch: each step explained, or *unexplained*, and recorded.

The first-parent chain from the last recorded tip to the branch's tip now is cut into landing steps
(``product.md``, "Landing"); every commit on it belongs to one. A step that lands an approved head
freezes that contribution's decision. A commit nobody approved is counted as what it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from gate.auditlog.entry import EntryKind, Recorder
from gate.domain.contribution import ContributionState, LandingStep, Mode, StepKind
from gate.domain.errors import ConflictError, UnavailableError
from gate.evidence.twin import Outcome
from gate.git.mirror import Mirror
from gate.policy.decision import Answer
from gate.policy.document import ScopeKind
from gate.policy.registered import Repository
from gate.store import contributions, landings
from gate.store.command import Command, EntryIndex, NewEntry, Row
from gate.store.contributions import ContributionRow
from gate.store.tables import branch_tip, contribution
from gate.store.tables import landing as landing_table
from gate.workflow.entry import SYSTEM, build_entry, repository_stream, revision_subject
from gate.workflow.evaluate import decide, foremost, good_until, recorded_decision
from gate.workflow.force import InForce
from gate.workflow.landing_order import Told, covered, last_look, order_members
from gate.workflow.parts import Parts

ATTEMPTS: Final = 5
MAX_REF: Final = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class _Walk:
    """One branch, walked from its last recorded tip; ``tip``: where it is now.

    ``looked_at`` is how long the log was when the branch was last seen at the former, ``log_size`` when at the latter.
    """

    repository: Repository
    branch: str
    robot_rules: frozenset[str]
    old: str | None
    looked_at: int
    log_size: int
    new: str
    tip: str
    told: Told | None
    seq: int
    version: int
    at: datetime
    by: Recorder


def land(
    parts: Parts,
    force: InForce,
    mirror: Mirror,
    repository: Repository,
    branch: str,
    *,
    log_size: int,
    by: Recorder = SYSTEM,
    told: Told | None = None,
) -> tuple[LandingStep, ...]:
    """Record everything between the last recorded tip of ``branch`` and its tip in the (fetched) mirror.

    ``log_size`` is how long the log was before that fetch, and ``told`` what a git server said of the move, if it did
    (both for ``landing_order.py``).

    The first look at a branch enrols it: its tip then is where the account begins. Raises
    ``UnavailableError``, ``ConflictError`` after several lost races.
    """
    new = mirror.tip(branch)
    for attempt in range(ATTEMPTS):
        known = landings.tip(parts.engine, repository.id, branch)
        if new is None or (known is not None and known.tip == new):
            return ()
        reached = new if known is None else _told_tip(mirror, known.tip, new, told)
        walk = _Walk(
            repository=repository,
            branch=branch,
            robot_rules=_robot_rules(force, repository.id, branch),
            old=known.tip if known else None,
            looked_at=last_look(parts, known),
            log_size=log_size,
            new=reached,
            tip=new,
            told=told,
            seq=landings.next_seq(parts.engine, repository.id, branch),
            version=parts.log.stream_version(repository_stream(repository.id)),
            at=parts.clock.now(),
            by=by,
        )
        heads = _known_heads(parts, force, repository.id, branch)
        explains = {head: row.merge_base for head, row in heads.items() if _may_explain(repository, row)}
        steps = mirror.landing_steps(walk.old, walk.new, explains) if walk.old else ()
        try:
            parts.ledger.append(_build_command(parts, mirror, walk, steps, heads))
        except ConflictError:
            if attempt == ATTEMPTS - 1:
                raise
            continue
        return steps
    raise AssertionError("the loop returns or raises")


def _told_tip(mirror: Mirror, old: str, new: str, told: Told | None) -> str:
    """Where the move that was told of ended: hints that were spooled come one after the other, and each has its own."""
    if told is None or told.old != old or told.new == new or not mirror.has(told.new):
        return new
    try:
        chain = mirror.chain(old, new)
    except ConflictError:
        return new
    return told.new if any(commit.sha == told.new for commit in chain) else new


def walk_repository(parts: Parts, id: str, told: Told | None = None) -> int:
    """Fetch one repository and record what landed on its protected branches. ``UnavailableError``."""
    force = parts.in_force()
    repository = force.repository(id)
    mirror = parts.mirror(repository.id, repository.url)
    log_size = parts.log.head().size
    mirror.fetch()
    protected = [one for one in mirror.branches() if force.policies.is_protected(id, one) and is_recordable(one)]
    landed = 0
    for branch in protected:
        here = told if told is not None and told.ref == branch else None
        landed += len(land(parts, force, mirror, repository, branch, log_size=log_size, told=here))
    return landed


def is_recordable(branch: str) -> bool:
    """Whether the record can name it. What it cannot is told in every pack (``lapses.py``), and holds up no other."""
    return len(branch) <= MAX_REF


def _robot_rules(force: InForce, repository: str, branch: str) -> frozenset[str]:
    effective = force.policies.policy_for(repository, branch)
    scopes = effective.policy.out_of_scope if effective else ()
    return frozenset(one.id for one in scopes if one.kind is ScopeKind.ROBOTS)


def _may_explain(repository: Repository, row: ContributionRow) -> bool:
    """Where the gate enforces, only a yes explains a landing; where it watches, every known head does."""
    return repository.mode is not Mode.ENFORCE or (row.answer is not None and Answer(row.answer).allows)


def _known_heads(parts: Parts, force: InForce, repository: str, branch: str) -> dict[str, ContributionRow]:
    """Open contributions to this branch by head, decided as late as possible.

    What was decided under an earlier policy, and a yes past its time, is worked out anew before it may explain
    anything. Raises ``UnavailableError`` (unreachable) when that cannot be done now: then the landing is recorded
    later, as what it is.
    """
    heads: dict[str, ContributionRow] = {}
    for row in contributions.open_for(parts.engine, repository):
        if row.target != branch:
            continue
        if row.answer is None or row.policy_epoch != force.epoch or _has_run_out(parts, row):
            try:
                decide(parts, repository, row.number)
            except (UnavailableError, ConflictError) as problem:
                if problem.code == "unreachable":
                    raise
                # It stays undecided: what lands of it is then not called approved.
                continue
            row = contributions.load(parts.engine, repository, row.number)
        heads[row.head] = foremost((heads[row.head], row)) if row.head in heads else row
    return heads


def _has_run_out(parts: Parts, row: ContributionRow) -> bool:
    """Whether a recorded yes is past its time. A no cannot turn into a yes by time alone."""
    decision = recorded_decision(parts, row)
    if decision is None or not decision.answer.allows:
        return False
    return parts.clock.now() >= good_until(parts, row, decision)


def _build_command(
    parts: Parts, mirror: Mirror, walk: _Walk, steps: tuple[LandingStep, ...], heads: dict[str, ContributionRow]
) -> Command:
    entries: list[NewEntry] = []
    rows: list[Row] = []
    expects: list[tuple[str, int]] = []
    seq = walk.seq
    if walk.old is None:
        entries.append(_enrolment(parts, mirror, walk))
    told = covered(walk.told, steps)
    for position, step in enumerate(steps):
        # An unexplained commit may still be the head of a contribution that nobody had approved.
        row = heads.get(step.head or step.after)
        outcome = _classify(parts, walk, step, row)
        order = None
        if row is not None and outcome in (Outcome.APPROVED, Outcome.OVERRIDDEN):
            order = order_members(parts, row, walk.looked_at, walk.told if position in told else None)
        entries.append(_entry(parts, mirror, walk, position, step, row, outcome, order))
        rows += _landing_rows(walk, step, row, outcome, seq, position)
        seq += len(step.commits)
        if row is not None:
            rows.append(_merged(row, walk.at))
            expects.append((row.stream, row.version))
    last = EntryIndex(len(entries) - 1)
    tip = {"repository": walk.repository.id, "branch": walk.branch, "tip": walk.new, "idx": last}
    rows.append(Row(table=branch_tip, key=("repository", "branch"), values=tip))
    return Command(entries=tuple(entries), rows=tuple(rows), expects=tuple(expects))


def _classify(parts: Parts, walk: _Walk, step: LandingStep, row: ContributionRow | None) -> Outcome:
    """The class of the completeness equation that this step's commits are counted in."""
    decision = recorded_decision(parts, row) if row else None
    is_watched = row is not None and walk.repository.mode is not Mode.ENFORCE
    if decision is None or step.kind is StepKind.UNEXPLAINED or not decision.answer.allows:
        return Outcome.OBSERVED if is_watched else Outcome.UNEXPLAINED
    if decision.out_of_scope is not None:
        return Outcome.ROBOT if decision.out_of_scope in walk.robot_rules else Outcome.OUT_OF_SCOPE
    return Outcome(decision.answer.value)


def _enrolment(parts: Parts, mirror: Mirror, walk: _Walk) -> NewEntry:
    """From here on the branch is accounted for; what was there before is not."""
    return build_entry(
        parts,
        EntryKind.BRANCH_ENROLLED,
        stream=repository_stream(walk.repository.id),
        version=walk.version + 1,
        subjects=[revision_subject(walk.repository.id, walk.new, mirror.tree(walk.new))],
        predicate={
            "repository": walk.repository.id,
            "targetRef": walk.branch,
            "mode": walk.repository.mode.value,
            "tip": walk.new,
            "logSize": walk.log_size,
        },
        by=walk.by,
        at=walk.at,
    )


def _entry(
    parts: Parts,
    mirror: Mirror,
    walk: _Walk,
    position: int,
    step: LandingStep,
    row: ContributionRow | None,
    outcome: Outcome,
    order: dict[str, Any] | None,
) -> NewEntry:
    predicate: dict[str, Any] = {
        "repository": walk.repository.id,
        "targetRef": walk.branch,
        "mode": walk.repository.mode.value,
        "outcome": outcome.value,
        "kind": step.kind.value,
        "before": step.before,
        "after": step.after,
        "branchTip": walk.tip,
        "logSize": walk.log_size,
        "commits": list(step.commits),
        "head": step.head,
        "detail": step.detail,
        "number": row.number if row else None,
        "revision": row.revision if row else None,
        "answer": row.answer if row else None,
        "decisionIndex": row.decision_index if row else None,
        "order": order,
        "decision": {"sha256": row.decision_digest.hex()} if row and row.decision_digest else None,
    }
    return build_entry(
        parts,
        EntryKind.LANDED,
        stream=repository_stream(walk.repository.id),
        version=walk.version + 1 + position,
        subjects=[revision_subject(walk.repository.id, step.after, mirror.tree(step.after))],
        predicate=predicate,
        by=walk.by,
        at=walk.at,
    )


def _landing_rows(
    walk: _Walk, step: LandingStep, row: ContributionRow | None, outcome: Outcome, seq: int, position: int
) -> list[Row]:
    return [
        Row(
            table=landing_table,
            values={
                "repository": walk.repository.id,
                "branch": walk.branch,
                "seq": seq + offset,
                "commit": commit,
                "kind": step.kind.value,
                "step_before": step.before,
                "step_after": step.after,
                "head": step.head,
                "number": row.number if row else None,
                "classification": outcome.value,
                "landed_at": walk.at,
                "idx": EntryIndex(position),
            },
        )
        for offset, commit in enumerate(step.commits)
    ]


def _merged(row: ContributionRow, at: datetime) -> Row:
    values = {
        "repository": row.repository,
        "number": row.number,
        "state": ContributionState.MERGED.value,
        "updated_at": at,
    }
    return Row(table=contribution, key=("repository", "number"), update=True, values=values)
