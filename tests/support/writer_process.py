"""A process that appends and says so: ``python -m tests.support.writer_process URL FILE STREAM COUNT``.

For each entry that was acknowledged it writes ``<index> <version>`` to standard output, at once.
COUNT 0 goes on until it is killed. Where the stream stands is read from the log first.
"""

from __future__ import annotations

import os
import sys
from itertools import count
from pathlib import Path

from gate.store.engine import open_engine
from tests.support.ledgers import build_ledger, plain_command


def main(url: str, checkpoint_file: str, stream: str, how_many: str) -> None:
    ledger = build_ledger(open_engine(url), Path(checkpoint_file))
    first = ledger.read.stream_version(stream) + 1
    versions = range(first, first + int(how_many)) if int(how_many) else count(first)
    for version in versions:
        receipt = ledger.append(plain_command(stream, version, key=f"{stream}@{version}"))
        os.write(1, f"{receipt.indexes[0]} {version}\n".encode())
    ledger.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
