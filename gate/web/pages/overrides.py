"""Break-glass: the forms to invoke, co-sign and review it, and the list of all with their owed reviews.

What the statement says (code, incident, outcome) is chosen first, by a GET of the page again, so the statement shown
is always the one that is signed. The digest ``seen`` goes out with the form and comes back; the workflow compares.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from gate.domain.errors import GateError, InputError, NotPermittedError, NotSignedInError
from gate.web.context import parts, who
from gate.web.errors import choose_status
from gate.web.permissions import Permission, requires
from gate.web.reading import read_field, read_query, read_request_id, read_secret, read_token
from gate.workflow import override as override_step
from gate.workflow import override_list as list_step
from gate.workflow.override_shown import OverrideForm, OverrideRequest
from gate.workflow.override_statement import Outcome, OverrideAct

overrides = Blueprint("overrides", __name__)
PATH = (
    "/contributions/<repository:repository>/<int(max=999999999):number>/break-glass/<any(invoke, cosign, review):step>"
)
REASON_LIMIT = 4000
CHOSEN = ("code", "incident", "outcome")


@overrides.get("/overrides")
@requires(Permission.READ_CONTRIBUTIONS)
def show_overrides() -> str:
    shown = list_step.overrides(parts())
    return render_template(
        "overrides.html",
        owed=[one for one in shown if one.is_owed],
        others=[one for one in shown if not one.is_owed],
        own=frozenset(one.index for one in list_step.owed_to(parts(), who())),
    )


@overrides.get(PATH)
@requires(Permission.SIGN_CONTRIBUTION)
def show_break_glass(repository: str, number: int, step: str) -> Response:
    """The form; what was chosen wrongly shows it again with what is wrong."""
    chosen = {name: read_query(name) for name in CHOSEN}
    act = OverrideAct(step)
    try:
        form = prepare(repository, number, act, chosen)
    except InputError as error:
        if error.field not in CHOSEN:
            raise
        return build_form(prepare(repository, number, act, {}), 422, chosen=chosen, error=error)
    return build_form(form, 200, chosen=chosen)


@overrides.post(PATH)
@requires(Permission.SIGN_CONTRIBUTION)
def sign_break_glass(repository: str, number: int, step: str) -> Response:
    """Sign, then go to the receipt. What the person can mend here shows the form again with what they wrote."""
    act = OverrideAct(step)
    chosen = {name: read_field(name) or None for name in CHOSEN}
    wanted = OverrideRequest(
        act=act,
        repository=repository,
        number=number,
        code=chosen["code"],
        incident=chosen["incident"],
        outcome=parse_outcome(chosen["outcome"]),
        reason=read_field("reason", limit=REASON_LIMIT, is_multiline=True).strip(),
        seen=read_token("seen"),
        request_id=read_request_id(),
    )
    password = read_secret("password")
    try:
        if not password:
            raise NotSignedInError("Type your password to sign.", code="password-missing")
        steps = {"invoke": override_step.invoke, "cosign": override_step.cosign, "review": override_step.review}
        receipt = steps[act.value](parts(), who(), wanted, password, request.remote_addr or "")
    except (NotSignedInError, NotPermittedError, InputError) as error:
        if not may_mend(error):
            raise
        form = prepare(repository, number, act, chosen)
        status = choose_status(error) if error.code == "throttled" else 422
        # The old digest stays in the form: what changed since it was opened must still be told.
        return build_form(form, status, chosen=chosen, seen=wanted.seen, reason=wanted.reason, error=error)
    return redirect(url_for("receipt.show_receipt", index=receipt.index, new="1"), 303)


def may_mend(error: GateError) -> bool:
    if isinstance(error, InputError):
        return error.field == "reason"
    return isinstance(error, NotSignedInError) or error.code == "throttled"


def prepare(repository: str, number: int, act: OverrideAct, chosen: dict[str, str | None]) -> OverrideForm:
    outcome = parse_outcome(chosen.get("outcome"))
    return override_step.prepare(
        parts(), who(), repository, number, act, chosen.get("code"), chosen.get("incident"), outcome
    )


def parse_outcome(value: str | None) -> Outcome | None:
    if value is None:
        return None
    try:
        return Outcome(value)
    except ValueError as error:
        raise InputError("The outcome is justified or not justified.", field="outcome") from error


def build_form(
    form: OverrideForm,
    status: int,
    *,
    chosen: dict[str, str | None],
    seen: str | None = None,
    reason: str = "",
    error: GateError | None = None,
) -> Response:
    given: dict[str, Any] = {name: chosen.get(name) or "" for name in CHOSEN}
    html = render_template(
        "break_glass.html",
        form=form,
        chosen=given,
        seen=seen or form.seen,
        reason=reason,
        error=error,
        request_id=parts().random_bytes(16).hex(),
    )
    return make_response(html, status)
