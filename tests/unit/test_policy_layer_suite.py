"""Tests in the file of a layer: run on the policy with the layer, demanded of all that it adds, and weakened."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from gate.cli.main import main
from gate.domain.errors import InputError
from gate.policy.coverage import verify_tests
from gate.policy.layers import build_tested
from gate.policy.mutate import find_survivors
from gate.policy.mutate_layer import weaken_layer
from gate.policy.registry import build_policy_set

DOCS = (Path(__file__).parents[2] / "docs" / "policy.md").read_text(encoding="utf-8")
EXAMPLES: dict[str, str] = dict(re.findall(r"```yaml (\S+)\n(.*?)```", DOCS, re.DOTALL))
POLICY = EXAMPLES["four-eyes.yaml"] + EXAMPLES["four-eyes-tests.yaml"]
LAYER = EXAMPLES["layer.yaml"]
NOTE = ("nobody read the note", "owners do not read it", "on the forge it does not count", "one person owns and reads")
TESTED = [line for line in LAYER.splitlines() if line.startswith("  - {name: ")]


def files(layer: str = LAYER, policy: str = POLICY) -> dict[str, str]:
    return {"repositories.yaml": EXAMPLES["repositories.yaml"], "ledger.yaml": policy, "layer.yaml": layer}


def verify(texts: dict[str, str]) -> None:
    digests = tuple((name, hashlib.sha256(text.encode()).hexdigest()) for name, text in sorted(texts.items()))
    verify_tests(build_policy_set(texts), digests, texts)


def without_tests(*names: str) -> str:
    gone = [one for one in TESTED if one.startswith(tuple(f"  - {{name: {name}," for name in names))]
    assert len(gone) == len(names)
    return "".join(f"{line}\n" for line in LAYER.splitlines() if line not in gone)


def survivors(text: str = LAYER) -> set[str]:
    found = build_policy_set(files(text))
    (layer,) = found.layers
    alive, _ = find_survivors(build_tested(found.policies[0], layer), weaken_layer(found.policies[0], layer))
    return {mutant.what for mutant in alive}


@pytest.mark.req("POL-04")
def test_the_example_comes_into_force() -> None:
    verify(files())
    assert survivors() == set()


@pytest.mark.req("POL-04")
@pytest.mark.parametrize(
    ("gone", "said", "at"),
    [
        (NOTE, "rule `release-note`", "- id: release-note"),
        (("quality once",), "tightened rule `qa-signoff`", "tighten"),
        (("no fuzzing", "fuzzed on a laptop"), "check `fuzz`", "checks: [{name: fuzz"),
    ],
)
def test_what_no_test_shows_alone_is_refused_at_its_line(gone: tuple[str, ...], said: str, at: str) -> None:
    text = without_tests(*gone)
    with pytest.raises(InputError) as caught:
        verify(files(text))
    assert f"No test shows the {said}" in caught.value.message
    assert caught.value.file == "layer.yaml"
    line_at = text.splitlines()[(caught.value.line or 1) - 1]
    assert at in line_at


@pytest.mark.req("POL-04")
def test_a_layer_without_tests_or_with_one_that_fails_is_refused() -> None:
    with pytest.raises(InputError, match="ledger-core-more has no tests"):
        verify(files(LAYER[: LAYER.index("fixtures:")]))
    wrong = LAYER.replace("unmet: [release-note]", "unmet: [owner-review]", 1)
    with pytest.raises(InputError, match="nobody read the note” fails") as caught:
        verify(files(wrong))
    assert caught.value.file == "layer.yaml"


@pytest.mark.req("POL-05")
def test_a_test_where_the_layer_does_not_apply_is_refused() -> None:
    text = LAYER.replace("change: {target: release/1", "change: {target: main")
    with pytest.raises(InputError, match="ledger-core-more does not apply to `main`") as caught:
        build_policy_set(files(text))
    assert (caught.value.file, text.splitlines()[(caught.value.line or 1) - 1].strip()[:13]) == (
        "layer.yaml",
        "change: {targ",
    )


@pytest.mark.req("POL-04")
@pytest.mark.parametrize(
    ("gone", "what"),
    [
        ("signed four days ago", "approvals count twice as long"),
        ("payments is asked too", "payments no longer owns posting/** besides"),
        ("fuzzed on a laptop", "anybody may report the check fuzz"),
        ("on the forge it does not count", "the rule release-note takes a review on the forge for a qa"),
        ("quality once", "the rule qa-signoff is tightened to 1 instead of 2"),
    ],
)
def test_a_weakened_layer_is_noticed_by_its_own_tests(gone: str, what: str) -> None:
    assert what in survivors(without_tests(gone))


@pytest.mark.req("POL-04")
def test_the_command_line_takes_layers_with_the_policy_they_extend(tmp_path: Path) -> None:
    for name, text in files().items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    for command, said in (("test", "10 of 10 tests pass"), ("mutate", "weakenings are noticed")):
        done = CliRunner().invoke(main, ["policy", command, str(tmp_path)])
        assert done.exit_code == 0, done.output
        assert f"ledger-core-more: {said}" in re.sub(r"\d+ of \d+ (?=weak)", "", done.output)
    done = CliRunner().invoke(main, ["policy", "test", str(tmp_path / "layer.yaml")])
    assert done.exit_code == 2
    assert "layer.yaml:3: It extends `ledger`, and that policy is not among the files." in done.output
