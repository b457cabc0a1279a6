"""The ways in which other gates are known to say yes too easily, each as a case that must not; and what may never be
decided on. Where a case is about one approval, the reason it does not count is asserted too (INV-12)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from gate.policy.decision import Answer, RuleState
from gate.policy.evaluate import evaluate
from gate.policy.facts import ApprovalFacts, Facts, RoleHeld, RoleMembers, TrainingHeld
from tests.support.policies import (
    EFFECTIVE,
    H1,
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

BOB = approve("bob", "maintainer:ledger", index=10)
DANA = approve("dana", "qa", index=11)


def with_staff(login: str, **changes: Any) -> dict[str, Any]:
    return {"staff": tuple(replace(one, **changes) if one.login == login else one for one in STAFF)}


def everyday(**changes: Any) -> Facts:
    return build_facts(**{"approvals": (BOB, DANA), **changes})


def empty_group(role: str, error: str | None = None) -> tuple[RoleMembers, ...]:
    return tuple(replace(row, members=(), error=error) if row.role == role else row for row in everyday().role_members)


def until(days: int) -> tuple[TrainingHeld, ...]:
    return (TrainingHeld(code="GXP-101", valid_until=NOW + timedelta(days=days), as_of=date(2026, 6, 1), source="x"),)


UNDECIDABLE: dict[str, tuple[dict[str, Any], str]] = {
    "directory down": ({"directory_error": "timed out", "directory_checked_at": None}, "directory"),
    "directory never read": ({"directory_checked_at": None}, "missing-facts"),
    "directory read too long ago": ({"directory_checked_at": NOW - timedelta(minutes=5)}, "directory-stale"),
    "policy changed since": ({"policy_digest": "0" * 64}, "policy-changed"),
    "another target branch": ({"target": "refs/heads/develop"}, "no-policy"),
    "another repository": ({"repository": replace(everyday().repository, id="other")}, "no-policy"),
    "no changed path": ({"paths": ()}, "no-changes"),
    "no contributor": ({"contributors": ()}, "missing-facts"),
    "opener unknown": ({"author": None}, "unattributed"),
    "opener not described": ({"author": "corp:stranger"}, "missing-facts"),
    "contributor not described": ({"contributors": (contributor("stranger"),)}, "missing-facts"),
    "unattributed commit": ({"contributors": (contributor("alice"), contributor(None, how="nobody"))}, "unattributed"),
    "ambiguous address": ({"contributors": (contributor(None, how="ambiguous"),)}, "unattributed"),
    "malformed address": ({"contributors": (contributor(None, how="malformed", address=""),)}, "unattributed"),
    "unknown pusher": ({"contributors": (contributor("alice"), contributor(None, "pusher"))}, "unattributed"),
    "unattributed in an old revision": (
        {"contributors": (contributor("alice", revisions=(2,)), contributor(None, how="nobody", revisions=(1,)))},
        "unattributed",
    ),
    "empty approver group": ({"role_members": empty_group("qa")}, "group-empty"),
    "unreadable approver group": ({"role_members": empty_group("qa", "size limit exceeded")}, "group-unreadable"),
    "approver group not read": ({"role_members": ()}, "missing-facts"),
    "one person described twice": ({"people": (*STAFF, STAFF[0])}, "ambiguous-facts"),
    "an act of unknown kind": ({"approvals": (BOB, DANA, replace(BOB, act="applaud", index=12))}, "missing-facts"),
    "robot whose sponsor is unknown": (
        {"contributors": (contributor("alice"), contributor(None, "pusher", address="orphan"))},
        "robot-without-sponsor",
    ),
    "robot that nobody declared": (
        {"people": (*STAFF, person("hal", "payments", robot=True)), "contributors": (contributor("hal"),)},
        "robot-without-sponsor",
    ),
}


@pytest.mark.req("INV-01")
@pytest.mark.parametrize("name", UNDECIDABLE)
def test_missing_facts_are_an_error(name: str) -> None:
    changes, code = UNDECIDABLE[name]
    decision = evaluate(EFFECTIVE, everyday(**changes))
    assert decision.answer is Answer.ERROR
    assert code in [reason.code for reason in decision.reasons]


@pytest.mark.req("INV-01")
def test_no_policy_is_an_error() -> None:
    decision = evaluate(None, everyday())
    assert (decision.answer, decision.reasons[0].code) == (Answer.ERROR, "no-policy")
    assert decision.valid_until == NOW


@pytest.mark.req("INV-01", "DIR-04")
def test_an_error_of_the_directory_is_never_valid_for_a_moment() -> None:
    decision = evaluate(EFFECTIVE, everyday(directory_error="refused", directory_checked_at=NOW))
    assert decision.valid_until == NOW
    assert "refused" in decision.summary


@pytest.mark.req("INV-01")
def test_no_rule_that_applies_is_an_error_and_not_a_yes() -> None:
    text = POLICY.replace("when: {cross_team: true}", 'when: {paths: ["nowhere/**"]}').replace(
        'when: {paths: ["ledger/posting/**"]}', 'when: {paths: ["nowhere/**"]}'
    )
    policy = build_policy(text)
    decision = evaluate(policy, everyday(policy=policy))
    assert decision.answer is Answer.ERROR
    assert [reason.code for reason in decision.reasons] == ["no-rule"]


@pytest.mark.req("INV-01", "INV-12")
def test_a_rule_of_which_it_cannot_be_told_is_not_called_one_that_does_not_apply() -> None:
    text = POLICY.replace("when: {cross_team: true}", "when: {labels: [risky]}").replace(
        'when: {paths: ["ledger/posting/**"]}', 'when: {paths: ["nowhere/**"]}'
    )
    policy = build_policy(text)
    decision = evaluate(policy, everyday(policy=policy))
    assert decision.answer is Answer.ERROR
    assert [(reason.code, reason.rule) for reason in decision.reasons] == [("missing-facts", "owner-review")]


REFUSED_APPROVALS: dict[str, tuple[dict[str, Any], ApprovalFacts, str]] = {
    "stale head": ({}, replace(BOB, head=H1), "stale-head"),
    "given for another branch": ({}, replace(BOB, target="refs/heads/release/1"), "other-target"),
    "given under another policy": ({}, replace(BOB, policy_digest="0" * 64), "other-policy"),
    "expired by its own date": ({}, replace(BOB, expires_at=NOW), "expired"),
    "expired by age, to the instant": ({}, replace(BOB, signed_at=NOW - timedelta(days=14)), "expired"),
    "person is gone from the directory": (
        {"people": tuple(p for p in STAFF if p.login != "bob")},
        BOB,
        "unknown-person",
    ),
    "person is disabled": (with_staff("bob", state="inactive", state_reasons=("locked",)), BOB, "not-active"),
    "state of the person is unknown": (with_staff("bob", state="unknown"), BOB, "not-active"),
    "role is lost": (with_staff("bob", roles=()), BOB, "role-lost"),
    "role is held for another team": (
        with_staff("bob", roles=(RoleHeld(role="maintainer", team="payments"),)),
        BOB,
        "role-lost",
    ),
    "another role is held for the team": (
        with_staff("bob", roles=(RoleHeld(role="reviewer", team="ledger"),)),
        BOB,
        "role-lost",
    ),
    "role of another team claimed": ({}, approve("paula", "maintainer:payments"), "not-asked"),
    "another meaning": ({}, replace(BOB, meaning="policy-approval"), "meaning"),
    "training lapsed": (with_staff("bob", trainings=until(-1)), BOB, "prerequisite"),
    "a robot": (with_staff("bob", robot=True), BOB, "robot"),
    "the author": ({"author": "corp:bob", "contributors": (contributor("bob"),)}, BOB, "contributor"),
    "who opened it only": ({"author": "corp:bob"}, BOB, "contributor"),
    "a committer": ({"contributors": (contributor("alice"), contributor("bob", "committer"))}, BOB, "contributor"),
    "a co-author": ({"contributors": (contributor("alice"), contributor("bob", "co-author"))}, BOB, "contributor"),
    "who pushed only": ({"contributors": (contributor("alice"), contributor("bob", "pusher"))}, BOB, "contributor"),
    "contributor laundered by a rebase": (
        {"contributors": (contributor("alice", revisions=(1, 2)), contributor("bob", revisions=(1,)))},
        BOB,
        "contributor",
    ),
    "laundered by a new contribution": (
        {"contributors": (contributor("alice"), contributor("bob", "shared"))},
        BOB,
        "shared",
    ),
    "author of what a merge brought in": (
        {"contributors": (contributor("alice"), contributor("bob", commits=("5" * 40,)))},
        BOB,
        "contributor",
    ),
    "sponsor of the robot": (
        {
            "contributors": (contributor("alice"), contributor(None, address="BOT@renovate.example ")),
            "author": "corp:pat",
            **with_staff("alice", roles=(RoleHeld(role="maintainer", team="ledger"),)),
        },
        approve("alice", "maintainer:ledger"),
        "contributor",
    ),
    "approved, then rejected": ({"approvals": (BOB, DANA, reject("bob", "maintainer:ledger"))}, BOB, "rejected-later"),
}


@pytest.mark.req("INV-02", "INV-03", "INV-12")
@pytest.mark.parametrize("name", REFUSED_APPROVALS)
def test_an_approval_that_does_not_count_says_why(name: str) -> None:
    changes, approval, code = REFUSED_APPROVALS[name]
    decision = evaluate(EFFECTIVE, everyday(**{"approvals": (approval, DANA), **changes}))
    assert not decision.answer.allows
    assert [one.code for one in decision.not_counted if one.index == approval.index] == [code]
    assert approval.index not in decision.counted
    assert "owner-review" in [rule.id for rule in decision.rules if rule.state is not RuleState.SATISFIED] or (
        decision.is_cross_team is False
    )


@pytest.mark.req("INV-12")
def test_why_the_directory_calls_somebody_inactive_is_said_where_it_is_known() -> None:
    for reasons, said in ((("locked", "expired"), " (locked, expired)"), ((), "")):
        decision = evaluate(EFFECTIVE, everyday(**with_staff("bob", state="inactive", state_reasons=reasons)))
        assert [one.reason for one in decision.not_counted] == [f"Bob is inactive in the directory{said}"]


@pytest.mark.req("INV-03")
def test_one_person_in_two_teams_fills_one_slot() -> None:
    both = person("bob", "ledger", "maintainer:ledger", "maintainer:payments")
    twice = (BOB, approve("bob", "maintainer:payments", index=20), DANA)
    staff = tuple(both if one.login == "bob" else one for one in STAFF if one.login != "paula")
    facts = everyday(staff=staff, approvals=twice, paths=paths("ledger/posting/a.py", "payments/b.py"))
    decision = evaluate(EFFECTIVE, facts)
    assert decision.answer is Answer.PENDING
    assert sum(requirement.missing for rule in decision.rules for requirement in rule.requirements) == 1


@pytest.mark.req("INV-02")
def test_an_approval_counts_until_the_instant_before_it_expires() -> None:
    last = replace(BOB, expires_at=NOW + timedelta(microseconds=1))
    decision = evaluate(EFFECTIVE, everyday(approvals=(last, DANA)))
    assert decision.answer is Answer.APPROVED
    assert decision.valid_until == last.expires_at


@pytest.mark.req("POL-01")
@pytest.mark.parametrize(
    "path",
    [
        "ledger/posting/a\nb.py",
        'ledger/posting/"quoted".py',
        "ledger/posting/\\xff\\xfe.py",
        "ledger/posting/ä/ .py",
        "ledger/posting/\n",
        "docs/x.py -> ledger/posting/x.py",
        "ledger/posting/x.py -> docs/x.py",
        "ledger/posting",
    ],
)
def test_no_spelling_of_a_path_escapes_its_owner(path: str) -> None:
    decision = evaluate(EFFECTIVE, everyday(approvals=(), paths=paths(path)))
    unmet = [rule.id for rule in decision.rules if rule.state is RuleState.UNSATISFIED]
    assert "ledger" in decision.owning_teams
    assert unmet == ["owner-review", "qa-signoff"]


@pytest.mark.req("POL-01")
@pytest.mark.parametrize("path", ["src/ledger/posting/a.py", "LEDGER/posting/a.py", "ledger2/posting/a.py"])
def test_patterns_with_a_slash_are_anchored(path: str) -> None:
    assert evaluate(EFFECTIVE, everyday(paths=paths(path))).owning_teams == ("platform",)


@pytest.mark.req("INV-01")
def test_a_path_without_an_owner_is_an_error_even_where_parsing_was_skipped() -> None:
    nobody = replace(EFFECTIVE, repository=replace(EFFECTIVE.repository, owning_teams=()))
    ours = replace(EFFECTIVE.policy, ownership=(replace(EFFECTIVE.policy.ownership[0], team=None),))
    decision = evaluate(replace(nobody, policy=ours), everyday())
    assert decision.answer is Answer.ERROR
    assert {"no-owner", "no-requirement"} <= {reason.code for reason in decision.reasons}
    owned = evaluate(replace(EFFECTIVE, policy=replace(EFFECTIVE.policy, ownership=())), everyday())
    assert owned.answer is Answer.ERROR


@pytest.mark.req("INV-03")
def test_every_owning_team_is_asked() -> None:
    decision = evaluate(EFFECTIVE, everyday(paths=paths("ledger/a.py", "payments/b.py", "x.py"), approvals=(BOB,)))
    missing = [one.team for rule in decision.rules for one in rule.requirements if one.missing]
    assert missing == ["payments", "platform"]
    able = {one.team: [who.name for who in one.candidates] for one in decision.rules[0].requirements}
    assert able == {"ledger": [], "payments": ["Paula"], "platform": ["Pat"]}


@pytest.mark.req("INV-01")
def test_the_empty_group_of_one_team_is_an_error_beside_full_ones() -> None:
    staff = tuple(one for one in STAFF if one.login != "paula")
    decision = evaluate(EFFECTIVE, everyday(staff=staff, paths=paths("ledger/a.py", "payments/b.py")))
    assert decision.answer is Answer.ERROR
    assert next(reason.code for reason in decision.reasons if "payments" in reason.sentence) == "group-empty"


@pytest.mark.req("INV-12")
def test_an_empty_address_is_called_that() -> None:
    decision = evaluate(EFFECTIVE, everyday(contributors=(contributor(None, address="", how="malformed"),)))
    assert decision.reasons[0].sentence.startswith(
        "An empty address (author of revision 1) cannot be attributed: it is"
    )


VETOES: dict[str, tuple[dict[str, Any], bool]] = {
    "at this head": ({"approvals": (BOB, DANA, reject("ivan", "qa"))}, True),
    "at an earlier head": ({"approvals": (BOB, DANA, reject("ivan", "qa", head=H1))}, True),
    "by a contributor": (
        {"approvals": (BOB, DANA, reject("ivan", "qa")), "contributors": (contributor("alice"), contributor("ivan"))},
        True,
    ),
    "giver lost the role": ({"approvals": (BOB, DANA, reject("ivan", "qa")), **with_staff("ivan", roles=())}, True),
    "giver is disabled": (
        {"approvals": (BOB, DANA, reject("ivan", "qa")), **with_staff("ivan", state="inactive")},
        True,
    ),
    "in place of an exemption": ({"approvals": (BOB, DANA, reject("ivan", "qa", freeze="quarter-close"))}, True),
    "by a review on the forge": ({"approvals": (BOB, DANA, reject("ivan", "qa", kind="forge-review"))}, True),
    "by a role without a veto": ({"approvals": (BOB, DANA, reject("liz", "change-board"))}, False),
    "taken back by approving": (
        {"approvals": (BOB, DANA, reject("ivan", "qa", index=5), approve("ivan", "qa", index=95))},
        False,
    ),
}


@pytest.mark.req("POL-03")
@pytest.mark.parametrize("name", VETOES)
def test_veto(name: str) -> None:
    changes, stands = VETOES[name]
    decision = evaluate(EFFECTIVE, everyday(**changes))
    assert decision.answer is (Answer.REJECTED if stands else Answer.APPROVED)


@pytest.mark.req("POL-03")
def test_a_veto_that_does_not_survive_a_push_ends_with_the_head() -> None:
    policy = build_policy(POLICY.replace("survives_push: true", "survives_push: false"))
    acts = tuple(replace(one, policy_digest=policy.digest) for one in (BOB, DANA, reject("ivan", "qa", head=H1)))
    assert evaluate(policy, build_facts(policy=policy, approvals=acts)).answer is Answer.APPROVED
    here = (*acts[:2], replace(acts[2], head=acts[0].head))
    assert evaluate(policy, build_facts(policy=policy, approvals=here)).answer is Answer.REJECTED


CONDITIONS: dict[str, tuple[dict[str, Any], Answer, str]] = {
    "no change request": ({"change_request": None}, Answer.BLOCKED, "change_request"),
    "an empty change request": ({"change_request": ""}, Answer.BLOCKED, "change_request"),
    "a change request in a sentence": ({"change_request": "see CHG-7"}, Answer.BLOCKED, "change_request"),
    "a change request and a line break": ({"change_request": "CHG-7\n"}, Answer.BLOCKED, "change_request"),
    "a change request without end": ({"change_request": "CHG-" + "7" * 300}, Answer.BLOCKED, "change_request"),
    "terms not accepted": (with_staff("alice", terms=()), Answer.BLOCKED, "prerequisite"),
    "contributor's training over": (with_staff("alice", trainings=until(-1)), Answer.BLOCKED, "prerequisite"),
    "terms of an older contributor": (
        {"contributors": (contributor("alice"), contributor("carl")), **with_staff("carl", terms=())},
        Answer.BLOCKED,
        "prerequisite",
    ),
    "no check": ({"checks": ()}, Answer.PENDING, "check"),
    "check failed": ({"checks": (build_check(outcome="failure"),)}, Answer.PENDING, "check"),
    "check errored": ({"checks": (build_check(outcome="error"),)}, Answer.PENDING, "check"),
    "check for another head": ({"checks": (build_check(head=H1),)}, Answer.PENDING, "check"),
    "check by somebody else": ({"checks": (build_check(reporter="laptop"),)}, Answer.PENDING, "check"),
    "check by the author's token": ({"checks": (build_check(reporter_person="corp:alice"),)}, Answer.PENDING, "check"),
    "another check": ({"checks": (build_check(name="lint"),)}, Answer.PENDING, "check"),
    "two reporters disagree": (
        {"checks": (build_check(), build_check(reporter="ci-backup", outcome="failure"))},
        Answer.PENDING,
        "check",
    ),
    "does not merge": ({"merges_cleanly": False}, Answer.PENDING, "conflicts"),
    "a draft": ({"draft": True}, Answer.PENDING, "draft"),
}


@pytest.mark.req("POL-03", "INV-12")
@pytest.mark.parametrize("name", CONDITIONS)
def test_conditions_hold_it_up_and_say_how_to_mend_it(name: str) -> None:
    changes, answer, code = CONDITIONS[name]
    decision = evaluate(EFFECTIVE, everyday(**changes))
    assert decision.answer is answer
    assert [reason.code for reason in decision.reasons] == [code]
    assert all(condition.remedy for condition in decision.conditions if not condition.is_met)


@pytest.mark.req("INV-12")
def test_all_reasons_are_listed_and_the_worst_is_the_answer() -> None:
    acts = (reject("ivan", "qa"),)
    facts = everyday(approvals=acts, change_request=None, draft=True, contributors=(contributor(None, how="nobody"),))
    decision = evaluate(EFFECTIVE, facts)
    codes = [reason.code for reason in decision.reasons]
    assert decision.answer is Answer.ERROR
    assert codes == ["unattributed", "change_request", "veto", "draft", "approval-missing", "approval-missing"]


@pytest.mark.req("INV-12")
def test_the_summary_is_of_the_worst_reason_and_counts_the_others() -> None:
    decision = evaluate(EFFECTIVE, everyday(draft=True, change_request=None))
    said = "Blocked: There is no change request id, such as CHG-1042"
    assert decision.summary == f"{said} (and 1 more reason)."
    more = evaluate(EFFECTIVE, everyday(draft=True, change_request=None, checks=()))
    assert more.summary == f"{said} (and 2 more reasons)."


@pytest.mark.req("INV-02")
def test_valid_until_is_the_earliest_of_what_time_alone_could_change() -> None:
    def ends(**changes: Any) -> datetime:
        return evaluate(EFFECTIVE, everyday(max_age_seconds=10**7, **changes)).valid_until

    assert ends() == BOB.signed_at + timedelta(days=14)
    assert ends(approvals=(replace(BOB, expires_at=NOW + timedelta(hours=2)), DANA)) == NOW + timedelta(hours=2)
    assert ends(**with_staff("dana", trainings=until(1))) == NOW + timedelta(days=1, microseconds=1)
    assert ends(**with_staff("alice", trainings=until(2))) == NOW + timedelta(days=2, microseconds=1)
    assert evaluate(EFFECTIVE, everyday()).valid_until == NOW + timedelta(seconds=290)
    assert evaluate(EFFECTIVE, everyday(directory_checked_at=NOW + timedelta(hours=1))).valid_until == (
        NOW + timedelta(seconds=300)
    )


@pytest.mark.req("INV-01")
def test_an_error_answer_is_utc_and_keeps_its_policy() -> None:
    decision = evaluate(EFFECTIVE, everyday(policy_digest="0" * 64))
    assert decision.evaluated_at.tzinfo is UTC
    assert decision.policy_digest == "0" * 64
