"""Where the demo keeps everything: one folder (``.demo``), made and known by a mark.

A folder without the mark is never touched. One demo at a time uses it; a play that was interrupted
is thrown away and played again, a finished one is reused.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gate.domain.errors import ConflictError, InputError

MARK = "THIS-IS-A-DEMO"
PORT = 8480
CI = "ci"


@dataclass(frozen=True, slots=True)
class Place:
    """The folder and the names in it."""

    root: Path

    @property
    def instance(self) -> Path:
        return self.root / "instance"

    @property
    def policies(self) -> Path:
        return self.root / "policies"

    @property
    def slapd(self) -> Path:
        return self.root / "slapd"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def trust(self) -> Path:
        return self.instance / "trust.json"

    @property
    def summary(self) -> Path:
        return self.root / "summary.json"

    @property
    def outcome(self) -> Path:
        """Written last: what the play made. Without it the play did not end."""
        return self.root / "played.json"

    def bare(self, repository: str) -> Path:
        return self.root / "git" / f"{repository}.git"

    def work(self, repository: str) -> Path:
        return self.root / "work" / repository

    def token(self, name: str) -> Path:
        return self.root / "tokens" / name


@contextmanager
def taken(root: Path) -> Iterator[Place]:
    """The folder, made if need be and held by us alone. Raises ``ConflictError`` and ``InputError``."""
    root = root.absolute()
    place = Place(root)
    if root.exists() and any(root.iterdir()) and not (root / MARK).exists():
        raise InputError(f"{root} is no demo's folder; it was left as it is.", remedy="Choose another by DEMO_DIR.")
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (root / MARK).open("a") as mark:
        try:
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as cause:
            raise ConflictError(
                f"Another demo is running in {root}.",
                remedy="End it with Ctrl-C, or choose another folder by DEMO_DIR.",
            ) from cause
        place.summary.unlink(missing_ok=True)
        if not place.outcome.exists():
            clear(place)
        place.logs.mkdir(exist_ok=True)
        yield place


def clear(place: Place) -> None:
    """Everything but the mark, which is locked."""
    for path in place.root.iterdir():
        if path.name == MARK:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def write_json(path: Path, value: Any) -> None:
    """Whole or not at all; readable by its owner only, as passwords of the demo stand in it."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=2, ensure_ascii=False)
        file.write("\n")
    Path(name).replace(path)


def choose_port(wanted: int | None) -> int:
    """The port asked for, or the usual one, or any that is free. Raises ``ConflictError``."""
    if wanted and not _is_free(wanted):
        raise ConflictError(f"Port {wanted} of 127.0.0.1 is taken.", remedy="Choose another by DEMO_PORT.")
    if wanted or (wanted is None and _is_free(PORT)):
        return wanted or PORT
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def gate_command() -> list[str]:
    """The words that start ``gate`` from any directory."""
    program = Path(sys.executable).parent / "gate"
    return [str(program)] if program.exists() else [sys.executable, "-m", "gate.cli.main"]


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
