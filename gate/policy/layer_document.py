"""A parsed layer of a repository: frozen, checked against the policy it extends. Built only by ``read_layer.py``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from gate.policy.cases import Case
from gate.policy.document import CarryOver, ChangeRequest, Check, Freeze, LevelPaths, Ownership, Prerequisite, Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Tightened:
    """``count`` people at least for requirement ``number`` (from 0) of ``rule``."""

    rule: str
    number: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One file of kind RepositoryLayer, checked against the policy it extends. It adds and tightens, nothing else.

    ``cases`` are the tests of the file, about the policy with this layer on it; they change no answer.
    """

    file: str
    id: str
    title: str
    extends: str
    owners: tuple[str, ...]
    repositories: tuple[str, ...]
    branches: tuple[str, ...]
    rules: tuple[Rule, ...] = ()
    tighten: tuple[Tightened, ...] = ()
    valid_for: timedelta | None = None
    carry_over: CarryOver | None = None
    ownership: tuple[Ownership, ...] = ()
    raised: tuple[LevelPaths, ...] = ()
    prerequisites: tuple[Prerequisite, ...] = ()
    checks: tuple[Check, ...] = ()
    freezes: tuple[Freeze, ...] = ()
    veto_roles: tuple[str, ...] = ()
    change_request: ChangeRequest | None = None
    never_waives: tuple[str, ...] = ()
    cases: tuple[Case, ...] = ()
