"""From a signed word on a proposal of policies to its audit entry and rows. Nothing here writes.

The members of the person are those of an approval (``docs/formats.md``): printed name, group, how they proved to be
there, the directory reading behind it, the exact statement, the digest of the form.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gate.auditlog.entry import EntryKind
from gate.domain.clock import format_instant
from gate.domain.people import RoleGroup, RoleSnapshot
from gate.policy.registry import build_policy_set
from gate.store.command import Blob, Command, EntryIndex, Job, NewEntry, Row
from gate.store.tables import policy_approval, policy_proposal
from gate.workflow.entry import build_entry, by_person, thing_subject
from gate.workflow.parts import Parts
from gate.workflow.proposal import Proposal, Proposed, proposal_stream
from gate.workflow.proposal_statement import PolicyAct
from gate.workflow.proposal_tests import suite_members
from gate.workflow.shown import SignedIn
from gate.workflow.signature import directory_members


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """A person who has just proved to be there, and the words. ``key``: sent twice, it is one act."""

    who: SignedIn
    snapshot: RoleSnapshot
    group: RoleGroup
    meaning: str | None
    statement: str
    seen: bytes
    key: str


def build_proposal(parts: Parts, number: int, content: Proposed, files: Mapping[str, bytes], signer: Signer) -> Command:
    """The first entry of a proposal, with its texts."""
    now = parts.clock.now()
    listed = [{"name": name, "sha256": digest, "bytes": len(files[name])} for name, digest in content.files]
    members = {
        "proposal": number,
        **_content_members(content),
        "files": listed,
        "tests": suite_members(build_policy_set(files)),
    }
    entry = _entry(parts, EntryKind.POLICY_PROPOSED, number, 1, content, members, signer, now)
    row = Row(
        table=policy_proposal,
        values={
            "number": number,
            "files": json.dumps(dict(content.files), sort_keys=True),
            "base_epoch": content.base_epoch,
            "digest": content.digest,
            "proposer": signer.who.key,
            "name": signer.snapshot.person.name,
            "proposed_at": now,
            "effective_at": content.effective_at,
            "state": "open",
            "idx": EntryIndex(),
            "ended_idx": None,
        },
    )
    blobs = (*(Blob(kind="policy-text", content=raw) for raw in files.values()), _statement_blob(signer))
    return Command(entries=(entry,), rows=(row,), blobs=blobs, policy_epoch=content.base_epoch, key=signer.key)


def build_act(parts: Parts, act: PolicyAct, proposal: Proposal, epoch: int, signer: Signer, job: str | None) -> Command:
    """An approval or a withdrawal. ``job`` is the kind of job that is to look whether the proposal is due."""
    now = parts.clock.now()
    members: dict[str, Any] = {"proposal": proposal.number, **_content_members(proposal.content)}
    if act is PolicyAct.APPROVE:
        kind, row = EntryKind.POLICY_APPROVED, _approval_row(proposal, signer, now)
        members |= {"meaningText": signer.meaning}
    else:
        kind = EntryKind.POLICY_PROPOSAL_WITHDRAWN
        members |= {"capacity": "proposer" if proposal.proposed.person == signer.who.key else "approver"}
        ended = {"number": proposal.number, "state": "withdrawn", "ended_idx": EntryIndex()}
        row = Row(table=policy_proposal, key=("number",), update=True, values=ended)
    entry = _entry(parts, kind, proposal.number, proposal.version + 1, proposal.content, members, signer, now)
    at = max(now, proposal.content.effective_at or now)
    jobs = (Job(kind=job, payload={"proposal": proposal.number}, not_before=at),) if job is not None else ()
    return Command(
        entries=(entry,),
        rows=(row,),
        blobs=(_statement_blob(signer),),
        jobs=jobs,
        # What is in force fences both: what came into force meanwhile was not what this person read about.
        policy_epoch=epoch,
        key=signer.key,
    )


def _approval_row(proposal: Proposal, signer: Signer, now: datetime) -> Row:
    return Row(
        table=policy_approval,
        values={
            "idx": EntryIndex(),
            "proposal": proposal.number,
            "person": signer.who.key,
            "name": signer.snapshot.person.name,
            "digest": proposal.content.digest,
            "signed_at": now,
        },
    )


def _content_members(content: Proposed) -> dict[str, Any]:
    return {
        "digest": {"sha256": content.digest.hex()},
        "baseEpoch": content.base_epoch,
        "effectiveAt": content.from_when,
    }


def _entry(
    parts: Parts,
    kind: EntryKind,
    number: int,
    version: int,
    content: Proposed,
    members: Mapping[str, Any],
    signer: Signer,
    now: datetime,
) -> NewEntry:
    person = signer.snapshot.person
    return build_entry(
        parts,
        kind,
        stream=proposal_stream(number),
        version=version,
        subjects=[thing_subject(f"gate:proposal/{number}", content.digest)],
        predicate={
            **members,
            "reviewer": {
                "id": person.key,
                "idAttr": person.ref.id_attr,
                "login": person.login,
                "dn": person.dn,
                "displayName": person.name,
                "askedGroup": signer.group.group_dn,
                "groups": [
                    {
                        "id": one.group.id,
                        "dn": one.group.dn,
                        "via": [{"id": group.id, "dn": group.dn} for group in one.via],
                    }
                    for one in signer.snapshot.grants
                ],
                "homeTeam": person.team,
                "entity": person.entity,
                "authn": "ldap+session",
            },
            "directory": directory_members(signer.snapshot),
            "auth": {
                "method": "ldap+session",
                "components": ["login", "password"],
                "at": format_instant(now),
                "session": signer.who.session,
            },
            "statementText": signer.statement,
            "seen": signer.seen.hex(),
            "vouch": {"by": "gate", "on": "ldap+session"},
        },
        by=by_person(signer.who.key),
        at=now,
    )


def _statement_blob(signer: Signer) -> Blob:
    return Blob(kind="statement", content=signer.statement.encode())
