"""Requirement → tests → last result; fails when a requirement is not shown by a passing test.

Reads the ids from the first column of ``docs/requirements.md`` and the results that the tests left
in ``.trace/results.json`` (``make test``). Exits 1 when a requirement has no passing test or a
failing one, or when a test names an id that is no requirement; 3 when there are no results.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FORMAT = "gate-trace/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How one test ended last, and the requirements it names."""

    test: str
    outcome: str
    requirements: tuple[str, ...]


def load_requirements(path: Path) -> tuple[str, ...]:
    """The ids, in the order of the table."""
    return tuple(re.findall(r"^\|\s*([A-Z]{3}-\d+)\s*\|", path.read_text(encoding="utf-8"), re.MULTILINE))


def load_results(path: Path) -> tuple[Result, ...]:
    """What the last runs left. Raises ``ValueError`` for another format."""
    data = json.loads(path.read_text(encoding="utf-8"))
    if data.get("format") != FORMAT:
        raise ValueError(f"{path} is not {FORMAT}")
    return tuple(
        Result(test=name, outcome=test["outcome"], requirements=tuple(test["requirements"]))
        for name, test in data["tests"].items()
    )


def check_trace(requirements: Sequence[str], results: Sequence[Result]) -> tuple[str, ...]:
    """Every complaint, as a finished sentence; empty when all is shown."""
    shown = group_by_requirement(requirements, results)
    complaints = []
    for requirement, tests in shown.items():
        failing = [test.test for test in tests if test.outcome == "failed"]
        if failing:
            complaints.append(f"{requirement} has a failing test: {', '.join(failing)}")
        elif not any(test.outcome == "passed" for test in tests):
            complaints.append(f"{requirement} has no passing test")
    complaints.extend(
        f"{result.test} names {unknown}, which is no requirement"
        for result in results
        for unknown in result.requirements
        if unknown not in shown
    )
    return tuple(complaints)


def group_by_requirement(requirements: Sequence[str], results: Sequence[Result]) -> Mapping[str, tuple[Result, ...]]:
    return {id_: tuple(result for result in results if id_ in result.requirements) for id_ in requirements}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--requirements", type=Path, default=ROOT / "docs" / "requirements.md")
    parser.add_argument("--results", type=Path, default=ROOT / ".trace" / "results.json")
    options = parser.parse_args(arguments)
    requirements = load_requirements(options.requirements)
    if not options.results.exists():
        print(f"no results in {options.results}; run `make test` first", file=sys.stderr)
        return 3
    results = load_results(options.results)
    for requirement, tests in group_by_requirement(requirements, results).items():
        print(requirement)
        for test in tests:
            print(f"  {test.outcome:8} {test.test}")
    complaints = check_trace(requirements, results)
    for complaint in complaints:
        print(f"trace: {complaint}", file=sys.stderr)
    print(f"trace: {len(requirements)} requirements, {len(results)} tests, {len(complaints)} complaints")
    return 1 if complaints or not requirements else 0


if __name__ == "__main__":
    sys.exit(main())
