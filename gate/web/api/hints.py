"""Hints of the post-receive hook: "look here". 202 when new, 200 for a repeat."""

from __future__ import annotations

from flask import Blueprint, Response

from gate.web.api.answers import build_json
from gate.web.context import holder, parts
from gate.web.permissions import Permission, requires
from gate.web.reading import read_json_object
from gate.workflow import receive as receive_step
from gate.workflow.shown import HintOutcome

hints = Blueprint("hints", __name__, url_prefix="/api/v1/repositories/<repository:repository>")


@hints.post("/hints")
@requires(Permission.WRITE_HINTS)
def receive_hint(repository: str) -> Response:
    return build_outcome(receive_step.hint(parts(), repository, holder(), read_json_object()))


def build_outcome(outcome: HintOutcome) -> Response:
    body = {"fresh": outcome.fresh, "accepted": outcome.accepted, "ignored": list(outcome.ignored)}
    return build_json(body, 202 if outcome.fresh else 200)
