"""Freezes: when they hold, for what, who lets something through, and that nothing else does."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gate.domain.errors import InputError
from gate.policy.decision import Answer, Decision
from gate.policy.document import Classification, LevelPaths
from gate.policy.effective import EffectivePolicy, build_effective
from gate.policy.evaluate import evaluate
from gate.policy.explain import explain_decision, explain_policy
from gate.policy.facts import ApprovalFacts, RoleHeld
from tests.support.exceptional import BASE, FREEZES, FROZEN, PEOPLE, decide, exempt, facts, staff_with
from tests.support.policies import H1, NOW, approve, build_policy, contributor, paths, person, reject

BOB = approve("bob", "maintainer:ledger", index=10)
DANA = approve("dana", "qa", index=11)
LIZ, LOU = exempt("liz", 12), exempt("lou", 13)
START, END = datetime(2026, 6, 28, 16, tzinfo=UTC), datetime(2026, 7, 3, 4, tzinfo=UTC)


def frozen(*approvals: ApprovalFacts, **changes: Any) -> Decision:
    return decide(*(approvals or (BOB, DANA)), policy=FROZEN, **changes)


def at(now: datetime, *approvals: ApprovalFacts, **changes: Any) -> Decision:
    return frozen(*approvals, now=now, directory_checked_at=now, max_age_seconds=10**7, **changes)


@pytest.mark.req("POL-01", "INV-12")
def test_a_freeze_is_pending_with_the_freeze_unmet_and_its_end() -> None:
    decision = frozen()
    assert (decision.answer, decision.until) == (Answer.PENDING, END)
    assert [(reason.code, reason.rule) for reason in decision.reasons] == [("freeze", "quarter-close")]
    assert "until 2026-07-03 04:00 UTC" in decision.summary
    assert "The books are closed" in decision.summary
    exemption = decision.freezes[0].exempt
    assert exemption is not None
    assert [one.name for one in exemption.candidates] == ["Liz", "Lou"]
    assert {one.name for one in decision.ask} == {"Liz", "Lou"}


@pytest.mark.req("POL-01")
@pytest.mark.parametrize(
    ("now", "answer"),
    [
        (START - timedelta(seconds=1), Answer.APPROVED),
        (START, Answer.PENDING),
        (END - timedelta(seconds=1), Answer.PENDING),
        (END, Answer.APPROVED),
    ],
)
def test_the_window_is_half_open_to_the_second(now: datetime, answer: Answer) -> None:
    signed = [replace(one, signed_at=START - timedelta(days=1)) for one in (BOB, DANA)]
    assert at(now, *signed).answer is answer


@pytest.mark.req("INV-01")
def test_a_start_and_an_end_to_come_end_the_decision() -> None:
    assert at(START - timedelta(hours=1)).valid_until == START
    assert at(NOW, BOB, DANA, LIZ, LOU).valid_until == END
    later = at(END)
    assert (later.answer, later.valid_until) == (Answer.APPROVED, datetime(2026, 7, 10, tzinfo=UTC))


@pytest.mark.req("POL-01")
def test_another_branch_is_not_frozen() -> None:
    policy = build_policy(BASE + FREEZES, branch="release/1")
    signed = [replace(one, target="refs/heads/release/1") for one in (BOB, DANA, approve("sam", "security", index=14))]
    assert decide(*signed, policy=policy, target="refs/heads/release/1").answer is Answer.APPROVED


@pytest.mark.req("POL-02")
def test_what_is_out_of_scope_is_frozen_too() -> None:
    scope = "out_of_scope:\n  - {id: own, when: {cross_team: false}, because: Their own.}\n"
    policy = build_policy(BASE + FREEZES + scope)
    own = {"author": "corp:carl", "contributors": (contributor("carl"),)}
    decision = decide(policy=policy, **own)
    assert (decision.answer, decision.out_of_scope) == (Answer.PENDING, None)
    through = decide(LIZ, LOU, policy=policy, **own)
    assert (through.answer, through.out_of_scope) == (Answer.APPROVED, "own")
    assert decide(policy=policy, **own, now=END, directory_checked_at=END).answer is Answer.APPROVED


@pytest.mark.req("POL-01")
def test_an_exemption_by_enough_people_lets_it_through() -> None:
    decision = frozen(BOB, DANA, LIZ, LOU)
    assert (decision.answer, decision.until) == (Answer.APPROVED, None)
    assert decision.freezes[0].exempted_by == (12, 13)
    assert decision.counted == (10, 11, 12, 13)
    assert "Freeze quarter-close: Liz and Lou exempted this" in "\n".join(explain_decision(decision))


NOT_EXEMPT: dict[str, tuple[ApprovalFacts, ...]] = {
    "one of two": (LIZ,),
    "one person twice": (LIZ, exempt("liz", 14)),
    "an approval that exempts from nothing": (LIZ, replace(LOU, freeze=None)),
    "an exemption from another freeze": (LIZ, replace(LOU, freeze="release-week")),
    "for an earlier head": (LIZ, replace(LOU, head=H1)),
    "for another target": (LIZ, replace(LOU, target="refs/heads/release/1")),
    "under another policy": (LIZ, replace(LOU, policy_digest="0" * 64)),
    "with another meaning": (LIZ, replace(LOU, meaning="technical-review")),
    "in another role": (LIZ, replace(LOU, role="qa")),
    "too old": (LIZ, replace(LOU, signed_at=NOW - timedelta(days=14))),
    "by somebody without the role": (LIZ, exempt("eve", 14)),
    "a review on the forge": (LIZ, replace(LOU, kind="forge-review")),
}


@pytest.mark.req("INV-02", "INV-03")
@pytest.mark.parametrize("name", NOT_EXEMPT)
def test_what_exempts_nothing(name: str) -> None:
    decision = frozen(BOB, DANA, *NOT_EXEMPT[name])
    assert decision.answer is Answer.PENDING
    assert [reason.rule for reason in decision.reasons] == ["quarter-close"]
    assert decision.freezes[0].exempted_by == ()


@pytest.mark.req("INV-03")
def test_a_contributor_exempts_nothing() -> None:
    decision = frozen(BOB, DANA, LIZ, LOU, contributors=(contributor("alice"), contributor("lou", "co-author")))
    assert decision.answer is Answer.PENDING
    exemption = decision.freezes[0].exempt
    assert exemption is not None
    assert [one.name for one in exemption.disqualified] == ["Lou"]


@pytest.mark.req("INV-03")
def test_an_exemption_fills_nothing_else_and_nobody_fills_two_slots_with_one() -> None:
    as_qa = frozen(BOB, replace(DANA, freeze="quarter-close"), LIZ, LOU)
    assert [reason.rule for reason in as_qa.reasons] == ["qa-signoff"]
    board = paths("policies/x.yaml")
    pat = approve("pat", "maintainer:platform", index=14)
    both = (pat, replace(LIZ, freeze=None, index=15), replace(LOU, freeze=None, index=16), LIZ, LOU)
    decision = frozen(*both, paths=board)
    assert [reason.rule for reason in decision.reasons] == ["quarter-close"]
    more = (*PEOPLE, person("max", "board", "change-board"), person("moe", "board", "change-board"))
    others = (*both[:3], exempt("max", 17), exempt("moe", 18))
    assert frozen(*others, paths=board, staff=more).answer is Answer.APPROVED


@pytest.mark.req("POL-03")
def test_an_exemption_takes_no_rejection_back() -> None:
    liz_is_qa = staff_with("liz", roles=(RoleHeld(role="change-board"), RoleHeld(role="qa")))
    decision = frozen(BOB, DANA, replace(reject("liz", "qa"), index=5), LIZ, LOU, staff=liz_is_qa)
    assert decision.answer is Answer.REJECTED
    assert ("rejected-before", 12) in [(one.code, one.index) for one in decision.not_counted]


@pytest.mark.req("INV-12")
def test_what_nobody_may_exempt_from_ends_by_time_alone() -> None:
    later = datetime(2026, 7, 12, tzinfo=UTC)
    given = exempt("liz", 20, freeze="release-week", signed_at=later)
    decision = at(later, replace(BOB, signed_at=later), given)
    assert (decision.answer, decision.until) == (Answer.PENDING, datetime(2026, 7, 17, tzinfo=UTC))
    text = "\n".join(explain_decision(decision))
    assert "Nobody may exempt from it." in text
    assert "their signatures are needed, and not enough" in text
    assert ("not-asked", 20) in [(one.code, one.index) for one in decision.not_counted]


@pytest.mark.req("INV-12")
def test_of_two_freezes_the_last_end_is_waited_for() -> None:
    """One file lets none overlap; a layer may add one that does."""
    first, second = FROZEN.policy.freezes
    both = replace(FROZEN.policy, freezes=(first, replace(second, start=START)))
    policy = build_effective(both, FROZEN.repository, FROZEN.robots)
    assert decide(BOB, DANA, policy=policy).until == datetime(2026, 7, 17, tzinfo=UTC)


@pytest.mark.req("INV-12")
def test_an_exemption_that_too_few_could_give_is_no_dead_end() -> None:
    """The freeze ends by itself: nobody is told to have the policy changed."""
    decision = frozen(BOB, DANA, staff=tuple(one for one in PEOPLE if one.login != "lou"))
    assert "1 person can do this, too few for all that is asked" in decision.summary
    assert decision.notes == ()


@pytest.mark.req("INV-01")
def test_an_exemption_that_nobody_can_be_told_to_give_is_an_error() -> None:
    given = facts(BOB, DANA, LIZ, LOU, policy=FROZEN)
    rows = tuple(
        replace(row, members=(), error="timed out") if row.role == "change-board" else row for row in given.role_members
    )
    assert evaluate(FROZEN, replace(given, role_members=rows)).answer is Answer.ERROR
    unread = tuple(row for row in given.role_members if row.role != "change-board")
    assert evaluate(FROZEN, replace(given, role_members=unread)).answer is Answer.ERROR


def with_levels() -> EffectivePolicy:
    """The freeze holds at critical only, and docs are low."""
    levels = Classification(
        levels=("low", "standard", "critical"),
        default="standard",
        paths=(LevelPaths(level="low", paths=("docs/**",)), LevelPaths(level="critical", paths=("ledger/posting/**",))),
    )
    freezes = (replace(FROZEN.policy.freezes[0], levels=("critical",)),)
    changed = replace(FROZEN.policy, classification=levels, freezes=freezes)
    return build_effective(changed, FROZEN.repository, FROZEN.robots)


@pytest.mark.req("POL-01")
@pytest.mark.parametrize(
    ("path", "is_frozen"), [("ledger/posting/a.py", True), ("ledger/b.py", False), ("docs/a -> ledger/posting/a", True)]
)
def test_a_freeze_at_a_level_holds_at_that_level_only(path: str, is_frozen: bool) -> None:
    decision = decide(BOB, DANA, policy=with_levels(), paths=paths(path))
    assert bool(decision.freezes) is is_frozen
    assert (decision.until == END) is is_frozen


@pytest.mark.req("POL-01", "INV-01")
@pytest.mark.parametrize("path", ["ledger/posting/a.py", "ledger/b.py", "docs/a"])
def test_a_freeze_that_names_no_level_holds_at_all_of_them(path: str) -> None:
    policy = with_levels()
    every = build_effective(replace(policy.policy, freezes=FROZEN.policy.freezes), policy.repository, policy.robots)
    assert [one.id for one in decide(BOB, DANA, policy=every, paths=paths(path)).freezes] == ["quarter-close"]


@pytest.mark.req("INV-01")
def test_a_change_without_a_level_is_at_all_of_them() -> None:
    unknown = build_effective(replace(with_levels().policy, classification=None), FROZEN.repository, FROZEN.robots)
    assert decide(BOB, DANA, policy=unknown).answer is Answer.PENDING


@pytest.mark.req("POL-01")
@pytest.mark.parametrize(
    ("start", "end", "first", "last"),
    [
        ("2026-03-28T02:30", "2026-03-29T03:30", "2026-03-28T01:30Z", "2026-03-29T01:30Z"),
        ("2026-10-24T02:30", "2026-10-25T03:30", "2026-10-24T00:30Z", "2026-10-25T02:30Z"),
    ],
    ids=["spring forward", "fall back"],
)
def test_windows_over_a_change_of_clocks(start: str, end: str, first: str, last: str) -> None:
    text = f'  - {{id: night, window: {{start: "{start}", end: "{end}", tz: Europe/Berlin}}, because: Clocks.}}\n'
    policy = build_policy(BASE + "freezes:\n" + text)

    def held(now: datetime) -> bool:
        return bool(decide(policy=policy, now=now, directory_checked_at=now).freezes)

    starts, ends, tick = datetime.fromisoformat(first), datetime.fromisoformat(last), timedelta(seconds=1)
    assert [held(starts - tick), held(starts), held(ends - tick), held(ends)] == [False, True, True, False]


@pytest.mark.req("POL-05")
@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("count: 2, meaning: policy-approval}}", "count: 2, meaning: policy-approval, shared: true}}", "`shared`"),
        ("count: 2, meaning: policy-approval}}", "count: 2, meaning: policy-approval, forge_review: true}}", "forge"),
        ("{role: change-board, count: 2,", "{role: maintainer, of: each_owning_team, count: 2,", "asked once"),
        ("id: quarter-close", "id: qa-signoff", "also the name of a rule"),
        ("id: quarter-close", "id: freeze", "means something else"),
        ("id: quarter-close", "id: veto", "means something else"),
    ],
)
def test_what_a_freeze_may_not_say(old: str, new: str, says: str) -> None:
    assert old in FREEZES
    with pytest.raises(InputError, match=says):
        build_policy(BASE + FREEZES.replace(old, new))


@pytest.mark.req("INV-12")
def test_freezes_in_plain_words() -> None:
    section = next(one for one in explain_policy(FROZEN) if one.title == "When nothing lands")
    assert section.lines[0].startswith(
        "From 2026-06-28 16:00 to 2026-07-03 04:00 UTC nothing lands into main: The books"
    )
    assert "2 people with the role change-board may exempt one contribution" in section.lines[0]
    assert "Nobody may exempt from it" in section.lines[1]
