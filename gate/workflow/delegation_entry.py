"""From a delegation, or its end, to the audit entry in stream ``people`` and its rows. Nothing here writes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gate.auditlog.entry import EntryKind
from gate.domain.clock import format_instant
from gate.domain.people import Person, RoleSnapshot
from gate.store import acts
from gate.store.acts import DelegationRow
from gate.store.command import Blob, Command, EntryIndex, Job, Row
from gate.store.tables import contribution, delegation
from gate.workflow.act_form import ActForm, act_members, grant_members, person_members
from gate.workflow.entry import build_entry, by_person
from gate.workflow.evaluate import undecided
from gate.workflow.parts import Parts
from gate.workflow.shown import SignedIn
from gate.workflow.signature import directory_members

STREAM: Final = "people"


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOver:
    """What somebody wants to hand over. ``starts_at`` None: the moment it is recorded. ``receiver`` is a login."""

    role: str
    team: str | None
    receiver: str
    starts_at: datetime | None
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Giving:
    """A delegation as it would be recorded now. ``version`` fences stream ``people``: nobody hands over meanwhile."""

    form: ActForm
    snapshot: RoleSnapshot
    receiver: Person
    version: int
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    form: ActForm
    row: DelegationRow
    person: Person
    version: int


def build_delegation(parts: Parts, who: SignedIn, wanted: HandOver, prepared: Giving, key: str) -> Command:
    now, giver = parts.clock.now(), prepared.snapshot.person
    starts_at = wanted.starts_at or now
    grant = next(one for one in prepared.snapshot.grants if (one.role, one.team) == (wanted.role, wanted.team))
    entry = build_entry(
        parts,
        EntryKind.DELEGATED,
        stream=STREAM,
        version=prepared.version + 1,
        subjects=[],
        predicate={
            "giver": person_members(giver),
            "receiver": person_members(prepared.receiver),
            "role": wanted.role,
            "team": wanted.team,
            "roles": [grant_members(grant)],
            "startsAt": format_instant(starts_at),
            "endsAt": format_instant(wanted.ends_at),
            "policyEpoch": prepared.epoch,
            "directory": directory_members(prepared.snapshot),
            **act_members(who, prepared.form, now),
        },
        by=by_person(who.key),
        at=now,
    )
    row = Row(
        table=delegation,
        values={
            "idx": EntryIndex(),
            "giver": giver.key,
            "giver_name": giver.name,
            "receiver": prepared.receiver.key,
            "receiver_name": prepared.receiver.name,
            "role": wanted.role,
            "team": wanted.team,
            "starts_at": starts_at,
            "ends_at": wanted.ends_at,
            "ended_by": None,
            "ended_at": None,
        },
    )
    return Command(
        entries=(entry,),
        rows=(row,),
        blobs=(_blob(prepared.form),),
        jobs=(Job(kind="redecide", payload={"person": who.key}, not_before=now),),
        policy_epoch=prepared.epoch,
        key=key,
    )


def build_end(parts: Parts, who: SignedIn, prepared: Ending, key: str) -> Command:
    now, row = parts.clock.now(), prepared.row
    entry = build_entry(
        parts,
        EntryKind.DELEGATION_ENDED,
        stream=STREAM,
        version=prepared.version + 1,
        subjects=[],
        predicate={
            "delegation": row.idx,
            "giver": {"id": row.giver, "displayName": row.giver_name},
            "receiver": {"id": row.receiver, "displayName": row.receiver_name},
            "role": row.role,
            "team": row.team,
            "endedBy": person_members(prepared.person),
            "capacity": "giver" if who.key == row.giver else "receiver",
            "endedAt": format_instant(now),
            **act_members(who, prepared.form, now),
        },
        by=by_person(who.key),
        at=now,
    )
    ended = Row(
        table=delegation,
        key=("idx",),
        update=True,
        values={"idx": row.idx, "ended_by": EntryIndex(), "ended_at": now},
    )
    open_again = (
        Row(
            table=contribution,
            key=("repository", "number"),
            update=True,
            values={"repository": place.repository, "number": place.number, **undecided()},
        )
        for place in acts.signed_under(parts.engine, row)
    )
    return Command(
        entries=(entry,),
        rows=(ended, *open_again),
        blobs=(_blob(prepared.form),),
        jobs=(Job(kind="redecide", payload={"person": who.key}, not_before=now),),
        key=key,
    )


def _blob(form: ActForm) -> Blob:
    return Blob(kind="statement", content=form.statement.encode())
