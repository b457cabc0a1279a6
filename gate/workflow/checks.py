"""A check reported at a head by a token: an identity, a name, a head. The author's token never counts."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gate.auditlog.entry import EntryKind, Recorder, RecorderKind
from gate.domain.contribution import ContributionState
from gate.domain.errors import ConflictError, InputError, NotFoundError
from gate.store import contributions
from gate.store.command import Command, EntryIndex, Row
from gate.store.contributions import ContributionRow
from gate.store.tables import check_report, contribution
from gate.workflow.entry import build_entry, contribution_stream, revision_subject
from gate.workflow.evaluate import decide, undecided
from gate.workflow.parts import Parts
from gate.workflow.tokens import TokenHolder, require_scope

ATTEMPTS = 5


class CheckBody(BaseModel):
    """What a reporter posts. ``url`` is where a person reads more; it is not fetched."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str = Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._/-]*$")
    outcome: Literal["success", "failure", "error"]
    url: str | None = Field(default=None, max_length=500, pattern=r"^https?://[^\s]+$")


def report(parts: Parts, holder: TokenHolder, repository: str, sha: str, body: dict[str, Any]) -> dict[str, Any]:
    """Record a check at an open contribution's head. ``NotFoundError`` when nobody proposes that head."""
    require_scope(holder, "checks:write", repository)
    try:
        parsed = CheckBody.model_validate(body)
    except ValidationError as problem:
        first = problem.errors(include_input=False, include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{field}: {first['msg']}.", field=field) from problem
    rows = _open_rows(parts, repository, sha)
    indexes = [_record(parts, holder, row.repository, row.number, sha, parsed) for row in rows]
    answers = [decide(parts, row.repository, row.number).answer.value for row in rows]
    return {
        "repository": repository,
        "head": sha,
        "name": parsed.name,
        "outcome": parsed.outcome,
        "indexes": indexes,
        "contributions": [
            {"number": row.number, "target": row.target, "answer": answer}
            for row, answer in zip(rows, answers, strict=True)
        ],
    }


def _open_rows(parts: Parts, repository: str, sha: str) -> list[ContributionRow]:
    rows = [row for row in contributions.by_head(parts.engine, repository, sha) if row.state == ContributionState.OPEN]
    if not rows:
        if contributions.with_revision(parts.engine, repository, sha):
            raise ConflictError(f"{sha} is no longer the head of its contribution.", code="stale")
        raise NotFoundError(f"No open contribution of {repository} has the head {sha}.")
    return rows


def _record(parts: Parts, holder: TokenHolder, repository: str, number: int, sha: str, body: CheckBody) -> int:
    for attempt in range(ATTEMPTS):
        row = contributions.load(parts.engine, repository, number)
        if row.head != sha:
            raise ConflictError(f"{sha} is no longer the head of {row.id}.", code="stale")
        try:
            return parts.ledger.append(_command(parts, holder, row, body)).indexes[0]
        except ConflictError:
            if attempt == ATTEMPTS - 1:
                raise
    raise AssertionError("the loop returns or raises")


def _command(parts: Parts, holder: TokenHolder, row: ContributionRow, body: CheckBody) -> Command:
    now = parts.clock.now()
    entry = build_entry(
        parts,
        EntryKind.CHECK_REPORTED,
        stream=contribution_stream(row.repository, row.number),
        version=row.version + 1,
        subjects=[revision_subject(row.repository, row.head, row.tree)],
        predicate={
            "repository": row.repository,
            "number": row.number,
            "head": row.head,
            "name": body.name,
            "outcome": body.outcome,
            "url": body.url,
            "reporter": holder.name,
            "person": holder.person,
            "token": holder.id,
        },
        by=Recorder(kind=RecorderKind.TOKEN, id=holder.id),
        at=now,
    )
    rows = (
        Row(
            table=check_report,
            values={
                "idx": EntryIndex(),
                "repository": row.repository,
                "head": row.head,
                "name": body.name,
                "outcome": body.outcome,
                "reporter": holder.name,
                "reporter_person": holder.person,
                "reported_at": now,
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
    )
    return Command(entries=(entry,), rows=rows)
