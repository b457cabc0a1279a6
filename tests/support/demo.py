"""The demo as a user starts it: ``gate demo`` in a folder of its own, on any free port, ended by a signal."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

GATE = Path(sys.executable).parent / "gate"
READY = "DEMO: insecure"
ENDING_SECONDS = 90


@dataclass
class Demo:
    """``start`` returns when the demo says it is ready; ``printed`` is what it said since."""

    root: Path
    process: subprocess.Popen[str] | None = None
    printed: list[str] = field(default_factory=list)

    @property
    def summary(self) -> dict[str, Any]:
        return dict(json.loads((self.root / "summary.json").read_text()))

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "DEMO_DIR": str(self.root), "DEMO_PORT": "0"}

    def start(self) -> None:
        # A shell in the background of a pipe starts its children with SIGINT ignored: the harder case is tested.
        command = ["sh", "-c", "trap '' INT; exec \"$@\"", "sh", str(GATE), "demo"]
        process = subprocess.Popen(
            command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.process, self.printed = process, []
        assert process.stdout is not None
        for line in process.stdout:
            self.printed.append(line)
            if line.startswith(READY):
                break
        else:
            raise AssertionError("".join(self.printed))

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        process, self.process = self.process, None
        assert process is not None
        process.send_signal(number)
        assert process.stdout is not None
        self.printed.append(process.stdout.read())
        code = process.wait(timeout=ENDING_SECONDS)
        process.stdout.close()
        return code

    def run(self, line: str) -> subprocess.CompletedProcess[str]:
        """A printed line, as pasted into a shell that stands elsewhere."""
        return subprocess.run(
            ["sh", "-c", line], cwd="/", env=self.environment, capture_output=True, text=True, check=False, timeout=120
        )

    def gate(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.run(shlex.join([str(GATE), *words]))


@contextmanager
def running_demo(root: Path) -> Iterator[Demo]:
    demo = Demo(root=root)
    try:
        demo.start()
        yield demo
    finally:
        if demo.process is not None:
            demo.end(signal.SIGTERM)
