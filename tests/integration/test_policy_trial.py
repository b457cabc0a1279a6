"""``gate policy simulate`` and ``diff`` on a real record: exactly the decisions that flip, and nothing is written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gate.cli.main import main
from gate.store import contributions
from tests.support.directory_ldif import GROUPS
from tests.support.journey import POLICY, REPOSITORY, World, open_world

pytestmark = pytest.mark.req("POL-10")
FOUR_EYES = POLICY.replace("role: qa, count: 1", "role: qa, count: 2")
NEW_ROLE = POLICY.replace(
    "rules:\n",
    "rules:\n  - id: security\n    description: Security looks.\n    when: {cross_team: true}\n"
    "    require: [{role: security, count: 1, meaning: verification}]\n",
).replace("identity:\n  roles:\n", f'identity:\n  roles:\n    security: {{group: "cn=appsec,{GROUPS}"}}\n')


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Three contributions: approved by two, approved and signed once more than needed, still open."""
    with open_world(tmp_path / "world") as opened:
        for number, (topic, signers) in enumerate((("one", "bob dana"), ("two", "bob dana fay"), ("three", "bob"))):
            opened.push(topic, {f"src/{topic}.py": f"pass  # {number}\n"})
            for signer in signers.split():
                opened.sign(signer, number=number + 1)
        yield opened


def run(world: World, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["policy", *arguments, "--instance", str(world.instance)], catch_exceptions=False)


def propose(world: World, text: str) -> None:
    (world.policies / "base.yaml").write_text(text, encoding="utf-8")


def test_exactly_what_flips_is_printed_and_nothing_is_written(world: World) -> None:
    propose(world, FOUR_EYES)
    before = world.entries()
    done = run(world, "simulate", "--json")
    assert done.exit_code == 0
    (flip,) = [json.loads(line) for line in done.output.splitlines()]
    assert (flip["number"], flip["before"], flip["after"]) == (1, "approved", "pending")
    assert "qa" in " ".join(flip["reasons"])
    assert world.entries() == before


def test_the_proposal_in_force_flips_nothing(world: World) -> None:
    done = run(world, "simulate", "--exit-code")
    assert (done.exit_code, done.output) == (0, "0 of 3 recorded decisions flip.\n")
    assert run(world, "diff", "--exit-code").output == "Nothing changes.\n"


def test_what_would_then_be_decided_is_what_was_foretold(world: World) -> None:
    """The simulation reads signatures as if given anew: sign again under the new policy and see the same answers."""
    propose(world, FOUR_EYES)
    foretold = {json.loads(line)["number"] for line in run(world, "simulate", "--json").output.splitlines()}
    world.activate(FOUR_EYES)
    for number, signers in ((1, "bob dana"), (2, "bob dana fay"), (3, "bob")):
        for signer in signers.split():
            world.sign(signer, number=number)
    answers = {number: contributions.load(world.parts.engine, REPOSITORY, number).answer for number in (1, 2, 3)}
    assert foretold == {1}
    assert answers == {1: "pending", 2: "approved", 3: "pending"}


def test_a_role_nobody_read_then_cannot_be_told(world: World) -> None:
    propose(world, NEW_ROLE)
    done = run(world, "simulate", "--exit-code")
    assert done.exit_code == 1
    assert "ledger-core#1, revision 1: approved -> cannot be told: members of security not recorded" in done.output
    assert "0 of 3 recorded decisions flip.\n3 cannot be told" in done.output


def test_a_group_with_another_name_is_not_the_group_that_was_read(world: World) -> None:
    propose(world, POLICY.replace("cn=qa-approvers", "cn=other-approvers"))
    done = run(world, "simulate")
    assert "ledger-core#1, revision 1: approved -> cannot be told: members of qa not recorded" in done.output


def test_diff_says_what_changes_and_that_approvals_lapse(world: World) -> None:
    propose(world, FOUR_EYES)
    done = run(world, "diff", "--exit-code")
    assert done.exit_code == 1
    assert "ledger-core, main: approvals given under the policy in force lapse" in done.output
    assert [line[:3] for line in done.output.splitlines()].count("  -") == 2
    assert "2 people with the role qa" in done.output


@pytest.mark.req("POL-13")
def test_diff_says_who_would_change_the_policies(world: World) -> None:
    registry = world.policies / "repositories.yaml"
    approve = f'{{group: "cn=b,{GROUPS}", count: 1, meaning: "Yes."}}'
    section = f'activation: {{propose: {{group: "cn=a,{GROUPS}"}}, approve: {approve}}}'
    registry.write_text(f"{registry.read_text(encoding='utf-8')}{section}\n", encoding="utf-8")
    done = run(world, "diff", "--exit-code")
    assert done.exit_code == 1
    assert "  - The operator of the gate puts policies in force." in done.output
    assert f"  + Then one other member of cn=b,{GROUPS} approves it, never the proposer." in done.output
    (told,) = [json.loads(line) for line in run(world, "diff", "--json").output.splitlines()]
    assert len(told["activation"]["added"]) == 3


def test_a_comment_changes_nothing(world: World) -> None:
    propose(world, "# Reviewed in November.\n" + POLICY)
    assert run(world, "diff", "--exit-code").exit_code == 0


def test_a_broken_proposal_is_refused_with_its_line(world: World) -> None:
    propose(world, POLICY.replace("role: qa, count", "role: nobody, count"))
    for command in ("simulate", "diff"):
        done = CliRunner().invoke(main, ["policy", command, "--instance", str(world.instance)])
        assert done.exit_code == 2
        assert "base.yaml:" in done.output
        assert "nobody" in done.output
