"""Weakened policies: each kind of weakening is made, and noticed exactly when a test would."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from gate.cli.main import main
from gate.policy.document import Of, Policy
from gate.policy.mutate import find_survivors, weaken
from gate.policy.parse import parse_policy
from gate.policy.source import parse_source
from tests.unit.test_policy_suite import BOTH, COVERING, build

FILE = Path(__file__).resolve().parents[1] / "vectors" / "worked.yaml"
WORKED = parse_policy(FILE.name, FILE.read_bytes())


def survivors(*tests: str) -> set[str]:
    alive, _ = find_survivors(policy := build(*tests), weaken(policy))
    return {mutant.what for mutant in alive}


@pytest.mark.req("POL-04")
def test_without_tests_everything_lives() -> None:
    alive, total = find_survivors(build(), weaken(build()))
    assert len(alive) == total > 15


@pytest.mark.req("POL-04")
def test_a_weakening_dies_of_the_test_that_shows_it() -> None:
    dropped = {"owner", "quality", "accepted", "trained", "build"}
    assert not {what for what in survivors(*COVERING) if any(what.endswith(f"{name} is dropped") for name in dropped)}
    assert "the rule quality is dropped" in survivors(*(one for one in COVERING if "no quality" not in one))


@pytest.mark.req("POL-04")
@pytest.mark.parametrize(
    ("what", "test"),
    [
        (
            "approvals count twice as long",
            'approvals: [{by: olga, at: "2026-06-10T12:00:00Z"}, {by: quinn}], expect: pending',
        ),
        ("a veto ends with a push", BOTH + ", vetoes: [{by: both, head: h0}], expect: rejected"),
        ("maintainer has no veto", BOTH + ', vetoes: [{by: both, as: "maintainer:owners"}], expect: rejected'),
        ("qa has no veto", BOTH + ", vetoes: [{by: both, as: qa}], expect: rejected"),
        ("any change request id will do", BOTH + ", change: {change_request: X}, expect: blocked"),
        ("the rule quality takes any role for qa", "approvals: [{by: olga}, {by: owen}], expect: pending"),
        ("the rule owner takes any role for maintainer", "approvals: [{by: quinn}, {by: rosa}], expect: pending"),
        ("the rule quality counts a qa who fills another slot too", "approvals: [{by: both}], expect: pending"),
        (
            "the rule owner asks any owning team instead of each",
            BOTH + ", repository: {owning_teams: [owners, hosts]}, expect: pending",
        ),
        (
            "ledger no longer owns ledger/**",
            BOTH + ", change: {paths: [ledger/a.py]}, expect: pending, unmet: [owner]",
        ),
    ],
)
def test_each_kind_of_weakening(what: str, test: str) -> None:
    more = 'people: {owen: {team: owners, roles: ["maintainer:owners"], training: [GXP-101]}, rosa: {roles: [qa], '
    more += 'training: [GXP-101]}, hugo: {roles: ["maintainer:hosts", "maintainer:ledger"], training: [GXP-101]}}'
    case = "{name: shows it, " + test + ", " + more + "}"
    assert what in survivors()
    assert what not in survivors(case)


@pytest.mark.req("POL-04")
def test_every_section_of_the_worked_example_is_weakened() -> None:
    found = [mutant.what for mutant in weaken(WORKED)]
    assert len(found) == len(set(found))
    for what in (
        "ledger no longer owns ledger/**",
        "ledger/posting/** is classified one level lower",
        "everything else is classified one level lower",
        "any role clears a veto",
        "the prerequisite cla is not asked of author",
        "the rule big-change-other-department applies above 1001 lines only",
        "the rule big-change-other-department no longer applies to critical",
        "the rule agent-authored asks for 1 instead of 2",
        "the freeze quarter-close is dropped",
        "the freeze quarter-close ends half-way",
        "the freeze quarter-close exempts easier: it asks for 1 instead of 2",
        "roles may be handed over for twice as long",
        "any role may be handed over",
        "an override lasts twice as long",
        "an override takes half the words for a reason",
        "an override takes any incident id",
        "an override is co-signed easier: it takes any role for maintainer",
        "an override waives policy-change too",
    ):
        assert what in found
    assert not any("waives quarter-close" in what for what in found), "`freeze` waives it already"
    assert "the rule agent-authored counts a maintainer or qa who fills another slot too" not in found, (
        "it does already"
    )


@pytest.mark.req("POL-05")
def test_a_weakening_says_where_it_was_made() -> None:
    lines = FILE.read_text().splitlines()
    source = parse_source(FILE.name, FILE.read_bytes())
    said = {mutant.what: lines[source.line_of(mutant.place) - 1] for mutant in weaken(WORKED)}
    assert "policies/**" in said["policies/** is classified one level lower"]
    assert "min_chars" in said["an override takes half the words for a reason"]
    assert "id: policy-change" in said["the rule policy-change is dropped"]
    assert "count: 2" in said["the rule policy-change asks for 1 instead of 2"]


@pytest.mark.req("POL-04")
def test_a_slot_that_stands_alone_is_not_made_shared() -> None:
    def shares(policy: Policy) -> list[str]:
        return [mutant.what for mutant in weaken(policy) if "another slot" in mutant.what]

    assert len(shares(build())) == 2
    default = FILE.parents[2] / "policies" / "default.yaml"
    policy = parse_policy(default.name, default.read_bytes())
    assert policy.rules[1].require[0].of is Of.ANY_OWNING_TEAM
    assert shares(policy) == ["the rule owner-review counts a maintainer who fills another slot too"]


EVERYTHING = """\
apiVersion: gate/v1
kind: ApprovalPolicy
metadata: {id: least, title: Least, owners: [board]}
applies_to: {repositories: ["*"], branches: [main]}
identity: {roles: {qa: {group: "cn=qa,dc=ex"}}}
ownership: [{paths: ["**"], team: quality}]
meanings: {look: {text: I looked., kind: review}}
rules:
  - {id: one, description: Quality looks., require: [{role: qa, count: 1, meaning: look}]}
"""


@pytest.mark.req("POL-04")
def test_the_smallest_policy_can_be_weakened_too() -> None:
    policy = parse_policy("least.yaml", EVERYTHING)
    assert {mutant.what for mutant in weaken(policy)} == {
        "approvals are carried over to the same tree",
        "the owning team's changes are out of scope",
        "robots' changes are out of scope",
        "the rule one takes a review on the forge for a qa",
    }


@pytest.mark.req("POL-04")
def test_nothing_to_weaken_is_said_and_is_no_praise(tmp_path: Path) -> None:
    text = EVERYTHING.replace("meaning: look}", "meaning: look, forge_review: true}") + (
        "approval: {carry_over: same_diff}\n"
        "out_of_scope:\n"
        "  - {id: own, when: {cross_team: false}, because: Own.}\n"
        "  - {id: bots, when: {robots: true}, because: Bots.}\n"
    )
    file = tmp_path / "least.yaml"
    file.write_text(text)
    done = CliRunner().invoke(main, ["policy", "mutate", str(file)])
    assert done.exit_code == 0, done.output
    assert done.output == ("least: nothing in it can be weakened by one step, so this says nothing about its tests.\n")
