"""Out of scope by rule, robots, and the everyday changes that must pass (INV-13)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gate.policy.decision import Answer, RuleState
from gate.policy.evaluate import evaluate
from gate.policy.facts import ContributorFacts, RoleHeld
from tests.support.policies import (
    EFFECTIVE,
    NOW,
    POLICY,
    STAFF,
    approve,
    build_check,
    build_facts,
    build_policy,
    contributor,
    paths,
    person,
    reject,
)

SCOPED = build_policy(
    POLICY
    + """\
out_of_scope:
  - {id: own-team, when: {cross_team: false}, because: Teams review their own work in their own way.}
  - {id: robots, when: {robots: true}, because: Dependency updates are tested by the build.}
"""
)
BOT_COMMIT = contributor(None, address="bot@renovate.example", how="nobody")
BOT_PUSH = contributor(None, "pusher", address="renovate")


def scoped(**changes: Any) -> Any:
    return evaluate(SCOPED, build_facts(policy=SCOPED, **changes))


@pytest.mark.req("POL-02")
def test_the_owning_team_is_out_of_scope_by_rule() -> None:
    decision = scoped(author="corp:carl", contributors=(contributor("carl"),), change_request=None, checks=())
    assert (decision.answer, decision.out_of_scope) == (Answer.APPROVED, "own-team")
    assert "own-team" in decision.summary
    assert [(reason.code, reason.rule) for reason in decision.reasons] == [("out-of-scope", "own-team")]
    assert {rule.state for rule in decision.rules} == {RuleState.NOT_APPLICABLE}


@pytest.mark.req("POL-02")
@pytest.mark.parametrize(
    "changes",
    [
        {"contributors": (contributor("carl"), contributor("alice", "co-author"))},
        {"contributors": (contributor("carl"), contributor("alice", "shared"))},
        {"contributors": (contributor("carl"),), "paths": paths("ledger/a.py", "README")},
        {"contributors": (contributor("carl"),), "paths": paths("README -> ledger/a.py")},
    ],
    ids=["a co-author of another team", "a shared commit of another team", "a path of another team", "a rename into"],
)
def test_one_foreign_hand_or_path_is_in_scope(changes: dict[str, Any]) -> None:
    decision = scoped(**{"author": "corp:carl", **changes})
    assert (decision.answer, decision.out_of_scope) == (Answer.PENDING, None)


@pytest.mark.req("POL-02")
def test_a_person_without_a_team_is_of_another_team() -> None:
    staff = tuple(replace(one, team=None) if one.login == "carl" else one for one in STAFF)
    decision = scoped(staff=staff, author="corp:carl", contributors=(contributor("carl"),))
    assert decision.out_of_scope is None
    assert "no team" in decision.rules[0].because[0]


@pytest.mark.req("POL-02", "INV-01")
def test_nothing_is_out_of_scope_with_an_unknown_hand_or_against_a_veto() -> None:
    unknown = scoped(author="corp:carl", contributors=(contributor("carl"), contributor(None, how="nobody")))
    assert (unknown.answer, unknown.out_of_scope) == (Answer.ERROR, None)
    veto = replace(reject("ivan", "qa"), policy_digest=SCOPED.digest)
    vetoed = scoped(author="corp:carl", contributors=(contributor("carl"),), approvals=(veto,))
    assert (vetoed.answer, vetoed.out_of_scope) == (Answer.REJECTED, None)
    assert vetoed.summary.startswith("Rejected: Ivan (qa) rejected this on ")


@pytest.mark.req("POL-02", "INV-12")
def test_with_an_unknown_hand_the_rules_are_asked_as_ever() -> None:
    decision = scoped(author="corp:carl", contributors=(contributor("carl"), contributor(None, how="nobody")))
    assert "out-of-scope" not in [reason.code for reason in decision.reasons]
    assert [rule.id for rule in decision.rules if rule.state is RuleState.UNSATISFIED] == [
        "same-team-review",
        "qa-signoff",
    ]


@pytest.mark.req("POL-02")
def test_a_robot_alone_is_out_of_scope() -> None:
    decision = scoped(author=None, contributors=(BOT_COMMIT, BOT_PUSH))
    assert (decision.answer, decision.out_of_scope) == (Answer.APPROVED, "robots")


@pytest.mark.req("POL-02")
def test_a_robot_with_a_directory_entry_is_known_by_its_login_when_it_pushes() -> None:
    staff = (*STAFF, person("renovate", "risk"))
    pushed = contributor("renovate", "pusher")
    decision = scoped(staff=staff, author=None, contributors=(BOT_COMMIT, pushed))
    assert (decision.answer, decision.out_of_scope) == (Answer.APPROVED, "robots")


@pytest.mark.req("POL-02", "INV-12")
def test_a_robot_that_pushed_opened_it_whoever_pushed_later() -> None:
    later = contributor(None, "pusher", address="bot@renovate.example", how="mail")
    decision = scoped(author=None, contributors=(BOT_COMMIT, BOT_PUSH, later))
    assert (decision.answer, decision.out_of_scope) == (Answer.PENDING, None)


@pytest.mark.req("INV-12")
def test_who_may_not_approve_is_listed_with_everything_they_did() -> None:
    """One line a person: what they did in which revisions, each said once."""
    hal = person("hal", "risk", robot=True, sponsor="corp:carl")
    hands = (
        contributor("alice", revisions=(1, 2)),
        contributor("alice", "committer", revisions=(1, 2, 3)),
        contributor("alice", revisions=(1, 2)),
        contributor("carl", revisions=(12,)),
        contributor("carl", address="carl@home.example", revisions=(1,)),
        contributor("hal", revisions=(3,)),
    )
    decision = evaluate(EFFECTIVE, build_facts(staff=(*STAFF, hal), contributors=hands))
    assert [(one.code, one.reason) for one in decision.excluded] == [
        (
            "contributor",
            "Alice wrote revisions 1 and 2; Alice committed revisions 1, 2 and 3; Alice opened this contribution",
        ),
        (
            "contributor",
            "Carl wrote revision 12; Carl wrote revision 1; Carl is the sponsor of the robot Hal, which contributed",
        ),
        ("robot", "Hal is a robot, and robots never approve"),
    ]


@pytest.mark.req("INV-12")
def test_of_whom_the_facts_say_nothing_is_named_as_what_they_did() -> None:
    decision = evaluate(EFFECTIVE, build_facts(author="corp:zoe", contributors=(contributor("yan"),)))
    assert [reason.sentence for reason in decision.reasons if reason.code == "missing-facts"] == [
        "The facts say nothing about the contributor corp:yan (yan@ex.com).",
        "The facts say nothing about the contributor corp:zoe (who opened this contribution).",
    ]


@pytest.mark.req("INV-12")
def test_contributing_teams_are_those_that_are_known() -> None:
    staff = (*STAFF, person("nora", None))
    decision = evaluate(EFFECTIVE, build_facts(staff=staff, contributors=(contributor("alice"), contributor("nora"))))
    assert decision.contributing_teams == ("payments",)


@pytest.mark.req("POL-02", "INV-03")
@pytest.mark.parametrize(
    "contributors",
    [
        (BOT_COMMIT, BOT_PUSH, contributor("bob")),
        (BOT_COMMIT, contributor("alice", "pusher")),
        (BOT_COMMIT,),
        (BOT_COMMIT, contributor(None, "pusher", address="bot@renovate.example", how="mail")),
        (BOT_COMMIT, contributor("renovate", "pusher", how="mail")),
    ],
    ids=[
        "a person's commit beside",
        "pushed by a person",
        "by its address alone",
        "an address in place of a login",
        "a mail in place of a login",
    ],
)
def test_a_robot_address_alone_spares_nobody(contributors: tuple[ContributorFacts, ...]) -> None:
    staff = (*STAFF, person("renovate", "risk"))
    for author in ("corp:alice", "corp:renovate"):
        decision = scoped(staff=staff, author=author, contributors=contributors)
        assert decision.out_of_scope is None
        assert not decision.answer.allows


@pytest.mark.req("POL-02")
def test_a_robot_whose_sponsor_has_left_is_in_scope() -> None:
    staff = tuple(replace(one, state="inactive") if one.login == "alice" else one for one in STAFF)
    assert scoped(staff=staff, author=None, contributors=(BOT_COMMIT, BOT_PUSH)).out_of_scope is None


@pytest.mark.req("POL-02", "INV-03")
def test_the_sponsor_answers_for_the_robot_and_may_not_approve_it() -> None:
    staff = tuple(
        replace(one, roles=(RoleHeld(role="maintainer", team="ledger"),)) if one.login == "alice" else one
        for one in STAFF
    )
    acts = (approve("alice", "maintainer:ledger"), approve("dana", "qa", index=11))
    facts = build_facts(staff=staff, author=None, contributors=(BOT_COMMIT, BOT_PUSH), approvals=acts)
    decision = evaluate(EFFECTIVE, facts)
    assert decision.answer is Answer.PENDING
    assert [(one.code, one.index) for one in decision.not_counted] == [("sponsor", 10)]
    assert decision.contributing_teams == ("payments",)


@pytest.mark.req("INV-03")
@pytest.mark.parametrize("part", ["author", "pusher"])
def test_a_robot_with_a_directory_entry_counts_as_its_sponsor(part: str) -> None:
    robot = person("hal", "risk", "maintainer:ledger", robot=True, sponsor="corp:bob")
    declared = person("renovate", "risk", "maintainer:ledger")
    facts = build_facts(
        staff=(*STAFF, robot, declared),
        contributors=(contributor("alice"), contributor("hal", part), contributor("renovate", part)),
        approvals=(
            approve("hal", "maintainer:ledger", index=1),
            approve("renovate", "maintainer:ledger", index=2),
            approve("bob", "maintainer:ledger", index=3),
            approve("dana", "qa", index=4),
        ),
    )
    decision = evaluate(EFFECTIVE, facts)
    assert decision.answer is Answer.PENDING
    assert [(one.index, one.code) for one in decision.not_counted] == [(1, "robot"), (2, "robot"), (3, "sponsor")]
    assert decision.contributing_teams == ("ledger", "payments")
    cannot = decision.rules[0].requirements[0].disqualified
    assert [one.name for one in cannot] == ["Bob", "Hal", "Renovate"]


BOB, DANA = approve("bob", "maintainer:ledger"), approve("dana", "qa", index=11)
PAT = approve("pat", "maintainer:platform", index=12)
TWO_RULES = "Approved: all 2 rules that apply are satisfied."
EVERYDAY: dict[str, dict[str, Any]] = {
    "a new file": {"paths": paths("ledger/posting/new.py")},
    "a file of the ledger without posting": {"paths": paths("ledger/x.py"), "approvals": (BOB,)},
    "documentation": {"paths": paths("docs/guide.md"), "approvals": (PAT,)},
    "a file at the top": {"paths": paths("README.md"), "approvals": (PAT,)},
    "a rename inside one team": {"paths": paths("ledger/a.py -> ledger/b.py"), "approvals": (BOB,)},
    "two teams' files, two owners": {"paths": paths("ledger/a.py", "x.py"), "approvals": (BOB, PAT)},
    "a peer reviews a colleague": {"author": "corp:carl", "contributors": (contributor("carl"),)},
    "several commits of one person": {"contributors": (contributor("alice"), contributor("alice", "committer"))},
    "a colleague helped": {"contributors": (contributor("alice"), contributor("carl", "co-author"))},
    "a third approval that nobody needs": {"approvals": (BOB, DANA, approve("ivan", "maintainer:ledger", index=20))},
    "an old approval beside a new one": {"approvals": (replace(BOB, index=3, head="0" * 40), BOB, DANA)},
    "rejected first, approved after the fix": {
        "approvals": (reject("bob", "maintainer:ledger", index=3, head="0" * 40), BOB, DANA)
    },
    "a check that failed and was repaired": {
        "checks": (build_check(outcome="failure", reported_at=NOW - timedelta(hours=1)), build_check())
    },
    "a check of no interest failed": {"checks": (build_check(), build_check(name="spelling", outcome="failure"))},
    "a check by the token of somebody else": {"checks": (build_check(reporter_person="corp:sam"),)},
    "the other reporter": {"checks": (build_check(reporter="ci-backup"),)},
    "a report by somebody without a say": {
        "checks": (build_check(), build_check(reporter="laptop", outcome="failure"))
    },
    "a contributor who has left since": {
        "staff": tuple(replace(one, state="inactive") if one.login == "alice" else one for one in STAFF)
    },
    "an approval on its last day": {"approvals": (replace(BOB, signed_at=NOW - timedelta(days=13, hours=23)), DANA)},
    "a new colleague in the group": {"staff": (*STAFF, person("nina", "ledger", "maintainer:ledger"))},
    "a robot commit that a person took over": {
        "contributors": (contributor("alice"), contributor("alice", "pusher"), BOT_COMMIT)
    },
    "an empty group that nobody is asked from": {"staff": tuple(one for one in STAFF if one.team != "board")},
    "a branch name written in full": {"approvals": (replace(BOB, target="main"), DANA)},
}


@pytest.mark.req("INV-13")
@pytest.mark.parametrize("name", EVERYDAY)
def test_everyday_changes_pass(name: str) -> None:
    decision = evaluate(EFFECTIVE, build_facts(**{"approvals": (BOB, DANA), **EVERYDAY[name]}))
    assert decision.answer is Answer.APPROVED, decision.summary
    assert decision.summary in ("Approved: the rule that applies is satisfied.", TWO_RULES)
    assert not decision.reasons


@pytest.mark.req("INV-13")
def test_a_release_branch_with_security() -> None:
    signed = (BOB, DANA, approve("sam", "security", index=13))
    acts = tuple(replace(one, target="refs/heads/release/2") for one in signed)
    assert evaluate(EFFECTIVE, build_facts(target="refs/heads/release/2", approvals=acts)).answer is Answer.APPROVED
    without = evaluate(EFFECTIVE, build_facts(target="refs/heads/release/2", approvals=acts[:2]))
    assert without.answer is Answer.PENDING
    assert without.rules[-1].because == ("the target is release/2",)
