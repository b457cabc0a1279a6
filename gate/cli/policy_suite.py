"""``gate policy test``, ``mutate`` and ``schema``: what a policy's own tests say, miss, and how a file may look.

All three work on files, before there is a gate: name files, folders (with all below them), or a directory of proposals
with ``--dir``; without either it is the directory of the instance's settings.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from gate.cli.instance import instance_option, open_settings
from gate.domain.errors import InputError
from gate.policy.coverage import Part, examine_suite, parts_of, parts_of_layer
from gate.policy.document import Policy
from gate.policy.layer_shape import LayerShape
from gate.policy.layers import build_tested
from gate.policy.mutate import find_survivors, weaken
from gate.policy.mutate_layer import weaken_layer
from gate.policy.mutate_rules import Mutant
from gate.policy.parse import read_policy
from gate.policy.read_layer import extended_by, read_layer
from gate.policy.registry_shape import RepositoriesShape
from gate.policy.shape import PolicyShape
from gate.policy.shape_words import Shape
from gate.policy.source import Source, parse_source
from gate.policy.suite import Tried, run_suite
from gate.workflow.activate import load_proposals

_KINDS: dict[str, type[Shape]] = {
    "ApprovalPolicy": PolicyShape,
    "Repositories": RepositoriesShape,
    "RepositoryLayer": LayerShape,
}
_FILES = click.argument("files", nargs=-1, type=click.Path(exists=True, path_type=Path))
_DIRECTORY = click.option("--dir", "directory", type=click.Path(file_okay=False, path_type=Path), help="All its files.")
_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object a policy.")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Proposal:
    """A file with tests: what they are about, what they must show, and how it is weakened."""

    source: Source
    policy: Policy
    parts: tuple[Part, ...]
    mutants: Iterator[Mutant]


def _proposals(instance: Path, directory: Path | None, files: tuple[Path, ...]) -> Iterator[_Proposal]:
    """The policies among the files, then the layers, each on the policy among the files that it extends."""
    if files:
        texts = {str(path): path.read_bytes() for one in files for path in _expand(one)}
    else:
        place = directory or open_settings(instance).policy.dir
        texts = {str(place / name): text for name, text in load_proposals(place).items()}
    sources = [parse_source(name, text) for name, text in texts.items()]
    policies: dict[str, Policy] = {}
    for source in sources:
        if _kind(source) in (None, "ApprovalPolicy"):
            policy = read_policy(source)
            policies.setdefault(policy.id, policy)
            yield _Proposal(source=source, policy=policy, parts=parts_of(policy), mutants=weaken(policy))
    for source in (one for one in sources if _kind(one) == "RepositoryLayer"):
        base = policies.get(extended_by(source))
        if base is None:
            said = f"It extends `{extended_by(source)}`, and that policy is not among the files."
            raise source.error(("metadata", "extends"), said, "Name its file as well, or the folder of both.")
        layer = read_layer(source, base)
        yield _Proposal(
            source=source,
            policy=build_tested(base, layer),
            parts=parts_of_layer(base, layer),
            mutants=weaken_layer(base, layer),
        )
    if not policies:
        raise InputError("No policy is among these files.", remedy="Name a file of kind ApprovalPolicy.")


def _kind(source: Source) -> object:
    return source.value.get("kind") if isinstance(source.value, dict) else "nothing"


def _expand(path: Path) -> list[Path]:
    """The file itself, or every YAML file in and below a directory."""
    if not path.is_dir():
        return [path]
    return sorted(one for one in path.rglob("*") if one.suffix in (".yaml", ".yml") and one.is_file())


@click.command()
@instance_option
@_DIRECTORY
@_JSON
@click.option("--verbose", is_flag=True, help="Explain the decisions of the tests that pass, too.")
@_FILES
def test(instance: Path, directory: Path | None, as_json: bool, verbose: bool, files: tuple[Path, ...]) -> None:
    """Run the tests that stand in policy files: what was expected, what came, and why.

    Also names every rule, prerequisite, check, freeze and veto that is not the only reason of a refusal in any test.
    Such a policy cannot be activated. Nothing is written, and no instance is needed when FILES or --dir are given.

    Exit code: 0 all pass and everything is covered, 1 not so, 2 a file cannot be read.

    \b
    tests:
      - name: one owner is enough
        approvals: [{by: olga}]
        expect: approved
      - name: nobody has signed
        expect: pending
        unmet: [owner-review]
    """
    is_fine = True
    for one in _proposals(instance, directory, files):
        found = examine_suite(one.policy, one.parts)
        results, missing = found.results, found.missing
        is_fine = is_fine and bool(results) and not missing and all(result.passed for result in results)
        if as_json:
            click.echo(json.dumps(_test_document(one, results, missing), sort_keys=True))
        else:
            click.echo("\n".join(_test_lines(one, results, missing, verbose)))
    if not is_fine:
        raise SystemExit(1)


def _test_lines(one: _Proposal, results: tuple[Tried, ...], missing: tuple[Part, ...], verbose: bool) -> Iterator[str]:
    for tried in results:
        if not tried.passed:
            yield f"{one.source.name}:{tried.case.line}: {tried.case.name}: {'; '.join(tried.differences)}"
        elif verbose:
            yield f"{one.source.name}:{tried.case.line}: {tried.case.name}: {tried.decision.answer}, as expected"
        if not tried.passed or verbose:
            yield from (f"    {line}" for line in tried.explanation)
    for part in missing:
        yield f"{one.source.name}: no test shows the {part.kind} {part.id} as the only reason of a refusal."
    passed = sum(tried.passed for tried in results)
    yield f"{one.policy.id}: {passed} of {len(results)} tests pass" + ("" if results else ": it has none") + "."


def _test_document(one: _Proposal, results: tuple[Tried, ...], missing: tuple[Part, ...]) -> dict[str, Any]:
    return {
        "policy": one.policy.id,
        "file": one.source.name,
        "tests": [
            {
                "name": tried.case.name,
                "line": tried.case.line,
                "passed": tried.passed,
                "expected": tried.case.expect.value,
                "answer": tried.decision.answer.value,
                "unmet": sorted(tried.unmet),
                "differences": list(tried.differences),
                "explanation": list(tried.explanation),
            }
            for tried in results
        ],
        "uncovered": [{"kind": part.kind, "id": part.id} for part in missing],
    }


@click.command()
@instance_option
@_DIRECTORY
@_JSON
@_FILES
def mutate(instance: Path, directory: Path | None, as_json: bool, files: tuple[Path, ...]) -> None:
    """Weaken a policy bit by bit and name what its tests do not notice.

    Drops rules, lowers counts, widens roles, lengthens periods and so on, one at a time, and runs the tests in the file
    on each weakened version. One that passes them all shows what could be weakened by mistake and nobody would see:
    add a test that expects the refusal. Nothing is written, and no instance is needed when FILES or --dir are given.

    Exit code: 0 every weakening is noticed, 1 some are not or a test fails as it is, 2 a file cannot be read.
    """
    is_fine = True
    for one in _proposals(instance, directory, files):
        failing = [tried.case.name for tried in run_suite(one.policy) if not tried.passed]
        if failing:
            raise InputError(
                f"The test “{failing[0]}” fails as it is.",
                file=one.source.name,
                remedy="Mend it first: `gate policy test`.",
            )
        alive, total = find_survivors(one.policy, one.mutants)
        is_fine = is_fine and not alive
        lines = [(one.source.line_of(mutant.place), mutant.what) for mutant in alive]
        if as_json:
            survivors = [{"line": line, "what": what} for line, what in lines]
            document = {"policy": one.policy.id, "file": one.source.name, "mutants": total, "survivors": survivors}
            click.echo(json.dumps(document, sort_keys=True))
            continue
        for line, what in lines:
            click.echo(f"{one.source.name}:{line}: no test notices when {what}.")
        click.echo(f"{one.policy.id}: {_say_noticed(total, len(alive))}")
    if not is_fine:
        raise SystemExit(1)


def _say_noticed(total: int, alive: int) -> str:
    if not total:
        return "nothing in it can be weakened by one step, so this says nothing about its tests."
    return f"{total - alive} of {total} weakenings are noticed."


@click.command()
@click.option("--kind", type=click.Choice(sorted(_KINDS)), default="ApprovalPolicy")
def schema(kind: str) -> None:
    """Print the JSON Schema of policy files, for editors that complete and check while you type.

    It is made from the very model that reads the files, so it never says anything else than `gate policy check`; what
    only the whole file can tell (names that are declared, patterns that compile) is checked there alone.

    \b
    gate policy schema > policy.schema.json
    """
    found = _KINDS[kind].model_json_schema(by_alias=True)
    click.echo(json.dumps({"$schema": "https://json-schema.org/draft/2020-12/schema", **found}, indent=2))
