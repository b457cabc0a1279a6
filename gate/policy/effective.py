"""What approvals bind: the policy as it stands for one repository, as canonical bytes.

In: everything that changes an answer or the statement a person signs (roles with groups, owners, meanings with text,
rules, prerequisites with their terms, veto, checks, expiry, and the repository's owning teams, change request and
robots). Out: comments, layout, descriptions, ``because``, controls, examples, policy owners, mode and contact, and
``applies_to``: adding a repository to a policy voids nothing elsewhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from gate.domain.clock import format_instant
from gate.policy.document import (
    REPOSITORY_TEAMS,
    BreakGlass,
    CarryOver,
    ChangeRequest,
    Freeze,
    Ownership,
    Policy,
    Prerequisite,
    Requirement,
    Rule,
    When,
)
from gate.policy.paths import Matcher, path_matcher
from gate.policy.registered import Repository, Robot
from gate.signing.canonical import canonical

FORMAT = "gate-effective-policy/v1"
Owners = tuple[Matcher, frozenset[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectivePolicy:
    """A policy and the repository it is in force for. ``digest`` is lower-case hex of ``effective_bytes``.

    ``owners`` and ``added_owners`` follow from the ownership entries, the last entry first, compiled once.
    """

    policy: Policy
    repository: Repository
    robots: tuple[Robot, ...]
    digest: str
    owners: tuple[Owners, ...] = field(init=False, compare=False, repr=False)
    added_owners: tuple[Owners, ...] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "owners", self._compile(reversed(self.policy.ownership)))
        object.__setattr__(self, "added_owners", self._compile(self.policy.added_ownership))

    def _compile(self, entries: Iterable[Ownership]) -> tuple[Owners, ...]:
        ours = self.repository.owning_teams
        return tuple((path_matcher(one.paths), frozenset(ours if one.team is None else (one.team,))) for one in entries)

    @property
    def id(self) -> str:
        return self.policy.id

    @property
    def uri(self) -> str:
        return f"gate:policy/{self.policy.id}"

    @property
    def change_requests(self) -> tuple[ChangeRequest, ...]:
        """The policy's, the repository's and its layers': a repository adds, it never loosens."""
        own = (self.policy.change_request, self.repository.change_request)
        return tuple(one for one in (*own, *self.policy.added_change_requests) if one is not None)


def build_effective(policy: Policy, repository: Repository, robots: tuple[Robot, ...]) -> EffectivePolicy:
    digest = hashlib.sha256(canonical(_document(policy, repository, robots))).hexdigest()
    return EffectivePolicy(policy=policy, repository=repository, robots=robots, digest=digest)


def effective_bytes(effective: EffectivePolicy) -> bytes:
    """Canonical JSON of the effective policy; its SHA-256 is the effective digest."""
    return canonical(_document(effective.policy, effective.repository, effective.robots))


def _document(policy: Policy, repository: Repository, robots: tuple[Robot, ...]) -> dict[str, Any]:
    document = {
        "format": FORMAT,
        "id": policy.id,
        "title": policy.title,
        "repository": _repository(repository, robots),
        "roles": {role.name: role.group for role in policy.roles},
        "ownership": [_owners(entry) for entry in policy.ownership],
        "separation": {"exclude": "all_contributors", "over": "all_revisions", "unattributed": "deny"},
        "binding": "head",
        "validForSeconds": int(policy.valid_for.total_seconds()) if policy.valid_for is not None else None,
        "meanings": {meaning.id: {"text": meaning.text, "kind": meaning.kind.value} for meaning in policy.meanings},
        "veto": _veto(policy),
        "terms": {terms.id: {"title": terms.title, "text": terms.text} for terms in policy.terms},
        "prerequisites": [_prerequisite(one) for one in policy.prerequisites],
        "changeRequest": policy.change_request.pattern if policy.change_request is not None else None,
        "checks": [{"name": check.name, "reporters": sorted(check.reporters)} for check in policy.checks],
        "outOfScope": [{"id": one.id, "kind": one.kind.value} for one in policy.out_of_scope],
        "rules": [_rule(rule) for rule in policy.rules],
    }
    return document | _later_sections(policy)


