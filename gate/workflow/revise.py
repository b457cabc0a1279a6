"""A contribution is opened, or gets a revision: the entries and rows for each (others: ``amend.py``).

Rules: git facts come from the mirror; the same head pushed by somebody new is a revision too,
because whoever pushed contributed; a repeat changes nothing. Whatever moves marks the contribution
"not yet re-decided".
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from gate.auditlog.entry import EntryKind, Recorder
from gate.domain.contribution import ContributionState, GitRevision
from gate.domain.errors import ConflictError, InputError
from gate.git.mirror import Mirror
from gate.store import contributions
from gate.store.command import Blob, Command, EntryIndex, FreeText, NewEntry, Row
from gate.store.contributions import ContributionRow
from gate.store.tables import contribution, contributor, revision, revision_commit
from gate.workflow.amend import update_row
from gate.workflow.attribute import Attribution, attribute, attribution_bytes, contributor_values
from gate.workflow.carry import carry_over
from gate.workflow.change_request import find_change_request
from gate.workflow.entry import (
    build_entry,
    commit_text,
    contribution_stream,
    revision_members,
    revision_subject,
)
from gate.workflow.evaluate import undecided
from gate.workflow.force import InForce
from gate.workflow.git_record import git_bytes
from gate.workflow.parts import Parts

ATTEMPTS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What a hint asks to be looked at. ``opener`` is the person's key a forge or token names as author.

    ``pushed`` is the commit that the pusher is said to have pushed, when it may be another than ``head``: then they
    contributed, but who pushed ``head`` is not said yet. ``retargeted_from``: the contribution that the same pull
    request was to another branch; said where a contribution is opened.
    """

    repository: str
    target: str
    topic: str
    source_ref: str | None
    head: str
    pusher: str | None = None
    pushed: str | None = None
    change_request: str | None = None
    title: str | None = None
    opener: str | None = None
    draft: bool = False
    labels: tuple[str, ...] | None = None
    retargeted_from: int | None = None

    @property
    def head_pusher(self) -> str | None:
        """The login that is said to have pushed ``head`` itself."""
        return self.pusher if self.pushed in (None, self.head) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """Everything of one revision about to be recorded."""

    proposal: Proposal
    git: GitRevision
    found: tuple[Attribution, ...]
    number: int
    revision: int
    version: int
    at: datetime

    @property
    def pusher_person(self) -> str | None:
        """Who pushed this head, if that is said and the directory knows them."""
        if self.proposal.head_pusher is None:
            return None
        return next((one.person for one in self.found if one.part == "pusher"), None)


def propose(parts: Parts, force: InForce, mirror: Mirror, proposal: Proposal, by: Recorder) -> int:
    """Open or update the contribution a proposal is about; returns its number.

    Raises ``InputError`` when there is nothing to contribute, ``UnavailableError``, ``ConflictError``
    after several lost races.
    """
    policy = force.policies.policy_for(proposal.repository, proposal.target)
    patterns = tuple(one.pattern for one in policy.change_requests) if policy else ()
    for attempt in range(ATTEMPTS):
        row = contributions.find_open(parts.engine, proposal.repository, proposal.target, proposal.topic)
        if row is not None and not _is_news(parts, row, proposal):
            return row.number
        try:
            number = _record(parts, mirror, proposal, patterns, row, by)
        except ConflictError:
            if attempt == ATTEMPTS - 1:
                raise
            continue
        if row is not None:
            _carry(parts, proposal.repository, number)
        return number
    raise AssertionError("the loop returns or raises")


def _carry(parts: Parts, repository: str, number: int) -> None:
    """Approvals that the policy lets go on counting. Who is faster than this decides without them: fails closed."""
    with suppress(ConflictError):
        carry_over(parts, repository, number)


def _is_news(parts: Parts, row: ContributionRow, proposal: Proposal) -> bool:
    if row.head != proposal.head:
        return True
    if proposal.pusher is None:
        return False
    if proposal.head_pusher is not None and not _is_pusher_said(parts, row):
        return True
    known = contributions.contributors(parts.engine, row.repository, row.number)
    return all(one.part != "pusher" or one.address != proposal.pusher for one in known)


def _is_pusher_said(parts: Parts, row: ContributionRow) -> bool:
    recorded = contributions.revisions(parts.engine, row.repository, row.number)
    return any(one.head == row.head and one.pusher_login is not None for one in recorded)


