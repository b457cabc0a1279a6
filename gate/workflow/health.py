"""Is the gate well? Each part with its own cause; nothing here is secret."""

from __future__ import annotations

from typing import Any

from gate.domain.errors import GateError
from gate.store import outbox
from gate.workflow.parts import Parts


def health(parts: Parts) -> tuple[bool, dict[str, Any]]:
    """``(all well, stages)``. Never raises for an outage: that is what it is there to tell."""
    stages: dict[str, Any] = {}
    try:
        stages["record"] = {"ok": True, "entries": parts.log.head().size, "jobs": outbox.waiting(parts.engine)}
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
