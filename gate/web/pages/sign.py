"""The sign page: what, why, what next, role and meaning, reason, the exact statement, password, one button.

Changing role or meaning is a GET of the form again, so the statement shown is always the one that
is signed. The digest ``seen`` goes out with the form and comes back; the workflow compares.
"""

from __future__ import annotations

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from gate.domain.approval import Act
from gate.domain.errors import GateError, InputError, NotFoundError, NotPermittedError, NotSignedInError
from gate.web.context import parts, who
from gate.web.errors import choose_status
from gate.web.permissions import Permission, requires
from gate.web.reading import read_field, read_query, read_request_id, read_secret, read_token
from gate.web.sign_view import build_sign_view, parse_choice
from gate.workflow import sign as sign_step
from gate.workflow.sign_shown import SignForm, SignRequest

sign = Blueprint("sign", __name__)
PATH = "/contributions/<repository:repository>/<int(max=999999999):number>/<any(approve, reject, withdraw):act>"
REASON_LIMIT = 4000


@sign.get(PATH)
@requires(Permission.SIGN_CONTRIBUTION)
def show_sign(repository: str, number: int, act: str) -> Response:
    form = sign_step.prepare(parts(), who(), repository, number, Act(act), *parse_choice(read_query("as")))
    return build_form(form, 200)


@sign.post(PATH)
@requires(Permission.SIGN_CONTRIBUTION)
def sign_contribution(repository: str, number: int, act: str) -> Response:
    """Sign, then go to the receipt. What the person can mend here shows the form again with what they wrote."""
    wanted = read_request(repository, number, Act(act))
    password = read_secret("password")
    if problem := check_request(wanted, password):
        return show_again(wanted, problem)
    try:
        receipt = sign_step.sign(parts(), who(), wanted, password, request.remote_addr or "")
    except (NotSignedInError, NotPermittedError) as error:
        if isinstance(error, NotSignedInError) or error.code == "throttled":
            return show_again(wanted, error)
        raise
    return redirect(url_for("receipt.show_receipt", index=receipt.index, new="1"), 303)


def read_request(repository: str, number: int, act: Act) -> SignRequest:
    role, team, meaning, under = parse_choice(read_field("as"))
    return SignRequest(
        repository=repository,
        number=number,
        act=act,
        role=role,
        team=team,
        meaning=meaning,
        reason=read_field("reason", limit=REASON_LIMIT, is_multiline=True).strip(),
        seen=read_token("seen"),
        request_id=read_request_id(),
        under=under,
    )


def check_request(wanted: SignRequest, password: str) -> GateError | None:
    """What is missing in the form, said before anybody is asked to check a password."""
    if wanted.act is not Act.APPROVE and not wanted.reason:
        return InputError(
            "Write a reason: it is required to reject or withdraw.", code="reason-missing", field="reason"
        )
    if not password:
        return NotSignedInError("Type your password to sign.", code="password-missing")
    return None


def show_again(wanted: SignRequest, error: GateError) -> Response:
    choice = (wanted.role, wanted.team, wanted.meaning, wanted.under)
    form = sign_step.prepare(parts(), who(), wanted.repository, wanted.number, wanted.act, *choice)
    status = choose_status(error) if error.code == "throttled" else 422
    # The old digest stays in the form: what changed since it was opened must still be told.
    return build_form(form, status, seen=wanted.seen, reason=wanted.reason, error=error)


def build_form(
    form: SignForm, status: int, *, seen: str | None = None, reason: str = "", error: GateError | None = None
) -> Response:
    if form.act is not Act.WITHDRAW and not form.choices:
        raise NotFoundError("You hold no role in which you could sign here.", code="no-role")
    html = render_template(
        "sign.html",
        form=form,
        view=build_sign_view(form, who().name),
        seen=seen or form.seen,
        reason=reason,
        error=error,
        request_id=parts().random_bytes(16).hex(),
    )
    return make_response(html, status)
