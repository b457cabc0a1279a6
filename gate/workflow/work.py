"""The worker's round: jobs of the outbox, decisions that run out, landings nobody told us of, counts.

Each piece fails by itself: what goes wrong is logged and tried again, and never stops the others. That
holds for our own faults too (anything that is no ``GateError``): a job that meets one stays on record as
failed, with its cause, and waits longer each time; a worker that died of it would take all others with it.
Every piece bears repeating, so any number of workers may run.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from gate.auditlog.entry import EntryKind
from gate.domain.clock import format_instant
from gate.domain.errors import GateError
from gate.store import contributions, hints, outbox, sessions
from gate.store.outbox import JobRow
from gate.workflow import export, proposal_due
from gate.workflow.entry import SYSTEM
from gate.workflow.land import walk_repository
from gate.workflow.parts import Parts
from gate.workflow.presence import append_to_stream
from gate.workflow.redecide import redecide, redecide_open

LEASE: Final = timedelta(minutes=10)
WALK_EVERY: Final = timedelta(minutes=1)
SWEEP_EVERY: Final = timedelta(hours=1)
KEEP: Final = timedelta(days=30)
# After a renewal failed: long enough not to press a directory that is down, short enough to heal soon.
REST: Final = timedelta(seconds=2)

Report = Callable[[str, str], None]
T = TypeVar("T")


@dataclass(slots=True)
class Worker:
    """One worker: ``round`` does what is due and returns how many things it did. ``report(what, problem)`` logs."""

    parts: Parts
    report: Report
    _rest_until: datetime | None = None
    _walked_at: datetime | None = None
    _swept_at: datetime | None = field(default=None)

    def round(self) -> int:
        done = self._jobs() + self._renewals()
        now = self.parts.clock.now()
        if self._walked_at is None or now - self._walked_at >= WALK_EVERY:
            self._walked_at = now
            done += self._walk() + (self._try("counts of refused hints", self._counts) or 0)
        if self._swept_at is None or now - self._swept_at >= SWEEP_EVERY:
            self._swept_at = now
            self._try("sweep", self._sweep)
        return done

    def _jobs(self) -> int:
        jobs = outbox.claim(self.parts.engine, self.parts.clock.now(), lease=LEASE)
        for job in jobs:
            self._job(job)
        return len(jobs)

    def _job(self, job: JobRow) -> None:
        try:
            self._do(job)
        except Exception as problem:  # noqa: BLE001 -- recorded and reported; see the module's rules
            cause = str(problem) if isinstance(problem, GateError) else _told(problem)
            again = outbox.postpone(self.parts.engine, job, self.parts.clock.now(), cause)
            self.report(f"job {job.id} ({job.kind})", f"{_told(problem)} Tried again at {format_instant(again)}.")
        else:
            outbox.finish(self.parts.engine, job.id, self.parts.clock.now())

    def _do(self, job: JobRow) -> None:
        match job.kind:
            case "redecide":
                redecide_open(self.parts)
            case proposal_due.JOB:
                proposal_due.activate_due(self.parts, int(job.content["proposal"]))
            case export.JOB:
                export.run_job(self.parts, job.content)
            case other:
                raise GateError(f"No part of this version does jobs of kind {other!r}.", code="unknown-job")

    def _renewals(self) -> int:
        """Decisions are renewed when half of their time is over, so that CI hardly ever meets an old one."""
        now = self.parts.clock.now()
        if self._rest_until is not None and now < self._rest_until:
            return 0
        ahead = timedelta(seconds=self.parts.settings.policy.max_age_seconds / 2)
        done = 0
        for row, outcome in redecide(self.parts, contributions.due_for_renewal(self.parts.engine, now + ahead)):
            if not isinstance(outcome, Exception):
                done += 1
                continue
            self.report(f"renewal of {row.id}", _told(outcome))
            self._rest_until = now + REST
            if isinstance(outcome, GateError) and outcome.code == "unreachable":
                break
        return done

    def _walk(self) -> int:
        found = 0
        for repository in self._registered():
            found += self._try(f"walk of {repository}", partial(walk_repository, self.parts, repository)) or 0
        return found

    def _registered(self) -> tuple[str, ...]:
        force = self._try("policy in force", self.parts.in_force)
        return tuple(one.id for one in force.policies.registry.repositories) if force else ()

    def _counts(self) -> int:
        """Record the refused hints of minutes that are over: one entry a source and minute."""
        this_minute = self.parts.clock.now().replace(second=0, microsecond=0)
        rows = hints.unrecorded(self.parts.engine, this_minute)
        for row in rows:
            predicate: dict[str, object] = {
                "source": row.source,
                "minute": format_instant(row.minute),
                "count": row.count,
            }
            append_to_stream(self.parts, f"hints/{row.source}", EntryKind.HINTS_REFUSED, predicate, SYSTEM)
            hints.mark_recorded(self.parts.engine, row)
        return len(rows)

    def _sweep(self) -> None:
        now = self.parts.clock.now()
        sessions.sweep(self.parts.engine, now)
        hints.sweep(self.parts.engine, now - KEEP)
        outbox.sweep(self.parts.engine, now - KEEP)

    def _try(self, what: str, act: Callable[[], T]) -> T | None:
        try:
            return act()
        except Exception as problem:  # noqa: BLE001 -- reported; see the module's rules
            self.report(what, _told(problem))
            return None


def _told(problem: Exception) -> str:
    """The problem, and where our own fault behind it was raised, if one was; never values, which may be anybody's."""
    if not isinstance(problem, GateError):
        return f"An error of the gate itself: {_fault(problem)}."
    cause = problem.__cause__
    return str(problem) if cause is None or isinstance(cause, GateError) else f"{problem} Cause: {_fault(cause)}."


def _fault(fault: BaseException) -> str:
    """What was raised, and where, by module and line: enough to find it, and no path of this machine.

    Only of the file that an ``OSError`` is about is the path told: an administrator has to find it.
    """
    last = traceback.extract_tb(fault.__traceback__)[-1:]
    where = "".join(f" at {'/'.join(Path(one.filename).parts[-2:])}:{one.lineno}" for one in last)
    about = f" about {fault.filename}" if isinstance(fault, OSError) and isinstance(fault.filename, str) else ""
    return f"{type(fault).__qualname__}{about}{where}"
