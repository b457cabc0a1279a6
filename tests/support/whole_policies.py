"""Policies of the whole language, put together from sections: the worked example with sections switched on and off."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from ruamel.yaml import YAML

from gate.domain.contribution import Mode
from gate.policy.effective import EffectivePolicy, build_effective
from gate.policy.parse import parse_policy
from gate.policy.registered import Repository, Robot

WORKED = YAML(typ="safe", pure=True).load(Path(__file__).resolve().parents[1] / "vectors" / "worked.yaml")
REPOSITORY = Repository(
    id="core",
    url="https://git.example/core.git",
    title="Core",
    description="",
    protected=("main",),
    owning_teams=("platform",),
    mode=Mode.ENFORCE,
    entity="bank",
)
ROBOTS = (Robot(name="Bot", login="bot", sponsor="alice", address="bot@ex.com"),)

Document = dict[str, Any]


def _rule(found: Document, id: str) -> Document:
    rule: Document = next(one for one in found["rules"] if one["id"] == id)
    return rule


def _add_rule(id: str, when: Document, ask: Document) -> Callable[[Document], None]:
    ask = {"count": 1, "meaning": "technical-review", **ask}
    rule = {"id": id, "description": f"{id}.", "when": when, "require": [ask]}
    return lambda found: found["rules"].append(rule)


def _flatten(found: Document) -> None:
    """No levels: what they were asked for is asked always, or of paths."""
    del found["classification"]
    for one in (*found["prerequisites"], *found["freezes"]):
        one.pop("at", None)
    found["approval"].pop("carry_over_at", None)
    for rule in found["rules"]:
        if rule["when"].pop("classification", None) == ["critical"]:
            rule["when"]["paths"] = ["ledger/posting/**"]


def _leave_out(*path: str) -> Callable[[Document], None]:
    def change(found: Document) -> None:
        for key in path[:-1]:
            found = found.get(key, {})
        found.pop(path[-1], None)

    return change


def _put(value: object, *path: str) -> Callable[[Document], None]:
    def change(found: Document) -> None:
        for key in path[:-1]:
            found = found.setdefault(key, {})
        found[path[-1]] = deepcopy(value)

    return change


def _let_forge_review(found: Document) -> None:
    for rule in found["rules"]:
        for ask in rule["require"]:
            if ask["meaning"] in ("technical-review", "human-review"):
                ask["forge_review"] = True


def _without_exemption(found: Document) -> None:
    found["freezes"][0].pop("exempt")


def _without_expressions(found: Document) -> None:
    del _rule(found, "big-change-other-department")["require"][0]["expr"]


EVERY = ["author", "contributors", "approvers"]
OWNERS = {"any_role": ["maintainer", "security"], "of": "any_owning_team"}
WAIVABLE = ["qa-signoff", "big-change-other-department", "agent-authored", "owner-review", "same-team-review", "freeze"]

# In this order: what leaves out a section comes after what changes it.
SWITCHES: dict[str, Callable[[Document], None]] = {
    "two-for-everything": _add_rule("anybody", {}, {**OWNERS, "count": 2, "shared": True}),
    "labels": _add_rule("labelled", {"labels": ["security"]}, {"role": "security"}),
    "files": _add_rule("many-files", {"files_over": 1}, {"role": "qa", "meaning": "independent-verification"}),
    "entities": _add_rule("other-company", {"cross_entity": True}, {"role": "security"}),
    "persons": _add_rule(
        "by-people", {"author_kind": ["person"], "branches": ["main"], "paths": ["ledger/**"]}, {**OWNERS}
    ),
    "expr": _add_rule("guarded", {"cross_team": True, "expr": "change.files > 1"}, {"role": "change-board"}),
    "roles": _add_rule("roles", {}, {**OWNERS, "expr": "approver.roles.size() > 0 && approver.team != 'sre'"}),
    "forge": _let_forge_review,
    "no-expr": _without_expressions,
    "same-tree": _put("same_tree", "approval", "carry_over"),
    "same-diff": _put("same_diff", "approval", "carry_over"),
    "same-diff-when-low": _put({"low": "same_diff"}, "approval", "carry_over_at"),
    "ageless": _leave_out("approval", "valid_for"),
    "clearance": lambda found: found["prerequisites"].append({"id": "export", "for": EVERY, "clearance": "EAR"}),
    "contracts": lambda found: found["prerequisites"].append(
        {"id": "contracts", "for": EVERY, "entities": [["vendor", "bank"]]}
    ),
    "trained": lambda found: found["prerequisites"].append({"id": "course", "for": EVERY, "training": "SEC-1"}),
    "checks": _put([{"name": "build", "reporters": ["ci", "backup"]}], "checks"),
    "change-request": _put({"pattern": "CHG-[0-9]+", "example": "CHG-7"}, "change_request"),
    "same-team": _put([{"id": "ours", "when": {"cross_team": False}, "because": "Ours."}], "out_of_scope"),
    "robots": _put([{"id": "robots", "when": {"robots": True}, "because": "Robots."}], "out_of_scope"),
    "no-exemption": _without_exemption,
    "waives-all": _put(WAIVABLE, "break_glass", "waives"),
    "waives-no-freeze": _put(["policy-change", "freeze"], "break_glass", "never_waives"),
    "uncleared": _leave_out("veto", "cleared_by"),
    "qa-alone-vetoes": _put(["qa"], "veto", "roles"),
    "veto-ends": _put(False, "veto", "survives_push"),
    "no-veto": _leave_out("veto"),
    "no-delegation": _leave_out("delegation"),
    "no-glass": _leave_out("break_glass"),
    "no-levels": _flatten,
    "no-freeze": _leave_out("freezes"),
}


@lru_cache(maxsize=512)
def build(switches: frozenset[str]) -> EffectivePolicy:
    return build_text(write(switches))


def build_text(text: str) -> EffectivePolicy:
    return build_effective(parse_policy("policy.yaml", text), REPOSITORY, ROBOTS)


def write(switches: frozenset[str]) -> str:
    """The policy as a file; JSON is YAML."""
    found = {key: deepcopy(value) for key, value in WORKED.items() if key not in ("fixtures", "tests")}
    for name, change in SWITCHES.items():
        if name in switches:
            change(found)
            found = deepcopy(found)  # what a switch puts in is written down once: the next must not change it there
    if "waives-no-freeze" in switches and "break_glass" in found:
        found["break_glass"]["waives"] = [one for one in found["break_glass"]["waives"] if one != "freeze"]
    return json.dumps(found, indent=1)


SWITCHED = st.frozensets(st.sampled_from(sorted(SWITCHES)), max_size=9)


def policies() -> st.SearchStrategy[EffectivePolicy]:
    return SWITCHED.map(build)
