"""`expr`: typed when read, narrows when true, denies on error, and is refused where the extra is not installed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gate.domain.errors import InputError
from gate.policy import expressions
from gate.policy.decision import Answer, Decision, RuleState
from gate.policy.evaluate import evaluate
from gate.policy.explain import explain_policy
from gate.policy.expression_facts import Seen, judge_change, why_not_admitted
from gate.policy.expressions import INSTALL, Scope, Value, check_expression, evaluate_expression
from gate.policy.facts import ApprovalFacts, Facts, PathFacts, PersonFacts, RoleHeld
from gate.policy.parse import parse_policy
from tests.support.policies import EFFECTIVE, POLICY, STAFF, approve, build_facts, build_policy, contributor, person

pytest.importorskip("cel_expr_python", reason=f"not installed: {INSTALL}")

BIG = """\
  - id: big-change
    description: Security looks at big changes.
    when: {expr: "change.lines > 500"}
    require: [{role: security, count: 1, meaning: technical-review, expr: "approver.department != 'payments'"}]
"""
TEXT = POLICY + BIG
BIG_POLICY = build_policy(TEXT)
TWO = (
    approve("bob", "maintainer:ledger", policy=BIG_POLICY),
    approve("dana", "qa", index=11, policy=BIG_POLICY),
)
SAM = approve("sam", "security", index=12, policy=BIG_POLICY)


def staffed(department: str | None = "risk") -> tuple[PersonFacts, ...]:
    return tuple(replace(one, department=department) if one.login == "sam" else one for one in STAFF)


def changed(lines: int | None) -> tuple[PathFacts, ...]:
    return (PathFacts(path="ledger/posting/a.py", added=lines, deleted=0 if lines is not None else None),)


def decide(lines: int | None = 600, department: str | None = "risk", **changes: object) -> Decision:
    base = build_facts(policy=BIG_POLICY, staff=staffed(department), paths=changed(lines))
    facts = replace(base, **{"approvals": TWO, **changes})  # type: ignore[arg-type]
    return evaluate(BIG_POLICY, facts)


def state(decision: Decision) -> RuleState:
    return next(rule.state for rule in decision.rules if rule.id == "big-change")


@pytest.mark.req("POL-01")
def test_a_condition_that_is_false_asks_nobody_more() -> None:
    decision = decide(500)
    assert decision.answer is Answer.APPROVED
    assert state(decision) is RuleState.NOT_APPLICABLE
    rule = next(rule for rule in decision.rules if rule.id == "big-change")
    assert rule.because == ("`change.lines > 500` is false",)


@pytest.mark.req("POL-01", "INV-12")
def test_a_condition_that_is_true_asks_more() -> None:
    decision = decide(501)
    assert decision.answer is Answer.PENDING
    assert {reason.rule for reason in decision.reasons} == {"big-change"}
    assert [one.name for one in decision.ask] == ["Sam"]
    assert decide(501, approvals=(*TWO, SAM)).answer is Answer.APPROVED


@pytest.mark.req("INV-01")
def test_an_error_in_a_condition_denies() -> None:
    """The library calls an error truthy and not a BOOL: neither "applies" nor "does not" may be read from it."""
    decision = decide(None, approvals=(*TWO, SAM))
    assert decision.answer is Answer.ERROR
    assert state(decision) is RuleState.ERROR
    assert "nobody recorded change.lines" in decision.summary
    text = TEXT.replace("change.lines > 500", "change.lines / 0 > 500")
    policy = build_policy(text)
    acts = tuple(replace(one, policy_digest=policy.digest) for one in (*TWO, SAM))
    facts = build_facts(policy=policy, staff=staffed(), paths=changed(1), approvals=acts)
    assert evaluate(policy, facts).answer is Answer.ERROR


@pytest.mark.req("POL-01", "INV-12")
@pytest.mark.parametrize(
    ("department", "said"),
    [("payments", "Sam does not meet"), (None, "nobody recorded approver.department")],
)
def test_an_approval_counts_only_from_whom_the_expression_admits(department: str | None, said: str) -> None:
    decision = decide(department=department, approvals=(*TWO, SAM))
    assert decision.answer is Answer.PENDING
    assert SAM.index not in decision.counted
    refused = next(one for one in decision.not_counted if one.index == SAM.index)
    assert refused.code == "expression"
    assert said in refused.reason
    unmet = next(rule for rule in decision.rules if rule.id == "big-change").requirements[0]
    assert [(one.code, one.name) for one in unmet.disqualified] == [("expression", "Sam")]
    assert unmet.candidates == ()
    assert not unmet.is_satisfiable


@pytest.mark.req("INV-12")
def test_whom_an_expression_does_not_admit_is_never_asked_to_move() -> None:
    """Sam counts for quality. He is not admitted here whoever takes that over, so it must not be said that he can."""
    both = tuple(replace(one, roles=(*one.roles, RoleHeld(role="qa"))) if one.login == "sam" else one for one in STAFF)
    staff = tuple(replace(one, department="payments") for one in both)
    facts = build_facts(policy=BIG_POLICY, staff=staff, paths=changed(600))
    as_qa = approve("sam", "qa", index=11, policy=BIG_POLICY)
    decision = evaluate(BIG_POLICY, replace(facts, approvals=(TWO[0], as_qa)))
    unmet = next(rule for rule in decision.rules if rule.id == "big-change").requirements[0]
    assert [(one.name, one.code) for one in unmet.disqualified] == [("Sam", "expression")]
    assert unmet.sentence == "Needs 1 more with the role security (nobody can do this now)"
    assert decision.ask == ()
    wrote = replace(facts, contributors=(contributor("alice"), contributor("sam")), approvals=TWO)
    unmet = next(rule for rule in evaluate(BIG_POLICY, wrote).rules if rule.id == "big-change").requirements[0]
    assert [(one.name, one.code) for one in unmet.disqualified] == [("Sam", "contributor")]


@pytest.mark.req("INV-12")
def test_not_admitted_is_said_only_where_no_requirement_would_have_admitted_them() -> None:
    """Without the expression the second rule would take Dana's; that one is filled, so hers is not needed."""
    picky = """\
  - id: picky
    description: Quality from outside looks as well.
    require: [{role: qa, count: 1, meaning: independent-verification, expr: "approver.department != 'payments'"}]
"""
    policy = build_policy(POLICY + picky)
    staff = tuple(replace(one, department="payments") if one.login in ("dana", "ivan") else one for one in STAFF)
    acts = (
        approve("bob", "maintainer:ledger", policy=policy),
        approve("dana", "qa", index=11, policy=policy),
        approve("ivan", "qa", index=12, policy=policy),
    )
    decision = evaluate(policy, build_facts(policy=policy, staff=staff, approvals=acts))
    assert [(one.index, one.code) for one in decision.not_counted] == [(12, "not-needed")]


