"""A parsed policy and the register of repositories: frozen, complete, already checked.

Built only by ``parse.py`` and ``registry.py``; everything named in here exists (roles, meanings, terms). ``controls``,
descriptions and ``because`` are for people and never change an answer. The shape follows the worked file in
``docs/policy.md``; what a later version adds are new members with defaults.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from gate.domain.approval import MeaningKind
from gate.domain.contribution import Mode

REPOSITORY_TEAMS = "{repository}"


class Of(StrEnum):
    """Whose holders of a per-team role are asked."""

    EACH_OWNING_TEAM = "each_owning_team"
    ANY_OWNING_TEAM = "any_owning_team"


class Subject(StrEnum):
    """Who a prerequisite is for."""

    CONTRIBUTORS = "contributors"
    APPROVERS = "approvers"


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
    roles: tuple[str, ...]
    survives_push: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prerequisite:
    """Exactly one of ``terms`` (an id) and ``training`` (a course code) is set."""

    id: str
    subjects: tuple[Subject, ...]
    terms: str | None = None
    training: str | None = None


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
    """All that are set must hold; nothing set means always. ``branches`` are globs of branch names."""

    cross_team: bool | None = None
    paths: tuple[str, ...] = ()
    branches: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """``of`` is None exactly for roles that are not per team."""

    role: str
    of: Of | None
    count: int
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    id: str
    description: str
    when: When
    require: tuple[Requirement, ...]
    controls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One file of kind ApprovalPolicy. ``valid_for`` None: an approval does not expire by age.

    Separation and binding have no members: all contributors over all revisions are excluded, an unattributed one
    stops the decision, and approvals bind to the head. No file can say otherwise.
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

    def role(self, name: str) -> Role:
        return next(role for role in self.roles if role.name == name)

    def meaning(self, id: str) -> Meaning:
        return next(meaning for meaning in self.meanings if meaning.id == id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A registered repository. ``protected`` are branch names or globs; ``hook`` says how its news reach us."""

    id: str
    url: str
    title: str
    description: str
    protected: tuple[str, ...]
    owning_teams: tuple[str, ...]
    mode: Mode
    contact: str = ""
    change_request: ChangeRequest | None = None
    hook: str = "git"


@dataclass(frozen=True, slots=True, kw_only=True)
class Robot:
    """An identity that is no person: known by its ``login`` at the git server, its ``address`` (a claim), or both."""

    name: str
    sponsor: str
    login: str | None = None
    address: str | None = None
    repositories: tuple[str, ...] = ("*",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """The one file of kind Repositories."""

    file: str
    repositories: tuple[Repository, ...]
    robots: tuple[Robot, ...] = ()

    def repository(self, id: str) -> Repository | None:
        return next((entry for entry in self.repositories if entry.id == id), None)
