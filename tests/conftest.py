"""What every test may use. Kept small: a thing's own fixtures stand in ``tests/support/<thing>.py``."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.support.trace", "tests.support.databases"]

IS_CI = os.environ.get("CI", "").lower() in ("1", "true")

# No deadline: a busy machine is no failure. CI tries the same cases each time and says how to repeat one.
_SLOW = [HealthCheck.too_slow]
settings.register_profile("quick", deadline=None, max_examples=50, suppress_health_check=_SLOW)
settings.register_profile("ci", deadline=None, max_examples=200, derandomize=True, suppress_health_check=_SLOW)
settings.register_profile("deep", deadline=None, max_examples=5_000, suppress_health_check=_SLOW)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if IS_CI else "quick"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Under ``CI=true`` a skip is a failure: a missing tool must not look like a pass."""
    report = yield
    if report.skipped and IS_CI and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def vectors() -> Path:
    """The public test vectors: ``GATE_VECTORS``, or ``shared/vectors`` beside the clone."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "vectors"
    folder = Path(os.environ.get("GATE_VECTORS") or beside)
    if not folder.is_dir():
        pytest.skip(f"no public test vectors in {folder}; set GATE_VECTORS to their folder")
    return folder


@pytest.fixture
def free_port() -> Callable[[], int]:
    """Gives a loopback port that was free a moment ago, another one each time."""
    taken: set[int] = set()

    def find() -> int:
        while True:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = int(probe.getsockname()[1])
            if port not in taken:
                taken.add(port)
                return port

    return find