@pytest.mark.req("POL-01")
def test_an_expression_and_the_rest_of_a_condition_must_both_hold() -> None:
    text = TEXT.replace('when: {expr: "change.lines > 500"}', 'when: {paths: ["docs/**"], expr: "change.lines > 500"}')
    policy = build_policy(text)
    acts = tuple(replace(one, policy_digest=policy.digest) for one in TWO)
    for lines in (9, 900, None):
        facts = build_facts(policy=policy, paths=changed(lines), approvals=acts)
        assert evaluate(policy, facts).answer is Answer.APPROVED, "it is not about docs, whatever the expression says"


@pytest.mark.req("POL-01")
@pytest.mark.parametrize(
    ("expression", "login", "is_robot", "applies"),
    [
        ("change.cross_team", "alice", False, True),
        ("change.cross_team", "carl", False, False),
        ("change.robot", "alice", True, True),
        ("change.robot", "alice", False, False),
    ],
)
def test_a_rule_for_the_change_of_another_team_or_of_a_robot(
    expression: str, login: str, is_robot: bool, applies: bool
) -> None:
    policy = build_policy(TEXT.replace("change.lines > 500", expression))
    pushers = (contributor(None, "pusher", address="renovate"),) if is_robot else ()
    facts = build_facts(policy=policy, author=f"corp:{login}", contributors=(contributor(login), *pushers))
    assert state(evaluate(policy, facts)) is (RuleState.UNSATISFIED if applies else RuleState.NOT_APPLICABLE)


