"""Records which requirements each test names and how it ended, for ``make trace``.

Marker ``req``; one JSON file, ``.trace/results.json``, written by the process that sees all reports
(with xdist that is the controller, so ids travel in ``user_properties``). A test that fails in
set-up or clean-up has failed. A run of a few tests replaces only their own results.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

FORMAT = "gate-trace/v1"
RESULTS = Path(".trace") / "results.json"
_PROPERTY = "req"


class Recorder:
    """Keeps the worst outcome per test: failed, then skipped, then passed."""

    def __init__(self, root: Path) -> None:
        self._path = root / RESULTS
        self._root = root
        self._tests: dict[str, dict[str, Any]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        ids = [str(value) for name, value in report.user_properties if name == _PROPERTY]
        test = self._tests.setdefault(report.nodeid, {"requirements": sorted(ids), "outcome": "passed"})
        if report.failed or test["outcome"] == "failed":
            test["outcome"] = "failed"
        elif report.skipped:
            test["outcome"] = "skipped"

    def pytest_sessionfinish(self) -> None:
        if not self._tests:
            return
        merged = {**self._kept(), **self._tests}
        self._path.parent.mkdir(exist_ok=True)
        text = json.dumps({"format": FORMAT, "tests": dict(sorted(merged.items()))}, indent=1)
        beside = self._path.with_suffix(f".{os.getpid()}")
        beside.write_text(text + "\n", encoding="utf-8")
        beside.replace(self._path)

    def _kept(self) -> dict[str, Any]:
        """Earlier results of test files that still exist and were not run now."""
        if not self._path.exists():
            return {}
        earlier = json.loads(self._path.read_text(encoding="utf-8"))
        run_now = {name.split("::")[0] for name in self._tests}
        return {
            name: test
            for name, test in (earlier["tests"].items() if earlier.get("format") == FORMAT else ())
            if name.split("::")[0] not in run_now and (self._root / name.split("::")[0]).exists()
        }


def requirements_of(item: pytest.Item) -> Iterable[str]:
    """The ids on the test, its class and its module, each once."""
    return dict.fromkeys(str(word) for mark in item.iter_markers("req") for word in mark.args)


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Recorder(config.rootpath), "gate-trace")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.user_properties.extend((_PROPERTY, word) for word in requirements_of(item))
