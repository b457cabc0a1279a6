"""The trace: what plugin and script make of tests that pass, fail, are skipped or name nonsense."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

SUITE = """
import pytest

pytestmark = pytest.mark.req("AAA-01")

def test_passes(): pass

@pytest.mark.req("AAA-02", "AAA-03")
def test_fails(): assert False

@pytest.mark.req("AAA-04")
def test_skips(): pytest.skip("no tool")

@pytest.fixture
def broken():
    yield
    raise RuntimeError

@pytest.mark.req("AAA-05")
def test_fails_while_cleaning_up(broken): pass
"""


def run_suite(
    folder: Path, text: str = SUITE, plugin: str = "tests.support.trace", **environ: str
) -> subprocess.CompletedProcess[str]:
    """A suite of its own in ``folder``, with one plugin of ours."""
    (folder / "test_suite.py").write_text(text)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = req\n")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_", "CI"))}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n2", "-p", "no:cacheprovider", "-p", plugin, "test_suite.py"],
        cwd=folder,
        env={**kept, "PYTHONPATH": str(ROOT), **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


def run_trace(folder: Path, *requirements: str) -> subprocess.CompletedProcess[str]:
    table = folder / "requirements.md"
    table.write_text("| id | promise |\n|---|---|\n" + "".join(f"| {id_} | x |\n" for id_ in requirements))
    script = ROOT / "scripts" / "trace.py"
    results = folder / ".trace" / "results.json"
    command = [sys.executable, str(script), "--requirements", str(table), "--results", str(results)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_the_plugin_records_outcomes_and_ids(tmp_path: Path) -> None:
    run_suite(tmp_path)
    results = json.loads((tmp_path / ".trace" / "results.json").read_text())
    assert results == {
        "format": "gate-trace/v1",
        "tests": {
            "test_suite.py::test_fails": {"requirements": ["AAA-01", "AAA-02", "AAA-03"], "outcome": "failed"},
            "test_suite.py::test_fails_while_cleaning_up": {"requirements": ["AAA-01", "AAA-05"], "outcome": "failed"},
            "test_suite.py::test_passes": {"requirements": ["AAA-01"], "outcome": "passed"},
            "test_suite.py::test_skips": {"requirements": ["AAA-01", "AAA-04"], "outcome": "skipped"},
        },
    }


def test_a_later_run_replaces_its_own_results_only(tmp_path: Path) -> None:
    run_suite(tmp_path)
    path = tmp_path / ".trace" / "results.json"
    results = json.loads(path.read_text())
    (tmp_path / "test_kept.py").touch()
    results["tests"] |= {"test_kept.py::test_x": {"requirements": [], "outcome": "passed"}}
    results["tests"] |= {"test_gone.py::test_x": {"requirements": [], "outcome": "passed"}}
    path.write_text(json.dumps(results))
    run_suite(tmp_path, "def test_other(): pass\n")
    assert set(json.loads(path.read_text())["tests"]) == {"test_kept.py::test_x", "test_suite.py::test_other"}


def test_under_ci_a_skip_is_a_failure(tmp_path: Path) -> None:
    outside = run_suite(tmp_path, plugin="tests.conftest")
    assert "1 skipped" in outside.stdout, outside.stdout
    inside = run_suite(tmp_path, plugin="tests.conftest", CI="true")
    assert "skipped, which CI does not allow" in inside.stdout, inside.stdout
    assert "1 skipped" not in inside.stdout


def write_results(folder: Path, **outcomes: tuple[str, str]) -> None:
    tests = {name: {"requirements": [id_], "outcome": outcome} for name, (id_, outcome) in outcomes.items()}
    (folder / ".trace").mkdir()
    (folder / ".trace" / "results.json").write_text(json.dumps({"format": "gate-trace/v1", "tests": tests}))


def test_trace_is_content_when_each_requirement_has_a_passing_test(tmp_path: Path) -> None:
    write_results(tmp_path, one=("AAA-01", "passed"), two=("AAA-02", "passed"), more=("AAA-02", "skipped"))
    answer = run_trace(tmp_path, "AAA-01", "AAA-02")
    assert answer.returncode == 0, answer.stderr
    assert "AAA-02\n  passed   two\n  skipped  more\n" in answer.stdout


@pytest.mark.parametrize(
    ("results", "complaint"),
    [
        ({}, "AAA-01 has no passing test"),
        ({"one": ("AAA-01", "skipped")}, "AAA-01 has no passing test"),
        ({"one": ("AAA-01", "passed"), "two": ("AAA-01", "failed")}, "AAA-01 has a failing test: two"),
        ({"one": ("AAA-01", "passed"), "two": ("AAA-99", "passed")}, "two names AAA-99, which is no requirement"),
    ],
    ids=["no test", "only skipped", "one fails", "unknown id"],
)
def test_trace_complains(tmp_path: Path, results: dict[str, tuple[str, str]], complaint: str) -> None:
    write_results(tmp_path, **results)
    answer = run_trace(tmp_path, "AAA-01")
    assert answer.returncode == 1
    assert complaint in answer.stderr


def test_trace_without_results_could_not_check(tmp_path: Path) -> None:
    assert run_trace(tmp_path, "AAA-01").returncode == 3


def test_our_requirements_are_read() -> None:
    sys.path.insert(0, str(ROOT))
    from scripts.trace import load_requirements

    ids = load_requirements(ROOT / "docs" / "requirements.md")
    assert len(ids) == len(set(ids))
    assert {"INV-01", "GND-01", "PRV-01"} <= set(ids)
