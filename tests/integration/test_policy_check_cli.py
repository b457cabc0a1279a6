"""``gate policy check``: findings with file and line, as text and JSON, with the live directory, and its exit codes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gate.cli.main import main
from tests.support.journey import POLICY, World, open_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with open_world(tmp_path / "world") as opened:
        yield opened


def check(world: World, *arguments: str) -> Result:
    done = CliRunner().invoke(main, ["policy", "check", "--instance", str(world.instance), *arguments])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


@pytest.mark.req("POL-05", "GND-05")
def test_errors_make_it_fail_and_warnings_do_not(world: World) -> None:
    file = world.policies / "base.yaml"
    assert check(world).exit_code == 0
    never = "  - id: never\n    description: Never.\n    when: {cross_team: false}\n"
    asks = "    require: [{role: qa, count: 1, meaning: verification}]\n"
    file.write_text(POLICY + never + asks)
    line = (POLICY + never).count("\n")
    done = check(world)
    assert done.exit_code == 1
    assert f"base.yaml:{line}: error: The rule `never` never applies" in done.output
    assert "1 error, 0 warnings." in done.output
    spare = POLICY.replace("id: base,", "id: spare,").replace('repositories: ["*"]', "repositories: [elsewhere]")
    file.write_text(POLICY)
    (world.policies / "spare.yaml").write_text(spare)
    done = check(world)
    assert done.exit_code == 0
    assert "spare.yaml:4: warning: `spare` applies to no protected branch" in done.output
    assert "0 errors, 1 warning." in done.output


@pytest.mark.req("POL-05", "INV-01")
def test_groups_are_looked_up_where_people_are(world: World) -> None:
    done = check(world, "--directory", "--json")
    assert done.exit_code == 0, done.output
    file = world.policies / "base.yaml"
    more = POLICY.replace("of: each_owning_team, count: 1", "of: each_owning_team, count: 9")
    file.write_text(more.replace("cn=qa-approvers", "cn=qa-nobody"))
    done = check(world, "--directory", "--json")
    assert done.exit_code == 1
    found = {one["code"]: one for one in json.loads(done.output)["findings"]}
    assert set(found) == {"group-unreadable", "count-above-group"}
    assert found["group-unreadable"]["line"] == POLICY[: POLICY.index("cn=qa-approvers")].count("\n") + 1
    assert found["count-above-group"]["severity"] == "error"
    assert "9 of maintainer of ledger, and there are 3" in found["count-above-group"]["sentence"]
    assert check(world).exit_code == 0, "without the directory groups are not judged"
