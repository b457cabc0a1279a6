"""The only mapping from errors to answers: HTML pages for people, RFC 9457 problem details for programs.

A page says what is wrong, how to mend it, and on a sign route whether anything was signed. An
unforeseen exception becomes an incident id; its cause goes to the operational log only.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from flask import Flask, Response, redirect, render_template, request, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as WerkzeugResponse

from gate.domain.errors import (
    ConflictError,
    GateError,
    InputError,
    NotFoundError,
    NotPermittedError,
    NotSignedInError,
    UnavailableError,
    VerificationError,
)
from gate.web.context import request_id
from gate.web.request_log import write_incident
from gate.web.security import SAFE_METHODS

STATUS: tuple[tuple[type[GateError], int], ...] = (
    (InputError, 400),
    (NotSignedInError, 401),
    (NotPermittedError, 403),
    (NotFoundError, 404),
    (ConflictError, 409),
    (UnavailableError, 503),
    (VerificationError, 403),
    (GateError, 500),
)
CODE_STATUS = {"throttled": 429, "wrong-host": 421, "too-large": 413}
TITLES = {
    400: "This request cannot be read",
    401: "Please sign in",
    403: "This is not permitted",
    404: "There is nothing here",
    405: "This cannot be done here",
    409: "This changed while you were reading",
    413: "This is too large",
    421: "This is another host",
    429: "Too many attempts",
    500: "Something went wrong in the gate",
    503: "The gate could not check",
}
REMEDIES = {
    404: "Check the address. You may also lack the permission to know that it exists.",
    405: "Go back and use the page's own buttons.",
    413: "Send less than one mebibyte.",
    500: "Nothing half-done was kept. Tell an administrator the incident id.",
}


def install_errors(app: Flask) -> None:
    app.register_error_handler(GateError, answer_gate_error)
    app.register_error_handler(HTTPException, answer_http_error)
    app.register_error_handler(Exception, answer_incident)


def choose_status(error: GateError) -> int:
    if error.code in CODE_STATUS:
        return CODE_STATUS[error.code]
    return next(status for kind, status in STATUS if isinstance(error, kind))


def answer_gate_error(error: GateError) -> WerkzeugResponse:
    status = choose_status(error)
    if error.code == "broken":
        # Our own fault, told to the caller as "unknown": its cause must not be lost.
        write_incident(request_id(), error.__cause__ if isinstance(error.__cause__, Exception) else error)
    if is_api():
        return build_problem(error, status)
    if isinstance(error, NotSignedInError) and request.method in SAFE_METHODS:
        return redirect(url_for("session.show_sign_in", next=read_own_path()), 303)
    return build_page(error, status)


def answer_http_error(error: HTTPException) -> WerkzeugResponse:
    """Werkzeug's own: unknown route, wrong method, body too large. A redirect passes as it is."""
    status = error.code or 500
    if status < 400 and error.response is not None:
        return WerkzeugResponse.force_type(error.get_response())
    kind = InputError if status < 500 else GateError
    own = kind(f"{TITLES.get(status, 'This did not work')}.", code=f"http-{status}", remedy=REMEDIES.get(status, ""))
    response = build_problem(own, status) if is_api() else build_page(own, status)
    allowed = getattr(error, "valid_methods", None)
    if allowed:
        response.headers["Allow"] = ", ".join(sorted(allowed))
    return response


def answer_incident(error: Exception) -> WerkzeugResponse:
    """A fault of ours: named by the request id, explained only in the operational log."""
    write_incident(request_id(), error)
    own = GateError("The gate met a fault of its own.", code="incident", remedy=REMEDIES[500], incident=request_id())
    return build_problem(own, 500) if is_api() else build_page(own, 500)


def is_api() -> bool:
    return request.path.startswith("/api/")


def is_signing() -> bool:
    return request.method == "POST" and request.endpoint in (
        "sign.sign_contribution",
        "delegations.hand_over",
        "delegations.end",
        "vetoes.clear",
        "overrides.sign_break_glass",
        "terms.accept_terms",
        "proposals.propose",
        "proposals.sign_proposal",
    )


def read_own_path() -> str:
    query = request.query_string.decode("ascii", "replace")
    path = quote(request.path, safe="/:@!$&'()*+,;=~")
    return f"{path}?{query}" if query else path


def build_problem(error: GateError, status: int) -> Response:
    """RFC 9457. Extra members are the error's details; none may shadow a standard member."""
    body: dict[str, Any] = {key: value for key, value in error.details.items() if _is_plain(value)}
    if isinstance(error, InputError) and error.where:
        body["where"] = error.where
    body.update(
        type=f"urn:contribution-gate:problem:{error.code}",
        title=TITLES.get(status, HTTPStatus(status).phrase),
        status=status,
        code=error.code,
        detail=error.message,
        remedy=error.remedy,
        request_id=request_id(),
    )
    response = Response(json.dumps(body), status, mimetype="application/problem+json")
    _add_standard_headers(response, error, status)
    return response


def build_page(error: GateError, status: int) -> Response:
    changes = error.details.get("changes", ())
    html = render_template(
        "error.html",
        status=status,
        title=TITLES.get(status, HTTPStatus(status).phrase),
        message=error.message,
        remedy=error.remedy,
        where=error.where if isinstance(error, InputError) else "",
        changes=[str(change) for change in changes] if isinstance(changes, list | tuple) else [],
        nothing_signed=is_signing(),
        back=read_own_path() if request.method == "POST" and status in (403, 409, 429, 503) else None,
        sign_in=url_for("session.show_sign_in", next=read_own_path()) if status == 401 else None,
        incident=request_id() if status >= 500 else None,
    )
    response = Response(html, status, mimetype="text/html")
    _add_standard_headers(response, error, status)
    return response


def _add_standard_headers(response: Response, error: GateError, status: int) -> None:
    if status == 401 and is_api():
        response.headers["WWW-Authenticate"] = 'Bearer realm="contribution-gate"'
    if status in (429, 503):
        wait = error.details.get("retry_after")
        response.headers["Retry-After"] = str(wait) if isinstance(wait, int) else "30"


def _is_plain(value: object) -> bool:
    if isinstance(value, list | tuple):
        return all(_is_plain(item) for item in value)
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(item) for key, item in value.items())
    return value is None or isinstance(value, str | int | bool)
