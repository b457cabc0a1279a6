"""Sign in and out. The sign-in form has a token of its own in a cookie, as nobody has a session yet."""

from __future__ import annotations

import secrets

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from gate.domain.errors import GateError, InputError, NotPermittedError, NotSignedInError, UnavailableError
from gate.web.context import parts, site
from gate.web.errors import choose_status
from gate.web.permissions import Permission, requires
from gate.web.reading import read_field, read_secret
from gate.web.security import (
    clear_session_cookie,
    is_local_path,
    set_form_cookie,
    set_session_cookie,
    verify_form_token,
)
from gate.workflow import session as session_step

session = Blueprint("session", __name__)


@session.get("/sign-in")
@requires(Permission.SIGN_IN)
def show_sign_in() -> Response:
    return build_form(200)


@session.post("/sign-in")
@requires(Permission.SIGN_IN)
def sign_in() -> Response:
    """Check the form's token, then the password; a refusal shows the form again and says why."""
    verify_form_token(request.cookies.get(site().form_cookie, ""))
    login = ""
    try:
        login = read_field("login", limit=256)
        _, token = session_step.sign_in(parts(), login, read_secret("password"), request.remote_addr or "")
    except (InputError, NotSignedInError, NotPermittedError, UnavailableError) as error:
        return build_form(422 if isinstance(error, NotSignedInError) else choose_status(error), login, error)
    response = redirect(choose_target(), 303)
    set_session_cookie(response, site(), token)  # type: ignore[arg-type]
    return response


@session.post("/sign-out")
@requires(Permission.SIGN_OUT)
def sign_out() -> Response:
    session_step.sign_out(parts(), request.cookies.get(site().session_cookie, ""))
    response = redirect(url_for("session.show_sign_in", left="1"), 303)
    clear_session_cookie(response, site())  # type: ignore[arg-type]
    return response


def choose_target() -> str:
    """Where to go on: a local path, else the inbox."""
    target = request.form.get("next", "")
    return target if is_local_path(target) else url_for("inbox.show_inbox")


def build_form(status: int, login: str = "", error: GateError | None = None) -> Response:
    token = request.cookies.get(site().form_cookie) or secrets.token_urlsafe(32)
    target = request.values.get("next", "")
    html = render_template(
        "sign_in.html",
        token=token,
        login=login,
        next=target if is_local_path(target) else "",
        has_left="left" in request.args,
        error=error,
    )
    response = make_response(html, status)
    set_form_cookie(response, site(), token)
    if status == 429:
        response.headers["Retry-After"] = "60"
    return response
