"""The rows that people's signed acts leave behind, told from their entries (see ``replay.py``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from gate.auditlog.entry import EntryKind
from gate.domain.approval import Act
from gate.workflow.forge_words import write_role
from gate.workflow.replay import Replayed, Said

_ACTS: Final[Mapping[object, str]] = {
    "APPROVED": Act.APPROVE.value,
    "REJECTED": Act.REJECT.value,
    "WITHDRAWN": Act.WITHDRAW.value,
}


def _signer(said: Said) -> dict[str, Any]:
    return {"person": said("reviewer", "id"), "name": said("reviewer", "displayName"), "role": said("reviewer", "role")}


def _revision(said: Said) -> dict[str, Any]:
    return {name: said(name) for name in ("repository", "number", "revision", "head")}


def _approval(rows: Replayed, said: Said) -> None:
    superseded = said("supersedes")
    rows.change(
        said,
        "approval",
        (said.index,),
        **_revision(said),
        **_signer(said),
        act=_ACTS.get(said("result")),
        team=said("reviewer", "team"),
        meaning=said("meaning"),
        target=said("targetRef"),
        policy_digest=said("policy", "digest", "sha256"),
        signed_at=said.at,
        expires_at=said("expiresAt"),
        supersedes=superseded,
        withdrawn_by=None,
        kind=said("kind"),
        on_behalf_of=said("onBehalfOf", "id"),
        freeze=said("freeze"),
    )
    if superseded is not None:
        rows.change(said, "approval", (superseded,), withdrawn_by=said.index)


def _forge_review(rows: Replayed, said: Said) -> None:
    rows.put(
        said,
        "forge_review",
        **_revision(said),
        idx=said.index,
        act=_ACTS.get(said("result")),
        forge=said("forge"),
        review=said("review"),
        account=said("account"),
        login=said("login"),
        person=said("reviewer", "id"),
        how=said("how"),
        name=said("login") if said("reviewer") is None else said("reviewer", "displayName"),
        roles=sorted(write_role(one["role"], one["team"]) for one in said.each("reviewer", "roles")),
        target=said("targetRef"),
        policy_digest=said("policy", "digest", "sha256"),
        submitted_at=said("submittedAt"),
        recorded_at=said.at,
        expires_at=said("expiresAt"),
    )


def _carried(rows: Replayed, said: Said) -> None:
    rows.put(
        said,
        "approval_carried",
        **_revision(said),
        idx=said.index,
        approval=said("approval"),
        from_head=said("fromHead"),
        proof=said("proof"),
        carried_at=said.at,
    )


def _cleared(rows: Replayed, said: Said) -> None:
    rows.put(
        said,
        "veto_clearance",
        **_signer(said),
        idx=said.index,
        repository=said("repository"),
        number=said("number"),
        veto=said("veto"),
        team=said("reviewer", "team"),
        signed_at=said.at,
    )


def _delegated(rows: Replayed, said: Said) -> None:
    rows.put(
        said,
        "delegation",
        idx=said.index,
        giver=said("giver", "id"),
        giver_name=said("giver", "displayName"),
        receiver=said("receiver", "id"),
        receiver_name=said("receiver", "displayName"),
        role=said("role"),
        team=said("team"),
        starts_at=said("startsAt"),
        ends_at=said("endsAt"),
        ended_by=None,
        ended_at=None,
    )


def _ended(rows: Replayed, said: Said) -> None:
    rows.change(said, "delegation", (said("delegation"),), ended_by=said.index, ended_at=said("endedAt"))


def _invoked(rows: Replayed, said: Said) -> None:
    rows.put(
        said,
        "break_glass",
        **_revision(said),
        **_signer(said),
        idx=said.index,
        target=said("targetRef"),
        policy_digest=said("policy", "digest", "sha256"),
        code=said("code"),
        incident=said("incident"),
        reason_chars=said("reasonChars"),
        reason_commitment=said("reasonCommitment", "sha256"),
        invoked_at=said.at,
        review_role=said("reviewRole"),
        review_due_at=said("reviewDueAt"),
        reviewed_by=None,
        reviewed_at=None,
    )


def _cosigned(rows: Replayed, said: Said) -> None:
    rows.put(
        said,
        "break_glass_cosign",
        **_signer(said),
        idx=said.index,
        invocation=said("invocation"),
        team=said("reviewer", "team"),
        signed_at=said.at,
    )


def _reviewed(rows: Replayed, said: Said) -> None:
    rows.change(said, "break_glass", (said("invocation"),), reviewed_by=said.index, reviewed_at=said.at)


ACTS: Final[Mapping[EntryKind, Callable[[Replayed, Said], None]]] = {
    EntryKind.APPROVAL: _approval,
    EntryKind.FORGE_REVIEW: _forge_review,
    EntryKind.APPROVAL_CARRIED: _carried,
    EntryKind.VETO_CLEARED: _cleared,
    EntryKind.DELEGATED: _delegated,
    EntryKind.DELEGATION_ENDED: _ended,
    EntryKind.BREAK_GLASS: _invoked,
    EntryKind.BREAK_GLASS_COSIGNED: _cosigned,
    EntryKind.BREAK_GLASS_REVIEWED: _reviewed,
}
