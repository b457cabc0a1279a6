"""What approvals bind: which edits of a policy void them and which do not; and the record's formats."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from gate.domain.errors import InputError
from gate.policy.decision import Answer
from gate.policy.document import Veto
from gate.policy.effective import effective_bytes
from gate.policy.evaluate import evaluate
from gate.policy.explain import explain_decision, explain_policy, list_names
from gate.policy.facts import PathFacts
from gate.policy.ownership import needed_roles, role_groups
from gate.policy.record import decision_bytes, facts_bytes, parse_decision, parse_facts
from tests.support.exceptional import EXCEPTIONAL, FROZEN
from tests.support.policies import (
    EFFECTIVE,
    H1,
    POLICY,
    REPOSITORIES,
    STAFF,
    approve,
    build_facts,
    build_policy,
    contributor,
)

HARMLESS = {
    "a comment": ("kind: ApprovalPolicy", "kind: ApprovalPolicy  # ours"),
    "layout": ("metadata: {id: baseline, title: Baseline,", "metadata: {id: baseline,\n  title: Baseline,"),
    "a description": ("A maintainer who did not take part.", "Somebody else."),
    "controls": ('controls: ["SOC2:CC8.1"]', 'controls: ["SOC2:CC8.1", "ISO27001:A.8.32"]'),
    "policy owners": ("owners: [change-board]", "owners: [governance]"),
    "an example": ("example: CHG-1042", "example: CHG-7"),
    "another repository": ("repositories: [core]", 'repositories: [core, "x-*"]'),
    "the default written down": ("binding: {to: head}\n", ""),
}
HARMFUL = {
    "a count": ("role: qa, count: 1", "role: qa, count: 2"),
    "a group": ("cn=qa-approvers", "cn=qa"),
    "the words of a meaning": ("I reviewed this change.", "I read this change."),
    "the words of terms": ("I keep to the terms.", "I keep to all terms."),
    "an owner": ('paths: ["payments/**"], team: payments', 'paths: ["payments/**"], team: ledger'),
    "the order of owners": (
        '  - {paths: ["ledger/**"], team: ledger}\n  - {paths: ["payments/**"], team: payments}',
        '  - {paths: ["payments/**"], team: payments}\n  - {paths: ["ledger/**"], team: ledger}',
    ),
    "a lifetime": ("valid_for: 14d", "valid_for: 15d"),
    "the veto": ("survives_push: true", "survives_push: false"),
    "a condition": ("cross_team: false", "cross_team: true"),
    "a pattern": ("CHG-[0-9]+", "CHG-[0-9]{1,9}"),
    "a reporter": ("[ci, ci-backup]", "[ci]"),
    "the title": ("title: Baseline", "title: Base"),
    "a training": ("training: GXP-101", "training: GXP-102"),
    "whose prerequisite": ("for: [contributors, approvers]", "for: [contributors]"),
}


@pytest.mark.req("INV-02", "POL-04")
@pytest.mark.parametrize("name", HARMLESS)
def test_what_voids_nothing(name: str) -> None:
    old, new = HARMLESS[name]
    assert old in POLICY
    assert build_policy(POLICY.replace(old, new, 1)).digest == EFFECTIVE.digest


@pytest.mark.req("INV-02", "POL-04")
@pytest.mark.parametrize("name", HARMFUL)
def test_what_makes_approvals_stale(name: str) -> None:
    old, new = HARMFUL[name]
    assert old in POLICY
    assert build_policy(POLICY.replace(old, new, 1)).digest != EFFECTIVE.digest


@pytest.mark.req("INV-02")
def test_the_register_is_part_of_it_where_it_decides() -> None:
    def digest(old: str, new: str) -> str:
        assert old in REPOSITORIES
        return build_policy(repositories=REPOSITORIES.replace(old, new, 1)).digest

    assert digest("mode: enforce", "mode: warn") == EFFECTIVE.digest
    assert digest("title: Core", "title: The core") == EFFECTIVE.digest
    assert digest("sponsor: alice", "sponsor: bob") != EFFECTIVE.digest
    assert digest("owning_teams: [platform]", "owning_teams: [ledger]") != EFFECTIVE.digest


@pytest.mark.req("INV-07")
def test_the_digest_is_of_the_bytes() -> None:
    assert hashlib.sha256(effective_bytes(EFFECTIVE)).hexdigest() == EFFECTIVE.digest


@pytest.mark.req("POL-01")
def test_a_repositorys_own_change_request_is_asked_as_well() -> None:
    more = REPOSITORIES.replace("mode: enforce}", 'mode: enforce, change_request: {pattern: ".*-7", example: X-7}}')
    policy = build_policy(repositories=more)
    acts = tuple(
        replace(one, policy_digest=policy.digest)
        for one in (approve("bob", "maintainer:ledger"), approve("dana", "qa", index=11))
    )
    answers = [
        evaluate(policy, build_facts(policy=policy, approvals=acts, change_request=given)).answer
        for given in ("CHG-7", "CHG-8", "X-7")
    ]
    assert answers == [Answer.APPROVED, Answer.BLOCKED, Answer.BLOCKED]


@pytest.mark.req("POL-01")
def test_which_groups_must_be_read() -> None:
    groups = role_groups(EFFECTIVE, (PathFacts(path="docs/a", old_path="ledger/b"),))
    names = [(group.role, group.team, group.group_dn) for group in groups]
    assert names[:2] == [
        ("maintainer", "ledger", "cn=ledger-maintainers,ou=groups,dc=ex,dc=com"),
        ("maintainer", "platform", "cn=platform-maintainers,ou=groups,dc=ex,dc=com"),
    ]
    assert [name[0] for name in names[2:]] == ["qa", "security", "change-board"]


@pytest.mark.req("POL-01", "POL-07", "POL-08")
def test_the_groups_of_every_role_that_anything_asks_for_are_read_and_no_others() -> None:
    silent = replace(EXCEPTIONAL.policy, rules=(), veto=None, freezes=(), break_glass=None)
    veto = Veto(roles=("qa",), survives_push=True, cleared_by=("change-board",))
    glass = FROZEN.policy.break_glass
    assert glass is not None
    glass = replace(glass, review=replace(glass.review, role="security"))
    asking: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
        "nothing": ({}, ()),
        "a rule": ({"rules": EXCEPTIONAL.policy.rules[:1]}, ("maintainer",)),
        "the veto": ({"veto": veto}, ("qa", "change-board")),
        "a freeze": ({"freezes": FROZEN.policy.freezes}, ("change-board",)),
        "the break-glass": ({"break_glass": glass}, ("maintainer", "security", "incident-commander")),
    }
    for name, (changes, roles) in asking.items():
        assert needed_roles(replace(silent, **changes)) == roles, name


@pytest.mark.req("INV-07")
def test_stored_facts_and_decisions_are_read_back_or_refused() -> None:
    facts = build_facts(approvals=(approve("bob", "maintainer:ledger"),))
    decision = evaluate(EFFECTIVE, facts)
    assert parse_facts(facts_bytes(facts)) == facts
    assert facts_bytes(parse_facts(facts_bytes(facts))) == facts_bytes(facts)
    assert parse_decision(decision_bytes(decision)) == decision
    for raw in (
        b"",
        b"[]",
        b"{}",
        b'{"format":"gate-facts/v2"}',
        b'{"format":"gate-facts/v1"}',
        decision_bytes(decision),
    ):
        with pytest.raises(InputError):
            parse_facts(raw)
    with pytest.raises(InputError):
        parse_decision(facts_bytes(facts))


@pytest.mark.req("INV-12")
def test_a_refusal_in_words() -> None:
    facts = build_facts(
        approvals=(approve("ivan", "qa"), approve("bob", "maintainer:ledger", index=9, head=H1)),
        contributors=(contributor("alice"), contributor("dana", "committer", revisions=(1, 2))),
    )
    assert "\n".join(explain_decision(evaluate(EFFECTIVE, facts))) == REFUSAL


REFUSAL = """\
Pending: Needs 1 more with the role maintainer of ledger (1 person can do this).
Rule owner-review: A maintainer of every team whose files change. It applies because cross-team: \
Alice is of team payments, and ledger/posting/a.py is owned by ledger.
  Needs 1 more with the role maintainer of ledger (1 person can do this).
  Can give it: Bob.
  Cannot: Ivan already counts as qa, and one person fills one slot.
