"""A check reports its outcome for one head. Who reports it is the token, never the body."""

from __future__ import annotations

from flask import Blueprint, Response

from gate.web.api.answers import build_json
from gate.web.context import holder, parts
from gate.web.permissions import Permission, requires
from gate.web.reading import read_json_object
from gate.workflow import checks as checks_step

checks = Blueprint("checks", __name__, url_prefix="/api/v1/repositories/<repository:repository>")


@checks.post("/revisions/<hash:sha>/checks")
@requires(Permission.WRITE_CHECKS)
def receive_check(repository: str, sha: str) -> Response:
    return build_json(checks_step.report(parts(), holder(), repository, sha, read_json_object()))
