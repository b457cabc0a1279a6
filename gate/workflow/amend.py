"""A contribution is closed, or changes in what is no revision: draft flag, change request, labels, title.

Rules: nothing is written when nothing is new; whatever a decision rests on marks the contribution
"not yet re-decided". Revisions are ``revise.py``'s.
"""

from __future__ import annotations

from gate.auditlog.entry import EntryKind, Recorder
from gate.domain.contribution import ContributionState
from gate.store.command import Command, Row
from gate.store.contributions import ContributionRow
from gate.store.tables import contribution
from gate.workflow.entry import build_entry, commit_text, contribution_stream, revision_subject
from gate.workflow.evaluate import undecided
from gate.workflow.parts import Parts


def close(parts: Parts, row: ContributionRow, by: Recorder, *, why: str) -> None:
    """Close an open contribution. Raises ``ConflictError`` if it moved meanwhile."""
    now = parts.clock.now()
    entry = build_entry(
        parts,
        EntryKind.CONTRIBUTION_CLOSED,
        stream=contribution_stream(row.repository, row.number),
        version=row.version + 1,
        subjects=[revision_subject(row.repository, row.head, row.tree)],
        predicate={"repository": row.repository, "number": row.number, "head": row.head, "why": why},
        by=by,
        at=now,
    )
    values = {"state": ContributionState.CLOSED.value, "version": row.version + 1, "updated_at": now}
    parts.ledger.append(Command(entries=(entry,), rows=(update_row(row, values),)))


def change(
    parts: Parts,
    row: ContributionRow,
    by: Recorder,
    *,
    change_request: str | None,
    draft: bool,
    labels: tuple[str, ...] | None = None,
    title: str | None = None,
) -> None:
    """Record a new change request, draft flag, labels or title; ``labels`` None: they were not said.

    Nothing is written when nothing is new.
    """
    labelled = row.labels if labels is None else labels
    if (change_request, draft, labelled) == (row.change_request, row.draft, row.labels) and title is None:
        return
    now = parts.clock.now()
    committed, typed = commit_text(parts, title or "", f"title {row.id}")
    entry = build_entry(
        parts,
        EntryKind.CONTRIBUTION_CHANGED,
        stream=contribution_stream(row.repository, row.number),
        version=row.version + 1,
        subjects=[revision_subject(row.repository, row.head, row.tree)],
        predicate={
            "repository": row.repository,
            "number": row.number,
            "changeRequest": change_request,
            "draft": draft,
            "labels": list(labelled) if labelled is not None else None,
            "titleCommitment": committed,
        },
        by=by,
        at=now,
    )
    values: dict[str, object] = {
        "change_request": change_request,
        "draft": draft,
        "labels": labelled,
        "version": row.version + 1,
        "updated_at": now,
        **undecided(),
    }
    if typed is not None:
        values["title_commitment"] = typed.commitment
    parts.ledger.append(
        Command(entries=(entry,), rows=(update_row(row, values),), free_texts=(typed,) if typed else ())
    )


def update_row(row: ContributionRow, values: dict[str, object]) -> Row:
    """New values of a contribution's row."""
    place = {"repository": row.repository, "number": row.number}
    return Row(table=contribution, key=("repository", "number"), update=True, values={**place, **values})
