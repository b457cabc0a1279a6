"""The only writer of recorded facts: commands in, receipts out.

``append`` blocks until the command is durable and covered by a signed checkpoint that is itself in
the database and in the checkpoint file, or raises. Callers on many threads share commits: one thread
per process takes whatever has queued up when its turn to write has come, at most ``MAX_BATCH``, without
lingering (the wait for the turn is the linger), and ``gate/store/writer.py`` makes one transaction of it.
Any number of processes and hosts may do so on PostgreSQL; one host on SQLite.

Open it after any fork. Reading the log is ``gate/store/auditlog.py``'s.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final

from sqlalchemy import Engine

from gate.auditlog.entry import leaf_hash
from gate.domain.clock import Clock
from gate.domain.errors import InputError, UnavailableError
from gate.signing.api import Signer
from gate.store.auditlog import AuditLog
from gate.store.command import (
    Blob,
    Command,
    EntryIndex,
    FreeText,
    Job,
    NewEntry,
    Receipt,
    Row,
)
from gate.store.fence import Fence
from gate.store.witnessed import CheckpointFile, Witnessed
from gate.store.writer import Item, Outcome, Writer

__all__ = ["Blob", "Command", "EntryIndex", "FreeText", "Job", "Ledger", "NewEntry", "Receipt", "Row"]

MAX_BATCH: Final = 512
DEADLINE_SECONDS: Final = 30.0


class _Waiting:
    """A queued item, and the bare lock its caller waits on.

    Callers served by one commit wake one another in turn (``follower``) instead of all at once: a
    hundred threads that wait for the interpreter lock together cost more than the work they do.
    """

    __slots__ = ("abandoned", "done", "follower", "item", "outcome")

    def __init__(self, item: Item) -> None:
        self.item = item
        self.outcome: Outcome | None = None
        self.follower: _Waiting | None = None
        self.abandoned = False
        self.done = threading.Lock()
        self.done.acquire()

    def wait(self, seconds: float) -> bool:
        """Whether it was served in time. However this ends, the turn is passed on exactly once."""
        served = False
        try:
            served = self.done.acquire(timeout=seconds)
        finally:
            if not served:
                self.abandoned = True
                served = self.done.acquire(blocking=False)
            if served:
                _wake(self.follower)
        return served


def _wake(waiting: _Waiting | None) -> None:
    """Give the turn to the first that still waits. Who gave up while being woken: the lock decides who passes it on."""
    while waiting is not None:
        waiting.done.release()
        if not (waiting.abandoned and waiting.done.acquire(blocking=False)):
            return
        waiting = waiting.follower


class Ledger:
    """Appends commands. Thread-safe; one per process. ``read`` is the log's reading side."""

    def __init__(self, *, engine: Engine, log_signer: Signer, origin: str, checkpoint_file: Path, clock: Clock) -> None:
        self.read = AuditLog(engine)
        self._file = CheckpointFile(checkpoint_file)
        fence = Fence(self._file)
        self._writer = Writer(engine=engine, signer=log_signer, origin=origin, fence=fence, clock=clock)
        self._queue: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._home = os.getpid()
        self._closed = False

    def append(self, command: Command, *, deadline_seconds: float = DEADLINE_SECONDS) -> Receipt:
        """Record ``command``. What is returned is durable and covered by a signed checkpoint.

        Raises ``ConflictError`` (moved, policy-moved, partly-recorded, contradicts-record: nothing was
        written), ``InputError`` (nothing was written), ``UnavailableError`` (rolled-back: nothing was
        written; otherwise unknown: send it again under the same key).
        """
        (outcome,) = self.append_all((command,), deadline_seconds=deadline_seconds)
        if isinstance(outcome, Receipt):
            return outcome
        raise outcome

    def append_all(
        self, commands: Sequence[Command], *, deadline_seconds: float = DEADLINE_SECONDS
    ) -> tuple[Outcome, ...]:
        """Record each by itself, as ``append`` does, with as few commits as it takes: a receipt each, or why not."""
        if not all(command.entries for command in commands):
            raise InputError("A command without an entry would record nothing.", code="no-entry")
        queued = [_Waiting(_build_item(command)) for command in commands]
        self._ensure_running()
        for waiting in queued:
            self._queue.put(waiting)
        until = time.monotonic() + deadline_seconds
        # Each is waited for, in time or not: whoever is served passes the turn on.
        return tuple(
            _answer(waiting.outcome) if waiting.wait(max(0.0, until - time.monotonic())) else _late()
            for waiting in queued
        )

    def latest_witnessed(self) -> Witnessed | None:
        """The largest checkpoint in the checkpoint file; None before the first."""
        return self._file.latest()

    def close(self) -> None:
        """Finish what is queued and stop. Appending afterwards is refused."""
        with self._starting:
            self._closed = True
            thread = self._thread
        if thread is not None:
            self._queue.put(None)
            thread.join()

    def _ensure_running(self) -> None:
        if self._thread is not None and self._home == os.getpid() and not self._closed:
            return
        if self._home != os.getpid():
            raise UnavailableError("The ledger was opened before the process forked.", code="misconfigured")
        with self._starting:
            if self._closed:
                raise UnavailableError("The ledger is closed.", code="closed")
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            self._serve(first)

    def _serve(self, first: _Waiting) -> None:
        """Write ``first`` and whoever has queued up behind it by the time the writer has its turn."""
        batch = [first]

        def join() -> list[Item]:
            joined = self._take(MAX_BATCH - len(batch))
            batch.extend(joined)
            return [waiting.item for waiting in joined]

        outcomes: list[Outcome]
        try:
            outcomes = self._writer.write([first.item], join)
        except Exception as error:  # noqa: BLE001 - our own bug: every caller is told, with the cause
            outcomes = [_broken(error)] * len(batch)
        for waiting, outcome, follower in zip(batch, outcomes, [*batch[1:], None], strict=True):
            waiting.outcome, waiting.follower = outcome, follower
        _wake(batch[0])

    def _take(self, most: int) -> list[_Waiting]:
        """What is queued now, in order."""
        taken: list[_Waiting] = []
        with suppress(Empty):
            while len(taken) < most:
                waiting = self._queue.get_nowait()
                if waiting is None:
                    self._queue.put(None)  # serve these first, then stop
                    break
                taken.append(waiting)
        return taken


def _build_item(command: Command) -> Item:
    return Item(command=command, leaves=tuple(leaf_hash(entry.envelope) for entry in command.entries))


def _answer(outcome: Outcome | None) -> Outcome:
    if isinstance(outcome, Receipt):
        return outcome
    if outcome is None:
        return _broken(None)
    # A fresh exception for each caller: one outage is raised in many threads at once.
    error = type(outcome)(outcome.message, code=outcome.code, remedy=outcome.remedy, **outcome.details)
    error.__cause__ = outcome.__cause__
    return error


def _late() -> UnavailableError:
    return UnavailableError(
        "The record was not written in time; it may still be.",
        code="unreachable",
        remedy="Repeat the step: under the same key nothing is recorded twice.",
    )


def _broken(cause: Exception | None) -> UnavailableError:
    error = UnavailableError(
        "The ledger broke while writing; whether it was written is not known.",
        code="broken",
        remedy="Repeat the step under the same key, and tell the administrator.",
    )
    error.__cause__ = cause
    return error