@pytest.mark.req("INV-12")
def test_expressions_are_said_as_written() -> None:
    lines = [line for section in explain_policy(BIG_POLICY) for line in section.lines]
    rule = next(line for line in lines if "big-change" in line)
    assert "meets `change.lines > 500`" in rule
    assert "if they meet `approver.department != 'payments'`" in rule


@pytest.mark.req("INV-03")
def test_who_signs_for_somebody_is_admitted_with_them_or_not_at_all() -> None:
    need = why_not_admitted("approver.team == 'risk'", seen(), (person("sam", "risk"), person("eve", "quality")))
    assert set(need) == {"corp:eve"}


def seen(levels: tuple[str, ...] = (), **changes: object) -> Seen:
    facts = build_facts(**changes)  # type: ignore[arg-type]
    return Seen(facts=facts, is_cross_team=True, is_robot=False, levels=levels)


@pytest.mark.req("POL-01")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("change.files == 1", True),
        ("'ledger/posting/a.py' in change.paths", True),
        ("change.paths.all(p, p.startsWith('docs/'))", False),
        ("change.target == 'main'", True),
        ("change.cross_team && !change.robot", True),
        ("change.author_department == 'cards'", True),
        ("change.author_entity == 'Bank'", None),
        ("change.level == 'low'", None),
        ("'urgent' in change.labels", None),
        ("change.lines > 1", None),
        ("change.cross_team || change.lines > 1", True),
    ],
)
def test_what_an_expression_sees(text: str, expected: bool | None) -> None:
    staff = tuple(replace(one, department="cards") if one.login == "alice" else one for one in STAFF)
    assert judge_change(text, seen(staff=staff)).holds is expected


@pytest.mark.req("POL-01")
def test_labels_and_levels_where_somebody_reports_them() -> None:
    assert judge_change("'urgent' in change.labels", seen(labels=("urgent",))).holds is True
    assert judge_change("size(change.labels) == 0", seen(labels=())).holds is True
    assert judge_change("change.level == 'low'", seen(("low",))).holds is True


@pytest.mark.req("INV-01")
def test_a_raised_change_is_looked_at_on_every_level() -> None:
    """Raising a path must not switch off a rule that its own level switches on."""
    both = ("critical", "low")
    assert judge_change("change.level == 'low'", seen(both)).holds is True
    assert judge_change("change.level != 'low'", seen(both)).holds is True
    refused = why_not_admitted("change.level == 'low' || approver.team == 'risk'", seen(both), STAFF)
    assert "corp:sam" not in refused
    assert "corp:dana" in refused


@pytest.mark.req("POL-05")
@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("change.linse > 500", "undeclared reference to 'change.linse'"),
        ("change.lines >", "Syntax error"),
        ("change.lines", "gives INT"),
        ("change.lines > 'a'", "no matching overload"),
        ("approver.team == 'a'", "undeclared reference to 'approver.team'"),
        ("dyn(change.lines)", "gives DYN"),
        ("now > 1", "undeclared"),
        ("'a' * 3000 == ''", "no matching overload"),
        ("change.lines > 1 " + "&& change.lines > 1 " * 200, "characters"),
    ],
)
def test_an_expression_is_checked_when_the_file_is_read(expression: str, said: str) -> None:
    text = TEXT.replace("change.lines > 500", expression)
    with pytest.raises(InputError) as caught:
        parse_policy("p.yaml", text)
    assert caught.value.line == TEXT[: TEXT.index("change.lines")].count("\n") + 1
    assert said in caught.value.message
    assert "change.author_department" in caught.value.remedy