Not counted: the approval of Bob (entry 9): it was given for the earlier head 1111111111; the head is now 2222222222.
Ask Bob: their signatures would be enough.
Decided at 2026-07-01 12:00:00 UTC; valid until 2026-07-01 12:04:50 UTC."""


@pytest.mark.req("INV-12")
def test_what_nobody_can_satisfy_is_said_with_whom_to_ask() -> None:
    staff = tuple(one for one in STAFF if one.login != "ivan")
    facts = build_facts(staff=staff, contributors=(contributor("alice"), contributor("bob")))
    decision = evaluate(EFFECTIVE, facts)
    assert decision.answer is Answer.PENDING
    assert "Nobody can satisfy this now: rule owner-review" in decision.notes[0]
    assert "change-board" in decision.notes[0]
    open_ones = {one.role: one.is_satisfiable for rule in decision.rules for one in rule.requirements}
    assert open_ones == {"maintainer": False, "qa": True}
    owners = decision.rules[0].requirements[0]
    assert [one.reason for one in owners.disqualified] == ["Bob wrote revision 1"]


@pytest.mark.req("INV-12", "INV-03")
def test_who_holds_two_roles_is_spoken_of_as_they_are_asked() -> None:
    """Whom to ask and who can do it never contradict each other."""
    staff = tuple(one for one in STAFF if one.login != "bob")
    moved = evaluate(EFFECTIVE, build_facts(staff=staff, approvals=(approve("ivan", "qa"),)))
    assert {one.name for one in moved.ask} == {"Ivan", "Dana"}
    assert "(Ivan can do this, once somebody else signs for what they have signed)" in moved.summary
    alone = tuple(one for one in staff if one.login != "dana")
    short = evaluate(EFFECTIVE, build_facts(staff=alone))
    assert [one.name for one in short.ask] == ["Ivan"]
    text = "\n".join(explain_decision(short))
    assert "(1 person can do this, too few for all that is asked)" in text
    assert "Ask Ivan: their signatures are needed, and not enough." in text


@pytest.mark.req("INV-12")
def test_a_policy_in_plain_words() -> None:
    text = "\n".join(line for section in explain_policy(EFFECTIVE) for line in section.lines)
    for words in (
        "Applies when a contribution changes ledger/posting/**",
        "2 people with the role change-board",
        "GXP-101",
        "as CHG-1042",
        "ledger/**: ledger.",
        "it counts for 14 days",
        "and survives a push",
        "reported by ci or ci-backup",
    ):
        assert words in text


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([], ""),
        (["A"], "A"),
        (["A", "B"], "A and B"),
        (["A", "B", "C"], "A, B and C"),
        (list("ABCDEFG"), "A, B, C, D, E and 2 more"),
    ],
)
def test_lists_of_names(names: list[str], said: str) -> None:
    assert list_names(names) == said
