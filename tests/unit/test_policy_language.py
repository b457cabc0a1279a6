"""The later members of a policy, each in both directions: where it asks for more, where it does not, and that what
nobody knows is an error or holds the stricter way."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from gate.domain.errors import InputError
from gate.policy.classification import find_level
from gate.policy.decision import Answer, Decision, RuleState
from gate.policy.document import LevelPaths
from gate.policy.effective import EffectivePolicy
from gate.policy.evaluate import evaluate
from gate.policy.explain import explain_decision, explain_policy
from gate.policy.facts import (
    ApprovalFacts,
    ContributorFacts,
    PathFacts,
    RepositoryFacts,
    TrainingHeld,
)
from gate.policy.record import decision_bytes, facts_bytes, parse_decision, parse_facts
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

LEVELS = """\
classification:
  levels: [low, standard, critical]
  default: standard
  paths:
    - {level: low, paths: ["docs/**", "*.md"]}
    - {level: critical, paths: ["ledger/posting/**"]}
"""
SECURITY = """\
  - id: more
    description: Security looks as well.
    when: WHEN
    require: [{role: security, count: 1, meaning: technical-review}]
"""


def with_rule(when: str, *, text: str = POLICY + SECURITY) -> EffectivePolicy:
    return build_policy(text.replace("WHEN", when).replace("terms:\n", LEVELS + "terms:\n", 1))


def decide(policy: EffectivePolicy, **changes: Any) -> Decision:
    """The everyday case, signed by everybody it needs but the rule ``more``, under ``policy``."""
    signed = changes.pop("approvals", (approve("bob", "maintainer:ledger"), approve("dana", "qa", index=11)))
    mine = tuple(replace(one, policy_digest=policy.digest) for one in signed)
    facts = build_facts(policy=policy, **{"approvals": mine, **changes})
    assert parse_facts(facts_bytes(facts)) == facts
    decision = evaluate(policy, facts)
    assert parse_decision(decision_bytes(decision)) == decision
    return decision


def lines_of(decision: Decision) -> str:
    return "\n".join(explain_decision(decision))


def sized(added: int | None = 60, deleted: int | None = 40) -> tuple[PathFacts, ...]:
    return (PathFacts(path="ledger/posting/a.py", added=added, deleted=deleted),)


def entity(ours: str | None = "Example AG") -> RepositoryFacts:
    return RepositoryFacts(id="core", mode="enforce", owning_teams=("platform",), protected=("main",), entity=ours)


def staff(login: str, **changes: Any) -> dict[str, Any]:
    return {"staff": tuple(replace(one, **changes) if one.login == login else one for one in STAFF)}


ROBOT: tuple[ContributorFacts, ...] = (contributor("alice"), contributor(None, "pusher", address="renovate"))
SAME = {"repository": entity(), **staff("alice", entity="Example AG")}
OTHER = {"repository": entity(), **staff("alice", entity="Example Ltd")}

# --- when: (condition, facts, does the rule apply; None: it cannot be told), and what the reason says
WHEN: dict[str, tuple[str, dict[str, Any], bool | None, str]] = {
    "a critical path": ("{classification: [critical]}", {}, True, "the change is critical: ledger/posting/a.py is"),
    "only a low path": ("{classification: [critical]}", {"paths": paths("docs/a.md")}, False, "is low, not critical"),
    "a critical path after one of the default": (
        "{classification: [critical]}",
        {"paths": paths("x.py", "ledger/posting/a.py")},
        True,
        "ledger/posting/a.py is critical",
    ),
    "two critical paths: the first is named": (
        "{classification: [critical]}",
        {"paths": paths("ledger/posting/a.py", "ledger/posting/b.py")},
        True,
        "ledger/posting/a.py is critical",
    ),
    "no path that is classified": ("{classification: [standard]}", {"paths": paths("x.py")}, True, "x.py is standard"),
    "a low path beside one of the default": (
        "{classification: [low]}",
        {"paths": paths("docs/a.md", "x.py")},
        False,
        "the change is standard, not low: x.py is standard",
    ),
    "a path that a low and a critical entry match": (
        "{classification: [critical]}",
        {"paths": paths("ledger/posting/a.md")},
        True,
        "ledger/posting/a.md is critical",
    ),
    "renamed out of a critical path": (
        "{classification: [critical]}",
        {"paths": paths("ledger/posting/a.py -> docs/a.py")},
        True,
        "ledger/posting/a.py is critical",
    ),
    "copied from a critical path": (
        "{classification: [critical]}",
        {"paths": (PathFacts(path="docs/a", old_path="ledger/posting/a", status="C"),)},
        True,
        "ledger/posting/a is critical",
    ),
    "a submodule in place of a critical folder": (
        "{classification: [critical]}",
        {"paths": paths("ledger/posting")},
        True,
        "ledger/posting is critical",
    ),
    "a person wrote it": ("{author_kind: [person]}", {}, True, "a person contributed"),
    "no robot wrote it": ("{author_kind: [robot]}", {}, False, "a person contributed, no robot"),
    "a robot pushed beside a person": ("{author_kind: [robot]}", {"contributors": ROBOT}, True, "a person and a robot"),
    "a person beside a robot": ("{author_kind: [person]}", {"contributors": ROBOT}, True, "a person and a robot"),
    "only the address of a robot": (
        "{author_kind: [robot]}",
        {"contributors": (contributor("alice"), contributor(None, address="bot@renovate.example"))},
        True,
        "a person and a robot",
    ),
    "opened by a robot of the directory": (
        "{author_kind: [robot]}",
        {"people": (*STAFF, person("hal", "x", robot=True, sponsor="corp:carl")), "author": "corp:hal"},
        True,
        "a person and a robot",
    ),
    "nobody who contributed is known": (
        "{author_kind: [robot]}",
        {"contributors": (contributor(None, how="nobody"),), "author": None},
        None,
        "nobody is known to have contributed",
    ),
    "the label": ("{labels: [risky]}", {"labels": ("risky",)}, True, "it has the label risky"),
    "the label, written otherwise": ("{labels: [risky]}", {"labels": ("Risky",)}, True, "it has the label Risky"),
    "another label": ("{labels: [risky]}", {"labels": ("docs",)}, False, "none of the labels risky"),
    "no label": ("{labels: [risky]}", {"labels": ()}, False, "none of the labels risky"),
    "labels that nobody reports": ("{labels: [risky]}", {"labels": None}, None, "nobody reports labels"),
    "labels that nobody reports, though no path matches": (
        '{labels: [risky], paths: ["nowhere/**"]}',
        {"labels": None},
        None,
        "nobody reports labels of this repository",
    ),
    "more lines": ("{lines_over: 99}", {"paths": sized()}, True, "100 lines changed, more than 99"),
    "as many lines": ("{lines_over: 100}", {"paths": sized()}, False, "100 lines changed, not more than 100"),
    "lines added here and removed there": (
        "{lines_over: 100}",
        {"paths": (PathFacts(path="a", added=60, deleted=0), PathFacts(path="b", added=0, deleted=40))},
        False,
        "100 lines changed, not more than 100",
    ),
    "added lines that cannot be counted": ("{lines_over: 100}", {"paths": sized(added=None)}, True, "cannot be"),
    "deleted lines that cannot be counted": ("{lines_over: 100}", {"paths": sized(deleted=None)}, True, "cannot be"),
    "few lines beside such as cannot be counted": (
        "{lines_over: 100}",
        {"paths": (PathFacts(path="a", added=1, deleted=0), PathFacts(path="logo.png"))},
        True,
        "the lines of logo.png cannot be counted, so it counts as more than 100",
    ),
    "more files": ("{files_over: 1}", {"paths": paths("ledger/a.py", "ledger/b.py")}, True, "2 files changed"),
    "as many files": ("{files_over: 1}", {}, False, "1 file changed, not more than 1"),
    "another legal entity": ("{cross_entity: true}", OTHER, True, "Alice belongs to Example Ltd"),
    "the same legal entity": ("{cross_entity: true}", SAME, False, "every contributor belongs to Example AG"),
    "entity of the repository unknown": (
        "{cross_entity: true}",
        {**OTHER, "repository": entity(None)},
        None,
        "Add `entity:` to the repository",
    ),
    "entity of a contributor unknown": ("{cross_entity: true}", {"repository": entity()}, None, "An administrator can"),
    "one of two parts": ("{author_kind: [person], files_over: 1}", {}, False, "1 file changed"),
}


@pytest.mark.req("POL-01", "INV-01", "INV-12")
@pytest.mark.parametrize("name", WHEN)
def test_when_a_rule_applies(name: str) -> None:
    when, changes, applies, because = WHEN[name]
    decision = decide(with_rule(when), **changes)
    more = next(rule for rule in decision.rules if rule.id == "more")
    states = {True: RuleState.UNSATISFIED, False: RuleState.NOT_APPLICABLE, None: RuleState.ERROR}
    assert more.state is states[applies]
    assert because in "; ".join(more.because)
    assert (decision.answer is Answer.ERROR) == (applies is None)
    assert ("Sam" in [one.name for one in decision.ask]) == (applies is True)
    assert (("more" in lines_of(decision)) and because in lines_of(decision)) == (applies is not False)


@pytest.mark.req("INV-12")
def test_a_rule_that_does_not_apply_says_the_first_reason() -> None:
    decision = decide(with_rule('{paths: ["nowhere/**"], files_over: 9}'))
    assert decision.rules[-1].because == ("no changed path matches nowhere/**",)


@pytest.mark.req("INV-01")
def test_a_rule_for_a_level_cannot_be_told_where_the_policy_has_none() -> None:
    policy = with_rule("{classification: [low]}")
    unlevelled = replace(policy, policy=replace(policy.policy, classification=None))
    decision = decide(unlevelled)
    assert decision.answer is Answer.ERROR
    assert decision.rules[-1].because == ("the policy has no levels.",)


@pytest.mark.req("POL-01")
def test_the_level_is_said_and_a_policy_without_levels_has_none() -> None:
    decision = decide(with_rule("{classification: [low]}"))
    assert decision.level == "critical"
    assert "The change is classified as critical." in explain_decision(decision)
    assert decide(EFFECTIVE).level is None


@pytest.mark.req("POL-01", "INV-01")
def test_a_raised_path_keeps_the_rules_of_its_own_level() -> None:
    policy = with_rule("{classification: [low]}")
    assert policy.policy.classification is not None
    low = replace(policy.policy.classification.paths[0], level="critical")
    layered = replace(policy.policy, classification=replace(policy.policy.classification, raised=(low,)))
    decision = decide(replace(policy, policy=layered), paths=paths("docs/a.md"))
    assert decision.level == "critical"
    assert decision.rules[-1].state is RuleState.UNSATISFIED


@pytest.mark.req("POL-01")
def test_raising_moves_only_what_it_names_and_only_up() -> None:
    levels = with_rule("{}").policy.classification
    assert levels is not None

    def level(raised: str, to: str, *names: str) -> tuple[str, str, set[str]]:
        found = find_level(replace(levels, raised=(LevelPaths(level=to, paths=(raised,)),)), paths(*names))
        assert found is not None
        return found.name, found.because, set(found.held)

    posting = "ledger/posting/a.py"
    assert level("docs/**", "critical", "x.py") == ("standard", "x.py is standard", {"standard"})
    assert level("x.py", "standard", posting, "x.py") == ("critical", f"{posting} is critical", {"critical"})
    assert level("x.py", "critical", posting, "x.py") == ("critical", f"{posting} is critical", {"critical"})
    assert level("x.py", "critical", "y.py", "x.py") == ("critical", "x.py is critical", {"standard", "critical"})


@pytest.mark.req("INV-01")
def test_a_change_of_which_nothing_is_known_is_at_the_highest_level() -> None:
    found = find_level(with_rule("{}").policy.classification, ())
    assert found is not None
    assert (found.name, set(found.held)) == ("critical", {"critical"})
    assert found.because == "it is not known what changed"


# --- prerequisites


def with_prerequisite(line: str) -> EffectivePolicy:
    text = POLICY.replace("change_request:", f"  - {line}\nchange_request:", 1).replace("terms:\n", LEVELS + "terms:\n")
    return build_policy(text)


EXPORT = TrainingHeld(code="EAR-1", valid_until=NOW + timedelta(minutes=1), as_of=date(2026, 6, 1), source="register")
ENDED = replace(EXPORT, valid_until=NOW - timedelta(days=1))
PAIRS = '{id: pairs, for: [contributors], entities: [["Example Ltd", "Example AG"]]}'
PREREQUISITES: dict[str, tuple[str, dict[str, Any], Answer, str]] = {
    "the author lacks a training": (
        "{id: more, for: [author], training: LEAD-1}",
        {},
        Answer.BLOCKED,
        "Alice has no training LEAD-1",
    ),
    "only a co-author lacks it": (
        "{id: more, for: [author], clearance: EAR-1}",
        {**staff("alice", trainings=(*STAFF[0].trainings, EXPORT)), "contributors": (contributor("carl"),)},
        Answer.APPROVED,
        "",
    ),
    "a co-author lacks what contributors need": (
        "{id: more, for: [author, contributors], clearance: EAR-1}",
        {**staff("alice", trainings=(*STAFF[0].trainings, EXPORT)), "contributors": (contributor("carl"),)},
        Answer.BLOCKED,
        "Carl has no clearance EAR-1 on record",
    ),
    "an author who is a robot: whoever answers for it": (
        "{id: more, for: [author], clearance: EAR-1}",
        {
            "people": (*STAFF, person("hal", "x", robot=True, sponsor="corp:sam")),
            "author": "corp:hal",
            "contributors": (contributor("hal"),),
        },
        Answer.BLOCKED,
        "Sam has no clearance EAR-1",
    ),
    "clearance held": (
        "{id: more, for: [contributors], clearance: EAR-1}",
        staff("alice", trainings=(*STAFF[0].trainings, EXPORT)),
        Answer.APPROVED,
        "",
    ),
    "a clearance that ended and was renewed": (
        "{id: more, for: [contributors], clearance: EAR-1}",
        staff("alice", trainings=(*STAFF[0].trainings, ENDED, EXPORT)),
        Answer.APPROVED,
        "",
    ),
    "a clearance that ended beside one without an end": (
        "{id: more, for: [contributors], clearance: EAR-1}",
        staff("alice", trainings=(*STAFF[0].trainings, ENDED, replace(EXPORT, valid_until=None))),
        Answer.APPROVED,
        "",
    ),
    "a clearance that ended": (
        "{id: more, for: [contributors], clearance: EAR-1}",
        staff("alice", trainings=(*STAFF[0].trainings, ENDED)),
        Answer.BLOCKED,
        "Alice had the clearance EAR-1 only until 2026-06-30",
    ),
    "at a level that it has not": (
        "{id: more, for: [author], training: LEAD-1, at: [low]}",
        {},
        Answer.APPROVED,
        "",
    ),
    "at its level": (
        "{id: more, for: [author], training: LEAD-1, at: [low, critical]}",
        {},
        Answer.BLOCKED,
        "Alice has no training LEAD-1",
    ),
    "a listed pair": (PAIRS, OTHER, Answer.APPROVED, ""),
    "the same entity": (PAIRS, SAME, Answer.APPROVED, ""),
    "the pair the other way round": (
        PAIRS,
        {"repository": entity("Example Ltd"), **staff("alice", entity="Example AG")},
        Answer.BLOCKED,
        "Alice belongs to Example AG, from which no work may pass to Example Ltd",
    ),
    "a contributor of no known entity": (PAIRS, {"repository": entity()}, Answer.BLOCKED, "An administrator can add"),
    "a repository of no known entity": (
        PAIRS,
        {**OTHER, "repository": entity(None)},
        Answer.BLOCKED,
        "Add `entity:` to the repository in repositories.yaml",
    ),
    "nobody's entity is known": (PAIRS, {"repository": entity(None)}, Answer.BLOCKED, "Add `entity:`"),
    "an approver without clearance": (
        "{id: more, for: [approvers], clearance: EAR-1, at: [critical]}",
        {},
        Answer.PENDING,
        "Bob has no clearance EAR-1 on record",
    ),
}


@pytest.mark.req("POL-03", "INV-01", "INV-12")
@pytest.mark.parametrize("name", PREREQUISITES)
def test_prerequisites(name: str) -> None:
    line, changes, answer, said = PREREQUISITES[name]
    decision = decide(with_prerequisite(line), **changes)
    assert decision.answer is answer
    assert said in lines_of(decision)


@pytest.mark.req("POL-03", "INV-01")
def test_what_is_asked_at_a_level_is_asked_of_a_change_without_one() -> None:
    policy = with_prerequisite("{id: more, for: [author], training: LEAD-1, at: [low]}")
    unlevelled = replace(policy, policy=replace(policy.policy, classification=None))
    assert decide(policy).answer is Answer.APPROVED
    assert decide(unlevelled).answer is Answer.BLOCKED


@pytest.mark.req("POL-03")
def test_a_clearance_lapses_with_its_last_instant() -> None:
    held = staff("alice", trainings=(*STAFF[0].trainings, replace(EXPORT, valid_until=NOW)))
    decision = decide(with_prerequisite("{id: more, for: [author], clearance: EAR-1}"), **held)
    assert (decision.answer, decision.valid_until) == (Answer.APPROVED, NOW + timedelta(microseconds=1))


@pytest.mark.req("POL-03")
def test_of_two_clearances_of_an_approver_the_first_to_lapse_ends_the_decision() -> None:
    policy = with_prerequisite("{id: more, for: [approvers], clearance: EAR-1}")
    until = NOW + timedelta(seconds=30)
    both = tuple(
        replace(one, trainings=(replace(EXPORT, code="GXP-101"), replace(EXPORT, valid_until=until)))
        if one.login in ("bob", "dana")
        else one
        for one in STAFF
    )
    decision = decide(policy, staff=both)
    assert (decision.answer, decision.valid_until) == (Answer.APPROVED, until + timedelta(microseconds=1))


@pytest.mark.req("POL-03", "INV-12")
def test_the_terms_that_were_not_accepted_are_named() -> None:
    other = POLICY.replace("terms:\n", "terms:\n  first-terms: {title: The first terms, text: As they were.}\n")
    decision = decide(build_policy(other), **staff("alice", terms=()))
    assert decision.answer is Answer.BLOCKED
    assert "Alice has not accepted “InnerSource terms”" in decision.summary


# --- shared counts and reviews on the forge

TWO_HUMANS = """\
  - id: two-humans
    description: Two people look at what a robot did.
    require: [{any_role: [maintainer, qa], of: any_owning_team, count: 2, shared: true, meaning: technical-review}]
