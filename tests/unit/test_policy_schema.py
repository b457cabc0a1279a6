"""`gate policy schema`: what editors complete and check while people type agrees with what the gate reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from gate.cli.main import main
from gate.policy.source import parse_source
from tests.unit.test_policy_docs import EXAMPLES

FOLDER = Path(__file__).parents[2] / "policies"
WHOLE = {
    "repositories.yaml": "Repositories",
    "smallest.yaml": "ApprovalPolicy",
    "four-eyes.yaml": "ApprovalPolicy",
    "layer.yaml": "RepositoryLayer",
}
FILES = {name: (EXAMPLES[name], kind) for name, kind in WHOLE.items()} | {
    path.name: (path.read_text(encoding="utf-8"), "ApprovalPolicy")
    for path in [FOLDER / "default.yaml", *sorted((FOLDER / "examples").iterdir())]
}


def schema(kind: str) -> dict[str, Any]:
    done = CliRunner().invoke(main, ["policy", "schema", "--kind", kind])
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.output)
    return found


def faults(kind: str, value: object) -> list[str]:
    validator = Draft202012Validator(schema(kind))
    return [one.message for one in validator.iter_errors(value)]


@pytest.mark.req("POL-05")
@pytest.mark.parametrize("name", FILES)
def test_what_the_gate_reads_has_no_faults(name: str) -> None:
    text, kind = FILES[name]
    assert faults(kind, parse_source(name, text).value) == []


@pytest.mark.req("POL-05")
@pytest.mark.parametrize("kind", sorted(set(WHOLE.values())))
def test_an_unknown_key_and_another_kind_have(kind: str) -> None:
    Draft202012Validator.check_schema(schema(kind))
    name = next(name for name, its in WHOLE.items() if its == kind)
    value = parse_source(name, EXAMPLES[name]).value
    assert isinstance(value, dict)
    assert faults(kind, {**value, "aproval": {}})
    assert faults(kind, {**value, "kind": "Policy"})
