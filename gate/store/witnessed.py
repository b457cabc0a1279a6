"""The checkpoint file: what this host has signed, kept outside the database it speaks of.

Rules: one JSON line a checkpoint (``{"at","note","size"}``), fsynced before anybody is told of it;
one file a month beside the configured path (``log.jsonl`` → ``log-2026-11.jsonl``); a file that
outgrows its bound keeps its first and last line, since a later checkpoint commits to all before it.
Several processes may append. It catches a database that was put back, not an operator who edits both.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from gate.domain.clock import format_instant, parse_instant
from gate.domain.errors import UnavailableError

MAX_FILE: Final = 32 * 1024 * 1024
_TAIL: Final = 16 * 1024  # lines of racing processes may be out of order by as many as there are processes


@dataclass(frozen=True, slots=True, kw_only=True)
class Witnessed:
    """One line: the checkpoint as signed, its size, and when it was written here."""

    size: int
    note: str
    at: datetime


_State = tuple[str, int, int]
"""A month's name, inode and size: what tells that somebody wrote to it."""


class CheckpointFile:
    """Appends to and reads from one checkpoint file's months. Safe across threads and processes."""

    def __init__(self, path: Path, max_file: int = MAX_FILE) -> None:
        self._path = path
        self._max_file = max_file
        self._named = re.compile(re.escape(path.stem) + r"-[0-9]{4}-[0-9]{2}" + re.escape(path.suffix))
        self._seen: tuple[_State, Witnessed] | None = None

    def append(self, size: int, note: str, at: datetime) -> None:
        """Write one line durably. Raises ``UnavailableError`` when the file cannot be written."""
        line = json.dumps({"at": format_instant(at), "note": note, "size": size}, sort_keys=True).encode() + b"\n"
        month = self._month(at)
        try:
            before, after = self._append(month, line)
        except OSError as error:
            raise UnavailableError(
                "The checkpoint file cannot be written.", code="checkpoint-file", remedy=f"Check {month.name}."
            ) from error
        if self._seen is not None and self._seen[0] == before and size > self._seen[1].size:
            self._seen = (after, Witnessed(size=size, note=note, at=at))  # nobody else wrote: no need to read it back

    def latest(self) -> Witnessed | None:
        """The largest checkpoint written here lately; None before the first."""
        months = self.months()
        if not months:
            return None
        state = _state(months[-1], months[-1].stat())
        if self._seen is None or self._seen[0] != state:
            recent = [item for month in months[-2:] for item in _tail(month)]
            if not recent:
                return None
            self._seen = (state, max(recent, key=lambda item: item.size))
        return self._seen[1]

    def months(self) -> list[Path]:
        """The files there are, oldest month first."""
        return sorted(path for path in self._path.parent.iterdir() if self._named.fullmatch(path.name))

    def lines(self) -> list[Witnessed]:
        """Every checkpoint in every file, oldest file first."""
        return [parse_line(line) for month in self.months() for line in month.read_bytes().splitlines() if line]

    def _month(self, at: datetime) -> Path:
        return self._path.with_name(f"{self._path.stem}-{at:%Y-%m}{self._path.suffix}")

    def _append(self, month: Path, line: bytes) -> tuple[_State, _State]:
        """Write, sync, bound. Returns the file's state before and after."""
        is_new = not month.exists()
        descriptor = _open_locked(month)
        try:
            _drop_torn_line(descriptor, month)
            before = _state(month, os.fstat(descriptor))
            os.write(descriptor, line)
            os.fdatasync(descriptor)
            after = _state(month, os.fstat(descriptor))
            if after[2] > self._max_file:
                _shorten(month)
        finally:
            os.close(descriptor)
        if is_new:
            _sync_directory(month.parent)
        return before, after


def _state(month: Path, stat: os.stat_result) -> _State:
    return month.name, stat.st_ino, stat.st_size


def parse_line(line: bytes) -> Witnessed:
    """One line of a checkpoint file. Raises ``UnavailableError`` when it is not one."""
    try:
        held = json.loads(line)
        return Witnessed(size=int(held["size"]), note=str(held["note"]), at=parse_instant(held["at"]))
    except (ValueError, KeyError, TypeError) as error:
        raise UnavailableError(
            "The checkpoint file holds a line that is no checkpoint.",
            code="checkpoint-file",
            remedy="Restore the file; the gate does not sign without it.",
        ) from error


def _tail(month: Path) -> list[Witnessed]:
    with month.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _TAIL))
        lines = file.read().split(b"\n")
    # The first piece may be the end of a line; the last, not ended by a newline, a write that was cut short.
    whole = lines[1 if size > _TAIL else 0 : -1]
    return [parse_line(line) for line in whole if line]


def _open_locked(month: Path) -> int:
    while True:
        descriptor = os.open(month, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        # Another process may have replaced the file by a shortened one while we waited.
        if month.exists() and os.fstat(descriptor).st_ino == month.stat().st_ino:
            return descriptor
        os.close(descriptor)


def _drop_torn_line(descriptor: int, month: Path) -> None:
    """A writer killed half-way leaves a line without its newline; nobody was told of it."""
    size = os.fstat(descriptor).st_size
    if size and os.pread(descriptor, 1, size - 1) != b"\n":
        os.ftruncate(descriptor, month.read_bytes().rfind(b"\n") + 1)


def _shorten(month: Path) -> None:
    lines = month.read_bytes().splitlines(keepends=True)
    replacement = month.with_name(f"{month.name}.tmp")
    with replacement.open("wb") as file:
        file.write(lines[0] + lines[-1])
        file.flush()
        os.fsync(file.fileno())
    replacement.replace(month)
    _sync_directory(month.parent)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
