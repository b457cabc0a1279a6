"""A review that somebody gave on a forge -> recorded, as that and never as a signature.

The delivery was verified before. Recorded is a review of a commit that is the head of a revision of the contribution,
by our own mirror; of another commit, or of one the forge does not name, nothing is. The reviewer is whom the directory
knows by the forge's login, with the roles they hold now; a login that is nobody's is recorded as nobody's and counts
for nothing. An approval is bound to the policy in force when it was given, however late it is delivered. Which review
is somebody's word, ``forge_words.py`` says, and whether it counts, the policy.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, assert_never

from gate.auditlog.entry import EntryKind, Recorder
from gate.domain.approval import Act
from gate.domain.clock import format_instant
from gate.domain.contribution import ContributionState
from gate.domain.errors import ConflictError, InputError, UnavailableError
from gate.domain.people import AddressHow, Person, RoleSnapshot
from gate.forge.api import ForgeReview, ReviewState
from gate.store import contributions, forge_reviews
from gate.store.command import Command, EntryIndex, NewEntry, Row
from gate.store.contributions import ContributionRow, RevisionRow
from gate.store.forge_reviews import ForgeReviewRow
from gate.store.tables import contribution, forge_review
from gate.workflow.act_form import grant_members, person_members
from gate.workflow.entry import build_entry, contribution_stream, revision_subject
from gate.workflow.evaluate import decide, policy_members, undecided
from gate.workflow.force import force_at
from gate.workflow.forge_words import why_no_news, write_role
from gate.workflow.gather import Gathered, gather, readable_groups
from gate.workflow.parts import Parts
from gate.workflow.redecide import redecide_same_work
from gate.workflow.signature import RESULT, directory_members

ATTEMPTS: Final = 5
MAX_AHEAD: Final = timedelta(minutes=5)
"""How far a forge's clock may be ahead of ours: a review from the future would outrank all that come after it."""
NOTICE: Final = "a review on the forge, not a signature"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reviewer:
    """Who the forge's login is. ``snapshot`` None: nobody, and ``how`` says why."""

    how: str
    snapshot: RoleSnapshot | None = None

    @property
    def roles(self) -> tuple[str, ...]:
        if self.snapshot is None or not self.snapshot.person.is_active:
            return ()
        return tuple(sorted(write_role(one.role, one.team) for one in self.snapshot.grants))


def record_review(parts: Parts, forge: str, review: ForgeReview, row: ContributionRow, by: Recorder) -> str | None:
    """Record it and decide anew; a sentence says why nothing was recorded.

    Raises ``InputError`` for one from the future, ``UnavailableError`` when the directory cannot be asked, and
    ``ConflictError`` after several lost races.
    """
    act = _act(review.state)
    if act is None:
        return f"Review {review.id} says neither yes nor no."
    if review.submitted_at > parts.clock.now() + MAX_AHEAD:
        raise InputError("The review was submitted later than now.", code="from-the-future", field="review")
    if row.state != ContributionState.OPEN and act is not Act.WITHDRAW:
        return f"{row.id} is {row.state}; there is nothing left to review."
    if review.commit is None:
        return "The forge does not say which commit was reviewed."
    heads = contributions.revisions(parts.engine, row.repository, row.number)
    revision = next((one for one in reversed(heads) if one.head == review.commit), None)
    if revision is None:
        return f"{review.commit} is the head of no revision of {row.id}."
    why = _try(parts, forge, review, act, revision, by)
    if why is None:
        _decide(parts, row, act)
    return why


def find_reviewed(
    parts: Parts, forge: str, review: ForgeReview, rows: Iterable[ContributionRow]
) -> ContributionRow | None:
    """Of the contributions of one pull request, the open one; for what is dismissed, the one that has it on record."""
    found = next((one for one in rows if one.state == ContributionState.OPEN), None)
    if review.state is not ReviewState.DISMISSED:
        return found
    for row in rows:
        known = forge_reviews.history(parts.engine, row.repository, row.number)
        if any((one.forge, one.review) == (forge, review.id) for one in known):
            return row
    return found


def _act(state: ReviewState) -> Act | None:
    match state:
        case ReviewState.APPROVED:
            return Act.APPROVE
        case ReviewState.CHANGES_REQUESTED:
            return Act.REJECT
        case ReviewState.DISMISSED:
            return Act.WITHDRAW
        case ReviewState.COMMENTED:
            return None
        case _:
            assert_never(state)


def _decide(parts: Parts, row: ContributionRow, act: Act) -> None:
    """A change request stands, and ends, in every contribution of the same work, also where this one is undecidable."""
    if act is not Act.APPROVE:
        redecide_same_work(parts, row.repository, row.number)
    decide(parts, row.repository, row.number)


def _try(parts: Parts, forge: str, review: ForgeReview, act: Act, revision: RevisionRow, by: Recorder) -> str | None:
    for attempt in range(ATTEMPTS):
        try:
            return _record(parts, forge, review, act, revision, by)
        except ConflictError:
            if attempt == ATTEMPTS - 1:
                raise
    raise AssertionError("the loop returns or raises")


