"""From a person's act to the signed approval entry and its row: what goes into signed bytes.

The members are those of ``docs/formats.md`` (approval): printed name, role, meaning, how the person
proved to be there, the directory reading behind the role, the exact statement and the digest of the
form. Free text is only committed to. Nothing here appends.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gate.auditlog.entry import EntryKind
from gate.domain.approval import Act
from gate.domain.clock import format_instant
from gate.domain.errors import NotPermittedError
from gate.domain.people import Person, RoleGrant, RoleSnapshot
from gate.store.command import Blob, Command, EntryIndex, Row
from gate.store.tables import approval, contribution
from gate.workflow.entry import PEOPLE, build_entry, by_person, commit_text, contribution_stream, revision_subject
from gate.workflow.evaluate import Look, policy_members, undecided
from gate.workflow.gather import readable_groups
from gate.workflow.giver import Giver, check_giver, giver_members, read_giver
from gate.workflow.parts import Parts
from gate.workflow.shown import SignedIn
from gate.workflow.sign_shown import SignChoice

RESULT = {Act.APPROVE: "APPROVED", Act.REJECT: "REJECTED", Act.WITHDRAW: "WITHDRAWN"}
WORDS = {Act.REJECT: "I reject this revision", Act.WITHDRAW: "I take back my earlier statement"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """One act of one person who has just proved to be there. ``key`` makes it safe to send twice."""

    who: SignedIn
    person: Person
    act: Act
    choice: SignChoice | None
    role: str
    team: str | None
    meaning: str
    reason: str
    statement: str
    seen: bytes
    supersedes: int | None
    is_first_in_session: bool
    key: str


def build_signature(parts: Parts, seen: Look, signature: Signature) -> Command:
    """The command that records it. ``NotPermittedError`` when the role is no longer held, ``UnavailableError``."""
    gathered = seen.gathered
    row, policy, now = gathered.row, gathered.policy, parts.clock.now()
    snapshot = parts.directory.snapshot(signature.who.ref, readable_groups(gathered.facts.role_members))
    giver = read_giver(parts, signature.choice, readable_groups(gathered.facts.role_members))
    _check_role(snapshot, signature.choice, giver)
    committed, typed = commit_text(parts, signature.reason, f"approval {row.repository}#{row.number}")
    expires = now + policy.policy.valid_for if policy.policy.valid_for and signature.act is Act.APPROVE else None
    entry = build_entry(
        parts,
        EntryKind.APPROVAL,
        stream=contribution_stream(row.repository, row.number),
        version=row.version + 1,
        subjects=[revision_subject(row.repository, row.head, row.tree)],
        predicate={
            "result": RESULT[signature.act],
            "meaning": signature.meaning,
            **_meaning(seen, signature),
            "reviewer": reviewer_members(snapshot, signature.role, signature.team),
            "directory": directory_members(snapshot),
            "auth": {
                "method": "ldap+session",
                "components": ["login", "password"],
                "at": format_instant(now),
                "session": signature.who.session,
                "firstInSession": signature.is_first_in_session,
            },
            "repository": row.repository,
            "number": row.number,
            "revision": row.revision,
            "targetRef": row.target,
            "fromID": row.merge_base,
            "targetID": row.tree,
            "head": row.head,
            "mergeTree": gathered.git.merge_tree,
            "policy": policy_members(gathered),
            "changeRequest": row.change_request,
            "statementText": signature.statement,
            "seen": signature.seen.hex(),
            "reasonCommitment": committed,
            "expiresAt": format_instant(expires) if expires else None,
            "supersedes": signature.supersedes,
            **_under(signature.choice, giver),
            "reviewLink": f"{parts.settings.base_url}/contributions/{row.repository}/{row.number}",
            "vouch": {"by": "gate", "on": "ldap+session"},
        },
        by=by_person(signature.who.key),
        at=now,
    )
    return Command(
        entries=(entry,),
        rows=(*_rows(seen, signature, snapshot, now, expires),),
        blobs=(Blob(kind="statement", content=signature.statement.encode()),),
        free_texts=(typed,) if typed else (),
        expects=((PEOPLE, giver.version),) if giver is not None else (),
        policy_epoch=gathered.force.epoch,
        key=signature.key,
    )


def _rows(
    seen: Look, signature: Signature, snapshot: RoleSnapshot, now: datetime, expires: datetime | None
) -> list[Row]:
    row = seen.gathered.row
    rows = [
        Row(
            table=approval,
            values={
                "idx": EntryIndex(),
                "repository": row.repository,
                "number": row.number,
                "revision": row.revision,
                "act": signature.act.value,
                "person": signature.who.key,
                "name": snapshot.person.name,
                "role": signature.role,
                "team": signature.team,
                "meaning": signature.meaning,
                "head": row.head,
                "target": row.target,
                "policy_digest": bytes.fromhex(seen.gathered.policy.digest),
                "signed_at": now,
                "expires_at": expires,
                "supersedes": signature.supersedes,
                "on_behalf_of": signature.choice.giver if signature.choice else None,
                "freeze": signature.choice.freeze if signature.choice else None,
            },
        ),
        Row(
            table=contribution,
            key=("repository", "number"),
            update=True,
            values={
                "repository": row.repository,
                "number": row.number,
                "version": row.version + 1,
                "updated_at": now,
                **undecided(),
            },
        ),
    ]
    if signature.supersedes is not None:
        values = {"idx": signature.supersedes, "withdrawn_by": EntryIndex()}
        rows.append(Row(table=approval, key=("idx",), update=True, values=values))
    return rows


def _check_role(snapshot: RoleSnapshot, choice: SignChoice | None, giver: Giver | None) -> None:
    if not snapshot.person.is_active:
        raise NotPermittedError("The directory says that your account is not active.", code="inactive")
    if choice is not None and giver is not None:
        check_giver(giver, choice)
    elif choice is not None and _grant(snapshot, choice) is None:
        raise NotPermittedError(
            f"The directory no longer says that you are {choice.role}{f' of {choice.team}' if choice.team else ''}.",
            code="role-lost",
        )


def _grant(snapshot: RoleSnapshot, choice: SignChoice) -> RoleGrant | None:
    return next((one for one in snapshot.grants if (one.role, one.team) == (choice.role, choice.team)), None)


def _under(choice: SignChoice | None, giver: Giver | None) -> dict[str, Any]:
    """For whom, and through which freeze; nothing where neither is."""
    said: dict[str, Any] = {"onBehalfOf": giver_members(giver, choice)} if choice and giver else {}
    return said | ({"freeze": choice.freeze} if choice and choice.freeze is not None else {})


def _meaning(seen: Look, signature: Signature) -> dict[str, Any]:
    if signature.act is not Act.APPROVE:
        return {"meaningText": WORDS[signature.act], "meaningKind": "review"}
    found = seen.gathered.policy.policy.meaning(signature.meaning)
    return {"meaningText": found.text, "meaningKind": found.kind.value}


def reviewer_members(snapshot: RoleSnapshot, role: str, team: str | None) -> dict[str, Any]:
    """Who signs, in which role, as an entry says it."""
    person = snapshot.person
    return {
        "id": person.key,
        "idAttr": person.ref.id_attr,
        "login": person.login,
        "dn": person.dn,
        "displayName": person.name,
        "role": role,
        "team": team,
        "roles": [
            {
                "role": one.role,
                "team": one.team,
                "group": {"id": one.group.id, "dn": one.group.dn},
                "via": [{"id": group.id, "dn": group.dn} for group in one.via],
            }
            for one in snapshot.grants
        ],
        "homeTeam": person.team,
        "entity": person.entity,
        "authn": "ldap+session",
    }


def directory_members(snapshot: RoleSnapshot) -> dict[str, Any]:
    """The reading behind a role, as an entry says it."""
    source = snapshot.source
    return {
        "name": source.name,
        "kind": source.kind,
        "uri": source.uri,
        "tlsVersion": source.tls_version,
        "peerCertSha256": source.peer_cert_sha256,
        "bindDn": source.bind_dn,
        "takenAt": format_instant(snapshot.taken_at),
        "tookMs": snapshot.took_ms,
        "queries": snapshot.queries,
        "complete": True,
        "groupsTotal": snapshot.groups_total,
        "groupsSha256": snapshot.groups_digest.hex(),
        "state": snapshot.person.state.value,
        "stateReasons": list(snapshot.person.reasons),
    }
