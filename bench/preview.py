"""``gate preview`` of a thousand merges under the worked policy, which uses the whole language.

``reference`` is the survey alone in the same run: git listing commits, paths, lines and renames. The product's promise
is a thousand merges of a public repository's clone in under 60 s, so at least 17 a second.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from gate.git.mirror import open_clone
from gate.git.survey import survey
from tests.support.journey import identity
from tests.support.previews import MAIN, import_merges, look, quiet
from tests.support.repos import make_repo

MERGES = 1_000
ROUNDS = 3
POLICY = Path(__file__).resolve().parents[1] / "tests" / "vectors" / "worked.yaml"


def run() -> list[dict[str, object]]:
    """One row: the median of ``ROUNDS``."""
    with tempfile.TemporaryDirectory(prefix="gate-bench-") as folder:
        repo = make_repo(Path(folder) / "ledger-core")
        repo.commit({"README.md": "Ledger\n"}, "First", author=identity("bob"), branch=MAIN)
        import_merges(repo, MERGES)
        clone, policy = open_clone(repo.path, "ledger-core"), POLICY.read_text(encoding="utf-8")
        floor = rate(lambda: len(survey(clone, MAIN, None, quiet, with_sizes=True)))
        value = rate(lambda: len(look(repo, policy=policy, registry=None, days=None).merges))
    return [
        {
            "name": "merges previewed",
            "value": round(value, 1),
            "unit": "/s",
            "reference": round(floor, 1),
            "ratio": round(value / floor, 4),
        }
    ]


def rate(work: Callable[[], int]) -> float:
    """Merges a second; ``work`` says how many it looked at."""
    rates = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        done = work()
        if done != MERGES + 1:
            raise RuntimeError(f"{done} merges were looked at")
        rates.append(done / (time.perf_counter() - began))
    return statistics.median(rates)


if __name__ == "__main__":
    for row in run():
        print(f"{row['name']:36} {row['value']:>10} {row['unit']}   survey {row['reference']}   {row['ratio']}")
