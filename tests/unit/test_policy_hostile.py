"""What somebody would write who wants a policy to mean less than it reads, or the gate to stop."""

from __future__ import annotations

import pytest

from gate.domain.errors import InputError
from gate.policy.coverage import examine_suite, parts_of
from gate.policy.parse import parse_policy
from gate.policy.registry import build_policy_set
from tests.support.policies import POLICY, REPOSITORIES
from tests.unit.test_policy_layers import HEAD

COVERED = """\
apiVersion: gate/v1
kind: ApprovalPolicy
metadata: {id: small, title: Small, owners: [board]}
applies_to: {repositories: [core], branches: [main]}
identity: {roles: {qa: {group: "cn=qa,dc=ex"}}}
ownership: [{paths: ["**"], team: ledger}]
meanings: {look: {text: I looked., kind: review}}
rules: [{id: four-eyes, description: Quality looks., require: [{role: qa, count: 1, meaning: look}]}]
fixtures:
  base:
    now: "2026-07-01T12:00:00Z"
    repository: {owning_teams: [ledger]}
    change: {paths: [a], author: ann}
    people: {ann: {team: shop}, kim: {team: quality, roles: [qa]}}
tests:
  - {name: t, change: {WHAT: true}, approvals: [{by: kim}], expect: pending}
"""
REVIEW = "text: I reviewed this change."


def refused(text: str) -> InputError:
    with pytest.raises(InputError) as caught:
        parse_policy("p.yaml", text)
    return caught.value


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


@pytest.mark.req("POL-05")
@pytest.mark.parametrize(
    "escape", ["\\0", "\\e", "\\x7f", "\\x85", "\\u200b", "\\u202e", "\\u2066", "\\ufeff", "\\ud800"]
)
def test_what_people_sign_holds_nothing_that_cannot_be_seen(escape: str) -> None:
    text = POLICY.replace(REVIEW, f'text: "I did not {escape}review this."')
    error = refused(text)
    assert error.line == line_of(text, "I did not")
    assert "cannot be seen" in error.message


@pytest.mark.req("POL-05")
@pytest.mark.parametrize("character", ["\u202e", "\u2066", "\u200b", "\x7f", "\ufeff"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_nor_does_a_comment_so_that_the_page_shows_what_is_read(character: str, start: str) -> None:
    assert refused(f"{start}# nothing {character}to see\n{POLICY}").line == 1
    assert "cannot be seen" in refused(f"{start}{POLICY}\n# nothing {character}to see\n").message


@pytest.mark.req("POL-05")
def test_nor_does_a_key() -> None:
    assert "U+202E" in refused(POLICY + '\n"ru\\u202eles": []\n').message


@pytest.mark.req("POL-05")
@pytest.mark.parametrize(
    "words", ["Geprüft\u00a0und\u202ffreigegeben", "审查过了", "راجعت هذا", "Looks good 👍🏽", '"One\\ttab"']
)
def test_words_of_every_language_stay(words: str) -> None:
    assert parse_policy("p.yaml", POLICY.replace(REVIEW, f"text: {words}")).id == "baseline"


@pytest.mark.req("POL-05")
@pytest.mark.parametrize("escape", ["\\Uffffffff", "\\U00110000", "\\U80000000"])
def test_an_escape_beyond_all_characters_is_an_error_of_the_file(escape: str) -> None:
    assert refused(POLICY.replace(REVIEW, f'text: "{escape}"')).line


@pytest.mark.req("POL-05")
@pytest.mark.parametrize(
    ("mine", "theirs", "what"),
    [
        ("id: owner-review", "gxp-training", "rule"),
        ("id: owner-review", "build", "rule"),
        ("id: gxp-training", "build", "prerequisite"),
    ],
)
def test_one_name_says_one_thing_or_the_test_of_one_would_cover_the_other(mine: str, theirs: str, what: str) -> None:
    assert f"`{theirs}` is also the name of a {what}." in refused(POLICY.replace(mine, f"id: {theirs}")).message


@pytest.mark.req("POL-05")
@pytest.mark.parametrize("name", ["change-request", "veto", "freeze", "separation"])
@pytest.mark.parametrize("mine", ["id: owner-review", "id: gxp-training", "name: build"])
def test_nor_does_anything_take_the_name_of_what_is_no_rule(mine: str, name: str) -> None:
    key = mine.split(":")[0]
    assert "means something else" in refused(POLICY.replace(mine, f"{key}: {name}")).message


@pytest.mark.req("POL-05")
@pytest.mark.parametrize("name", ["conflicts", "draft"])
def test_what_holds_a_change_up_anyway_covers_no_rule_of_its_name(name: str) -> None:
    """The rule is met; that the change conflicts with its target says nothing about it."""
    policy = parse_policy("p.yaml", COVERED.replace("four-eyes", name).replace("WHAT", name))
    found = examine_suite(policy, parts_of(policy))
    assert [one.differences for one in found.results] == [()]
    assert [part.id for part in found.missing] == [name]


@pytest.mark.req("POL-05")
@pytest.mark.parametrize(
    ("written", "left"),
    [
        ("approval: {valid_for: 14d, distinct_people: true}", "approval: {valid_for: }"),
        ("veto: {roles: [maintainer, qa, security], survives_push: true}", "veto:"),
        ("when: {cross_team: true}", "when: {cross_team: }"),
        ('change_request: {pattern: "CHG-[0-9]+", example: CHG-1042}', "change_request: ~"),
    ],
)
def test_a_value_that_somebody_forgot_is_not_taken_for_less(written: str, left: str) -> None:
    error = refused(POLICY.replace(written, left))
    assert "has no value" in error.message
    assert error.line == line_of(POLICY, written)


@pytest.mark.req("POL-05")
def test_nor_in_the_registry_and_in_layers() -> None:
    with pytest.raises(InputError, match="`entity` has no value"):
        build_policy_set(
            {
                "policy.yaml": POLICY,
                "repositories.yaml": REPOSITORIES.replace("mode: enforce", "mode: enforce, entity: ~"),
            }
        )
    layer = HEAD + "approval: {valid_for: }\n"
    with pytest.raises(InputError, match="`valid_for` has no value"):
        build_policy_set({"policy.yaml": POLICY, "repositories.yaml": REPOSITORIES, "layer.yaml": layer})


@pytest.mark.req("POL-07")
def test_a_deputy_signs_and_a_review_on_the_forge_is_nobody_elses() -> None:
    handed = (
        COVERED.replace("count: 1, meaning: look}", "count: 1, meaning: look, forge_review: true}")
        .replace("rules: [", "delegation: {roles: [qa], max_period: 21d}\nrules: [")
        .replace("ann: {team: shop}", "ann: {team: shop}, eve: {team: quality}")
    )
    delegation = '{from: kim, to: eve, role: qa, starts: "2026-06-30T00:00:00Z", until: "2026-07-10T00:00:00Z"}'
    for kind, answer in (("signature", "approved"), ("forge-review", "pending")):
        signed = f"approvals: [{{by: eve, for: kim, kind: {kind}}}], delegations: [{delegation}], expect: {answer}}}"
        policy = parse_policy(
            "p.yaml", handed.replace("change: {WHAT: true}, approvals: [{by: kim}], expect: pending}", signed)
        )
        assert [one.differences for one in examine_suite(policy, parts_of(policy)).results] == [()]
