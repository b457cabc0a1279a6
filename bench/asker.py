"""Says ``asking``, asks for the answers of heads, fifty a second, until standard input ends, and prints how long each
took, in ms.

A web process stands beside the worker like this: what it shares with it are the database and the machine.
"""

from __future__ import annotations

import select
import sys
import time
from itertools import cycle
from pathlib import Path

from gate.app import build_parts
from gate.settings import load_settings
from gate.workflow.status import answer

PAUSE = 0.02
KNOWN = {"approved", "overridden", "pending", "rejected", "blocked", "error"}


def main(instance: str, repository: str, *heads: str) -> int:
    parts = build_parts(load_settings(Path(instance), {}))
    turns, times = cycle(heads), []
    print("asking", flush=True)
    while not select.select([sys.stdin], [], [], PAUSE)[0]:
        head, began = next(turns), time.perf_counter()
        word = answer(parts, repository, head, None).answer
        times.append(1_000 * (time.perf_counter() - began))
        if word not in KNOWN:
            print(f"{head} is {word}", file=sys.stderr)
            return 1
    print(*times, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
