"""What the pages, the API and the CLI are given to show: frozen answers of the workflow, no logic.

Every sentence is finished English; every time is aware UTC; every id is complete (pages may show
a short form with the full form in text). Free text is None when it was erased.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from gate.domain.approval import Act
from gate.domain.contribution import ContributionState, Mode
from gate.domain.people import PersonRef
from gate.policy.decision import Answer, Decision
from gate.policy.facts import Facts
from gate.workflow.override_shown import GlassShown, OverrideShown
from gate.workflow.sign_shown import VetoShown


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """The person behind a request. ``permissions`` are values of ``Permission`` in ``web/security``."""

    ref: PersonRef
    login: str
    name: str
    team: str | None
    permissions: frozenset[str]
    session: str
    csrf: str
    signed_in_at: datetime

    @property
    def key(self) -> str:
        return self.ref.key


@dataclass(frozen=True, slots=True, kw_only=True)
class ContributionItem:
    """One row of a list. ``ask`` is the one sentence of what is wanted (from you, or in general).

    ``unapproved_in`` is the mode in which it landed although nobody had approved it, else None.
    """

    repository: str
    number: int
    title: str | None
    author: str
    from_teams: tuple[str, ...]
    to_teams: tuple[str, ...]
    target: str
    head: str
    state: ContributionState
    answer: Answer | None
    ask: str
    opened_at: datetime
    updated_at: datetime
    unapproved_in: Mode | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbox:
    needs_you: tuple[ContributionItem, ...]
    waiting: tuple[ContributionItem, ...]
    decided: tuple[ContributionItem, ...]
    open_elsewhere: int
    reviews: tuple[OverrideShown, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionShown:
    number: int
    head: str
    tree: str
    merge_base: str
    recorded_at: datetime
    pusher: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContributorShown:
    """Somebody who contributed, or an address that is nobody's, with how it was resolved."""

    name: str
    person: str | None
    address: str
    part: str
    how: str
    team: str | None
    is_robot: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineItem:
    """One audit entry in words. ``index`` links to its receipt."""

    index: int
    at: datetime
    kind: str
    sentence: str
    person: str | None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContributionPage:
    """Everything of one contribution. ``decision`` is as recorded; ``now`` the live one if it differs.

    ``why_not`` says in a sentence why this reader cannot approve, None if they can.
    ``error`` is set when the live answer could not be worked out (directory down …). ``holds_until`` is when
    the recorded decision runs out, as last renewed. ``meanings`` are the sentences that signatures in slots say,
    by the index of their entry; ``terms`` the terms that a prerequisite asks for, by the prerequisite's id.
    """

    item: ContributionItem
    mode: Mode
    description: str | None
    decision: Decision | None
    decision_index: int | None
    facts: Facts | None
    now: Decision | None
    error: str | None
    revisions: tuple[RevisionShown, ...]
    contributors: tuple[ContributorShown, ...]
    timeline: tuple[TimelineItem, ...]
    may: tuple[Act, ...]
    why_not: str | None
    own_approval: int | None
    change_request: str | None
    holds_until: datetime | None = None
    meanings: Mapping[int, str] = field(default_factory=dict)
    terms: Mapping[str, str] = field(default_factory=dict)
    glass: GlassShown | None = None
    overrides: tuple[OverrideShown, ...] = ()
    vetoes: tuple[VetoShown, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TermsShown:
    id: str
    title: str
    text: str
    digest: str
    accepted_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryCard:
    """``waiting_for_reviewers`` is the median in seconds over >= 5 contributions, else None."""

    id: str
    title: str
    description: str
    mode: Mode
    owning_teams: tuple[str, ...]
    protected: tuple[str, ...]
    contact: str | None
    open_count: int
    merged_count: int
    waiting_for_reviewers: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnexplainedShown:
    """A commit on a protected branch that the gate did not let in. ``index`` is the audit entry that says so.

    ``number`` is the contribution whose head it is, if it is one's.
    """

    commit: str
    branch: str
    landed_at: datetime
    index: int
    number: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EligibleShown:
    """One thing asked of contributors beforehand. ``terms`` is the id of terms still to be accepted, else None."""

    id: str
    is_met: bool
    sentence: str
    terms: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryPage:
    """``rules`` are (heading, sentences) in plain words; ``eligible`` answers "may I contribute?" for the reader."""

    card: RepositoryCard
    url: str
    policy_id: str | None
    rules: tuple[tuple[str, tuple[str, ...]], ...]
    eligible: tuple[EligibleShown, ...]
    recent: tuple[ContributionItem, ...]
    unexplained: tuple[UnexplainedShown, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFile:
    """``effective`` are (repository, branch, digest): what approvals there bind, layers included."""

    name: str
    text: str
    digest: str
    effective: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyPage:
    epoch: int
    activated_at: datetime
    activated_by: str
    index: int
    files: tuple[PolicyFile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PackRequest:
    repository: str
    period_from: datetime
    period_to: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PackShown:
    """A pack asked for. ``state`` is queued, working, ready or failed; ``steps`` tell the progress."""

    id: str
    repository: str
    period_from: datetime
    period_to: datetime
    state: str
    step: str
    asked_by: str
    asked_at: datetime
    sha256: str | None = None
    pages: int | None = None
    index: int | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerShown:
    """Answer to CI about one revision. ``http`` is ``status``'s; ``body`` is gate-answer/v1, ``text`` the same as sent.
    ``etag`` is strong and stands in its quotes (RFC 9110 §8.8.3).

    ``is_recorded``: it says what the recorded decision says, and was not worked out live.
    """

    answer: str
    http: int
    body: dict[str, object]
    text: str
    etag: str
    is_recorded: bool = False


_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def encode_body(body: Mapping[str, object]) -> str:
    """A body of the API as it is sent: JSON with sorted keys, so equal answers are equal bytes."""
    return _encode(body) + "\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class HintOutcome:
    """What became of a hint. ``fresh`` is False for a repeat (nothing changed)."""

    fresh: bool
    accepted: int
    ignored: tuple[str, ...]
