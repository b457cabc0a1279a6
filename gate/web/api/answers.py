"""JSON answers of the API. Keys are sorted, so equal answers are equal bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping

from flask import Response


def build_json(body: Mapping[str, object], http: int = 200) -> Response:
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return Response(text + "\n", http, mimetype="application/json")
