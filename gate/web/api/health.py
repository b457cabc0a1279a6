"""Is this process able to do its work? For load balancers: 200 or 503, stages by name, no secret."""

from __future__ import annotations

from flask import Response

from gate.web.api.answers import build_json
from gate.web.context import parts
from gate.web.permissions import Permission, requires
from gate.workflow import health as health_step


@requires(Permission.HEALTH)
def show_health() -> Response:
    is_well, stages = health_step.health(parts())
    return build_json(stages, 200 if is_well else 503)