def _later_sections(policy: Policy) -> dict[str, Any]:
    """Sections a policy has only when it uses them, so that a policy without them keeps its digest (INV-02)."""
    found: dict[str, Any] = {}
    if policy.classification is not None:
        one = policy.classification
        found["classification"] = {
            "levels": list(one.levels),
            "default": one.default,
            "paths": [{"level": entry.level, "paths": list(entry.paths)} for entry in one.paths],
        }
        if one.raised:
            raised = [{"level": entry.level, "paths": list(entry.paths)} for entry in one.raised]
            found["classification"]["raised"] = raised
    if policy.carry_over is not CarryOver.NONE or policy.carry_over_at:
        at = {one.level: one.carry_over.value for one in policy.carry_over_at}
        found["carryOver"] = {"default": policy.carry_over.value, "at": at}
    if policy.freezes:
        found["freezes"] = [_freeze(one) for one in policy.freezes]
    if policy.delegation is not None:
        seconds = int(policy.delegation.max_period.total_seconds())
        found["delegation"] = {"roles": sorted(policy.delegation.roles), "maxPeriodSeconds": seconds}
    if policy.break_glass is not None:
        found["breakGlass"] = _break_glass(policy.break_glass)
    if policy.added_ownership:
        found["addedOwnership"] = [_owners(entry) for entry in policy.added_ownership]
    if policy.added_change_requests:
        found["addedChangeRequests"] = [one.pattern for one in policy.added_change_requests]
    return found


def _owners(entry: Ownership) -> dict[str, Any]:
    return {"paths": list(entry.paths), "team": entry.team if entry.team is not None else REPOSITORY_TEAMS}


def _freeze(one: Freeze) -> dict[str, Any]:
    return {
        "id": one.id,
        "start": format_instant(one.start),
        "end": format_instant(one.end),
        "at": sorted(one.levels),
        "branches": sorted(one.branches),
        "exempt": _requirement(one.exempt) if one.exempt is not None else None,
    }


def _break_glass(one: BreakGlass) -> dict[str, Any]:
    return {
        "invoker": one.invoker,
        "cosign": _requirement(one.cosign),
        "codes": sorted(one.codes),
        "incident": one.incident.pattern,
        "minChars": one.min_chars,
        "waives": sorted(one.waives),
        "neverWaives": sorted(one.never_waives),
        "validForSeconds": int(one.valid_for.total_seconds()),
        "review": {"role": one.review.role, "withinDays": one.review.within_days, "meaning": one.review.meaning},
    }


def _prerequisite(one: Prerequisite) -> dict[str, Any]:
    found: dict[str, Any] = {
        "id": one.id,
        "for": sorted(one.subjects),
        "terms": one.terms,
        "training": one.training,
    }
    found |= {"clearance": one.clearance} if one.clearance is not None else {}
    found |= {"entities": [list(pair) for pair in one.entities]} if one.entities else {}
    return found | ({"at": sorted(one.at)} if one.at else {})


def _repository(repository: Repository, robots: tuple[Robot, ...]) -> dict[str, Any]:
    found = {
        "id": repository.id,
        "owningTeams": sorted(repository.owning_teams),
        "changeRequest": repository.change_request.pattern if repository.change_request is not None else None,
        "robots": [
            {"name": robot.name, "sponsor": robot.sponsor, "login": robot.login, "address": robot.address}
            for robot in sorted(robots, key=lambda robot: robot.name)
        ],
    }
    return found | ({"entity": repository.entity} if repository.entity is not None else {})


def _veto(policy: Policy) -> dict[str, Any] | None:
    if policy.veto is None:
        return None
    found = {"roles": sorted(policy.veto.roles), "survivesPush": policy.veto.survives_push}
    return found | ({"clearedBy": sorted(policy.veto.cleared_by)} if policy.veto.cleared_by else {})


def _rule(rule: Rule) -> dict[str, Any]:
    found = {"id": rule.id, "when": _when(rule.when), "require": [_requirement(one) for one in rule.require]}
    return found | ({"layer": rule.layer} if rule.layer is not None else {})


def _when(when: When) -> dict[str, Any]:
    found: dict[str, Any] = {
        "crossTeam": when.cross_team,
        "paths": list(when.paths),
        "branches": sorted(when.branches),
    }
    later: dict[str, Any] = {
        "classification": sorted(when.levels),
        "authorKind": sorted(when.author_kinds),
        "labels": sorted(when.labels),
        "linesOver": when.lines_over,
        "filesOver": when.files_over,
        "crossEntity": when.cross_entity,
        "expr": when.expr,
    }
    return found | {name: value for name, value in later.items() if value not in (None, [])}


def _requirement(one: Requirement) -> dict[str, Any]:
    found: dict[str, Any] = {
        "role": one.roles[0] if len(one.roles) == 1 else None,
        "of": one.of.value if one.of is not None else None,
        "count": one.count,
        "meaning": one.meaning,
    }
    later: dict[str, Any] = {
        "anyRole": sorted(one.roles) if len(one.roles) > 1 else None,
        "shared": one.is_shared or None,
        "forgeReview": one.forge_review or None,
        "expr": one.expr,
    }
    return found | {name: value for name, value in later.items() if value is not None}
