"""Open contributions decided anew after an activation, with a real slapd, while the status route is asked.

``reference`` is the same number of bare appends by one client in the same run: what remains when deciding costs
nothing. The product's promise is 5,000 open contributions in under 60 s on a machine with two cores, so at least
84 a second. The contributions are pushed by ``git fast-import`` and told in hints of many updates. The second row is
how long another process waits for an answer meanwhile: the slowest of a hundred, beside the median of before.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.appends import build_command
from gate.domain.clock import SystemClock
from gate.store import contributions
from gate.workflow import receive
from gate.workflow.redecide import redecide_open
from tests.support.journey import MAIN, NOTHING, POLICY, REPOSITORY, World, hint_body, open_slapd, open_world

CONTRIBUTIONS = 400
HINT = 100
ROUNDS = 3


def run() -> list[dict[str, object]]:
    """One row: the median of ``ROUNDS`` activations, each of which makes every approval and decision stale."""
    with (
        tempfile.TemporaryDirectory(prefix="gate-bench-") as folder,
        open_slapd(Path(folder) / "slapd") as slapd,
        open_world(Path(folder) / "world", slapd=slapd, clock=SystemClock(), max_age=3600) as world,
    ):
        began = time.perf_counter()
        propose(world)
        print(f"{CONTRIBUTIONS} contributions in {time.perf_counter() - began:.0f} s", file=sys.stderr)
        redecide_open(world.parts)
        with asking(world) as before:
            time.sleep(2)
        with asking(world) as meanwhile:
            rates = [measure(world, number) for number in range(ROUNDS)]
        floor = bare_appends(world)
    value = statistics.median(rates)
    slowest, usual = statistics.quantiles(meanwhile, n=100)[-1], statistics.median(before)
    return [
        {
            "name": "open contributions decided anew",
            "value": round(value, 1),
            "unit": "/s",
            "reference": round(floor, 1),
            "ratio": round(value / floor, 4),
        },
        {
            "name": "status asked meanwhile, slowest of 100",
            "value": round(slowest, 1),
            "unit": "ms",
            "reference": round(usual, 1),
            "ratio": round(usual / slowest, 4),
        },
    ]


@contextmanager
def asking(world: World) -> Iterator[list[float]]:
    """Another process asks for the answers of all heads in turn; how long each took, in ms, when the block is over."""
    heads = [row.head for row in contributions.open_for(world.parts.engine)]
    command = [sys.executable, "-m", "bench.asker", str(world.instance), REPOSITORY, *heads]
    times: list[float] = []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        if child.stdout is None or child.stdout.readline() != "asking\n":
            raise RuntimeError("the process that asks for answers does not start")
        yield times
        told, _ = child.communicate("")
    if child.returncode:
        raise RuntimeError("the process that asks for answers failed")
    times += [float(line) for line in told.split()]


def propose(world: World) -> None:
    """``CONTRIBUTIONS`` branches of one commit each, and the hints of their pushes."""
    base = world.repo.tip(MAIN)
    lines = []
    for number in range(CONTRIBUTIONS):
        lines.append(
            f"commit refs/heads/contrib/main/topic{number}\n"
            f"author Anna Berg <anna@example.org> {1_767_225_600 + number} +0000\n"
            f"committer Anna Berg <anna@example.org> {1_767_225_600 + number} +0000\n"
            f"data 8\nA change\nfrom {base}\nM 100644 inline src/topic{number}.py\ndata 5\npass\n\n"
        )
    world.repo.git("fast-import", "--quiet", stdin="".join(lines).encode())
    for start in range(0, CONTRIBUTIONS, HINT):
        refs = [f"refs/heads/contrib/main/topic{number}" for number in range(start, start + HINT)]
        updates = [{"ref": ref, "old": NOTHING, "new": world.repo.tip(ref) or ""} for ref in refs]
        receive.hint(world.parts, REPOSITORY, world.holder, hint_body(f"bench-{start:08}", updates, pusher="anna"))


def measure(world: World, number: int) -> float:
    """Decisions a second after one more activation."""
    world.activate(POLICY.replace("valid_for: 14d", f"valid_for: {13 - number}d"))
    began = time.perf_counter()
    done = redecide_open(world.parts)
    if done != CONTRIBUTIONS:
        raise RuntimeError(f"{done} of {CONTRIBUTIONS} were decided")
    return done / (time.perf_counter() - began)


def bare_appends(world: World) -> float:
    """Appends a second of one client on the same database."""
    began, count = time.perf_counter(), 200
    for version in range(1, count + 1):
        world.parts.ledger.append(build_command(10_000, version))
    return count / (time.perf_counter() - began)


if __name__ == "__main__":
    for row in run():
        print(f"{row['name']:40} {row['value']:>10} {row['unit']}   beside {row['reference']}   {row['ratio']}")
