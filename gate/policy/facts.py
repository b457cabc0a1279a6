"""Everything evaluation may look at: one frozen snapshot, ``now`` included.

Gathered once by ``workflow/evaluate``, stored as canonical bytes by digest, replayable for ever.
Rules: no field is lazily filled; an outage is ``directory_error``, never an empty tuple; people
are referred to by ``PersonRef.key`` and described once in ``people``. Digests are lower-case hex
here, because this is a stored format (``gate-facts/v1``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

FORMAT = "gate-facts/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleHeld:
    """``team`` is None for roles that are not per team; ``via`` are the group DNs that granted it."""

    role: str
    team: str | None = None
    via: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingHeld:
    """A completed course. ``valid_until`` is the last instant it counts; ``as_of`` the register's date."""

    code: str
    valid_until: datetime | None = None
    as_of: date
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonFacts:
    """One person as the directory and the registers know them at ``Facts.directory_checked_at``."""

    id: str
    login: str
    name: str
    state: str
    state_reasons: tuple[str, ...] = ()
    team: str | None = None
    entity: str | None = None
    roles: tuple[RoleHeld, ...] = ()
    trainings: tuple[TrainingHeld, ...] = ()
    terms: tuple[str, ...] = ()
    robot: bool = False
    sponsor: str | None = None
    department: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContributorFacts:
    """One identity found on a commit, trailer or push of *any* revision.

    ``part`` is author, committer, co-author, pusher or shared (came in through a commit or patch
    that another contribution of the repository also has). ``person`` is None when the address is
    nobody's or ambiguous; ``how`` says which (``AddressHow`` values, ``login`` for a pusher).
    ``revisions`` are the revision numbers it was seen in.
    """

    part: str
    address: str
    person: str | None
    how: str
    revisions: tuple[int, ...]
    commits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PathFacts:
    """One changed path. Ownership and rules look at ``path`` *and* ``old_path``."""

    path: str
    old_path: str | None = None
    status: str = "M"
    added: int | None = None
    deleted: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalFacts:
    """An approval or standing rejection as recorded (withdrawn ones are not here).

    ``index`` is its audit log index, ``policy_digest`` the effective digest it was given under. ``carried_from`` is the
    head it was signed for, when an entry of its own carried it to ``head`` because ``carried_by`` (``CarryOver``) was
    proven. ``on_behalf_of``: the person whose delegation it was given under. ``kind``: ``signature`` or
    ``forge-review``. ``freeze``: it exempts from that freeze and does nothing else.
    """

    index: int
    act: str
    person: str
    name: str
    role: str
    team: str | None = None
    meaning: str
    head: str
    target: str
    policy_digest: str
    signed_at: datetime
    expires_at: datetime | None = None
    carried_from: str | None = None
    carried_by: str | None = None
    on_behalf_of: str | None = None
    kind: str = "signature"
    freeze: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearanceFacts:
    """A veto (``veto``: its log index) cleared by somebody else in ``role``."""

    index: int
    veto: int
    person: str
    name: str
    role: str
    team: str | None = None
    signed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DelegationFacts:
    """``giver`` lets ``receiver`` sign in ``role`` from ``starts_at`` to ``ends_at`` (half-open)."""

    index: int
    giver: str
    receiver: str
    role: str
    team: str | None = None
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CosignFacts:
    """A second person's signature under a break-glass."""

    index: int
    person: str
    name: str
    role: str
    team: str | None = None
    signed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakGlassFacts:
    """An invocation on this contribution. ``reason_chars`` is the length of the reason (its text is free text)."""

    index: int
    person: str
    name: str
    role: str
    code: str
    incident: str
    reason_chars: int
    head: str
    target: str
    policy_digest: str
    invoked_at: datetime
    cosigners: tuple[CosignFacts, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OwedReviewFacts:
    """A review owed after an earlier break-glass in this repository, not yet given."""

    index: int
    number: int
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckFacts:
    """A reported check at ``head``: latest report per name and reporter. ``reporter`` is a token's name."""

    name: str
    head: str
    outcome: str
    reporter: str
    reporter_person: str | None = None
    reported_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleMembers:
    """Who holds a role now (for "who can give it"). ``error`` set: the group could not be read."""

    role: str
    team: str | None
    group_dn: str
    members: tuple[str, ...] = ()
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryFacts:
    id: str
    mode: str
    owning_teams: tuple[str, ...]
    protected: tuple[str, ...]
    entity: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The whole input of ``evaluate``. ``policy_digest`` is the effective digest in force.

    ``author`` is the person who opened the contribution (the pusher of revision 1, or what the
    forge says), None when unattributed. ``directory_checked_at`` is the *start* of the directory
    reading these facts rest on; None together with ``directory_error`` when it failed. ``labels`` None: nobody
    reports labels of this repository.
    """

    now: datetime
    repository: RepositoryFacts
    number: int
    target: str
    head: str
    tree: str
    merge_base: str
    merges_cleanly: bool
    draft: bool = False
    change_request: str | None = None
    revision: int
    policy_epoch: int
    policy_digest: str
    author: str | None
    paths: tuple[PathFacts, ...]
    contributors: tuple[ContributorFacts, ...]
    people: tuple[PersonFacts, ...] = ()
    approvals: tuple[ApprovalFacts, ...] = ()
    checks: tuple[CheckFacts, ...] = ()
    role_members: tuple[RoleMembers, ...] = ()
    labels: tuple[str, ...] | None = None
    clearances: tuple[ClearanceFacts, ...] = ()
    delegations: tuple[DelegationFacts, ...] = ()
    break_glass: BreakGlassFacts | None = None
    owed_reviews: tuple[OwedReviewFacts, ...] = ()
    directory_checked_at: datetime | None = None
    directory_error: str | None = None
    max_age_seconds: int = 300
    format: str = field(default=FORMAT)
