"""JSON answers of the API. Keys are sorted, so equal answers are equal bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping

from flask import Response

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def build_json(body: Mapping[str, object], http: int = 200) -> Response:
    return Response(_encode(body) + "\n", http, mimetype="application/json")