def _record(
    parts: Parts,
    mirror: Mirror,
    proposal: Proposal,
    patterns: tuple[str, ...],
    row: ContributionRow | None,
    by: Recorder,
) -> int:
    git = mirror.revision(proposal.head, proposal.target)
    if not git.commits:
        raise InputError(
            f"{proposal.head} has nothing that {proposal.target} does not have.",
            code="nothing-to-contribute",
            remedy="Commit something on the branch and push again.",
        )
    if proposal.change_request is None:
        texts_of = (proposal.topic, proposal.title or "", *(one.subject for one in reversed(git.commits)))
        proposal = replace(proposal, change_request=find_change_request(patterns, texts_of))
    draft = _Draft(
        proposal=proposal,
        git=git,
        found=attribute(parts.directory, git, proposal.pusher),
        number=row.number if row else contributions.next_number(parts.engine, proposal.repository),
        revision=row.revision + 1 if row else 1,
        version=row.version + 1 if row else 2,
        at=parts.clock.now(),
    )
    opening: tuple[NewEntry, ...] = ()
    rows: list[Row] = []
    texts: tuple[FreeText, ...] = ()
    if row is None:
        title = proposal.title or git.commits[-1].subject
        committed, typed = commit_text(parts, title[:1000], f"title {proposal.repository}#{draft.number}")
        opening = (_opening(parts, draft, committed, by),)
        rows.append(_opened_row(draft, typed))
        texts = (typed,) if typed else ()
    else:
        values = {"updated_at": draft.at, "version": draft.version, **_head(draft), **undecided()}
        if row.change_request is None and proposal.change_request is not None:
            values["change_request"] = proposal.change_request
        rows.append(update_row(row, values))
    stored = Blob(kind="git", content=git_bytes(git))
    people = Blob(kind="attribution", content=attribution_bytes(proposal.head_pusher, draft.found))
    entry = _revision_entry(parts, draft, stored.sha256, people.sha256, by)
    rows += _revision_rows(draft, stored.sha256, position=len(opening))
    parts.ledger.append(Command(entries=(*opening, entry), rows=tuple(rows), blobs=(stored, people), free_texts=texts))
    return draft.number


def _opening(parts: Parts, draft: _Draft, title: dict[str, str] | None, by: Recorder) -> NewEntry:
    proposal = draft.proposal
    return build_entry(
        parts,
        EntryKind.CONTRIBUTION_OPENED,
        stream=contribution_stream(proposal.repository, draft.number),
        version=1,
        subjects=[revision_subject(proposal.repository, draft.git.head, draft.git.tree)],
        predicate={
            "repository": proposal.repository,
            "number": draft.number,
            "targetRef": proposal.target,
            "topic": proposal.topic,
            "sourceRef": proposal.source_ref,
            "author": _author(draft),
            "changeRequest": proposal.change_request,
            "draft": proposal.draft,
            "labels": list(proposal.labels) if proposal.labels is not None else None,
            "titleCommitment": title,
            "retargetedFrom": proposal.retargeted_from,
        },
        by=by,
        at=draft.at,
    )


def _revision_entry(parts: Parts, draft: _Draft, git_digest: bytes, attribution: bytes, by: Recorder) -> NewEntry:
    unattributed = sum(one.person is None for one in draft.found)
    return build_entry(
        parts,
        EntryKind.REVISION_RECORDED,
        stream=contribution_stream(draft.proposal.repository, draft.number),
        version=draft.version,
        subjects=[revision_subject(draft.proposal.repository, draft.git.head, draft.git.tree)],
        predicate={
            "repository": draft.proposal.repository,
            "number": draft.number,
            **revision_members(draft.git, draft.revision),
            "pusher": draft.pusher_person,
            "git": {"sha256": git_digest.hex()},
            "attribution": {"sha256": attribution.hex()},
            "contributors": _named(draft.found),
            "unattributed": unattributed,
            "changeRequest": draft.proposal.change_request,
        },
        by=by,
        at=draft.at,
    )


def _named(found: tuple[Attribution, ...]) -> list[dict[str, Any]]:
    """Persons by id and part, each once; addresses are only in what is stored by digest."""
    pairs = sorted({(one.part, one.person, one.how) for one in found if one.person})
    return [{"part": part, "person": person, "how": how} for part, person, how in pairs][:200]


def _author(draft: _Draft) -> str | None:
    """Who opened it: whom the forge or token names, else who pushed, else the one author of all commits."""
    if draft.proposal.opener or draft.pusher_person:
        return draft.proposal.opener or draft.pusher_person
    authors = {one.person for one in draft.found if one.part == "author"}
    return authors.pop() if len(authors) == 1 and not draft.proposal.pusher else None


def _head(draft: _Draft) -> dict[str, object]:
    return {
        "head": draft.git.head,
        "tree": draft.git.tree,
        "merge_base": draft.git.merge_base,
        "revision": draft.revision,
    }


def _opened_row(draft: _Draft, title: FreeText | None) -> Row:
    proposal = draft.proposal
    values = {
        "repository": proposal.repository,
        "number": draft.number,
        "target": proposal.target,
        "topic": proposal.topic,
        "source_ref": proposal.source_ref,
        "state": ContributionState.OPEN.value,
        "draft": proposal.draft,
        "opened_at": draft.at,
        "updated_at": draft.at,
        "author_person": _author(draft),
        "change_request": proposal.change_request,
        "labels": proposal.labels,
        "title_commitment": title.commitment if title else None,
        "version": draft.version,
        **_head(draft),
        **undecided(),
    }
    return Row(table=contribution, values=values)


def _revision_rows(draft: _Draft, git_digest: bytes, *, position: int) -> list[Row]:
    place = {"repository": draft.proposal.repository, "number": draft.number, "revision": draft.revision}
    rows = [
        Row(
            table=revision,
            values={
                **place,
                "head": draft.git.head,
                "tree": draft.git.tree,
                "target": draft.git.target,
                "merge_base": draft.git.merge_base,
                "merge_tree": draft.git.merge_tree,
                "pusher_login": draft.proposal.head_pusher,
                "pusher_person": draft.pusher_person,
                "git_digest": git_digest,
                "recorded_at": draft.at,
                "idx": EntryIndex(position),
            },
        )
    ]
    for commit in draft.git.commits:
        rows.append(Row(table=revision_commit, values={**place, "sha": commit.sha, "patch_id": commit.patch_id}))
    rows += [Row(table=contributor, values={**place, **one}) for one in contributor_values(draft.found)]
    return rows
