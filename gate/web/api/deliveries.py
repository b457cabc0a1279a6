"""Signed deliveries of forges. The bytes and headers go on untouched: the signature is checked before any parsing."""

from __future__ import annotations

from flask import Blueprint, Response, request

from gate.web.api.hints import build_outcome
from gate.web.context import parts
from gate.web.permissions import Permission, requires
from gate.workflow import deliver as deliver_step

deliveries = Blueprint("deliveries", __name__, url_prefix="/api/v1/deliveries")


@deliveries.post("/<name:forge>")
@requires(Permission.DELIVER)
def receive_delivery(forge: str) -> Response:
    headers = {name.lower(): value for name, value in request.headers.items()}
    raw = request.get_data(cache=False)
    return build_outcome(deliver_step.delivery(parts(), forge, headers, raw, request.remote_addr or ""))
