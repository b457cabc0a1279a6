"""A parsed policy: frozen, complete, already checked.

Built only by ``parse.py``; everything named in here exists (roles, meanings, terms). ``controls``,
descriptions and ``because`` are for people and never change an answer. The shape follows the worked file in
``docs/policy.md``; what a later version adds are new members with defaults.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from gate.domain.approval import MeaningKind
from gate.policy.cases import Case

REPOSITORY_TEAMS = "{repository}"


class Of(StrEnum):
    """Whose holders of a per-team role are asked."""

    EACH_OWNING_TEAM = "each_owning_team"
    ANY_OWNING_TEAM = "any_owning_team"


class Subject(StrEnum):
    """Who a prerequisite is for. The author is who opened the contribution."""

    AUTHOR = "author"
    CONTRIBUTORS = "contributors"
    APPROVERS = "approvers"


class CarryOver(StrEnum):
    """What may change in a new revision so that approvals of the one before may be carried over, strictest first."""

    NONE = "none"
    SAME_TREE = "same_tree"
    SAME_DIFF = "same_diff"


class AuthorKind(StrEnum):
    """Who wrote a change: a person, or a robot (agents are robots: an identity with a sponsor)."""

    PERSON = "person"
    ROBOT = "robot"


class ScopeKind(StrEnum):
    """What may be left out of scope by rule."""

    SAME_TEAM = "same_team"
    ROBOTS = "robots"


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A role and the template of the group that grants it; ``{team}`` makes it a role per team."""

    name: str
    group: str

    @property
    def is_per_team(self) -> bool:
        return "{team}" in self.group


