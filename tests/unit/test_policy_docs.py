"""The examples of docs/policy.md are read as they stand, and every key the reference names exists (and the reverse)."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from gate.policy import shape
from gate.policy.coverage import check_coverage, examine_suite, parts_of, parts_of_layer
from gate.policy.explain import explain_policy
from gate.policy.layer_shape import LayerShape
from gate.policy.layers import build_tested
from gate.policy.mutate import find_survivors, weaken
from gate.policy.mutate_layer import weaken_layer
from gate.policy.parse import parse_policy
from gate.policy.registry import build_policy_set
from gate.policy.registry_shape import RepositoriesShape
from gate.policy.source import parse_source
from gate.policy.suite import run_suite

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "policy.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"```yaml (\S+)\n(.*?)```", TEXT, re.DOTALL))
WHOLE = {"repositories.yaml", "smallest.yaml", "two-tests.yaml", "four-eyes.yaml", "four-eyes-tests.yaml", "layer.yaml"}
PARTS = sorted(name for name in EXAMPLES if name.endswith(".part.yaml"))
PROSE = re.sub(r"```.*?```", "", TEXT, flags=re.DOTALL)


@pytest.mark.req("POL-01", "POL-05")
@pytest.mark.parametrize("name", ["smallest.yaml", "four-eyes.yaml"])
def test_the_examples_work(name: str) -> None:
    files = {"repositories.yaml": EXAMPLES["repositories.yaml"], name: EXAMPLES[name]}
    found = build_policy_set(files).policy_for("ledger-core", "refs/heads/release/1")
    assert found is not None
    assert explain_policy(found)


@pytest.mark.req("POL-01", "POL-05")
def test_the_example_of_a_layer_tightens_the_policy() -> None:
    files = {name: EXAMPLES[name] for name in ("repositories.yaml", "four-eyes.yaml", "layer.yaml")}
    found = build_policy_set(files)
    release, main = (found.policy_for("ledger-core", branch) for branch in ("release/1", "main"))
    assert release is not None
    assert main is not None
    assert release.policy.layers == ("ledger-core-more",)
    assert main.policy.layers == ()
    assert [rule.id for rule in release.policy.rules][-1] == "release-note"
    base, (layer,) = found.policies[0], found.layers
    examined = examine_suite(build_tested(base, layer), parts_of_layer(base, layer))
    assert {one.case.name: one.differences for one in examined.results if not one.passed} == {}
    assert examined.missing == ()
    assert [one.what for one in find_survivors(examined.policy, weaken_layer(base, layer))[0]] == []


@pytest.mark.req("POL-01")
@pytest.mark.parametrize(
    ("name", "tests"), [("smallest.yaml", "two-tests.yaml"), ("four-eyes.yaml", "four-eyes-tests.yaml")]
)
def test_the_examples_keep_what_their_tests_promise(name: str, tests: str) -> None:
    policy = parse_policy(name, EXAMPLES[name] + EXAMPLES[tests])
    results = run_suite(policy)
    assert {one.case.name: one.differences for one in results if not one.passed} == {}
    assert check_coverage(parts_of(policy), results) == ()
    if name == "four-eyes.yaml":
        assert [one.what for one in find_survivors(policy, weaken(policy))[0]] == []


@pytest.mark.req("POL-01", "POL-05")
@pytest.mark.parametrize("name", PARTS)
def test_every_part_fits_the_policy_of_the_first_steps(name: str) -> None:
    part = parse_source(name, EXAMPLES[name]).value
    if "expr" in EXAMPLES[name]:
        pytest.importorskip("cel_expr_python", reason='pip install "contribution-gate[cel]"')
    whole = merge(parse_source("four-eyes.yaml", EXAMPLES["four-eyes.yaml"]).value, part)
    assert isinstance(part, dict)
    assert isinstance(whole, dict)
    files = {"repositories.yaml": EXAMPLES["repositories.yaml"], name: json.dumps(whole)}
    found = build_policy_set(files).policy_for("ledger-core", "main")
    assert found is not None
    assert found.policy != parse_policy("four-eyes.yaml", EXAMPLES["four-eyes.yaml"])
    assert explain_policy(found)


def merge(below: object, above: object) -> object:
    """``above`` in addition: mappings key by key, lists one after the other if they hold entries."""
    if isinstance(below, dict) and isinstance(above, dict):
        return below | {key: merge(below[key], value) if key in below else value for key, value in above.items()}
    if isinstance(below, list) and isinstance(above, list) and any(isinstance(one, dict) for one in above):
        return [*below, *above]
    return above


def test_every_block_of_yaml_is_an_example_that_is_run() -> None:
    assert set(EXAMPLES) == WHOLE | set(PARTS)
    assert TEXT.count("```yaml") == len(EXAMPLES)


@pytest.mark.req("POL-01")
def test_every_condition_has_a_source_and_a_recorder() -> None:
    table = TEXT[TEXT.index("## Every fact and its source") :].split("\n## ")[0]
    rows = [
        [cell.strip() for cell in row.strip("|").split("|")] for row in re.findall(r"^\| .*\|$", table, re.MULTILINE)
    ]
    assert all(len(row) == 4 and all(row) for row in rows)
    asked = {word for row in rows[1:] for word in re.findall(r"`([a-z_]+)`", row[1])}
    kinds = {"terms", "training", "clearance", "entities"}
    assert set(shape.WhenShape.model_fields) | kinds <= asked
    assert {"carry_over", "forge_review", "cleared_by", "exempt", "delegation", "break_glass", "checks"} <= asked


@pytest.mark.parametrize("model", [shape.PolicyShape, RepositoriesShape, LayerShape])
def test_the_reference_names_every_key(model: type[BaseModel]) -> None:
    words = set(re.findall(r"[A-Za-z_]+", " ".join(re.findall(r"`([^`]+)`", PROSE))))
    assert keys_of(model) <= words


def keys_of(model: type[BaseModel]) -> set[str]:
    schema = model.model_json_schema(by_alias=True)
    objects = [schema, *schema.get("$defs", {}).values()]
    return {key for one in objects for key in one.get("properties", {})}
