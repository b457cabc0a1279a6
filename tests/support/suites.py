"""Tests for policies of tests: ``with_tests(text)`` adds to a policy what it needs to come into force.

For every rule a scene in which everything is there but that rule's signatures, and for every prerequisite, check,
change request, freeze and veto a scene in which it alone is the matter. Knows what the policies of these tests use:
rules by cross-team, path and branch. A text with tests of its own, and one that no parser reads, stays as it is; made
ones are made anew, so that a text may be changed and activated again.
"""

from __future__ import annotations

import json
from typing import Any

from gate.domain.clock import format_instant
from gate.domain.errors import InputError
from gate.policy.document import Of, Policy, Requirement, Rule, Subject
from gate.policy.parse import parse_policy

OWNERS = "owners"
MARK = "# Made by tests/support/suites.py.\n"


def with_tests(text: str) -> str:
    text = text.partition(MARK)[0]
    try:
        policy = parse_policy("policy.yaml", text)
    except InputError:
        return text
    if policy.cases:
        return text
    made = "".join(f"  - {json.dumps(test)}\n" for test in _tests(policy))
    return f"{text.rstrip()}\n{MARK}fixtures:\n  base: {json.dumps(_base(policy))}\ntests:\n{made}"


def _base(policy: Policy) -> dict[str, Any]:
    return {
        "now": "2026-07-01T12:00:00Z",
        "repository": {"owning_teams": [OWNERS]},
        "change": {
            "author": "guest",
            "paths": ["src/a.py"],
            "change_request": policy.change_request.example if policy.change_request is not None else None,
        },
        "checks": [{"name": check.name, "reporter": check.reporters[0]} for check in policy.checks],
        "people": {"guest": _person(policy, "guests"), "colleague": _person(policy, OWNERS)} | _holders(policy),
    }


def _person(policy: Policy, team: str, *roles: str) -> dict[str, Any]:
    courses = [code for one in policy.prerequisites for code in (one.training, one.clearance) if code is not None]
    return {"team": team, "roles": list(roles), "training": courses, "terms": [one.id for one in policy.terms]}


def _holders(policy: Policy) -> dict[str, Any]:
    teams = sorted({entry.team or OWNERS for entry in policy.ownership})
    found = {}
    for role in policy.roles:
        for team in teams if role.is_per_team else [None]:
            held = f"{role.name}:{team}" if team else role.name
            for number in range(1, 6):
                found[_holder(role.name, team, number)] = _person(policy, team or "staff", held)
    return found


def _holder(role: str, team: str | None, number: int) -> str:
    return f"{role}-{team}-{number}".lower().replace(" ", "-") if team else f"{role}-{number}"


def _scene(policy: Policy, rule: Rule) -> dict[str, Any]:
    """A change to which ``rule`` applies."""
    change: dict[str, Any] = {}
    if rule.when.cross_team is False:
        change["author"] = "colleague"
    if rule.when.paths:
        change["paths"] = [rule.when.paths[0].lstrip("/").replace("**", "x").replace("*", "x")]
    if rule.when.branches:
        change["target"] = rule.when.branches[0].replace("*", "x")
    return {"change": change}


def _signatures(policy: Policy, skip: Rule | None = None) -> list[dict[str, str]]:
    return [one for rule in policy.rules if rule is not skip for ask in rule.require for one in _signed(policy, ask)]


def _signed(policy: Policy, ask: Requirement) -> list[dict[str, str]]:
    role = policy.role(ask.roles[0])
    teams = sorted({entry.team or OWNERS for entry in policy.ownership}) if ask.of is not None else [None]
    assert ask.of in (None, Of.EACH_OWNING_TEAM, Of.ANY_OWNING_TEAM)
    return [
        {
            "by": _holder(role.name, team, number),
            "as": f"{role.name}:{team}" if team else role.name,
            "meaning": ask.meaning,
        }
        for team in teams
        for number in range(1, ask.count + 1)
    ]


def _tests(policy: Policy) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []

    def add(name: str, expect: str, scene: dict[str, Any]) -> None:
        found.append({"name": name, "expect": expect, **scene})

    for rule in policy.rules:
        asked = {(ask.role, ask.meaning) for ask in rule.require}
        signed = [
            one
            for other in policy.rules
            if other is not rule and _together(rule, other)
            for ask in other.require
            if (ask.role, ask.meaning) not in asked
            for one in _signed(policy, ask)
        ]
        add(f"without {rule.id}", "pending", _scene(policy, rule) | {"approvals": signed})
    everything = _scene(policy, policy.rules[0]) | {"approvals": _signatures(policy)}
    add("everything is there", "approved", everything)
    for one in policy.prerequisites:
        lacking: dict[str, Any] = {"terms": [], "training": []}
        if Subject.APPROVERS in one.subjects and len(one.subjects) == 1:
            people = dict.fromkeys(_holders(policy), lacking)
            add(f"nobody meets {one.id}", "pending", everything | {"people": people})
        else:
            author = everything["change"].get("author", "guest")
            add(f"the author lacks {one.id}", "blocked", everything | {"people": {author: lacking}})
    if policy.change_request is not None:
        change = everything["change"] | {"change_request": None}
        add("no change request", "blocked", everything | {"change": change})
    for check in policy.checks:
        rest = [{"name": other.name, "reporter": other.reporters[0]} for other in policy.checks if other is not check]
        add(f"no {check.name}", "pending", everything | {"checks": rest})
    for freeze in policy.freezes:
        target = {"target": freeze.branches[0].replace("*", "x")} if freeze.branches else {}
        change = everything["change"] | target
        add(f"frozen by {freeze.id}", "pending", everything | {"change": change, "now": format_instant(freeze.start)})
    if policy.veto is not None:
        role = policy.role(policy.veto.roles[0])
        giver = _holder(role.name, OWNERS if role.is_per_team else None, 5)
        add("a veto", "rejected", everything | {"vetoes": [{"by": giver}]})
    return found


def _together(rule: Rule, other: Rule) -> bool:
    return rule.when.cross_team is None or other.when.cross_team in (None, rule.when.cross_team)
