"""What approvals bind: the policy as it stands for one repository, as canonical bytes.

In: everything that changes an answer or the statement a person signs (roles with groups, owners, meanings with text,
rules, prerequisites with their terms, veto, checks, expiry, and the repository's owning teams, change request and
robots). Out: comments, layout, descriptions, ``because``, controls, examples, policy owners, mode and contact, and
``applies_to``: adding a repository to a policy voids nothing elsewhere.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from gate.policy.document import REPOSITORY_TEAMS, ChangeRequest, Policy, Repository, Robot, Rule
from gate.signing.canonical import canonical

FORMAT = "gate-effective-policy/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectivePolicy:
    """A policy and the repository it is in force for. ``digest`` is lower-case hex of ``effective_bytes``."""

    policy: Policy
    repository: Repository
    robots: tuple[Robot, ...]
    digest: str

    @property
    def id(self) -> str:
        return self.policy.id

    @property
    def uri(self) -> str:
        return f"gate:policy/{self.policy.id}"

    @property
    def change_requests(self) -> tuple[ChangeRequest, ...]:
        """The policy's and the repository's: a repository adds, it never loosens."""
        return tuple(one for one in (self.policy.change_request, self.repository.change_request) if one is not None)


def build_effective(policy: Policy, repository: Repository, robots: tuple[Robot, ...]) -> EffectivePolicy:
    digest = hashlib.sha256(canonical(_document(policy, repository, robots))).hexdigest()
    return EffectivePolicy(policy=policy, repository=repository, robots=robots, digest=digest)


def effective_bytes(effective: EffectivePolicy) -> bytes:
    """Canonical JSON of the effective policy; its SHA-256 is the effective digest."""
    return canonical(_document(effective.policy, effective.repository, effective.robots))


def _document(policy: Policy, repository: Repository, robots: tuple[Robot, ...]) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "id": policy.id,
        "title": policy.title,
        "repository": _repository(repository, robots),
        "roles": {role.name: role.group for role in policy.roles},
        "ownership": [
            {"paths": list(entry.paths), "team": entry.team if entry.team is not None else REPOSITORY_TEAMS}
            for entry in policy.ownership
        ],
        "separation": {"exclude": "all_contributors", "over": "all_revisions", "unattributed": "deny"},
        "binding": "head",
        "validForSeconds": int(policy.valid_for.total_seconds()) if policy.valid_for is not None else None,
        "meanings": {meaning.id: {"text": meaning.text, "kind": meaning.kind.value} for meaning in policy.meanings},
        "veto": _veto(policy),
        "terms": {terms.id: {"title": terms.title, "text": terms.text} for terms in policy.terms},
        "prerequisites": [
            {"id": one.id, "for": sorted(one.subjects), "terms": one.terms, "training": one.training}
            for one in policy.prerequisites
        ],
        "changeRequest": policy.change_request.pattern if policy.change_request is not None else None,
        "checks": [{"name": check.name, "reporters": sorted(check.reporters)} for check in policy.checks],
        "outOfScope": [{"id": one.id, "kind": one.kind.value} for one in policy.out_of_scope],
        "rules": [_rule(rule) for rule in policy.rules],
    }


def _repository(repository: Repository, robots: tuple[Robot, ...]) -> dict[str, Any]:
    return {
        "id": repository.id,
        "owningTeams": sorted(repository.owning_teams),
        "changeRequest": repository.change_request.pattern if repository.change_request is not None else None,
        "robots": [
            {"name": robot.name, "sponsor": robot.sponsor, "login": robot.login, "address": robot.address}
            for robot in sorted(robots, key=lambda robot: robot.name)
        ],
    }


def _veto(policy: Policy) -> dict[str, Any] | None:
    if policy.veto is None:
        return None
    return {"roles": sorted(policy.veto.roles), "survivesPush": policy.veto.survives_push}


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "when": {
            "crossTeam": rule.when.cross_team,
            "paths": list(rule.when.paths),
            "branches": sorted(rule.when.branches),
        },
        "require": [
            {
                "role": one.role,
                "of": one.of.value if one.of is not None else None,
                "count": one.count,
                "meaning": one.meaning,
            }
            for one in rule.require
        ],
    }
