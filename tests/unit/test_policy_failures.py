"""How gates are known to fail open, by name: each a case that must not allow, with the reason it is refused for.

The list is that of the field: what other gates' own code does at its defaults, and what their users report. Cases about
one approval are in ``test_policy_fail_closed.py``; here stand those about a whole change or a whole file.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gate.domain.errors import InputError
from gate.policy.decision import Answer, Decision
from gate.policy.effective import EffectivePolicy
from gate.policy.evaluate import evaluate
from gate.policy.facts import ApprovalFacts, PathFacts
from gate.policy.parse import parse_policy
from tests.support.policies import (
    EFFECTIVE,
    H1,
    NOW,
    POLICY,
    STAFF,
    approve,
    build_facts,
    build_policy,
    contributor,
    paths,
    person,
    reject,
)
from tests.unit.test_policy_properties import LANGUAGE
from tests.unit.test_policy_scope import EVERYDAY

BOB = approve("bob", "maintainer:ledger", index=10)
DANA = approve("dana", "qa", index=11)
BOARD = (approve("liz", "change-board", index=30), approve("lou", "change-board", index=31))
SCOPED = build_policy(
    POLICY.replace("rules:\n", "out_of_scope:\n  - {id: robots, when: {robots: true}, because: Covered.}\nrules:\n", 1)
)


def decide(policy: EffectivePolicy, **changes: Any) -> Decision:
    acts: tuple[ApprovalFacts, ...] = changes.pop("approvals", (BOB, DANA))
    mine = tuple(replace(one, policy_digest=policy.digest) for one in acts)
    return evaluate(policy, build_facts(policy=policy, approvals=mine, **changes))


def staff(login: str, **changes: Any) -> tuple[Any, ...]:
    return tuple(replace(one, **changes) if one.login == login else one for one in STAFF)


def as_directory(name: str, status: str) -> tuple[PathFacts, ...]:
    return (PathFacts(path=name, status=status),)


TWO_TEAMS = tuple(
    person("bob", "ledger", "maintainer:ledger", "maintainer:payments") if one.login == "bob" else one
    for one in STAFF
    if one.login != "paula"
)

# name -> policy, facts, answer, what a reason or an approval not counted says
CHANGES: dict[str, tuple[EffectivePolicy, dict[str, Any], Answer, str]] = {
    "second merge parent": (
        EFFECTIVE,
        {"contributors": (contributor("alice"), contributor("bob", commits=("5" * 40,)))},
        Answer.PENDING,
        "Bob wrote revision 1",
    ),
    "unattributed commit": (
        EFFECTIVE,
        {"contributors": (contributor("alice"), contributor(None, how="nobody"))},
        Answer.ERROR,
        "cannot be attributed",
    ),
    "one person in two teams": (
        EFFECTIVE,
        {
            "staff": TWO_TEAMS,
            "paths": paths("ledger/a.py", "payments/b.py"),
            "approvals": (BOB, approve("bob", "maintainer:payments", index=12)),
        },
        Answer.PENDING,
        "one person fills one slot",
    ),
    "empty approver group": (EFFECTIVE, {"staff": staff("dana", roles=())[:4] + STAFF[5:]}, Answer.ERROR, "is empty"),
    "approval then change request by one person": (
        EFFECTIVE,
        {"approvals": (BOB, DANA, reject("bob", "maintainer:ledger", index=40))},
        Answer.REJECTED,
        "Bob (maintainer of ledger) rejected this",
    ),
    "push after approval": (
        EFFECTIVE,
        {"approvals": (replace(BOB, head=H1), DANA)},
        Answer.PENDING,
        "it was given for the earlier head",
    ),
    "approved as expired": (
        EFFECTIVE,
        {"approvals": (replace(BOB, signed_at=NOW - timedelta(days=30)), DANA)},
        Answer.PENDING,
        "it expired on",
    ),
    "security rule that does not apply is nobody's approval": (
        build_policy(
            POLICY.replace("{cross_team: true}", '{paths: ["gone/**"]}').replace(
                "{cross_team: false}", '{paths: ["gone/**"]}'
            )
        ),
        {"paths": paths("ledger/a.py")},
        Answer.ERROR,
        "No rule of the policy",
    ),
    "skipped security rule: a label that nobody reports": (
        build_policy(POLICY.replace('when: {branches: ["release/*"]}', "when: {labels: [security]}")),
        {"labels": None},
        Answer.ERROR,
        "nobody reports labels of this repository",
    ),
    "rename out of a protected path": (
        EFFECTIVE,
        {"paths": paths("ledger/posting/a.py -> docs/a.py"), "approvals": (approve("pat", "maintainer:platform"),)},
        Answer.PENDING,
        "Needs 1 more with the role qa",
    ),
    "rename into a protected path": (
        EFFECTIVE,
        {"paths": paths("docs/a.py -> ledger/posting/a.py"), "approvals": (approve("pat", "maintainer:platform"),)},
        Answer.PENDING,
        "Needs 1 more with the role qa",
    ),
    "submodule in place of a folder": (
        EFFECTIVE,
        {"paths": as_directory("ledger/posting", "T"), "approvals": (BOB,)},
        Answer.PENDING,
        "Needs 1 more with the role qa",
    ),
    "symlink in place of a file": (
        EFFECTIVE,
        {"paths": as_directory("ledger/posting/a.py", "T"), "approvals": (BOB,)},
        Answer.PENDING,
        "Needs 1 more with the role qa",
    ),
    "symlink in place of the whole folder": (
        EFFECTIVE,
        {"paths": (*as_directory("ledger", "A"), PathFacts(path="ledger/b.py", status="D")), "approvals": ()},
        Answer.PENDING,
        "Needs 1 more with the role maintainer of ledger",
    ),
    **{
        f"path with {what}": (
            EFFECTIVE,
            {"paths": paths(f"ledger/posting/{name}"), "approvals": (BOB,)},
            Answer.PENDING,
            "Needs 1 more with the role qa",
        )
        for what, name in {
            "quotes": '"a".py',
            "newlines": "a\nb\n.py",
            "bad UTF-8": "\\xff\\xfe.py",
            "a trailing newline": "a\n",
            "only spaces": "  ",
            "a tab": "\ta",
        }.items()
    },
    "rebase that launders a contributor": (
        EFFECTIVE,
        {"contributors": (contributor("alice", revisions=(1, 2)), contributor("bob", "committer", revisions=(1,)))},
        Answer.PENDING,
        "Bob committed revision 1",
    ),
    "new contribution that launders a contributor": (
        EFFECTIVE,
        {"contributors": (contributor("alice"), contributor("bob", "shared", revisions=()))},
        Answer.PENDING,
        "Bob wrote part of what is also in",
    ),
    "reviewer who became author": (
        EFFECTIVE,
        {"contributors": (contributor("alice"), contributor("bob", revisions=(2,))), "revision": 2},
        Answer.PENDING,
        "Bob wrote revision 2",
    ),
    "a suggestion of the reviewer that was taken": (
        EFFECTIVE,
        {"contributors": (contributor("alice"), contributor("bob", "co-author"))},
        Answer.PENDING,
        "Bob is named as co-author",
    ),
    "robot change that also touches code": (
        SCOPED,
        {
            "contributors": (
                contributor(None, "pusher", address="renovate"),
                contributor(None, address="bot@renovate.example"),
                contributor("carl"),
            ),
            "approvals": (DANA,),
        },
        Answer.PENDING,
        "Needs 1 more with the role maintainer of ledger",
    ),
    "a robot's own approval": (EFFECTIVE, {"staff": staff("bob", robot=True)}, Answer.PENDING, "robots never approve"),
    "the sponsor approves what their robot did": (
        EFFECTIVE,
        {
            "contributors": (contributor("carl"), contributor(None, "pusher", address="renovate")),
            "author": "corp:carl",
            "staff": staff("alice", roles=person("x", None, "maintainer:ledger").roles),
            "approvals": (approve("alice", "maintainer:ledger"), DANA),
        },
        Answer.PENDING,
        "Alice is the sponsor of the robot Renovate",
    ),
    "policy edited by its own beneficiaries": (
        EFFECTIVE,
        {"paths": paths("policies/baseline.yaml"), "approvals": (approve("pat", "maintainer:platform"), BOARD[0])},
        Answer.PENDING,
        "Needs 1 more with the role change-board",
    ),
    "board of one": (
        EFFECTIVE,
        {
            "paths": paths("policies/baseline.yaml"),
            "approvals": (approve("pat", "maintainer:platform"), BOARD[0], replace(BOARD[0], index=32)),
        },
        Answer.PENDING,
        "Needs 1 more with the role change-board",
    ),
    "directory down": (
        EFFECTIVE,
        {"directory_error": "timed out", "directory_checked_at": None},
        Answer.ERROR,
        "The directory could not be read: timed out",
    ),
    "roles of yesterday": (
        EFFECTIVE,
        {"directory_checked_at": NOW - timedelta(days=1)},
        Answer.ERROR,
        "The directory was last read",
    ),
}


@pytest.mark.req("INV-01", "INV-02", "INV-03", "INV-12")
@pytest.mark.parametrize("name", CHANGES)
def test_the_change_is_not_allowed(name: str) -> None:
    policy, changes, answer, said = CHANGES[name]
    decision = decide(policy, **changes)
    assert decision.answer is answer
    because = [reason.sentence for reason in decision.reasons] + [one.reason for one in decision.not_counted]
    assert any(said in sentence for sentence in because), because


REQUIRE = "require: [{role: qa, count: 1, meaning: independent-verification}]"

# name -> what stands in the file, what is written instead, and what the error says
FILES: dict[str, tuple[str, str, str]] = {
    "forgotten count": (REQUIRE, REQUIRE.replace("count: 1, ", ""), "`count` is missing"),
    "count of none": (REQUIRE, REQUIRE.replace("count: 1", "count: 0"), "`count` is 0"),
    "count without a role": (REQUIRE, REQUIRE.replace("role: qa, ", ""), "exactly one of `role` and `any_role`"),
    "a rule that asks nobody": (REQUIRE, "require: []", "`require` is empty"),
    "two rules of one name": ("- id: qa-signoff", "- id: owner-review", "declared twice"),
    "misspelt key": (REQUIRE, REQUIRE.replace("count", "coutn"), "Unknown key `coutn`"),
    "author left out of separation": ("exclude: [author, committers,", "exclude: [committers,", "`author` is left out"),
    "paths that nobody owns": ('  - {paths: ["**"], team: platform}\n', "", "no catch-all"),
    "a catch-all below takes every path": (
        '  - {paths: ["payments/**"], team: payments}\n',
        '  - {paths: ["payments/**"], team: payments}\n  - {paths: ["**"], team: payments}\n',
        "the last match wins",
    ),
    "a pattern that reaches out of its folder": ('["ledger/posting/**"]', '["../ledger/**"]', "is not usable"),
    "a role without a group": ('"cn=qa-approvers,ou=groups,dc=ex,dc=com"', '"qa"', "is not a directory group"),
    "a level that is not declared": (
        'when: {paths: ["ledger/posting/**"]}',
        "when: {classification: [critical]}",
        "The level `critical` is not declared",
    ),
    "unattributed commits let through": ("unattributed: deny", "unattributed: allow", "not a possible value"),
    "one person for two slots": ("distinct_people: true", "distinct_people: false", "`distinct_people`"),
}


@pytest.mark.req("INV-01", "POL-05")
@pytest.mark.parametrize("name", FILES)
def test_the_file_is_refused(name: str) -> None:
    good, bad, said = FILES[name]
    assert good in POLICY
    with pytest.raises(InputError) as refused:
        parse_policy("policy.yaml", POLICY.replace(good, bad, 1))
    assert said in str(refused.value.message)
    assert refused.value.line is not None


@pytest.mark.req("POL-01")
@pytest.mark.parametrize("path", ["app/x.go", "app/deep/x.go"])
def test_unanchored_path(path: str) -> None:
    policy = build_policy(POLICY.replace('["ledger/posting/**"]', '["app/**"]'))
    states = [[rule.state for rule in decide(policy, paths=paths(one)).rules][2] for one in (path, f"other/{path}")]
    assert states[0] != states[1]
    assert states[1] == "not_applicable"


@pytest.mark.req("INV-13")
@pytest.mark.parametrize("name", EVERYDAY)
def test_everyday_changes_pass_under_the_whole_language(name: str) -> None:
    """What the longer policy asks for in addition is signed; nothing else stands in the way."""
    changes: dict[str, Any] = dict(EVERYDAY[name])
    extra = (approve("ivan", "maintainer:ledger", index=60), approve("pat", "maintainer:platform", index=61))
    acts = (*changes.pop("approvals", (BOB, DANA)), *extra)
    known = {one.id for one in changes.get("staff", STAFF)}
    facts: dict[str, Any] = {**changes, "approvals": tuple(one for one in acts if one.person in known)}
    decision = decide(LANGUAGE, **facts)
    assert decision.answer is Answer.APPROVED, decision.summary
