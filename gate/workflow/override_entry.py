"""From a break-glass act of a person who has just proved to be there to its audit entry and rows. Nothing here writes.

The members of the person are those of an approval (``docs/formats.md``). The reason is only committed to. Every act
on an open contribution marks it "not yet re-decided"; what has landed keeps its frozen decision.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gate.auditlog.entry import EntryKind
from gate.domain.clock import format_instant
from gate.domain.contribution import ContributionState
from gate.domain.errors import NotPermittedError
from gate.domain.people import RoleSnapshot
from gate.policy.breakglass import add_business_days
from gate.store.acts import BreakGlassRow
from gate.store.command import Blob, Command, EntryIndex, Row
from gate.store.tables import break_glass, break_glass_cosign, contribution
from gate.workflow.entry import build_entry, by_person, commit_text, contribution_stream, revision_subject
from gate.workflow.evaluate import policy_members, undecided
from gate.workflow.gather import readable_groups
from gate.workflow.override_offer import Capacity, Glassy
from gate.workflow.override_shown import OverrideRequest
from gate.workflow.override_statement import OUTCOME_WORDS, OverrideAct
from gate.workflow.parts import Parts
from gate.workflow.shown import SignedIn
from gate.workflow.signature import directory_members, reviewer_members

KINDS = {
    OverrideAct.INVOKE: EntryKind.BREAK_GLASS,
    OverrideAct.COSIGN: EntryKind.BREAK_GLASS_COSIGNED,
    OverrideAct.REVIEW: EntryKind.BREAK_GLASS_REVIEWED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideSignature:
    """One act of one person, and the words. ``row`` is the invocation it is about; ``key``: sent twice, it is one."""

    who: SignedIn
    capacity: Capacity
    request: OverrideRequest
    row: BreakGlassRow | None
    waives: tuple[str, ...]
    statement: str
    seen: bytes
    key: str


def build_override(parts: Parts, glassy: Glassy, signed: OverrideSignature) -> Command:
    """The command that records it. ``NotPermittedError`` when the role is no longer held, ``UnavailableError``."""
    gathered, now = glassy.look.gathered, parts.clock.now()
    row, act = gathered.row, signed.request.act
    snapshot = parts.directory.snapshot(signed.who.ref, readable_groups(gathered.facts.role_members))
    _check_role(snapshot, signed.capacity)
    committed, typed = commit_text(parts, signed.request.reason.strip(), f"{KINDS[act]} {row.repository}#{row.number}")
    entry = build_entry(
        parts,
        KINDS[act],
        stream=contribution_stream(row.repository, row.number),
        version=row.version + 1,
        subjects=[revision_subject(row.repository, row.head, row.tree)],
        predicate={
            **_act_members(glassy, signed, now),
            "reviewer": reviewer_members(snapshot, signed.capacity.role, signed.capacity.team),
            "directory": directory_members(snapshot),
            "auth": {
                "method": "ldap+session",
                "components": ["login", "password"],
                "at": format_instant(now),
                "session": signed.who.session,
            },
            "repository": row.repository,
            "number": row.number,
            "revision": row.revision,
            "targetRef": row.target,
            "fromID": row.merge_base,
            "targetID": row.tree,
            "head": row.head,
            "policy": policy_members(gathered),
            "statementText": signed.statement,
            "seen": signed.seen.hex(),
            "reasonCommitment": committed,
            "vouch": {"by": "gate", "on": "ldap+session"},
        },
        by=by_person(signed.who.key),
        at=now,
    )
    is_open = row.state == ContributionState.OPEN
    touched = {
        "repository": row.repository,
        "number": row.number,
        "version": row.version + 1,
        "updated_at": now,
        **(undecided() if is_open else {}),
    }
    reason = bytes.fromhex(committed["sha256"]) if committed is not None else b""
    return Command(
        entries=(entry,),
        rows=(
            _act_row(glassy, signed, snapshot, now, reason),
            Row(table=contribution, key=("repository", "number"), update=True, values=touched),
        ),
        blobs=(Blob(kind="statement", content=signed.statement.encode()),),
        free_texts=(typed,) if typed else (),
        policy_epoch=gathered.force.epoch,
        key=signed.key,
    )


def _check_role(snapshot: RoleSnapshot, capacity: Capacity) -> None:
    if not snapshot.person.is_active:
        raise NotPermittedError("The directory says that your account is not active.", code="inactive")
    if all((one.role, one.team) != (capacity.role, capacity.team) for one in snapshot.grants):
        raise NotPermittedError(f"The directory no longer says that you are {capacity.words}.", code="role-lost")


def _act_members(glassy: Glassy, signed: OverrideSignature, now: datetime) -> Mapping[str, Any]:
    rule, wanted = glassy.look.gathered.policy.policy.break_glass, signed.request
    if wanted.act is OverrideAct.REVIEW:
        if wanted.outcome is None or signed.row is None:
            raise AssertionError("a review has an outcome and an invocation")
        return {
            "invocation": signed.row.idx,
            "outcome": wanted.outcome.value,
            "meaningText": OUTCOME_WORDS[wanted.outcome],
            "reasonChars": len(wanted.reason.strip()),
        }
    if rule is None:
        raise AssertionError("the policy knows break-glass, or nobody would have come here")
    if wanted.act is OverrideAct.COSIGN:
        if signed.row is None:
            raise AssertionError("a co-signature has an invocation")
        meaning = glassy.look.gathered.policy.policy.meaning(rule.cosign.meaning)
        return {
            "invocation": signed.row.idx,
            "waives": list(signed.waives),
            "meaning": meaning.id,
            "meaningText": meaning.text,
        }
    return {
        "code": wanted.code,
        "incident": wanted.incident,
        "reasonChars": len(wanted.reason.strip()),
        "waives": list(signed.waives),
        "neverWaives": list(rule.never_waives),
        "expiresAt": format_instant(now + rule.valid_for),
        "reviewRole": rule.review.role,
        "reviewDueAt": format_instant(add_business_days(now, rule.review.within_days)),
    }


def _act_row(glassy: Glassy, signed: OverrideSignature, snapshot: RoleSnapshot, now: datetime, reason: bytes) -> Row:
    match signed.request.act:
        case OverrideAct.INVOKE:
            return Row(table=break_glass, values=_invocation(glassy, signed, snapshot, now, reason))
        case OverrideAct.COSIGN:
            values = {
                "idx": EntryIndex(),
                "invocation": signed.row.idx if signed.row is not None else None,
                "person": signed.who.key,
                "name": snapshot.person.name,
                "role": signed.capacity.role,
                "team": signed.capacity.team,
                "signed_at": now,
            }
            return Row(table=break_glass_cosign, values=values)
        case OverrideAct.REVIEW:
            done = {
                "idx": signed.row.idx if signed.row is not None else None,
                "reviewed_by": EntryIndex(),
                "reviewed_at": now,
            }
            return Row(table=break_glass, key=("idx",), update=True, values=done)


def _invocation(
    glassy: Glassy, signed: OverrideSignature, snapshot: RoleSnapshot, now: datetime, reason: bytes
) -> dict[str, object]:
    row, rule = glassy.look.gathered.row, glassy.rule
    return {
        "idx": EntryIndex(),
        "repository": row.repository,
        "number": row.number,
        "revision": row.revision,
        "head": row.head,
        "target": row.target,
        "policy_digest": bytes.fromhex(glassy.look.gathered.policy.digest),
        "person": signed.who.key,
        "name": snapshot.person.name,
        "role": signed.capacity.role,
        "code": signed.request.code,
        "incident": signed.request.incident,
        "reason_chars": len(signed.request.reason.strip()),
        "reason_commitment": reason,
        "invoked_at": now,
        "review_role": rule.review.role,
        "review_due_at": add_business_days(now, rule.review.within_days),
        "reviewed_by": None,
        "reviewed_at": None,
    }
