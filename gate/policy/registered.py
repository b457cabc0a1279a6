"""The register of repositories and robots, parsed: frozen, complete, already checked. Built only by ``registry.py``."""

from __future__ import annotations

from dataclasses import dataclass

from gate.domain.contribution import Mode
from gate.policy.activation import ActivationRule
from gate.policy.document import ChangeRequest


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
    entity: str | None = None


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
    activation: ActivationRule | None = None

    def repository(self, id: str) -> Repository | None:
        return next((entry for entry in self.repositories if entry.id == id), None)