@dataclass(frozen=True, slots=True, kw_only=True)
class Ownership:
    """``paths`` (gitignore-style) belong to ``team``; None is the repository's own owning teams."""

    paths: tuple[str, ...]
    team: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    id: str
    text: str
    kind: MeaningKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Veto:
    """``cleared_by``: roles whose holders may clear somebody else's veto; its giver always may."""

    roles: tuple[str, ...]
    survives_push: bool
    cleared_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prerequisite:
    """Exactly one of ``terms`` (an id), ``training`` (a course code), ``clearance`` (an export-control code, kept in
    the register of trainings) and ``entities`` is set. ``at``: only at these levels; empty is all.

    ``entities`` are pairs (of the contributor, of the repository) of legal entities between which work may pass.
    """

    id: str
    subjects: tuple[Subject, ...]
    terms: str | None = None
    training: str | None = None
    clearance: str | None = None
    entities: tuple[tuple[str, str], ...] = ()
    at: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRequest:
    """``pattern`` must match the whole id."""

    pattern: str
    example: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A check that must be reported ``success`` at the head by one of ``reporters`` (token names)."""

    name: str
    reporters: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutOfScope:
    id: str
    kind: ScopeKind
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """All that are set must hold; nothing set means always. ``branches`` are globs of branch names.

    ``levels``, ``labels`` and ``author_kinds`` hold when one of theirs does; ``lines_over`` and ``files_over`` when the
    change has more (a change whose lines cannot be counted has). ``expr`` is CEL and may only narrow.
    """

    cross_team: bool | None = None
    paths: tuple[str, ...] = ()
    branches: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    author_kinds: tuple[AuthorKind, ...] = ()
    labels: tuple[str, ...] = ()
    lines_over: int | None = None
    files_over: int | None = None
    cross_entity: bool | None = None
    expr: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """``of`` is None exactly when no role is per team. More than one role: a holder of any of them counts.

    ``is_shared`` counts people who may fill a slot elsewhere too: it uses nobody up. ``forge_review``: a review made on
    the forge may stand in for a signature, and is recorded as that.
    """

    roles: tuple[str, ...]
    of: Of | None
    count: int
    meaning: str
    is_shared: bool = False
    forge_review: bool = False
    expr: str | None = None

    @property
    def role(self) -> str:
        """For people: "maintainer", "maintainer or qa"."""
        return " or ".join(self.roles)


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelPaths:
    level: str
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Classification:
    """``levels`` from lowest to highest; the highest level of any changed path counts, ``default`` where none does.

    ``raised`` are the entries of layers. What they match counts at its own level *and* at theirs: a rule for the lower
    level is never lost by raising.
    """

    levels: tuple[str, ...]
    default: str
    paths: tuple[LevelPaths, ...]
    raised: tuple[LevelPaths, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeze:
    """No landing from ``start`` to ``end`` (half-open, UTC) at ``levels`` and ``branches`` (empty: all).

    ``exempt``: who may let one contribution through, None if nobody may. ``zone`` is how the file wrote the times.
    """

    id: str
    start: datetime
    end: datetime
    zone: str
    because: str
    levels: tuple[str, ...] = ()
    branches: tuple[str, ...] = ()
    exempt: Requirement | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delegation:
    """Roles that may be handed over, for at most ``max_period``. Depth is one; the receiver meets the prerequisites,
    and giver and receiver fill one slot together."""

    roles: tuple[str, ...]
    max_period: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class OwedReview:
    """The independent review after a break-glass, due ``within_days`` business days after it was invoked."""

    role: str
    within_days: int
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakGlass:
    """``waives`` names rules, freezes or ``freeze`` (all of them); ``never_waives`` is a ceiling no layer can lift.

    ``incident`` must match the whole incident id. An overdue review locks further use in the repository.
    """

    invoker: str
    cosign: Requirement
    codes: tuple[str, ...]
    incident: ChangeRequest
    min_chars: int
    waives: tuple[str, ...]
    never_waives: tuple[str, ...]
    valid_for: timedelta
    review: OwedReview


@dataclass(frozen=True, slots=True, kw_only=True)
class CarryOverAt:
    level: str
    carry_over: CarryOver


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """``layer`` is the repository layer that added it, None in the policy itself."""

    id: str
    description: str
    when: When
    require: tuple[Requirement, ...]
    controls: tuple[str, ...] = ()
    layer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One file of kind ApprovalPolicy. ``valid_for`` None: an approval does not expire by age.

    Separation and binding have no members: all contributors over all revisions are excluded, an unattributed one
    stops the decision, and approvals bind to the head. No file can say otherwise. ``carry_over`` lets an entry of its
    own carry an approval to a revision that is proven equal; ``carry_over_at`` says otherwise for a level. ``cases``
    are the tests of the file; they change no answer.

    ``added_ownership``, ``added_change_requests`` and ``layers`` (ids) come from layers: added owners own a path
    besides its owners, who keep it.
    """

    file: str
    id: str
    title: str
    owners: tuple[str, ...]
    repositories: tuple[str, ...]
    branches: tuple[str, ...]
    roles: tuple[Role, ...]
    ownership: tuple[Ownership, ...]
    meanings: tuple[Meaning, ...]
    rules: tuple[Rule, ...]
    valid_for: timedelta | None = None
    veto: Veto | None = None
    terms: tuple[Terms, ...] = ()
    prerequisites: tuple[Prerequisite, ...] = ()
    change_request: ChangeRequest | None = None
    checks: tuple[Check, ...] = ()
    out_of_scope: tuple[OutOfScope, ...] = ()
    classification: Classification | None = None
    carry_over: CarryOver = CarryOver.NONE
    carry_over_at: tuple[CarryOverAt, ...] = ()
    freezes: tuple[Freeze, ...] = ()
    delegation: Delegation | None = None
    break_glass: BreakGlass | None = None
    cases: tuple[Case, ...] = ()
    added_ownership: tuple[Ownership, ...] = ()
    added_change_requests: tuple[ChangeRequest, ...] = ()
    layers: tuple[str, ...] = ()

    def role(self, name: str) -> Role:
        return next(role for role in self.roles if role.name == name)

    def meaning(self, id: str) -> Meaning:
        return next(meaning for meaning in self.meanings if meaning.id == id)
