"""Clearing somebody else's veto: what it is about, a reason, the exact statement, password, one button."""

from __future__ import annotations

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response

from gate.domain.errors import GateError, InputError, NotPermittedError, NotSignedInError
from gate.web.act_forms import build_act_page, check_password, choose_retry
from gate.web.context import parts, who
from gate.web.permissions import Permission, requires
from gate.web.reading import read_digest, read_field, read_request_id, read_secret
from gate.workflow import clear_veto as clear_step

vetoes = Blueprint("vetoes", __name__)
PATH = "/contributions/<repository:repository>/<int(max=999999999):number>/vetoes/<int(max=999999999999):index>/clear"
REASON_LIMIT = 4000


@vetoes.get(PATH)
@requires(Permission.SIGN_CONTRIBUTION)
def show_clear(repository: str, number: int, index: int) -> Response:
    return build_clear(repository, number, index, 200)


@vetoes.post(PATH)
@requires(Permission.SIGN_CONTRIBUTION)
def clear(repository: str, number: int, index: int) -> Response:
    reason = read_field("reason", limit=REASON_LIMIT, is_multiline=True).strip()
    seen, request_id, password = read_digest("seen"), read_request_id(), read_secret("password")
    try:
        if not reason:
            raise InputError("Write a reason: it is required to clear a veto.", code="reason-missing", field="reason")
        check_password(password)
        entry = clear_step.clear(
            parts(),
            who(),
            repository,
            number,
            index,
            reason=reason,
            seen=seen,
            password=password,
            address=request.remote_addr or "",
            request_id=request_id,
        )
    except (InputError, NotSignedInError, NotPermittedError) as error:
        return build_clear(repository, number, index, choose_retry(error), error, reason)
    return redirect(url_for("receipt.show_receipt", index=entry, new="1"), 303)


def build_clear(
    repository: str, number: int, index: int, status: int, error: GateError | None = None, reason: str = ""
) -> Response:
    form = clear_step.prepare_clearance(parts(), who(), repository, number, index)
    return build_act_page(
        form,
        status,
        title=f"Clear the veto of entry {index}",
        verb="clear this veto",
        back=url_for("contribution.show_contribution", repository=repository, number=number),
        place=f"{repository}#{number}",
        action=url_for("vetoes.clear", repository=repository, number=number, index=index),
        is_danger=True,
        reason=reason,
        has_reason=True,
        error=error,
    )
