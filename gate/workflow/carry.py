"""Carry-over: an approval of an earlier revision goes on counting for a new one that is proven equal, on record.

The policy says what must be equal (``same_diff``, ``same_tree``), per level of the change. The proof is made from what
git said of both revisions when they were recorded; each approval gets an entry of its own that names both heads, says
what was proven, and is signed by nobody: its giver signed for the earlier head, and no page says otherwise. Which
carried approvals count is the evaluator's question, as for any other.

Only a person's latest word is carried, and only where it was given under the very policy and for the very target.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gate.auditlog.entry import EntryKind, Recorder
from gate.domain.approval import Act
from gate.domain.clock import format_instant
from gate.domain.contribution import GitRevision
from gate.policy.approvals import permitted_carry_over
from gate.policy.classification import find_level
from gate.policy.document import CarryOver
from gate.policy.effective import EffectivePolicy
from gate.policy.facts import PathFacts
from gate.store import approvals, blobs, carried, contributions
from gate.store.approvals import ApprovalRow
from gate.store.command import Command, EntryIndex, Row
from gate.store.contributions import ContributionRow
from gate.store.tables import approval_carried, contribution
from gate.workflow.entry import SYSTEM, build_entry, contribution_stream, revision_subject
from gate.workflow.evaluate import undecided
from gate.workflow.git_record import parse_git
from gate.workflow.parts import Parts

_STRICTEST_FIRST = (CarryOver.SAME_TREE, CarryOver.SAME_DIFF)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Carried:
    """One approval, what was proven, and the revision it was given for."""

    approval: ApprovalRow
    proof: CarryOver
    revision: int


def carry_over(parts: Parts, repository: str, number: int, *, by: Recorder = SYSTEM) -> tuple[int, ...]:
    """Carry to the latest revision what may be. Returns the indexes of the entries; none is the usual answer.

    Raises ``ConflictError`` when the contribution moved meanwhile (nothing was carried), ``UnavailableError``.
    """
    force = parts.in_force()
    row = contributions.load(parts.engine, repository, number)
    policy = force.policies.policy_for(repository, row.target)
    if policy is None or not _carries(policy):
        return ()
    found = tuple(_find(parts, policy, row))
    if not found:
        return ()
    git = _git(parts, row, row.revision)
    now = parts.clock.now()
    entries = [
        build_entry(
            parts,
            EntryKind.APPROVAL_CARRIED,
            stream=contribution_stream(repository, number),
            version=row.version + 1 + position,
            subjects=[revision_subject(repository, row.head, row.tree)],
            predicate={
                "repository": repository,
                "number": number,
                "approval": one.approval.idx,
                "person": {"id": one.approval.person, "displayName": one.approval.name},
                "role": one.approval.role,
                "team": one.approval.team,
                "meaning": one.approval.meaning,
                "signedAt": format_instant(one.approval.signed_at),
                "fromRevision": one.revision,
                "fromHead": one.approval.head,
                "revision": row.revision,
                "head": row.head,
                "targetRef": row.target,
                "proof": one.proof.value,
                "diffSha256": git.diff_sha256,
                "tree": row.tree if one.proof is CarryOver.SAME_TREE else None,
                "policy": {"uri": policy.uri, "epoch": force.epoch, "digest": {"sha256": policy.digest}},
            },
            by=by,
            at=now,
        )
        for position, one in enumerate(found)
    ]
    rows = [
        Row(
            table=approval_carried,
            values={
                "idx": EntryIndex(position),
                "approval": one.approval.idx,
                "repository": repository,
                "number": number,
                "revision": row.revision,
                "from_head": one.approval.head,
                "head": row.head,
                "proof": one.proof.value,
                "carried_at": now,
            },
        )
        for position, one in enumerate(found)
    ]
    update = {"repository": repository, "number": number, "version": row.version + len(found), **undecided()}
    rows.append(Row(table=contribution, key=("repository", "number"), update=True, values=update))
    command = Command(entries=tuple(entries), rows=tuple(rows), policy_epoch=force.epoch)
    return parts.ledger.append(command).indexes


def _carries(policy: EffectivePolicy) -> bool:
    found = {policy.policy.carry_over, *(one.carry_over for one in policy.policy.carry_over_at)}
    return found != {CarryOver.NONE}


def _find(parts: Parts, policy: EffectivePolicy, row: ContributionRow) -> Iterator[_Carried]:
    known = {one.approval for one in carried.carried(parts.engine, row.repository, row.number) if one.head == row.head}
    candidates = [
        one
        for one in _latest_words(approvals.history(parts.engine, row.repository, row.number))
        if one.head != row.head and one.idx not in known and _is_bound(one, policy, row)
    ]
    if not candidates:
        return
    git = _git(parts, row, row.revision)
    paths = (PathFacts(path=one.path, old_path=one.old_path, status=one.status) for one in git.paths)
    permitted = permitted_carry_over(policy.policy, find_level(policy.policy.classification, paths))
    heads = {one.head: one.revision for one in contributions.revisions(parts.engine, row.repository, row.number)}
    for one in candidates:
        proof = _prove(_git(parts, row, heads[one.head]), git) if one.head in heads else None
        if proof is not None and _is_permitted(proof, permitted):
            yield _Carried(approval=one, proof=proof, revision=heads[one.head])


def _latest_words(acts: Iterable[ApprovalRow]) -> list[ApprovalRow]:
    """Of each person their latest act on the change, if it is an approval that stands."""
    latest = {one.person: one for one in acts if one.freeze is None}
    return [one for one in latest.values() if one.act == Act.APPROVE and one.withdrawn_by is None]


def _is_bound(one: ApprovalRow, policy: EffectivePolicy, row: ContributionRow) -> bool:
    return one.target == row.target and one.policy_digest.hex() == policy.digest


def _prove(then: GitRevision, now: GitRevision) -> CarryOver | None:
    """What both revisions provably share: the whole difference, and with it the whole tree."""
    if then.diff_sha256 is None or then.diff_sha256 != now.diff_sha256:
        return None
    return CarryOver.SAME_TREE if then.tree == now.tree else CarryOver.SAME_DIFF


def _is_permitted(proof: CarryOver, permitted: CarryOver) -> bool:
    return permitted in _STRICTEST_FIRST and _STRICTEST_FIRST.index(proof) <= _STRICTEST_FIRST.index(permitted)


def _git(parts: Parts, row: ContributionRow, revision: int) -> GitRevision:
    recorded = contributions.revisions(parts.engine, row.repository, row.number)
    digest = next(one.git_digest for one in recorded if one.revision == revision)
    return parse_git(blobs.load(parts.engine, digest))
