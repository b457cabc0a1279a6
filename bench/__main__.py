"""``make bench``: runs every benchmark, prints one table, writes ``.bench/results.json``
(a list of rows) with ``.bench/machine.json`` beside it.

Each row is measured beside a floor or peer in the same run; the ratio is what must not fall, because the
numbers alone follow the machine. Progress goes to standard error. A benchmark that fails says so, the others
still run, and the exit code is 1. Names after the command run only those: ``python -m bench status``.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import sqlite3
import sys
import time
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parents[1] / ".bench" / "results.json"
BENCHES = ("status", "appends", "decisions", "packs", "redecide", "preview")
"""The one that needs the quietest machine first."""

Row = dict[str, Any]
MEMBERS = ("name", "value", "unit", "reference", "ratio")


def main(wanted: Sequence[str]) -> int:
    unknown = [name for name in wanted if name not in BENCHES]
    if unknown:
        tell(f"There is no benchmark {', '.join(unknown)}; there are {', '.join(BENCHES)}.")
        return 2
    rows: list[Row] = []
    failed: list[str] = []
    for name in wanted or BENCHES:
        tell(f"{name} ...")
        started = time.monotonic()
        try:
            rows += measure(name)
        except Exception:  # noqa: BLE001 - whatever one of them meets, the others are still measured
            tell(f"{name} FAILED\n{traceback.format_exc()}")
            failed.append(name)
            continue
        tell(f"{name} done in {time.monotonic() - started:.0f} s")
    print_table(rows)
    write_results(rows)
    if failed:
        tell(f"FAILED: {', '.join(failed)}")
    return 1 if failed else 0


def measure(name: str) -> list[Row]:
    """The rows of one benchmark, each with exactly the members of the format."""
    rows = [dict(row) for row in importlib.import_module(f"bench.{name}").run()]
    for row in rows:
        if set(row) != set(MEMBERS):
            raise ValueError(f"a row of {name} has the members {sorted(row)}")
    if not rows:
        raise ValueError(f"{name} measured nothing")
    return rows


def print_table(rows: Sequence[Row]) -> None:
    width = max((len(row["name"]) for row in rows), default=4)
    print(f"{'name':{width}} {'value':>14} {'unit':9} {'reference':>14} {'ratio':>9}")
    for row in rows:
        shown = f"{show(row['value']):>14} {row['unit']:9} {show(row['reference']):>14} {show(row['ratio']):>9}"
        print(f"{row['name']:{width}} {shown}")


def show(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def write_results(rows: Sequence[Row]) -> None:
    """Replaced whole, so that no row of an earlier run is taken for one of this; the machine stands beside it."""
    RESULTS.parent.mkdir(exist_ok=True)
    for path, body in ((RESULTS, list(rows)), (RESULTS.with_name("machine.json"), describe_machine())):
        part = path.with_suffix(".part")
        part.write_text(json.dumps(body, indent=2) + "\n", encoding="utf-8")
        part.replace(path)


def describe_machine() -> dict[str, object]:
    """What the numbers depend on. ``load`` is the one-minute average at the end: about 1 to 2 on a quiet machine."""
    return {
        "measured_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "cpu": read_cpu(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1_000_000,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "load": round(os.getloadavg()[0], 2),
    }


def read_cpu() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines() if cpuinfo.exists() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def tell(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
