"""Is the gate well? Each part with its own cause; nothing here is secret."""

from __future__ import annotations

from typing import Any

from gate.domain.clock import format_instant
from gate.domain.errors import GateError
from gate.store import outbox
from gate.store.outbox import JobRow
from gate.workflow.parts import Parts


def health(parts: Parts) -> tuple[bool, dict[str, Any]]:
    """``(all well, stages)``. Never raises for an outage: that is what it is there to tell."""
    stages: dict[str, Any] = {}
    try:
        stages["record"] = {"ok": True, "entries": parts.log.head().size, "jobs": outbox.waiting(parts.engine)}
        # Told, but no reason to send people elsewhere: each is tried again, here or by another worker.
        stages["jobs"] = {"ok": True, "failing": [_failed(one) for one in outbox.failing(parts.engine)]}
    except Exception as problem:  # noqa: BLE001 -- whatever a database raises is what health reports
        stages["record"] = {"ok": False, "cause": type(problem).__name__}
    try:
        stages["policy"] = {"ok": True, "epoch": parts.in_force().epoch}
    except GateError as problem:
        stages["policy"] = {"ok": False, "cause": problem.message}
    asked = parts.directory.health()
    stages["directory"] = {
        "ok": asked.ok,
        "stages": [{"name": name, "ok": ok, "detail": detail} for name, ok, detail in asked.stages],
    }
    return all(stage["ok"] for stage in stages.values()), stages


def _failed(job: JobRow) -> dict[str, Any]:
    again = format_instant(job.not_before)
    return {"id": job.id, "kind": job.kind, "tries": job.attempts, "cause": job.last_error, "again": again}
