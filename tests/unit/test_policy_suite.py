"""The tests inside a policy file: read strictly, run on the evaluator, and measured for what they leave unshown."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from gate.domain.errors import InputError
from gate.policy.coverage import check_coverage, parts_of
from gate.policy.decision import Answer
from gate.policy.document import Policy
from gate.policy.parse import parse_policy
from gate.policy.suite import Tried, run_suite

ROOT = Path(__file__).resolve().parents[2]
POLICY = """\
apiVersion: gate/v1
kind: ApprovalPolicy
metadata: {id: small, title: Small, owners: [change-board]}
applies_to: {repositories: ["*"], branches: [main]}
identity:
  roles:
    maintainer: {group: "cn={team}-maintainers,dc=ex"}
    qa: {group: "cn=qa,dc=ex"}
ownership:
  - {paths: ["**"], team: "{repository}"}
  - {paths: ["ledger/**"], team: ledger}
meanings:
  review: {text: I reviewed it., kind: review}
  verification: {text: I verified it., kind: approval}
approval: {valid_for: 14d}
veto: {roles: [maintainer, qa], survives_push: true}
terms:
  inner-source: {title: Terms, text: Mine to give.}
prerequisites:
  - {id: accepted, for: [contributors], terms: inner-source}
  - {id: trained, for: [approvers], training: GXP-101}
change_request: {pattern: "CHG-[0-9]+", example: CHG-1}
checks:
  - {name: build, reporters: [ci]}
rules:
  - id: owner
    description: An owner.
    require: [{role: maintainer, of: each_owning_team, count: 1, meaning: review}]
  - id: quality
    description: Quality.
    when: {paths: ["posting/**"]}
    require: [{role: qa, count: 1, meaning: verification}]
"""
FIXTURES = """\
fixtures:
  base:
    now: "2026-07-01T12:00:00Z"
    change: {paths: [posting/a.py], author: alice, change_request: CHG-7}
    checks: [{name: build, reporter: ci}]
    people:
      alice: {team: guests, terms: [inner-source]}
      olga: {team: owners, roles: ["maintainer:owners"], training: [GXP-101], terms: [inner-source]}
      quinn: {team: quality, roles: [qa], training: [GXP-101]}
      both: {team: owners, roles: ["maintainer:owners", qa], training: [GXP-101]}
      nobody: {team: guests, training: [GXP-101]}
