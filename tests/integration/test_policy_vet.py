"""What `gate policy check` finds refuses an activation and a proposal, and is shown before anybody signs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from gate.cli.main import main
from gate.domain.errors import InputError, UnavailableError
from gate.workflow import propose
from gate.workflow.activate import activate, load_proposals
from gate.workflow.proposal_effects import build_effects
from tests.integration.test_policy_activation import build_staff, epoch, files_of, gated, send_proposal
from tests.support.journey import OPERATOR, POLICY, World, open_slapd, open_world
from tests.support.suites import with_tests

NEVER = """\
  - id: never
    description: Never.
    when: {cross_team: false}
    require: [{role: qa, count: 1, meaning: verification}]
"""
TITLED = POLICY.replace("title: ", "title: New ")
TOO_MANY = POLICY.replace("role: qa, count: 1", "role: qa, count: 3")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with open_world(tmp_path / "world", staff=build_staff()) as opened:
        yield opened


def write(world: World, policy: str) -> dict[str, bytes]:
    (world.policies / "base.yaml").write_text(with_tests(policy), encoding="utf-8")
    return load_proposals(world.policies)


@pytest.mark.req("POL-05")
@pytest.mark.parametrize(
    ("policy", "said"),
    [
        (POLICY + NEVER, "The rule `never` never applies"),
        (TOO_MANY, "asks 3 of qa, and there are 2: nobody can satisfy it."),
        (POLICY.replace("cn=qa-approvers", "cn=nowhere"), "cannot be read"),
    ],
)
def test_an_error_refuses_the_operator_and_nothing_is_touched(world: World, policy: str, said: str) -> None:
    before = world.entries()
    with pytest.raises(InputError) as caught:
        activate(world.parts, write(world, policy), by=OPERATOR)
    assert said in caught.value.message
    assert (caught.value.file, world.entries(), epoch(world)) == ("base.yaml", before, 1)
    assert caught.value.line is not None


@pytest.mark.req("POL-05", "POL-13")
def test_an_error_refuses_a_proposal(world: World) -> None:
    gated(world)
    before = world.entries()
    with pytest.raises(InputError, match="there are 2: nobody can satisfy it"):
        send_proposal(world, "gil", files_of(world, TOO_MANY))
    assert world.entries() == before


@pytest.mark.req("POL-05", "POL-13")
def test_an_error_of_what_is_in_force_is_shown_and_refuses_nothing(world: World) -> None:
    """A group has become empty; a change of something else must not wait until somebody is in it again."""
    gated(world)
    world.staff.roles["qa-approvers"] = ()
    world.reload_staff()
    files = files_of(world, TITLED)
    shown = build_effects(world.parts, files)
    assert [(one.severity.value, one.code) for one in shown.findings] == [("error", "group-empty")]
    assert "Nobody who is active is in the group of qa" in shown.findings[0].sentence
    assert send_proposal(world, "gil", files) == 1
    with pytest.raises(InputError, match="never applies"):
        send_proposal(world, "gil", files_of(world, TITLED + NEVER))


@pytest.mark.req("POL-05")
def test_warnings_are_told_to_the_operator(world: World) -> None:
    write(world, POLICY.replace("role: qa, count: 1", "role: qa, count: 2"))
    done = CliRunner().invoke(main, ["policy", "activate", "--instance", str(world.instance)])
    assert done.exit_code == 0, done.output
    assert "warning: The rule `qa` asks 2 of qa, and there are no more" in done.output


@pytest.mark.req("INV-01", "POL-05")
def test_a_directory_that_is_away_is_no_empty_group(tmp_path: Path) -> None:
    staff = build_staff()
    with (
        open_slapd(tmp_path / "slapd", staff) as slapd,
        open_world(tmp_path / "world", slapd=slapd, staff=staff) as opened,
    ):
        world = gated(opened)
        files = files_of(world, TITLED)
        slapd.stop()
        shown = build_effects(world.parts, files)
        assert shown.findings == ()
        assert shown.groups_error
        with pytest.raises(UnavailableError):
            propose.prepare_proposal(world.parts, world.who("gil"), files, None)


@pytest.mark.req("INV-01", "POL-05")
def test_the_operator_activates_nothing_while_the_directory_is_away(tmp_path: Path) -> None:
    staff = build_staff()
    with (
        open_slapd(tmp_path / "slapd", staff) as slapd,
        open_world(tmp_path / "world", slapd=slapd, staff=staff) as world,
    ):
        files = write(world, TITLED)
        slapd.stop()
        with pytest.raises(UnavailableError):
            activate(world.parts, files, by=OPERATOR)
        assert epoch(world) == 1
