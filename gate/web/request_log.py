"""One JSON line a request: what, how long, by whose id. No query string, no names, no addresses, no secret.

An incident's line holds the kind of the exception and where it was raised, never local variables,
and its message only where we know what can stand in it. The operational log is not evidence; the
audit log is. Lines go to standard error.
"""

from __future__ import annotations

import json
import sys
import traceback
from typing import TYPE_CHECKING, Any

import structlog

from gate.domain.errors import GateError

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

MOST_FRAMES = 15
ROUTE, PERSON, TOKEN = "gate.route", "gate.person", "gate.token"
_encoder = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


class _StandardError:
    """Whatever ``sys.stderr`` is when the line is written (a test or a server may have replaced it)."""

    def msg(self, line: str) -> None:
        sys.stderr.write(line + "\n")
        sys.stderr.flush()

    info = error = msg


def _encode(event: Any, **_: Any) -> str:
    return _encoder.encode(event)


lines = structlog.wrap_logger(
    _StandardError(),
    processors=[
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.JSONRenderer(_encode),
    ],
    wrapper_class=structlog.BoundLogger,
    context_class=dict,
).bind()


def write_line(environ: WSGIEnvironment, request_id: str, status: int, seconds: float) -> None:
    """The route is the rule, not the path: paths hold what people typed."""
    lines.info(
        "request",
        request_id=request_id,
        method=environ["REQUEST_METHOD"],
        route=environ.get(ROUTE),
        status=status,
        ms=round(seconds * 1000, 2),
        person=environ.get(PERSON),
        token=environ.get(TOKEN),
    )


def write_incident(request_id: str, error: Exception) -> None:
    frames = traceback.extract_tb(error.__traceback__)[-MOST_FRAMES:]
    known = {"message": str(error)} if isinstance(error, GateError | OSError) else {}
    lines.error(
        "incident",
        request_id=request_id,
        kind=type(error).__qualname__,
        frames=[f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
        **known,
    )
