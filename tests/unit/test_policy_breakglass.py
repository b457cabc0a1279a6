"""Break-glass: each condition in both directions, what it never reaches, and that it makes no refusal of another kind a
yes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.domain.errors import InputError
from gate.policy.breakglass import add_business_days, check_invocation, find_reached
from gate.policy.decision import Answer, Decision, OverrideResult, RuleState
from gate.policy.effective import EffectivePolicy, build_effective
from gate.policy.evaluate import evaluate
from gate.policy.exceptions import find_open
from gate.policy.explain import explain_decision, explain_policy, one_line
from gate.policy.facts import ApprovalFacts, BreakGlassFacts, Facts, RoleHeld, TrainingHeld
from gate.policy.record import decision_bytes, facts_bytes, parse_decision, parse_facts
from tests.support.exceptional import (
    BASE,
    BREAK_GLASS,
    DELEGATION,
    EXCEPTIONAL,
    FREEZES,
    FROZEN,
    PEOPLE,
    cosign,
    decide,
    facts,
    hand_over,
    invoke,
    owe,
    sign_for,
    staff_with,
)
from tests.support.policies import H1, NOW, approve, build_check, build_policy, contributor, paths, reject

BOB = approve("bob", "maintainer:ledger", index=10)
DANA = approve("dana", "qa", index=11)
SECOND = timedelta(seconds=1)
TEXT = BASE + FREEZES + DELEGATION + BREAK_GLASS
MIA_TOO = (RoleHeld(role="incident-commander"), RoleHeld(role="maintainer", team="ledger"))


def broken(*approvals: ApprovalFacts, glass: BreakGlassFacts | None = None, **changes: Any) -> Decision:
    return decide(*(approvals or (BOB,)), **{"break_glass": glass or invoke(), **changes})


def override(decision: Decision) -> OverrideResult:
    assert decision.override is not None
    return decision.override


def states(decision: Decision) -> dict[str, RuleState]:
    return {rule.id: rule.state for rule in decision.rules if rule.state is not RuleState.NOT_APPLICABLE}


@pytest.mark.req("INV-12")
def test_an_override_says_who_what_until_when_and_what_is_owed() -> None:
    decision = broken()
    assert decision.answer is Answer.OVERRIDDEN
    assert states(decision) == {"owner-review": RuleState.SATISFIED, "qa-signoff": RuleState.WAIVED}
    found = override(decision)
    assert (found.is_effective, found.waived, found.review_role) == (True, ("qa-signoff",), "qa")
    assert found.until == datetime(2026, 7, 1, 15, 30, tzinfo=UTC)
    assert found.review_due_at == datetime(2026, 7, 3, 11, 30, tzinfo=UTC)
    assert decision.summary == (
        "OVERRIDDEN by Mia (outage, incident INC-77) until 2026-07-01 15:30 UTC: qa-signoff waived; "
        "a review by qa is owed by 2026-07-03 11:30 UTC."
    )
    assert [reason.code for reason in decision.reasons] == ["break-glass"]
    assert decision.ask == ()


@pytest.mark.req("INV-12")
def test_what_is_waived_is_told_as_waived_and_never_as_open() -> None:
    decision = broken()
    text = "\n".join(explain_decision(decision))
    assert "Rule qa-signoff: waived by break-glass." in text
    assert "Needs 1 more" not in text
    assert "co-signed by Ivan" in text
    assert find_open(decision) == ()
    assert one_line(decision).startswith("OVERRIDDEN by Mia")
    assert parse_decision(decision_bytes(decision)) == decision


BAD: dict[str, tuple[BreakGlassFacts, dict[str, Any], str]] = {
    "for an earlier head": (invoke(head=H1), {}, "for the earlier head"),
    "for another target": (invoke(target="refs/heads/release/1"), {}, "for the target release/1"),
    "under another policy": (invoke(policy_digest="0" * 64), {}, "another version of the policy"),
    "ended, to the second": (invoke(invoked_at=NOW - timedelta(hours=4)), {}, "it ended on"),
    "invoked for later": (invoke(invoked_at=NOW + SECOND), {}, "invoked for later"),
    "in another role": (invoke(role="qa"), {}, "only the role incident-commander"),
    "the invoker lost the role": (invoke(), {"staff": staff_with("mia", roles=())}, "does not hold the role"),
    "the invoker holds another role": (
        invoke(),
        {"staff": staff_with("mia", roles=(RoleHeld(role="qa"),))},
        "Mia does not hold the role incident-commander now",
    ),
    "the invoker holds it for a team": (
        invoke(),
        {"staff": staff_with("mia", roles=(RoleHeld(role="incident-commander", team="ledger"),))},
        "does not hold the role",
    ),
    "the invoker is disabled": (invoke(), {"staff": staff_with("mia", state="inactive")}, "Mia is inactive"),
    "the invoker's state is unknown": (invoke(), {"staff": staff_with("mia", state="unknown")}, "Mia is unknown"),
    "the invoker is a robot": (invoke(), {"staff": staff_with("mia", robot=True)}, "Mia is a robot"),
    "the invoker is gone": (
        invoke(),
        {"staff": tuple(one for one in PEOPLE if one.login != "mia")},
        "says nothing about Mia",
    ),
    "the invoker contributed": (
        invoke(),
        {"contributors": (contributor("alice"), contributor("mia", "co-author"))},
        "Mia is named as co-author",
    ),
    "an unknown code": (invoke(code="hurry"), {}, "the reason 'hurry' is none of outage, security-fix"),
    "no incident": (invoke(incident=""), {}, "the incident ''"),
    "an incident within other words": (invoke(incident="see INC-7"), {}, "does not look like INC-7"),
    "an incident without end": (invoke(incident="INC-" + "7" * 197), {}, f"the incident 'INC-{'7' * 56}' does not"),
    "a short reason": (invoke(reason_chars=29), {}, "29 characters, and 30 are the least"),
    "not co-signed": (replace(invoke(), cosigners=()), {}, "not co-signed"),
    "co-signed by the invoker": (
        invoke(cosign("mia")),
        {"staff": staff_with("mia", roles=MIA_TOO)},
        "not co-signed",
    ),
    "co-signed by a contributor": (
        invoke(),
        {"contributors": (contributor("alice"), contributor("ivan"))},
        "not co-signed",
    ),
    "co-signed in a role that is not held": (invoke(cosign("dana")), {}, "not co-signed"),
    "co-signed in a role that is not asked": (invoke(cosign("dana", "qa")), {}, "not co-signed"),
    "co-signed for a team that owns nothing of it": (invoke(cosign("pat", "maintainer:platform")), {}, "not co-signed"),
    "co-signed by somebody disabled": (invoke(), {"staff": staff_with("ivan", state="inactive")}, "not co-signed"),
    "co-signed by a robot": (invoke(), {"staff": staff_with("ivan", robot=True)}, "not co-signed"),
    "co-signed without training": (invoke(), {"staff": staff_with("ivan", trainings=())}, "not co-signed"),
    "co-signed by somebody who rejected it": (
        invoke(),
        {"approvals": (BOB, reject("ivan", "change-board"))},
        "not co-signed",
    ),
    "a review is overdue": (invoke(), {"owed_reviews": (owe(NOW - SECOND),)}, "locked here: the review after core#7"),
    "a review is due now": (invoke(), {"owed_reviews": (owe(NOW),)}, "locked here"),
}


@pytest.mark.req("INV-01", "INV-02", "INV-12")
@pytest.mark.parametrize("name", BAD)
def test_what_is_not_effective_changes_nothing_and_says_why(name: str) -> None:
    glass, changes, says = BAD[name]
    approvals = changes.get("approvals", (BOB,))
    more = {key: value for key, value in changes.items() if key != "approvals"}
    decision = broken(*approvals, glass=glass, **more)
    without = decide(*approvals, **more)
    assert decision.answer is without.answer is Answer.PENDING
    assert decision.reasons == without.reasons
    assert decision.summary == without.summary
    assert decision.rules == without.rules
    found = override(decision)
    assert (found.is_effective, found.waived) == (False, ())
    assert says in found.sentence
    assert found.sentence in "\n".join(explain_decision(decision))


@pytest.mark.req("POL-01")
@pytest.mark.parametrize(
    ("glass", "changes"),
    [
        (invoke(invoked_at=NOW - timedelta(hours=4) + SECOND), {}),
        (invoke(invoked_at=NOW), {}),
        (invoke(reason_chars=30), {}),
        (invoke(code="security-fix", incident="INC-1"), {}),
        (invoke(incident="INC-" + "7" * 196), {}),
        (invoke(), {"owed_reviews": (owe(NOW + SECOND),)}),
        (invoke(), {"staff": staff_with("mia", trainings=(), terms=())}),
        (invoke(cosign("bob")), {}),
        (invoke(cosign("dana"), cosign()), {}),
    ],
    ids=[
        "last second",
        "just now",
        "shortest",
        "other code",
        "longest incident",
        "not yet due",
        "untrained",
        "an approver",
        "one of two",
    ],
)
def test_what_is_effective(glass: BreakGlassFacts, changes: dict[str, Any]) -> None:
    assert broken(glass=glass, **changes).answer is Answer.OVERRIDDEN


@pytest.mark.req("INV-01")
def test_its_end_and_a_review_to_come_due_end_the_decision() -> None:
    late = invoke(invoked_at=NOW - timedelta(hours=4) + 2 * SECOND)
    assert broken(glass=late).valid_until == NOW + 2 * SECOND
    assert broken(owed_reviews=(owe(NOW + SECOND),)).valid_until == NOW + SECOND
    assert broken(glass=invoke(invoked_at=NOW + SECOND)).valid_until == NOW + SECOND


@pytest.mark.req("INV-02", "POL-03")
def test_a_training_of_the_co_signer_that_lapses_ends_the_decision() -> None:
    until = NOW + 20 * SECOND
    held = TrainingHeld(code="GXP-101", valid_until=until, as_of=date(2026, 6, 1), source="register")
    decision = broken(staff=staff_with("ivan", trainings=(held,)))
    assert (decision.answer, decision.valid_until) == (Answer.OVERRIDDEN, until + timedelta(microseconds=1))
    lasting = broken(policy=build_policy(BASE.replace("valid_for: 14d, ", "") + BREAK_GLASS))
    assert (lasting.answer, lasting.valid_until) == (Answer.OVERRIDDEN, NOW + timedelta(seconds=290))


WHO = "Mia broke the glass (outage, INC-77)"


@pytest.mark.req("INV-12")
@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {},
            (
                f"{WHO}, co-signed by Ivan: it waives qa-signoff until 2026-07-01 15:30 UTC. "
                "A review by qa is owed by 2026-07-03 11:30 UTC."
            ),
        ),
        (
            {"glass": invoke(invoked_at=NOW - timedelta(hours=4))},
            f"{WHO}, and it waives nothing: it ended on 2026-07-01 12:00 UTC.",
        ),
        (
            {"glass": invoke(invoked_at=NOW + SECOND)},
            f"{WHO}, and it waives nothing: it was invoked for later, 2026-07-01 12:00 UTC.",
        ),
        (
            {"owed_reviews": (owe(NOW),)},
            (
                f"{WHO}, and it waives nothing: break-glass is locked here: the review after core#7 "
                "was due on 2026-07-01 12:00 UTC and is still owed."
            ),
        ),
    ],
    ids=["effective", "ended", "later", "locked"],
)
def test_what_is_said_of_it(changes: dict[str, Any], sentence: str) -> None:
    assert override(broken(**changes)).sentence == sentence


@pytest.mark.req("INV-12", "POL-01")
def test_whether_an_invocation_could_waive_anything_is_told_before_it_is_made() -> None:
    """Before anybody co-signed: what it is bound to, who invokes it, and what is overdue."""

    def faults(glass: BreakGlassFacts, policy: EffectivePolicy = EXCEPTIONAL, **changes: Any) -> tuple[str, ...]:
        return check_invocation(policy, facts(BOB, policy=policy, **changes), glass)

    alone = replace(invoke(), cosigners=())
    assert faults(alone) == ()
    assert faults(alone, build_policy(BASE)) == ("the policy baseline knows no break-glass",)
    late = replace(alone, invoked_at=NOW - timedelta(hours=4), role="qa")
    assert faults(late, owed_reviews=(owe(NOW),)) == (
        "it ended on 2026-07-01 12:00 UTC",
        "Mia invoked it as qa, and only the role incident-commander may",
        "break-glass is locked here: the review after core#7 was due on 2026-07-01 12:00 UTC and is still owed",
    )


@pytest.mark.req("INV-12", "POL-01")
def test_what_it_reaches_is_told_by_the_names_of_rules_and_freezes() -> None:
    glass = FROZEN.policy.break_glass
    assert glass is not None
    assert find_reached(FROZEN.policy, glass) == {"qa-signoff", "quarter-close", "release-week"}
    assert find_reached(EXCEPTIONAL.policy, glass) == {"qa-signoff"}


@pytest.mark.req("INV-01", "POL-01")
def test_what_it_does_not_name_stays_open() -> None:
    decision = broken(DANA)
    assert (decision.answer, override(decision).is_effective) == (Answer.PENDING, False)
    assert states(decision)["owner-review"] is RuleState.UNSATISFIED
    both = decide(break_glass=invoke())
    assert (both.answer, override(both).waived) == (Answer.PENDING, ("qa-signoff",))
    assert [reason.rule for reason in both.reasons] == ["owner-review"]
    assert "It does not reach owner-review." in override(both).sentence
    assert [one.name for one in both.ask] == ["Bob"]


@pytest.mark.req("INV-01")
def test_nothing_missing_is_approved_and_not_overridden() -> None:
    decision = broken(BOB, DANA)
    assert decision.answer is Answer.APPROVED
    assert not override(decision).is_effective
    assert "nothing is missing" in override(decision).sentence


@pytest.mark.req("INV-03")
def test_what_is_waived_takes_nobody_from_what_stays_asked() -> None:
    """Ivan signed in both roles; he fills the one that is not waived, whatever comes first in the file."""
    text = (
        BASE.replace("id: owner-review", "id: zz")
        .replace("id: qa-signoff", "id: owner-review")
        .replace("id: zz", "id: qa-signoff")
    )
    policy = build_policy(text + BREAK_GLASS)
    ivan = (approve("ivan", "qa", index=12), approve("ivan", "maintainer:ledger", index=13))
    decision = decide(*ivan, policy=policy, break_glass=invoke(cosign("bob")))
    assert (decision.answer, decision.counted) == (Answer.OVERRIDDEN, (12,))


QA_AND_MAINTAINER = (RoleHeld(role="qa"), RoleHeld(role="maintainer", team="ledger"))
TWO_EYES = """\
  - id: two-eyes
    description: Two people look at it, whatever else they sign.
    require: [{any_role: [security, qa], count: 2, shared: true, meaning: technical-review}]
