"""The section ``activation`` of repositories.yaml: read strictly, no part of what approvals bind, said in sentences."""

from __future__ import annotations

import pytest

from gate.domain.errors import InputError
from gate.policy.activation import ActivationRule, explain_activation
from gate.policy.registry import build_policy_set, parse_registry
from tests.support.policies import POLICY, REPOSITORIES

pytestmark = pytest.mark.req("POL-13")

GROUPS = "ou=groups,dc=ex,dc=com"
SECTION = f"""\
activation:
  propose: {{group: "cn=authors,{GROUPS}"}}
  approve: {{group: "cn=board,{GROUPS}", count: 2, meaning: I approve this change of the rules.}}
"""


def test_it_is_read() -> None:
    assert parse_registry("repositories.yaml", REPOSITORIES + SECTION).activation == ActivationRule(
        propose=f"cn=authors,{GROUPS}",
        approve=f"cn=board,{GROUPS}",
        count=2,
        meaning="I approve this change of the rules.",
    )
    assert parse_registry("repositories.yaml", REPOSITORIES).activation is None


@pytest.mark.req("POL-05")
@pytest.mark.parametrize(
    ("before", "after", "offset", "said"),
    [
        ("count: 2", "count: 0", 2, "count"),
        ("count: 2", "count: true", 2, "count"),
        ("count: 2, ", "", 2, "count"),
        (", meaning: I approve this change of the rules.", "", 2, "meaning"),
        ("count: 2", "cuont: 2", 2, "cuont"),
        ('propose: {group: "cn=authors', 'propose: {group: "authors', 1, "not a directory group"),
        ('propose: {group: "cn=authors', 'propose: {group: "cn={team}-authors', 1, "braces"),
        ('approve: {group: "cn=board', 'approve: {group: "board', 2, "not a directory group"),
    ],
)
def test_what_is_wrong_with_it_is_an_error_with_its_line(before: str, after: str, offset: int, said: str) -> None:
    assert before in SECTION
    text = REPOSITORIES + SECTION.replace(before, after)
    with pytest.raises(InputError, match=said) as told:
        parse_registry("repositories.yaml", text)
    assert told.value.file == "repositories.yaml"
    assert told.value.line == REPOSITORIES.count("\n") + 1 + offset


@pytest.mark.parametrize("part", ["propose", "approve"])
def test_half_of_it_is_refused(part: str) -> None:
    text = "".join(line for line in SECTION.splitlines(keepends=True) if part not in line)
    with pytest.raises(InputError, match=part):
        parse_registry("repositories.yaml", REPOSITORIES + text)


@pytest.mark.req("INV-02")
def test_it_changes_no_effective_digest() -> None:
    plain, gated = (
        build_policy_set({"policy.yaml": POLICY, "repositories.yaml": text}).policy_for("core", "main")
        for text in (REPOSITORIES, REPOSITORIES + SECTION)
    )
    assert plain is not None
    assert gated is not None
    assert plain.digest == gated.digest


def test_who_changes_the_policies_is_said_in_sentences() -> None:
    assert explain_activation(None) == ("The operator of the gate puts policies in force.",)
    two = explain_activation(parse_registry("repositories.yaml", REPOSITORIES + SECTION).activation)
    assert two[1] == f"Then 2 other members of cn=board,{GROUPS} approve it, never the proposer."
    one = parse_registry("repositories.yaml", REPOSITORIES + SECTION.replace("count: 2", "count: 1")).activation
    assert explain_activation(one)[1] == f"Then one other member of cn=board,{GROUPS} approves it, never the proposer."