"""
SHARED = build_policy(POLICY + TWO_HUMANS)
BOB, DANA = approve("bob", "maintainer:ledger"), approve("dana", "qa", index=11)
DANA_TOO = replace(DANA, index=12, meaning="technical-review")
IVAN = approve("ivan", "maintainer:ledger", index=13)


@pytest.mark.req("INV-03", "POL-01")
def test_a_shared_count_uses_nobody_up_and_counts_people() -> None:
    decision = decide(SHARED, approvals=(BOB, DANA, DANA_TOO))
    assert decision.answer is Answer.APPROVED
    assert decision.counted == (10, 11, 12)
    once = decide(SHARED, approvals=(BOB, replace(BOB, index=20), DANA))
    assert once.answer is Answer.PENDING
    assert once.rules[-1].requirements[0].missing == 1
    assert "who may be somebody that signs for another rule" in lines_of(once)


@pytest.mark.req("INV-03")
@pytest.mark.parametrize("who", ["alice", "dana"])
def test_a_shared_count_takes_no_contributor(who: str) -> None:
    roles = person(who, "payments", "maintainer:ledger", "qa")
    people = tuple(roles if one.login == who else one for one in STAFF)
    hands = (contributor("alice"), contributor("dana", "co-author"))
    mine = approve(who, "maintainer:ledger", index=30)
    decision = decide(SHARED, approvals=(BOB, mine), staff=people, contributors=hands)
    assert decision.rules[-1].requirements[0].missing == 1
    assert 30 not in decision.counted


@pytest.mark.req("INV-12")
def test_whom_to_ask_counts_shared_signatures_with_the_slots() -> None:
    decision = decide(SHARED, approvals=())
    assert decision.is_ask_smallest
    assert len(decision.ask) == 2
    assert {one.missing for rule in decision.rules for one in rule.requirements} == {1, 2}
    after_bob = decide(SHARED, approvals=(BOB,))
    assert len(after_bob.ask) == 1, "who signs for quality can sign for the count as well"


FORGE = build_policy(
    POLICY.replace(
        "of: each_owning_team, count: 1, meaning: technical-review}]",
        "of: each_owning_team, count: 1, meaning: technical-review, forge_review: true}]",
    )
)


@pytest.mark.req("INV-05", "RCV-08")
@pytest.mark.parametrize("kind", ["approval", "responsibility", "authorship"])
def test_a_review_on_the_forge_stands_in_for_a_review_and_nothing_else(kind: str) -> None:
    text = POLICY.replace(
        "technical-review: {text: I reviewed this change., kind: review}",
        f"technical-review: {{text: I reviewed this change., kind: {kind}}}",
    )
    asked = "meaning: technical-review, forge_review: true}"
    with pytest.raises(InputError, match=f"of kind {kind}, and on a forge people only review") as refused:
        build_policy(text.replace("meaning: technical-review}", asked, 1))
    assert refused.value.line is not None


@pytest.mark.req("INV-05", "POL-01", "INV-12")
def test_a_review_on_the_forge_counts_only_where_it_may_and_is_never_called_a_signature() -> None:
    review = replace(BOB, kind="forge-review")
    allowed = decide(FORGE, approvals=(review, DANA))
    assert allowed.answer is Answer.APPROVED
    filled = allowed.rules[0].requirements[0]
    assert filled.filled[0].kind == "forge-review"
    assert filled.sentence == "Bob reviewed it on the forge as maintainer of ledger"
    assert "Bob reviewed it on the forge" in lines_of(allowed)
    refused = decide(EFFECTIVE, approvals=(review, DANA))
    assert refused.answer is Answer.PENDING
    assert [(one.index, one.code) for one in refused.not_counted] == [(10, "forge-review")]
    assert "Not counted: the review of Bob on the forge (entry 10)" in lines_of(refused)


@pytest.mark.req("INV-01")
def test_an_approval_of_unknown_kind_counts_nowhere() -> None:
    decision = decide(FORGE, approvals=(replace(BOB, kind="thumbs-up"), DANA))
    assert [one.code for one in decision.not_counted] == ["unknown-kind"]


@pytest.mark.req("INV-05", "POL-03")
def test_a_review_on_the_forge_takes_no_signed_rejection_back() -> None:
    signed = reject("bob", "maintainer:ledger", index=5)
    review = replace(BOB, kind="forge-review", index=20)
    ivan = replace(IVAN, index=21)
    decision = decide(FORGE, approvals=(signed, review, ivan, DANA))
    assert decision.answer is Answer.REJECTED
    both = decide(FORGE, approvals=(signed, replace(signed, kind="forge-review", index=6), review, ivan, DANA))
    assert both.answer is Answer.REJECTED
    assert decide(FORGE, approvals=(signed, replace(BOB, index=20), DANA)).answer is Answer.APPROVED


# --- approvals carried over


def carrying(default: str, at: str = "{}") -> EffectivePolicy:
    text = POLICY.replace("valid_for: 14d,", f"valid_for: 14d, carry_over: {default}, carry_over_at: {at},")
    return build_policy(text.replace("terms:\n", LEVELS + "terms:\n", 1))


def carried(by: str | None, origin: str | None = H1) -> ApprovalFacts:
    return replace(BOB, carried_from=origin, carried_by=by)


CARRIED: dict[str, tuple[EffectivePolicy, ApprovalFacts, bool]] = {
    "nothing is carried": (carrying("none"), carried("same_tree"), False),
    "a policy that says nothing": (EFFECTIVE, carried("same_tree"), False),
    "same diff": (carrying("same_diff"), carried("same_diff"), True),
    "a same tree where a same diff is enough": (carrying("same_diff"), carried("same_tree"), True),
    "same tree": (carrying("same_tree"), carried("same_tree"), True),
    "a same diff where a same tree is needed": (carrying("same_tree"), carried("same_diff"), False),
    "not at this level": (carrying("same_diff", "{critical: none}"), carried("same_tree"), False),
    "only at this level": (carrying("none", "{critical: same_diff}"), carried("same_diff"), True),
    "only at another level": (carrying("none", "{low: same_diff}"), carried("same_diff"), False),
    "by nothing that is proof": (carrying("same_diff"), carried("looks-alike"), False),
    "carried by none": (carrying("same_diff"), carried("none"), False),
    "from nowhere": (carrying("same_diff"), carried("same_diff", None), False),
    "without saying why": (carrying("same_diff"), carried(None), False),
    "to another head": (carrying("same_diff"), replace(carried("same_diff"), head="9" * 40), False),
}


@pytest.mark.req("INV-02", "INV-12")
@pytest.mark.parametrize("name", CARRIED)
def test_carried_approvals(name: str) -> None:
    policy, one, counts = CARRIED[name]
    decision = decide(policy, approvals=(one, DANA))
    assert decision.answer.allows == counts
    if counts:
        assert "Bob (for the head 1111111111, carried over) approved" in lines_of(decision)
    else:
        assert [each.code for each in decision.not_counted] in (["carried"], ["stale-head"])
        assert f"given for the {'earlier ' if one.head != '2' * 40 else ''}head" in lines_of(decision)


@pytest.mark.req("INV-12")
@pytest.mark.parametrize(
    ("policy", "said"),
    [
        (carrying("none"), "the policy carries nothing over for a change that is critical"),
        (
            carrying("same_tree"),
            "the policy carries approvals over only for the same tree for a change that is critical",
        ),
        (EFFECTIVE, "the policy carries nothing over"),
    ],
)
def test_why_a_carried_approval_does_not_count(policy: EffectivePolicy, said: str) -> None:
    (one,) = decide(policy, approvals=(carried("same_diff"), DANA)).not_counted
    because = "it was given for the head 1111111111 and carried here because of the same changes"
    assert one.reason == f"{because}; {said}"


@pytest.mark.req("INV-02")
def test_at_two_levels_the_strictest_carry_over_counts() -> None:
    policy = carrying("same_diff", "{low: same_tree}")
    levels = policy.policy.classification
    assert levels is not None
    above = replace(levels, raised=(replace(levels.paths[0], level="critical"),))
    mine = replace(policy, policy=replace(policy.policy, classification=above))
    for by, counts in (("same_tree", True), ("same_diff", False)):
        one = replace(approve("pat", "maintainer:platform"), carried_from=H1, carried_by=by)
        assert decide(mine, approvals=(one,), paths=paths("docs/a.md")).answer.allows == counts


@pytest.mark.req("INV-12", "POL-01")
def test_the_language_in_plain_words() -> None:
    text = (
        POLICY.replace("survives_push: true}", "survives_push: true, cleared_by: [change-board]}")
        .replace("valid_for: 14d,", "valid_for: 14d, carry_over: same_diff, carry_over_at: {critical: none},")
        .replace("terms:\n", LEVELS + "terms:\n", 1)
        .replace(
            "change_request:",
            f"  - {PAIRS}\n  - {{id: ear, for: [author], clearance: EAR-1, at: [low]}}\nchange_request:",
        )
    )
    when = "{classification: [low, critical], author_kind: [robot], labels: [risky], lines_over: 9, cross_entity: true}"
    policy = build_policy(text + TWO_HUMANS + SECURITY.replace("WHEN", when))
    said = "\n".join(line for section in explain_policy(policy) for line in section.lines)
    for words in (
        "The levels are low, standard and critical",
        "ledger/posting/**: critical.",
        "Everything else: standard.",
        "is classified as low or critical and has a robot among its contributors and has the label risky and changes",
        "more than 9 lines (or lines that cannot be counted) and comes from another legal entity",
        "2 people with the role maintainer or qa of a team that owns a changed path sign technical-review, who may be",
        "The author must have the clearance EAR-1 when the change is low.",
        "work may pass (Example Ltd to Example AG)",
        "takes it back or somebody with the role change-board clears it",
        "When the change is critical, an approval is carried over to no other revision.",
        "An approval is carried over to a revision proven to change the same",
    ):
        assert words in said, said