tests:
"""


def build(*tests: str, policy: str = POLICY, fixtures: str = FIXTURES) -> Policy:
    listed = textwrap.indent("\n".join(f"- {one}" for one in tests), "  ") if tests else "  []"
    return parse_policy("p.yaml", policy + fixtures + listed)


def run(test: str) -> Tried:
    (tried,) = run_suite(build("{name: it, expect: approved, " + test + "}"))
    return tried


BOTH = "approvals: [{by: olga}, {by: quinn}]"


@pytest.mark.req("POL-01")
@pytest.mark.parametrize(
    ("scene", "answer", "unmet"),
    [
        (BOTH, Answer.APPROVED, set()),
        ("approvals: [{by: olga}]", Answer.PENDING, {"quality"}),
        ("approvals: [{by: both}]", Answer.PENDING, {"quality"}),
        ("approvals: [{by: both}, {by: olga}]", Answer.APPROVED, set()),
        ("approvals: [{by: both, as: qa}, {by: quinn}]", Answer.PENDING, {"owner"}),
        ("approvals: [{by: olga}, {by: quinn, meaning: review}]", Answer.PENDING, {"quality"}),
        ("approvals: [{by: olga, head: h0}, {by: quinn}]", Answer.PENDING, {"owner"}),
        ("approvals: [{by: olga, target: other}, {by: quinn}]", Answer.PENDING, {"owner"}),
        ("approvals: [{by: olga, policy: earlier}, {by: quinn}]", Answer.PENDING, {"owner"}),
        ('approvals: [{by: olga, at: "2026-06-17T12:00:00Z"}, {by: quinn}]', Answer.PENDING, {"owner"}),
        ('approvals: [{by: olga, at: "2026-06-17T12:00:01Z"}, {by: quinn}]', Answer.APPROVED, set()),
        ('approvals: [{by: olga, expires: "2026-07-01T12:00:00Z"}, {by: quinn}]', Answer.PENDING, {"owner"}),
        ("approvals: [{by: nobody}, {by: quinn}]", Answer.PENDING, {"owner"}),
        (BOTH + ", change: {paths: [posting/a.py, ledger/b.py]}", Answer.ERROR, {"owner"}),
        (BOTH + ", change: {contributors: [alice, olga]}", Answer.PENDING, {"owner"}),
        (BOTH + ", change: {co_authors: [olga]}", Answer.PENDING, {"owner"}),
        (BOTH + ", change: {pushers: [olga]}", Answer.PENDING, {"owner"}),
        (BOTH + ", change: {unattributed: 1}", Answer.ERROR, {"unattributed"}),
        (BOTH + ", change: {author: null, contributors: [alice]}", Answer.ERROR, {"unattributed"}),
        (BOTH + ", change: {draft: true}", Answer.PENDING, {"draft"}),
        (BOTH + ", change: {conflicts: true}", Answer.PENDING, {"conflicts"}),
        (BOTH + ", change: {change_request: nonsense}", Answer.BLOCKED, {"change-request"}),
        (
            "change: {paths: [a.py], renamed_from: [posting/a.py]}",
            Answer.PENDING,
            {"owner", "quality"},
        ),
        (BOTH + ", checks: [{name: build, reporter: ci, outcome: failure}]", Answer.PENDING, {"build"}),
        (BOTH + ", checks: [{name: build, reporter: ci, head: h0}]", Answer.PENDING, {"build"}),
        (BOTH + ", people: {alice: {terms: []}}", Answer.BLOCKED, {"accepted"}),
        (BOTH + ", people: {quinn: {training: []}}", Answer.PENDING, {"quality"}),
        (
            BOTH + ', people: {quinn: {training: ["GXP-101 until 2026-06-30T00:00:00Z"]}}',
            Answer.PENDING,
            {"quality"},
        ),
        (BOTH + ", people: {quinn: {state: locked}}", Answer.PENDING, {"quality"}),
        (BOTH + ", people: {quinn: {kind: robot}}", Answer.PENDING, {"quality"}),
        (BOTH + ", vetoes: [{by: both, head: h0}]", Answer.REJECTED, {"veto"}),
        (BOTH + ", vetoes: [{by: alice, as: qa}]", Answer.REJECTED, {"veto"}),
        (BOTH + ', directory: {read: "2026-07-01T11:54:59Z"}', Answer.ERROR, {"directory-stale"}),
        (BOTH + ", directory: {error: no answer}", Answer.ERROR, {"directory"}),
        (BOTH + ", change: {author: bot}, people: {bot: {kind: robot, sponsor: olga}}", Answer.PENDING, {"owner"}),
        (BOTH + ", change: {author: bot}, people: {bot: {kind: robot}}", Answer.ERROR, {"robot-without-sponsor"}),
    ],
)
def test_a_scene_is_decided_as_the_real_thing_would_be(scene: str, answer: Answer, unmet: set[str]) -> None:
    tried = run(scene)
    assert (tried.decision.answer, set(tried.unmet)) == (answer, unmet)


@pytest.mark.req("POL-05")
def test_what_was_expected_and_what_came_are_said() -> None:
    tried = run("unmet: [quality], level: low, until: '2026-07-02T00:00:00Z', approvals: [{by: quinn}]")
    assert tried.differences == (
        "expected approved, but it is pending",
        "expected unmet: quality; unmet: owner",
        "expected level low, but it is none",
        "expected until 2026-07-02 00:00 UTC, but it is not waiting for an instant",
    )
    assert "Rule owner: An owner. It applies because it applies to every contribution." in tried.explanation
    assert run(BOTH).passed


@pytest.mark.req("POL-05")
def test_a_test_says_only_what_differs_from_its_fixture() -> None:
    policy = build(
        "{name: merged, fixture: other, expect: approved, people: {olga: {team: guests}}, " + BOTH + "}",
        fixtures=FIXTURES.replace("tests:", "  other:\n    change: {lines: 7, author: nobody}\ntests:"),
    )
    facts = policy.cases[0].facts
    assert (facts.author, facts.paths[0].path, facts.paths[0].added) == ("nobody", "posting/a.py", 7)
    olga = next(one for one in facts.people if one.id == "olga")
    assert (olga.team, olga.roles[0].team, facts.change_request) == ("guests", "owners", "CHG-7")


@pytest.mark.req("POL-05")
def test_many_files_stand_beside_the_first() -> None:
    facts = build("{name: big, change: {files: 3, lines: null}, expect: pending}").cases[0].facts
    assert [one.path for one in facts.paths] == ["posting/a.py", "posting/file-2", "posting/file-3"]
    assert [one.added for one in facts.paths] == [None, None, None]


@pytest.mark.req("POL-05")
@pytest.mark.parametrize(
    ("test", "said"),
    [
        ("{name: x, expect: yes}", "`yes` is not a possible value of `expect`."),
        ("{name: x}", "`expect` is missing"),
        ("{name: x, expect: error, aprovals: []}", "Unknown key `aprovals`."),
        ("{name: x, expect: error, fixture: none}", "The fixture `none` is not declared."),
        ("{name: x, expect: error, approvals: [{by: zoe}]}", "The person `zoe` is not declared."),
        ("{name: x, expect: error, approvals: [{by: olga, as: boss}]}", "The role `boss` is not declared."),
        ("{name: x, expect: error, approvals: [{by: olga, as: maintainer}]}", "`maintainer` is a role per team."),
        ('{name: x, expect: error, approvals: [{by: olga, as: "qa:ledger"}]}', "`qa` is not a role per team."),
        ("{name: x, expect: error, approvals: [{by: olga, meaning: love}]}", "The meaning `love` is not declared."),
        ("{name: x, expect: error, approvals: [{by: olga, for: both}]}", "no delegation says as what"),
        ("{name: x, expect: error, approvals: [{by: olga, at: yesterday}]}", "`yesterday` is not an instant."),
        ("{name: x, expect: error, now: 2026-07-01}", "`2026-07-01` is not an instant."),
        ("{name: x, expect: error, vetoes: [{by: alice}]}", "alice holds no role to reject in."),
        ("{name: x, expect: error, exemptions: [{by: olga, freeze: f}]}", "The freeze `f` is not declared."),
        ("{name: x, expect: error, clearances: [{veto_of: olga, by: both, as: qa}]}", "`olga` gives no veto here."),
        ("{name: x, expect: error, people: {zoe: {roles: [boss]}}}", "The role `boss` is not declared."),
        ("{name: x, expect: error, people: {zoe: {sponsor: zac}}}", "The person `zac` is not declared."),
        ("{name: x, expect: error, change: {author: zac}}", "The person `zac` is not declared."),
        ("{name: x, expect: error, change: {renamed_from: [a, b]}}", "There are more old names than paths."),
        (
            "{name: x, expect: error, break_glass: {by: olga, code: a, incident: b, reason: c}}",
            "The policy has no `break_glass`.",
        ),
    ],
)
def test_a_mistake_in_a_test_is_named_with_its_line(test: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        build("{name: fine, expect: pending}", test)
    assert said in str(caught.value)
    assert caught.value.line == (POLICY + FIXTURES).count("\n") + 2


@pytest.mark.req("POL-05")
def test_a_mistake_in_a_fixture_is_named_where_it_stands() -> None:
    with pytest.raises(InputError, match="The role `boss` is not declared") as caught:
        build("{name: fine, expect: pending}", fixtures=FIXTURES.replace("[qa]", "[boss]"))
    assert caught.value.line == (POLICY + FIXTURES).split("quinn")[0].count("\n") + 1


@pytest.mark.req("POL-05")
def test_two_tests_have_two_names_and_time_is_said() -> None:
    with pytest.raises(InputError, match="declared twice"):
        build("{name: same, expect: pending}", "{name: same, expect: pending}")
    with pytest.raises(InputError, match="does not say `now`"):
        build("{name: x, expect: pending}", fixtures=FIXTURES.replace('    now: "2026-07-01T12:00:00Z"\n', ""))


COVERING = (
    "{name: fine, expect: approved, " + BOTH + "}",
    "{name: no owner, expect: pending, approvals: [{by: quinn}]}",
    "{name: no quality, expect: pending, approvals: [{by: olga}]}",
    "{name: terms, expect: blocked, people: {alice: {terms: []}}, " + BOTH + "}",
    "{name: training, expect: pending, people: {olga: {training: []}, quinn: {training: []}}, " + BOTH + "}",
    "{name: request, expect: blocked, change: {change_request: null}, " + BOTH + "}",
    "{name: check, expect: pending, checks: [], " + BOTH + "}",
    "{name: veto, expect: rejected, vetoes: [{by: both}], " + BOTH + "}",
)
PARTS = ("owner", "quality", "accepted", "trained", "change-request", "build", "veto")


def uncovered(*tests: str) -> list[str]:
    policy = build(*tests)
    return [part.id for part in check_coverage(parts_of(policy), run_suite(policy))]


@pytest.mark.req("POL-04")
def test_every_part_is_covered_by_the_test_that_shows_it_alone() -> None:
    assert uncovered(*COVERING) == []
    assert sorted(uncovered(COVERING[0])) == sorted(PARTS)
    for number, part in enumerate(PARTS, start=1):
        assert uncovered(*COVERING[:number], *COVERING[number + 1 :]) == [part]


@pytest.mark.req("POL-04")
def test_a_refusal_for_two_reasons_covers_neither() -> None:
    assert set(uncovered("{name: none, expect: pending}")) >= {"owner", "quality"}


@pytest.mark.req("POL-04")
def test_a_test_that_fails_covers_nothing() -> None:
    assert "owner" in uncovered("{name: wrong, expect: rejected, approvals: [{by: quinn}]}")


@pytest.mark.req("POL-01")
@pytest.mark.parametrize("path", sorted((ROOT / "policies").glob("*.yaml")), ids=lambda path: path.name)
def test_the_policies_that_come_with_the_gate_pass_their_tests(path: Path) -> None:
    if "kind: ApprovalPolicy" not in path.read_text():
        return
    policy = parse_policy(path.name, path.read_bytes())
    results = run_suite(policy)
    assert results
    assert [(one.case.name, one.differences) for one in results if not one.passed] == []
    assert check_coverage(parts_of(policy), results) == ()
