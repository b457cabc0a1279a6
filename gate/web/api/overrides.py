"""Break-glass for programs: every invocation with the state of the review it owes. Free text stays on the pages."""

from __future__ import annotations

from flask import Blueprint, Response

from gate.web.api.answers import build_json
from gate.web.api.scope import read_repository
from gate.web.context import parts
from gate.web.permissions import Permission, requires
from gate.workflow import override_list as list_step

overrides = Blueprint("override_list", __name__, url_prefix="/api/v1")


@overrides.get("/overrides")
@requires(Permission.READ_STATUS)
def list_overrides() -> Response:
    """Of the token's repository, or of ``?repository=``; of all for a token of all."""
    return build_json(list_step.overrides_json(parts(), read_repository()))