"""


@pytest.mark.req("INV-03")
@pytest.mark.parametrize("meaning", ["independent-verification", "technical-review"])
def test_where_signatures_overlap_what_stays_asked_comes_before_more_that_is_waived(meaning: str) -> None:
    """Eve signed as a maintainer for Dana, and both as themselves for what is waived: the two of them are one person or
    two, and two slots of what is waived weigh less than the one that is not."""
    counted = BASE.replace("require: [{role: qa, count: 1,", "require: [{role: qa, count: 2,")
    policy = build_policy(
        counted + DELEGATION + BREAK_GLASS
        if meaning == "independent-verification"
        else BASE + TWO_EYES + DELEGATION + BREAK_GLASS.replace("  waives: [", "  waives: [two-eyes, ")
    )
    staff = tuple(replace(one, roles=QA_AND_MAINTAINER) if one.login in ("dana", "eve") else one for one in PEOPLE)
    acts = (
        approve("dana", "qa", index=11, meaning=meaning),
        approve("eve", "qa", index=12, meaning=meaning),
        sign_for("dana", role="maintainer:ledger", index=20),
    )
    handed = (hand_over(role="maintainer:ledger"),)
    decision = decide(*acts, policy=policy, staff=staff, delegations=handed, break_glass=invoke())
    assert decision.answer is Answer.OVERRIDDEN
    assert 20 in decision.counted
    assert states(decision)["owner-review"] is RuleState.SATISFIED


@pytest.mark.req("INV-12")
def test_what_could_be_waived_and_is_signed_is_no_override() -> None:
    """Ivan's leaves Dana free to count by Eve's hand: then she and Sam looked, and nothing had to be waived."""
    policy = build_policy(BASE + TWO_EYES + DELEGATION + BREAK_GLASS.replace("  waives: [", "  waives: [two-eyes, "))
    by_eve = sign_for("dana", meaning="technical-review")
    acts = (BOB, DANA, approve("ivan", "qa", index=12), approve("sam", "security", index=13), by_eve)
    decision = decide(*acts, policy=policy, delegations=(hand_over(),), break_glass=invoke())
    assert (decision.answer, decision.counted) == (Answer.APPROVED, (10, 12, 13, 20))


@pytest.mark.req("INV-12")
def test_nobody_is_asked_for_a_shared_count_that_is_waived() -> None:
    policy = build_policy(BASE + TWO_EYES + BREAK_GLASS.replace("  waives: [", "  waives: [two-eyes, "))
    decision = decide(BOB, DANA, policy=policy, break_glass=invoke())
    assert (decision.answer, override(decision).waived) == (Answer.OVERRIDDEN, ("two-eyes",))
    assert decision.ask == ()
    assert [one.name for one in decide(BOB, policy=policy, break_glass=invoke(head=H1)).ask] != []
    assert decide(DANA, policy=policy, break_glass=invoke()).ask[0].name == "Bob"
    assert len(decide(DANA, policy=policy, break_glass=invoke()).ask) == 1


@pytest.mark.req("POL-02", "INV-12")
def test_a_frozen_change_that_is_out_of_scope_is_let_through_the_freeze() -> None:
    scope = "out_of_scope:\n  - {id: own, when: {cross_team: false}, because: Their own.}\n"
    own = {"author": "corp:carl", "contributors": (contributor("carl"),)}
    decision = decide(policy=build_policy(TEXT + scope), break_glass=invoke(), **own)
    assert (decision.answer, override(decision).waived) == (Answer.OVERRIDDEN, ("quarter-close",))
    assert "It does not reach" not in override(decision).sentence


@pytest.mark.req("POL-03")
def test_vetoes_conditions_and_errors_are_out_of_its_reach() -> None:
    refused = {
        Answer.REJECTED: broken(BOB, reject("dana", "qa")),
        Answer.BLOCKED: broken(change_request=None),
        Answer.ERROR: broken(contributors=(contributor("alice"), contributor(None, how="nobody"))),
    }
    for answer, decision in refused.items():
        assert decision.answer is answer
    unmet = ({"checks": ()}, {"checks": (build_check(outcome="failure"),)}, {"draft": True}, {"merges_cleanly": False})
    for changes in unmet:
        assert broken(**changes).answer is Answer.PENDING


@pytest.mark.req("INV-01")
def test_an_empty_or_unread_group_of_a_waived_rule_or_of_the_cosigner_is_no_override() -> None:
    base = facts(BOB, break_glass=invoke())
    for role in ("qa", "maintainer"):
        rows = tuple(replace(row, members=()) if row.role == role else row for row in base.role_members)
        assert evaluate(EXCEPTIONAL, replace(base, role_members=rows)).answer is Answer.ERROR
        less = tuple(row for row in base.role_members if row.role != role)
        assert evaluate(EXCEPTIONAL, replace(base, role_members=less)).answer is Answer.ERROR


@pytest.mark.req("INV-01")
def test_a_co_signer_whose_group_reads_empty_co_signs_nothing() -> None:
    text = BREAK_GLASS.replace("{role: maintainer, of: any_owning_team, count: 1,", "{role: security, count: 1,")
    policy = build_policy(BASE + text)
    base = facts(BOB, policy=policy, break_glass=invoke(cosign("sam", "security")))
    assert evaluate(policy, base).answer is Answer.OVERRIDDEN
    for changes in ({"members": ()}, {"error": "timed out"}):
        rows = tuple(replace(row, **changes) if row.role == "security" else row for row in base.role_members)
        assert evaluate(policy, replace(base, role_members=rows)).answer is Answer.PENDING
    less = tuple(row for row in base.role_members if row.role != "security")
    assert evaluate(policy, replace(base, role_members=less)).answer is Answer.PENDING


@pytest.mark.req("POL-03")
def test_a_check_named_like_a_waived_rule_is_not_waived() -> None:
    """No file can name one so: what is waived is told by kind all the same."""
    given = build_policy(BASE + BREAK_GLASS)
    checks = tuple(replace(one, name="qa-signoff") for one in given.policy.checks)
    policy = build_effective(replace(given.policy, checks=checks), given.repository, given.robots)
    decision = decide(BOB, policy=policy, break_glass=invoke(), checks=())
    assert decision.answer is Answer.PENDING
    assert [(reason.code, reason.rule) for reason in decision.reasons] == [("check", "qa-signoff")]


@pytest.mark.req("POL-01")
def test_freezes_are_waived_by_name_or_all_of_them() -> None:
    for waives in ("[freeze]", "[quarter-close]"):
        policy = build_policy(TEXT.replace("waives: [qa-signoff, freeze]", f"waives: {waives}"))
        decision = decide(BOB, DANA, policy=policy, break_glass=invoke())
        assert (decision.answer, override(decision).waived) == (Answer.OVERRIDDEN, ("quarter-close",))
        assert decision.until is None
        assert "Freeze quarter-close: waived." in "\n".join(explain_decision(decision))
    other = build_policy(TEXT.replace("waives: [qa-signoff, freeze]", "waives: [release-week]"))
    assert decide(BOB, DANA, policy=other, break_glass=invoke()).answer is Answer.PENDING


@pytest.mark.req("POL-01")
@pytest.mark.parametrize("ceiling", ["quarter-close", "freeze"])
def test_the_ceiling_wins_over_what_all_freezes_would_be(ceiling: str) -> None:
    glass = FROZEN.policy.break_glass
    assert glass is not None
    held = replace(glass, never_waives=(*glass.never_waives, ceiling))
    policy = build_effective(replace(FROZEN.policy, break_glass=held), FROZEN.repository, FROZEN.robots)
    decision = decide(BOB, DANA, policy=policy, break_glass=invoke())
    assert (decision.answer, override(decision).waived) == (Answer.PENDING, ())


@pytest.mark.req("INV-01")
def test_a_policy_without_break_glass_knows_none() -> None:
    decision = decide(BOB, policy=build_policy(BASE), break_glass=invoke())
    assert (decision.answer, decision.override) == (Answer.PENDING, None)
    assert any("Mia broke the glass" in note for note in decision.notes)


@pytest.mark.req("INV-12")
def test_who_could_co_sign_is_named_and_the_invoker_is_not() -> None:
    decision = broken(glass=replace(invoke(), cosigners=()), staff=staff_with("mia", roles=MIA_TOO))
    wanted = override(decision).cosign
    assert wanted is not None
    assert [one.name for one in wanted.candidates] == ["Bob", "Ivan"]
    assert [(one.name, one.code) for one in wanted.disqualified] == [("Mia", "invoker")]
    assert "Can co-sign it: Bob, Ivan." in "\n".join(explain_decision(decision))


@pytest.mark.req("INV-12")
def test_break_glass_in_plain_words() -> None:
    section = next(one for one in explain_policy(EXCEPTIONAL) if one.title == "Break-glass")
    assert section.lines == (
        "incident-commander may invoke it for 4 hours, co-signed by 1 person with the role maintainer.",
        "It needs a reason of 30 characters with one of the codes outage, security-fix, and an incident, as INC-7.",
        "It waives qa-signoff, any freeze. It never waives separation, veto, policy-change, nor anything else.",
        (
            "qa owes an independent review within 2 business days; while one is overdue in the repository, "
            "nobody can invoke it there."
        ),
    )


@pytest.mark.req("POL-05")
@pytest.mark.parametrize("key", ["shared: true", "forge_review: true", 'expr: "true"'])
def test_a_co_signature_is_a_plain_requirement(key: str) -> None:
    text = BREAK_GLASS.replace("count: 1, meaning: technical-review}", f"count: 1, meaning: technical-review, {key}}}")
    assert text != BREAK_GLASS
    with pytest.raises(InputError, match="of rules only"):
        build_policy(BASE + text)


# --- business days


@pytest.mark.req("POL-01")
@pytest.mark.parametrize(
    ("start", "days", "due"),
    [
        ("2026-07-01T11:30", 2, "2026-07-03T11:30"),
        ("2026-07-02T11:30", 2, "2026-07-06T11:30"),
        ("2026-07-03T15:30", 1, "2026-07-06T15:30"),
        ("2026-07-03T15:30", 2, "2026-07-07T15:30"),
        ("2026-07-03T23:59", 5, "2026-07-10T23:59"),
        ("2026-07-04T10:00", 1, "2026-07-07T00:00"),
        ("2026-07-05T23:59", 2, "2026-07-08T00:00"),
        ("2026-07-06T00:00", 5, "2026-07-13T00:00"),
        ("2026-07-03T15:30", 11, "2026-07-20T15:30"),
    ],
)
def test_business_days_over_weekends(start: str, days: int, due: str) -> None:
    assert add_business_days(datetime.fromisoformat(f"{start}Z"), days) == datetime.fromisoformat(f"{due}Z")


@pytest.mark.req("POL-01")
def test_business_days_are_of_utc() -> None:
    assert add_business_days(datetime.fromisoformat("2026-07-04T01:00+02:00"), 1) == datetime(
        2026, 7, 6, 23, tzinfo=UTC
    )


@pytest.mark.req("POL-01")
@given(st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)), st.integers(1, 60))  # noqa: DTZ001
def test_business_days_as_counted_one_by_one(start: datetime, days: int) -> None:
    due = add_business_days(start, days)
    assert due.weekday() < 5
    at, passed = start, 0
    if at.weekday() >= 5:
        at = at.replace(hour=0, minute=0, second=0, microsecond=0)
    while at.weekday() >= 5:
        at += timedelta(days=1)
    while passed < days:
        at += timedelta(days=1)
        passed += at.weekday() < 5
    assert due == at
    assert due < add_business_days(start, days + 1)


# --- whatever is invoked by whom

LOGINS = [one.login for one in PEOPLE]
HELD = [(one.login, f"{held.role}:{held.team}" if held.team else held.role) for one in PEOPLE for held in one.roles]


@st.composite
def glasses(draw: st.DrawFn) -> BreakGlassFacts:
    some = [cosign(login, role) for login, role in draw(st.lists(st.sampled_from(HELD), max_size=2))]
    who = draw(st.sampled_from(["mia", "mia", "mia", *LOGINS]))
    base = invoke(*some, person=f"corp:{who}", name=who.capitalize())
    ago = timedelta(minutes=draw(st.sampled_from([0, 30, 239, 240, -1])))
    return replace(base, invoked_at=NOW - ago, head=draw(st.sampled_from([base.head, base.head, H1])))


@st.composite
def situations(draw: st.DrawFn) -> Facts:
    signed = draw(st.lists(st.sampled_from(HELD), max_size=4))
    acts = [approve(login, role, index=20 + number) for number, (login, role) in enumerate(signed)]
    acts += [BOB] * draw(st.integers(0, 1))
    if draw(st.integers(0, 5)) == 0:
        acts.append(reject(*draw(st.sampled_from(HELD))))
    if draw(st.booleans()):
        acts.append(sign_for("dana", index=60))
    others = draw(st.lists(st.sampled_from([*LOGINS, None]), max_size=1))
    return facts(
        *acts,
        policy=draw(st.sampled_from([EXCEPTIONAL, FROZEN])),
        delegations=(hand_over(),),
        contributors=(contributor("alice"), *(contributor(one, how="mail" if one else "nobody") for one in others)),
        change_request=draw(st.sampled_from(["CHG-1", "CHG-1", "CHG-1", None])),
        checks=draw(st.sampled_from([(build_check(),), (build_check(),), ()])),
        paths=paths(draw(st.sampled_from(["ledger/posting/a.py", "ledger/posting/a.py", "policies/x.yaml"]))),
        owed_reviews=draw(st.sampled_from([(), (), (owe(NOW),), (owe(NOW + SECOND),)])),
    )


def policy_of(one: Facts) -> Any:
    return next(each for each in (EXCEPTIONAL, FROZEN) if each.digest == one.policy_digest)


@pytest.mark.req("INV-01", "INV-03", "POL-03")
@given(situations(), glasses())
def test_it_never_makes_an_allow_of_what_is_no_missing_signature(one: Facts, glass: BreakGlassFacts) -> None:
    policy = policy_of(one)
    glass = replace(glass, policy_digest=policy.digest)
    before, after = evaluate(policy, one), evaluate(policy, replace(one, break_glass=glass))
    if before.answer in (Answer.ERROR, Answer.BLOCKED, Answer.REJECTED):
        assert after.answer is before.answer
    if before.answer is Answer.APPROVED:
        assert after.answer is Answer.APPROVED
    if before.answer is Answer.PENDING:
        open_before = {(reason.code, reason.rule) for reason in before.reasons}
        reach = {("approval-missing", "qa-signoff"), ("freeze", "quarter-close")}
        assert after.answer in (Answer.PENDING, Answer.OVERRIDDEN)
        assert after.answer is Answer.PENDING or open_before <= reach or after.counted != before.counted
    if after.answer is Answer.OVERRIDDEN:
        assert set(override(after).waived) <= {"qa-signoff", "quarter-close"}
        assert glass.person == "corp:mia"
        assert not {each.person for each in one.contributors} & {glass.person}


@pytest.mark.req("INV-07")
@given(situations(), glasses())
def test_facts_and_decision_survive_storage(one: Facts, glass: BreakGlassFacts) -> None:
    policy = policy_of(one)
    whole = replace(one, break_glass=replace(glass, policy_digest=policy.digest))
    decision = evaluate(policy, parse_facts(facts_bytes(whole)))
    assert decision == evaluate(policy, whole)
    assert parse_decision(decision_bytes(decision)) == decision
