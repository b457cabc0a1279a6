"""CI opens or updates a contribution with a scoped project token."""

from __future__ import annotations

from flask import Blueprint, Response

from gate.web.api.answers import build_json
from gate.web.context import holder, parts
from gate.web.permissions import Permission, requires
from gate.web.reading import read_json_object
from gate.workflow import receive as receive_step

contributions = Blueprint("api_contributions", __name__, url_prefix="/api/v1")


@contributions.post("/contributions")
@requires(Permission.WRITE_CONTRIBUTIONS)
def receive_contribution() -> Response:
    return build_json(receive_step.ci(parts(), holder(), read_json_object()))
