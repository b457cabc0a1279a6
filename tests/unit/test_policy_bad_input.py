"""Bad input to the later sections of a policy file and to its tests: file, line, what is wrong, what to write instead.

One good file (the example for SOX) and one mistake at a time. What the first sections may not say is in
``test_policy_parse.py``.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from gate.domain.errors import InputError
from gate.policy.decision import Answer
from gate.policy.document import Policy
from gate.policy.parse import parse_policy
from gate.policy.read_cases import MOST_STEPS
from gate.policy.shape_tests import MOST
from gate.policy.suite import try_case
from gate.workflow.activate import load_proposals

GOOD = (Path(__file__).parents[2] / "policies" / "examples" / "sox.yaml").read_text(encoding="utf-8")
SECOND = (
    "  - {id: second, window: {start: %s, end: %s, tz: America/New_York}, because: Again., at: [financial]}\n"
    "delegation: {"
)
ACCEPTANCE = "require: [{role: business-owner, count: 1, meaning: acceptance}]"
CIRCLE = ("fay", "dee", "flo", "fay")
NAMED = "{name: reviewed and accepted, approvals: [{by: max}, {by: fay}], expect: approved, level: financial}"

# name: (what stands in the good file, what is put in its place, a word of the message, a word of the remedy)
MISTAKES: dict[str, tuple[str, str, str, str]] = {
    # the words themselves
    "a key twice": ("  valid_for: 8h", "  valid_for: 8h\n  valid_for: 4h", "stands twice", "Keep one"),
    "a tab": ("    at: [financial]", "\t at: [financial]", "tab", "spaces"),
    "an anchor": ("valid_for: 8h", "valid_for: &long 8h", "Anchors", "in full"),
    "an alias": ("valid_for: 8h", "valid_for: *long", "aliases", "in full"),
    "a tag": ("min_chars: 40", "min_chars: !!int 40", "Tags", "plain value"),
    "yes for a truth": ("survives_push: true", "survives_push: yes", "survives_push", "true or false"),
    "on for a truth": (ACCEPTANCE, ACCEPTANCE.replace("count: 1", "count: 1, shared: on"), "shared", "true or false"),
    "a number as text": ("min_chars: 40", 'min_chars: "40"', "min_chars", "whole number"),
    "an unknown key": ("  waives: [", "  waive: [", "Unknown key `waive`", "waives"),
    "an unknown key of a test": (
        "fixture: emergency, owed",
        "fixtur: emergency, owed",
        "Unknown key `fixtur`",
        "fixture",
    ),
    # levels
    "a level nobody declared": (
        "when: {classification: [financial]}",
        "when: {classification: [high]}",
        "`high`",
        "standard",
    ),
    "a freeze of no level": ("    at: [financial]", "    at: [high]", "`high`", "financial"),
    "no default of that name": ("default: standard", "default: normal", "`normal`", "standard"),
    "a level twice": ("levels: [standard, financial]", "levels: [standard, standard]", "twice", "once"),
    "one level": ("levels: [standard, financial]", "levels: []", "`levels`", "at least one"),
    "carried over at no level": (
        "approval: {valid_for: 14d}",
        "approval: {valid_for: 14d, carry_over_at: {high: same_diff}}",
        "`high`",
        "standard",
    ),
    "carried over always": ("approval: {valid_for: 14d}", "approval: {carry_over: always}", "always", "same_diff"),
    # people who are asked
    "neither role nor any_role": (ACCEPTANCE, "require: [{count: 1, meaning: acceptance}]", "exactly one", "any_role"),
    "role and any_role": (
        ACCEPTANCE,
        ACCEPTANCE.replace("count: 1", "any_role: [maintainer, change-board], count: 1"),
        "exactly one",
        "any_role",
    ),
    "any_role with one": (
        ACCEPTANCE,
        "require: [{any_role: [maintainer], count: 1, meaning: acceptance}]",
        "any_role",
        "",
    ),
    "a role twice": (
        ACCEPTANCE,
        "require: [{any_role: [change-board, change-board], count: 1, meaning: acceptance}]",
        "named twice",
        "once",
    ),
    "a size in words": (
        "when: {classification: [financial]}",
        "when: {lines_over: many}",
        "lines_over",
        "whole number",
    ),
    "a training for nobody known": ("for: [approvers]", "for: [reviewers]", "reviewers", "approvers"),
    "a veto that nobody clears": ("cleared_by: [change-board]", "cleared_by: [boss]", "`boss`", "change-board"),
    # freezes
    "a time that does not exist": (
        'start: "2026-09-28T18:00"',
        'start: "2026-03-08T02:30"',
        "does not exist",
        "outside",
    ),
    "a time that exists twice": ('end: "2026-10-03T06:00"', 'end: "2026-11-01T01:30"', "exists twice", "outside"),
    "a time with a zone": (
        'start: "2026-09-28T18:00"',
        'start: "2026-09-28T18:00Z"',
        "not a local time",
        "without a zone",
    ),
    "a day that no month has": ('start: "2026-09-28T18:00"', 'start: "2026-09-31T18:00"', "not a local time", "quotes"),
    "an end before the start": ('end: "2026-10-03T06:00"', 'end: "2026-09-01T06:00"', "ends before", "later end"),
    "no time zone": ("tz: America/New_York", "tz: New York", "not a time zone", "IANA"),
    "a time zone out of a folder": ("tz: America/New_York", "tz: ../../etc/passwd", "not a time zone", "IANA"),
    "overlapping freezes": (
        "delegation: {",
        SECOND % ('"2026-10-01T00:00"', '"2026-10-09T00:00"'),
        "`close-q3` and `second` overlap",
        "make them one",
    ),
    "two freezes of one name": (
        "delegation: {",
        (SECOND % ('"2026-12-01T00:00"', '"2026-12-09T00:00"')).replace("second", "close-q3"),
        "declared twice",
        "another name",
    ),
    # deputies
    "a role nobody declared is handed over": (
        "{roles: [business-owner], max",
        "{roles: [boss], max",
        "`boss`",
        "declare it",
    ),
    "a period in words": ("max_period: 14d", "max_period: two weeks", "not a duration", "14d"),
    "deputies of deputies": ("max_period: 14d", "max_period: 14d, depth: 2", "depth", "1"),
    "deputies without prerequisites": ("max_period: 14d", "max_period: 14d, prerequisites: none", "none", "delegate"),
    # emergencies
    "waives what is not there": (
        "waives: [business-acceptance, c",
        "waives: [acceptance, c",
        "`acceptance`",
        "business-acceptance",
    ),
    "waives its own ceiling": (
        "waives: [business-acceptance, c",
        "waives: [independent-review, c",
        "never waived",
        "Take it off",
    ),
    "waives separation": ("waives: [business-acceptance, c", "waives: [separation, c", "never waived", "Take it off"),
    "waives a veto": ("waives: [business-acceptance, c", "waives: [veto, c", "never waived", "Take it off"),
    "waives a check": (
        "waives: [business-acceptance, c",
        "waives: [regression-tests, c",
        "`regression-tests`",
        "Declared here",
    ),
    "reviews their own override": (
        "[author, contributors, invoker]",
        "[author, contributors]",
        "`invoker` is left out",
        "Write",
    ),
    "days that are no business days": ("within: 5bd", "within: 5d", "business days", "2bd"),
    "an overdue review that locks nothing": (
        "within: 5bd",
        "within: 5bd, overdue: remind",
        "remind",
        "lock_break_glass",
    ),
    "a reason in five characters": ("min_chars: 40", "min_chars: 5", "`min_chars` is 5", "10 or more"),
    "an incident that fits nothing": ("example: INC-77", "example: INC", "does not match", "whole example"),
    "any incident": ('pattern: "INC-[0-9]+"', 'pattern: ".*"', "empty id", "CHG-"),
    "co-signed by nobody known": ("cosign: {role: maintainer,", "cosign: {role: boss,", "`boss`", "maintainer"),
    "co-signed by a team of none": (
        ", of: any_owning_team, count: 1, meaning: technical-review}\n  reason",
        ", count: 1, meaning: technical-review}\n  reason",
        "`of` is missing",
        "any_owning_team",
    ),
    # tests
    "an answer that does not exist": (NAMED, NAMED.replace("expect: approved", "expect: ok"), "`ok`", "approved"),
    "no answer": (NAMED, NAMED.replace("expect: approved, ", ""), "`expect` is missing", "Add"),
    "two tests of one name": (
        "name: nobody reviewed it,",
        "name: nobody reviewed a tool,",
        "declared twice",
        "another name",
    ),
    "a fixture that is not there": ("fixture: tool, expect: pending", "fixture: tol, expect: pending", "`tol`", "tool"),
    "somebody unknown signs": (NAMED, NAMED.replace("by: max", "by: mix"), "`mix` is not declared", "max"),
    "somebody unknown wrote it": ("author: ann, change_request", "author: anna, change_request", "`anna`", "ann"),
    "a role nobody declared is held": (
        "roles: [incident-commander], tr",
        "roles: [commander], tr",
        "`commander`",
        "incident-commander",
    ),
    "a role per team without its team": (
        'moe: {team: ledger, roles: ["maintainer:ledger"]',
        "moe: {team: ledger, roles: [maintainer]",
        "per team",
        "maintainer:",
    ),
    "a team for a role of all": (
        "roles: [incident-commander], tr",
        'roles: ["incident-commander:sre"], tr',
        "not a role per team",
        "incident-commander",
    ),
    "a test at no time": ('    now: "2026-07-01T12:00:00Z"\n    repo', "    repo", "`now`", "base"),
    "a local time in a test": (
        '    now: "2026-07-01T12:00:00Z"\n    repo',
        '    now: "2026-07-01T12:00"\n    repo',
        "not an instant",
        "UTC",
    ),
    "an exemption from nothing": (
        "exemptions: [{by: bea, freeze: close-q3}], expect",
        "exemptions: [{by: bea, freeze: close}], expect",
        "`close`",
        "close-q3",
    ),
    "a clearance of no veto": (
        "clearances: [{veto_of: flo, by: bea",
        "clearances: [{veto_of: fay, by: bea",
        "no veto",
        "vetoes",
    ),
    "a deputy of nobody": (
        "{by: dee, for: fay}], expect: approved}",
        "{by: dee, for: max}], expect: approved}",
        "no delegation",
        "delegations",
    ),
}


def error_of(text: str | bytes) -> InputError:
    with pytest.raises(InputError) as caught:
        parse_policy("sox.yaml", text)
    return caught.value


@pytest.mark.req("POL-05")
@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_names_the_line_and_the_mend(name: str) -> None:
    good, bad, said, remedy = MISTAKES[name]
    assert good in GOOD, "the case no longer fits the example"
    error = error_of(GOOD.replace(good, bad, 1))
    assert said in error.message
    assert remedy in error.remedy
    assert error.file == "sox.yaml"
    first = GOOD[: GOOD.index(good)].count("\n") + 1
    assert error.line is not None
    assert near(error, first, bad, said), f"line {error.line} instead of {first}"


def near(error: InputError, first: int, bad: str, said: str) -> bool:
    """On the lines of the mistake; what is missing is reported at the entry or section it is missing from."""
    if "is missing" in said or "`now`" in said or "overlap" in said or "twice" in said:
        return True
    return error.line is not None and first <= error.line <= first + bad.count("\n")


@pytest.mark.req("POL-05")
def test_no_and_on_are_words_where_words_belong() -> None:
    policy = parse_policy("sox.yaml", GOOD.replace("fay: {team: finance", "fay: {team: no").replace("CHG-PROC", "on"))
    assert {one.team for one in policy.cases[0].facts.people if one.id == "fay"} == {"no"}
    assert policy.prerequisites[0].training == "on"


@pytest.mark.req("POL-05")
def test_ten_megabytes_are_refused_before_they_are_read(tmp_path: Path) -> None:
    big = GOOD + "#" * 10_000_000
    assert "at most 256,000" in error_of(big).message
    assert "Split it" in error_of(big.encode()).remedy
    (tmp_path / "sox.yaml").write_text(big, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_proposals(tmp_path)
    assert (caught.value.file, caught.value.line) == ("sox.yaml", 1)


@pytest.mark.req("POL-05")
def test_an_alias_bomb_in_the_tests_is_refused_on_its_first_line() -> None:
    bomb = "".join(f"  - &a{at} [*a{at - 1}, *a{at - 1}]\n" for at in range(1, 60))
    error = error_of(GOOD + bomb)
    assert "Anchors" in error.message
    assert error.line == GOOD.count("\n") + 1


@pytest.mark.req("POL-01")
def test_deputies_in_a_circle_count_for_nothing_and_are_named() -> None:
    until = 'role: business-owner, until: "2026-07-10T00:00:00Z"'
    good = f"delegations: [{{from: fay, to: dee, {until}}}]"
    assert good in GOOD
    steps = [f"{{from: {giver}, to: {receiver}, {until}}}" for giver, receiver in pairwise(CIRCLE)]
    circle = f"delegations: [{', '.join(steps)}]"
    before, after = (answer_of(text, "a deputy accepts") for text in (GOOD, GOOD.replace(good, circle, 1)))
    assert (before, after) == (Answer.APPROVED, Answer.PENDING)


def answer_of(text: str, name: str) -> Answer:
    policy: Policy = parse_policy("sox.yaml", text)
    return try_case(policy, next(case for case in policy.cases if case.name.startswith(name))).decision.answer


@pytest.mark.req("POL-05")
@pytest.mark.parametrize(
    ("test", "times"),
    [
        ("{name: t%d, change: {files: 100000}, expect: pending}", 5),
        ("{name: t%d, approvals: [{by: max}, {by: fay}], expect: pending}", 2500),
    ],
)
def test_tests_that_nobody_would_wait_for_are_refused_with_the_bound(test: str, times: int) -> None:
    text = GOOD + "".join(f"  - {test % number}\n" for number in range(times))
    with pytest.raises(InputError) as caught:
        parse_policy("policy.yaml", text)
    assert f"more than {MOST_STEPS:,} steps" in caught.value.message
    assert "split the policy" in caught.value.remedy
    assert (caught.value.line or 0) > GOOD.count("\n")


@pytest.mark.req("POL-05")
def test_one_test_lists_only_so_much() -> None:
    many = ", ".join(["{by: max}"] * (MOST + 1))
    with pytest.raises(InputError, match=f"`approvals` has more than {MOST} entries"):
        parse_policy("policy.yaml", GOOD + f"  - {{name: many, approvals: [{many}], expect: pending}}\n")