def _record(parts: Parts, forge: str, review: ForgeReview, act: Act, revision: RevisionRow, by: Recorder) -> str | None:
    gathered = gather(parts, revision.repository, revision.number)
    under = _given_under(parts, gathered, review, act)
    if under is None:
        return f"When review {review.id} was given, no policy covered {revision.target}."
    reviewer = _find_reviewer(parts, review.login, gathered)
    now = parts.clock.now()
    found = ForgeReviewRow(
        idx=-1,
        repository=revision.repository,
        number=revision.number,
        revision=revision.revision,
        act=act.value,
        forge=forge,
        review=review.id,
        account=review.account,
        login=review.login,
        person=reviewer.snapshot.person.key if reviewer.snapshot else None,
        how=reviewer.how,
        name=reviewer.snapshot.person.name if reviewer.snapshot else review.login,
        roles=reviewer.roles,
        head=revision.head,
        target=revision.target,
        policy_digest=bytes.fromhex(under.policy.digest),
        submitted_at=review.submitted_at,
        recorded_at=now,
        expires_at=_expires(under, act, min(review.submitted_at, now)),
    )
    why = why_no_news(forge_reviews.history(parts.engine, revision.repository, revision.number), found)
    if why is not None:
        return f"Nothing new: {why}."
    command = _command(parts, under, revision, found, reviewer, by)
    parts.ledger.append(replace(command, policy_epoch=gathered.force.epoch))
    return None


def _given_under(parts: Parts, gathered: Gathered, review: ForgeReview, act: Act) -> Gathered | None:
    """The same with the policy of the time when it was given (INV-02); None when there was none.

    What takes a yes away is taken as it comes, under the policy in force now.
    """
    if act is not Act.APPROVE:
        return gathered
    force = force_at(parts.engine, gathered.force, review.submitted_at)
    policy = force.policies.policy_for(gathered.row.repository, gathered.row.target)
    return replace(gathered, force=force, policy=policy) if policy is not None else None


def _find_reviewer(parts: Parts, login: str, gathered: Gathered) -> _Reviewer:
    """As a pusher is found: by the login that the forge and the directory share."""
    if gathered.facts.directory_error is not None:
        raise UnavailableError(f"The directory cannot be asked who {login} is: {gathered.facts.directory_error}")
    try:
        person: Person | None = parts.directory.person_by_login(login)
    except InputError:
        return _Reviewer(how=AddressHow.MALFORMED.value)
    if person is None:
        return _Reviewer(how="login")
    snapshot = parts.directory.snapshot(person.ref, readable_groups(gathered.facts.role_members))
    return _Reviewer(how="login", snapshot=snapshot)


def _expires(gathered: Gathered, act: Act, given_at: datetime) -> datetime | None:
    valid_for = gathered.policy.policy.valid_for
    return given_at + valid_for if valid_for is not None and act is Act.APPROVE else None


def _command(
    parts: Parts, gathered: Gathered, revision: RevisionRow, found: ForgeReviewRow, reviewer: _Reviewer, by: Recorder
) -> Command:
    row = gathered.row
    who = found.person or "nobody"
    key = f"forge-review/{row.id}/{found.forge}/{found.review}/{found.act}/{who}"
    values = {name: getattr(found, name) for name in forge_review.c.keys()} | {"idx": EntryIndex()}  # noqa: SIM118
    # One that is dismissed when all is over changes nothing of what was decided.
    again = undecided() if row.state == ContributionState.OPEN else {}
    update = {"repository": row.repository, "number": row.number, "version": row.version + 1, **again}
    return Command(
        entries=(_entry(parts, gathered, revision, found, reviewer, by),),
        rows=(
            Row(table=forge_review, values=values),
            Row(
                table=contribution,
                key=("repository", "number"),
                update=True,
                values={**update, "updated_at": found.recorded_at},
            ),
        ),
        key=f"forge-review/{hashlib.sha256(key.encode()).hexdigest()}",
    )


def _entry(
    parts: Parts, gathered: Gathered, revision: RevisionRow, found: ForgeReviewRow, reviewer: _Reviewer, by: Recorder
) -> NewEntry:
    row = gathered.row
    return build_entry(
        parts,
        EntryKind.FORGE_REVIEW,
        stream=contribution_stream(row.repository, row.number),
        version=row.version + 1,
        subjects=[revision_subject(revision.repository, revision.head, revision.tree)],
        predicate={
            "notice": NOTICE,
            "result": RESULT[Act(found.act)],
            "forge": found.forge,
            "review": found.review,
            "account": found.account,
            "login": found.login,
            "how": found.how,
            "submittedAt": format_instant(found.submitted_at),
            "reviewer": _reviewer_members(reviewer.snapshot, found.roles),
            "directory": directory_members(reviewer.snapshot) if reviewer.snapshot else None,
            "repository": revision.repository,
            "number": revision.number,
            "revision": revision.revision,
            "head": revision.head,
            "targetRef": revision.target,
            "fromID": revision.merge_base,
            "targetID": revision.tree,
            "mergeTree": revision.merge_tree,
            "policy": policy_members(gathered),
            "changeRequest": row.change_request,
            "expiresAt": format_instant(found.expires_at) if found.expires_at else None,
            "vouch": {"by": f"forge/{found.forge}", "on": "signed-delivery"},
        },
        by=by,
        at=found.recorded_at,
    )


def _reviewer_members(snapshot: RoleSnapshot | None, roles: tuple[str, ...]) -> Mapping[str, Any] | None:
    if snapshot is None:
        return None
    held = [grant_members(one) for one in snapshot.grants] if roles else []
    return {**person_members(snapshot.person), "roles": held, "homeTeam": snapshot.person.team}