@pytest.mark.req("POL-05")
def test_a_policy_whose_every_rule_is_an_expression_is_refused() -> None:
    text = POLICY[: POLICY.index("  - id: owner-review")] + BIG
    with pytest.raises(InputError, match="Every rule has `expr`") as caught:
        parse_policy("p.yaml", text)
    assert caught.value.line == text[: text.index("when: {expr")].count("\n") + 1


@pytest.mark.req("POL-05", "INV-01")
def test_without_the_extra_the_file_is_refused_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    expressions.forget()
    monkeypatch.setattr(expressions, "load_cel", lambda: None)
    try:
        with pytest.raises(InputError, match="not installed") as caught:
            parse_policy("p.yaml", TEXT)
        assert INSTALL in caught.value.message
        assert evaluate(BIG_POLICY, build_facts(policy=BIG_POLICY)).answer is Answer.ERROR
        parse_policy("p.yaml", POLICY)
    finally:
        expressions.forget()


@pytest.mark.req("INV-01")
@pytest.mark.parametrize(
    "text",
    [
        "change.lines / 0 > 1",
        "change.labels[9] == ''",
        "change.target.matches('[')",
        "change.paths.all(a, change.paths.all(b, change.paths.all(c, a + b + c != '')))",
        "int(change.target) > 1",
    ],
)
def test_every_way_to_fail_is_told_from_true_and_false(text: str) -> None:
    many = tuple(str(number) for number in range(200))
    values: dict[str, Value | None] = {
        "change.lines": 1,
        "change.labels": (),
        "change.target": "main",
        "change.paths": many,
    }
    outcome = evaluate_expression(Scope.WHEN, text, values)
    assert outcome.holds is None
    assert outcome.error


@pytest.mark.req("INV-01")
@given(st.text(max_size=40))
def test_no_text_escapes_as_anything_but_a_finding(text: str) -> None:
    wrong = check_expression(Scope.REQUIRE, text)
    assert wrong is None or wrong
    assert evaluate_expression(Scope.REQUIRE, text, {}).holds in (True, False, None)


@pytest.mark.req("INV-01")
@given(st.text(max_size=20), st.integers(), st.lists(st.text(max_size=5), max_size=3))
@example("\0", 0, [""])
@example("a\0b", 0, ["a"])
def test_no_value_escapes_as_anything_but_an_outcome(target: str, lines: int, labels: list[str]) -> None:
    values: dict[str, Value | None] = {"change.target": target, "change.lines": lines, "change.labels": tuple(labels)}
    outcome = evaluate_expression(Scope.WHEN, "change.target in change.labels || change.lines > 3", values)
    assert outcome.holds is (target in labels or lines > 3) or outcome.holds is None


def facts_with(lines: int, approvals: tuple[ApprovalFacts, ...]) -> Facts:
    return build_facts(policy=BIG_POLICY, staff=staffed(), paths=changed(lines), approvals=approvals)


@pytest.mark.req("INV-01")
@given(st.integers(0, 1000), st.sets(st.sampled_from([0, 1, 2])))
def test_a_rule_with_an_expression_only_adds(lines: int, chosen: set[int]) -> None:
    acts = tuple((*TWO, SAM)[at] for at in sorted(chosen))
    plain = tuple(replace(one, policy_digest=EFFECTIVE.digest) for one in acts)
    with_rule = evaluate(BIG_POLICY, facts_with(lines, acts))
    without = evaluate(EFFECTIVE, build_facts(staff=staffed(), paths=changed(lines), approvals=plain))
    assert not with_rule.answer.allows or without.answer.allows


@pytest.mark.req("INV-01", "INV-12")
def test_a_text_with_a_nul_is_an_error_that_says_so() -> None:
    outcome = evaluate_expression(Scope.WHEN, "'a' in change.labels", {"change.labels": ("a\0b",)})
    told = "change.labels holds a NUL character, and no text with one can be compared"
    assert (outcome.holds, outcome.error) == (None, told)
