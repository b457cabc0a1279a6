"""The rows of registers, policies, landings, packs and tokens, told from their entries (see ``replay.py``)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Final

from gate.auditlog.entry import EntryKind
from gate.workflow.replay import Replayed, Said


def _accepted(rows: Replayed, said: Said) -> None:
    rows.put(
        said,
        "terms_acceptance",
        person=said("person", "id"),
        terms=said("terms"),
        idx=said.index,
        accepted_at=said.at,
    )


def _trained(rows: Replayed, said: Said) -> None:
    for one in (rows.stored(said, "list of trainings", "rows") or {}).get("rows", ()):
        rows.put(
            said,
            "training",
            person=one["person"],
            code=one["code"],
            valid_until=one["validUntil"],
            as_of=said("asOf"),
            source=said("source"),
            idx=said.index,
        )


def _activated(rows: Replayed, said: Said) -> None:
    rows.put(
        said,
        "policy_version",
        epoch=said("epoch"),
        activated_at=said.at,
        by_person=said.statement.recorded_by.id,
        files=_files(said),
        idx=said.index,
    )
    if (number := said("proposal", "number")) is not None:
        rows.change(said, "policy_proposal", (number,), state="in-force", ended_idx=said.index)


def _proposed(rows: Replayed, said: Said) -> None:
    ended = {"state": "open", "ended_idx": None} | rows.rows.get("policy_proposal", {}).get((said("proposal"),), {})
    rows.put(
        said,
        "policy_proposal",
        **ended
        | {
            "number": said("proposal"),
            "files": _files(said),
            "base_epoch": said("baseEpoch"),
            "digest": said("digest", "sha256"),
            "proposer": said("reviewer", "id"),
            "name": said("reviewer", "displayName"),
            "proposed_at": said.at,
            "effective_at": said("effectiveAt"),
            "idx": said.index,
        },
    )


def _approved(rows: Replayed, said: Said) -> None:
    rows.put(
        said,
        "policy_approval",
        idx=said.index,
        proposal=said("proposal"),
        person=said("reviewer", "id"),
        name=said("reviewer", "displayName"),
        digest=said("digest", "sha256"),
        signed_at=said.at,
    )


def _withdrawn(rows: Replayed, said: Said) -> None:
    rows.change(said, "policy_proposal", (said("proposal"),), state="withdrawn", ended_idx=said.index)


def _files(said: Said) -> str:
    return json.dumps({one["name"]: one["sha256"] for one in said.each("files")}, sort_keys=True)


def _enrolled(rows: Replayed, said: Said) -> None:
    place = {"repository": said("repository"), "branch": said("targetRef")}
    rows.put(said, "branch_tip", **place, tip=said("tip"), idx=said.index)


def _landed(rows: Replayed, said: Said) -> None:
    place = {"repository": said("repository"), "branch": said("targetRef")}
    rows.put(said, "branch_tip", **place, tip=said("after"), idx=said.index)
    key = (place["repository"], place["branch"])
    for commit in said.each("commits"):
        rows.counts[key] = rows.counts.get(key, 0) + 1
        rows.put(
            said,
            "landing",
            **place,
            seq=rows.counts[key],
            commit=commit,
            kind=said("kind"),
            step_before=said("before"),
            step_after=said("after"),
            head=said("head"),
            number=said("number"),
            classification=said("outcome"),
            landed_at=said.at,
            idx=said.index,
        )


def _issued(rows: Replayed, said: Said) -> None:
    rows.put(
        said,
        "pack_issued",
        idx=said.index,
        pack_id=said("pack"),
        sha256=said("sha256"),
        repository=said("repository"),
        period_from=said("periodFrom"),
        period_to=said("periodTo"),
        tree_size=said("asOf", "size"),
        by_person=said.statement.recorded_by.id,
        at=said.at,
    )


def _token(rows: Replayed, said: Said) -> None:
    rows.put(
        said,
        "api_token",
        id=said("token"),
        name=said("name"),
        repository=said("repository"),
        scopes=" ".join(said.each("scopes")),
        secret_sha256=said("secret", "sha256"),
        created_at=said.at,
        created_by=said.statement.recorded_by.id,
        expires_at=said("expiresAt"),
        revoked_at=None,
        person=said("person"),
        idx=said.index,
    )


def _revoked(rows: Replayed, said: Said) -> None:
    rows.change(said, "api_token", (said("token"),), revoked_at=said.at)


REGISTERS: Final[Mapping[EntryKind, Callable[[Replayed, Said], None]]] = {
    EntryKind.TERMS_ACCEPTED: _accepted,
    EntryKind.TRAININGS_IMPORTED: _trained,
    EntryKind.POLICY_ACTIVATED: _activated,
    EntryKind.POLICY_PROPOSED: _proposed,
    EntryKind.POLICY_APPROVED: _approved,
    EntryKind.POLICY_PROPOSAL_WITHDRAWN: _withdrawn,
    EntryKind.BRANCH_ENROLLED: _enrolled,
    EntryKind.LANDED: _landed,
    EntryKind.PACK_ISSUED: _issued,
    EntryKind.TOKEN_ISSUED: _token,
    EntryKind.TOKEN_REVOKED: _revoked,
}
