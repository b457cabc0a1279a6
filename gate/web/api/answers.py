"""JSON answers of the API. Keys are sorted, so equal answers are equal bytes."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Response

from gate.workflow.shown import encode_body


def build_json(body: Mapping[str, object], http: int = 200) -> Response:
    return Response(encode_body(body), http, mimetype="application/json")
