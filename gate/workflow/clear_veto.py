"""Somebody whom the policy names clears a veto of somebody else: own statement, reason, password, signed entry.

It clears one rejection on one contribution, and on no other of the same work; whether it counts is decided anew each
time (``gate/policy/vetoes.py``).
The vetoer's own withdrawal is ``sign.py``'s and stays as it is.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from gate.auditlog.entry import EntryKind
from gate.domain.errors import ConflictError, InputError, NotFoundError, NotPermittedError, UnavailableError
from gate.domain.people import RoleSnapshot
from gate.policy.facts import ApprovalFacts
from gate.store.command import Blob, Command, EntryIndex, Row
from gate.store.tables import contribution, veto_clearance
from gate.workflow.act_form import (
    ActForm,
    act_members,
    build_form,
    grant_members,
    perform,
    person_members,
    say_role,
)
from gate.workflow.entry import build_entry, by_person, commit_text, contribution_stream, revision_subject
from gate.workflow.evaluate import Look, decide, look, policy_members, undecided
from gate.workflow.gather import readable_groups
from gate.workflow.parts import Parts
from gate.workflow.shown import SignedIn
from gate.workflow.signature import directory_members
from gate.workflow.standing_vetoes import choose_clearing_role, find_standing
from gate.workflow.veto_shown import describe_veto, say_afterwards

MAX_REASON: Final = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Clearing:
    form: ActForm
    look: Look
    veto: ApprovalFacts
    snapshot: RoleSnapshot
    role: str
    team: str | None


def prepare_clearance(parts: Parts, who: SignedIn, repository: str, number: int, veto: int) -> ActForm:
    """What would be signed. ``NotPermittedError`` with the reason, ``NotFoundError``, ``UnavailableError``."""
    return _prepare(parts, who, repository, number, veto).form


def clear(
    parts: Parts,
    who: SignedIn,
    repository: str,
    number: int,
    veto: int,
    *,
    reason: str,
    seen: str,
    password: str,
    address: str,
    request_id: str,
) -> int:
    """Sign and record it. Returns the index of its entry."""
    if not reason.strip():
        raise InputError("Give a reason: to clear a veto needs one.", field="reason")
    if len(reason) > MAX_REASON:
        raise InputError(f"The reason is longer than {MAX_REASON} characters.", field="reason", remedy="Shorten it.")
    key = f"clear/{who.session}/{request_id}"
    index = perform(
        parts,
        who,
        prepare=lambda: _prepare(parts, who, repository, number, veto),
        build=lambda prepared: _command(parts, who, prepared, reason.strip(), key),
        seen=seen,
        key=key,
        password=password,
        address=address,
        what=f"clear veto {veto} of {repository}#{number}",
    )
    with suppress(UnavailableError, ConflictError):
        # Should this fail, the clearance stands; until the worker decides anew the answer is *error*.
        decide(parts, repository, number)
    return index


def _prepare(parts: Parts, who: SignedIn, repository: str, number: int, index: int) -> _Clearing:
    seen = look(parts, repository, number, reader=who.key)
    facts, row, policy = seen.gathered.facts, seen.gathered.row, seen.gathered.policy
    if facts.directory_error:
        raise UnavailableError(
            f"The directory cannot be asked now, so nothing can be signed: {facts.directory_error}", code="unreachable"
        )
    veto = next((one for one in find_standing(seen) if one.index == index), None)
    if veto is None:
        raise NotFoundError(f"No veto of audit entry {index} stands on {repository}#{number}.")
    role, team = choose_clearing_role(seen, who.key, veto)
    snapshot = parts.directory.snapshot(who.ref, readable_groups(facts.role_members))
    if not snapshot.person.is_active or not any((one.role, one.team) == (role, team) for one in snapshot.grants):
        raise NotPermittedError(f"The directory no longer says that you are {say_role(role, team)}.", code="role-lost")
    lines = [
        f"I, {snapshot.person.name}, acting as {say_role(role, team)}:",
        f"I clear the rejection by {veto.name} (audit entry {index}) of contribution {row.id} to {row.target}.",
        f"Head commit: {row.head}",
        f"Head tree: {row.tree}",
        f"Policy: {policy.id} at sha256 {policy.digest}",
    ]
    form = replace(
        build_form(lines, snapshot.person.name),
        about=describe_veto(parts, row, veto),
        afterwards=say_afterwards(parts, row),
    )
    return _Clearing(form=form, look=seen, veto=veto, snapshot=snapshot, role=role, team=team)


def _command(parts: Parts, who: SignedIn, prepared: _Clearing, reason: str, key: str) -> Command:
    row, now = prepared.look.gathered.row, parts.clock.now()
    person = prepared.snapshot.person
    committed, typed = commit_text(parts, reason, f"veto clearance {row.id}")
    entry = build_entry(
        parts,
        EntryKind.VETO_CLEARED,
        stream=contribution_stream(row.repository, row.number),
        version=row.version + 1,
        subjects=[revision_subject(row.repository, row.head, row.tree)],
        predicate={
            "repository": row.repository,
            "number": row.number,
            "revision": row.revision,
            "head": row.head,
            "targetRef": row.target,
            "veto": prepared.veto.index,
            "vetoBy": {"id": prepared.veto.person, "displayName": prepared.veto.name},
            "reviewer": _reviewer(prepared),
            "directory": directory_members(prepared.snapshot),
            "policy": policy_members(prepared.look.gathered),
            "reasonCommitment": committed,
            **act_members(who, prepared.form, now),
        },
        by=by_person(who.key),
        at=now,
    )
    cleared = {
        "idx": EntryIndex(),
        "repository": row.repository,
        "number": row.number,
        "veto": prepared.veto.index,
        "person": person.key,
        "name": person.name,
        "role": prepared.role,
        "team": prepared.team,
        "signed_at": now,
    }
    open_again = {"repository": row.repository, "number": row.number, "version": row.version + 1, "updated_at": now}
    return Command(
        entries=(entry,),
        rows=(
            Row(table=veto_clearance, values=cleared),
            Row(table=contribution, key=("repository", "number"), update=True, values={**open_again, **undecided()}),
        ),
        blobs=(Blob(kind="statement", content=prepared.form.statement.encode()),),
        free_texts=(typed,) if typed else (),
        policy_epoch=prepared.look.gathered.force.epoch,
        key=key,
    )


def _reviewer(prepared: _Clearing) -> dict[str, Any]:
    person = prepared.snapshot.person
    return {
        **person_members(person),
        "role": prepared.role,
        "team": prepared.team,
        "roles": [grant_members(one) for one in prepared.snapshot.grants],
        "homeTeam": person.team,
        "entity": person.entity,
        "authn": "ldap+session",
    }
