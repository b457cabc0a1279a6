"""One JSON line a request: what, how long, by whose id. No query string, no names, no addresses, no secret.

An incident's line holds the kind of the exception and where it was raised, never local variables,
and its message only where we know what can stand in it. The operational log is not evidence; the
audit log is. Lines go to standard error.
"""

from __future__ import annotations

import sys
import time
import traceback
from typing import Any

import structlog
from flask import Flask, Response, g, request

from gate.domain.errors import GateError
from gate.web.context import reader, request_id

MOST_FRAMES = 15


class _StandardError:
    """Whatever ``sys.stderr`` is when the line is written (a test or a server may have replaced it)."""

    def msg(self, line: str) -> None:
        sys.stderr.write(line + "\n")
        sys.stderr.flush()

    info = error = msg


lines = structlog.wrap_logger(
    _StandardError(),
    processors=[
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.JSONRenderer(sort_keys=True),
    ],
    wrapper_class=structlog.BoundLogger,
    context_class=dict,
)


def install_request_log(app: Flask) -> None:
    def start() -> None:
        g.started = time.perf_counter()

    def write_line(response: Response) -> Response:
        person = reader()
        token = g.get("holder")
        lines.info(
            "request",
            request_id=request_id(),
            method=request.method,
            route=request.url_rule.rule if request.url_rule else None,
            status=response.status_code,
            ms=round((time.perf_counter() - g.started) * 1000, 2),
            person=person.key if person else None,
            token=token.id if token else None,
        )
        return response

    app.before_request(start)
    app.after_request(write_line)


def write_incident(error: Exception) -> None:
    frames = traceback.extract_tb(error.__traceback__)[-MOST_FRAMES:]
    known: dict[str, Any] = {"message": str(error)} if isinstance(error, GateError | OSError) else {}
    lines.error(
        "incident",
        request_id=request_id(),
        endpoint=request.endpoint,
        kind=type(error).__qualname__,
        frames=[f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
        **known,
    )
