"""Terms a contributor accepts, by a signed entry bound to the digest of the text."""

from __future__ import annotations

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from gate.domain.errors import GateError, NotFoundError, NotPermittedError, NotSignedInError
from gate.web.context import parts, who
from gate.web.errors import choose_status
from gate.web.permissions import Permission, requires
from gate.web.reading import read_digest, read_request_id, read_secret
from gate.workflow import terms as terms_step

terms = Blueprint("terms", __name__, url_prefix="/terms")


@terms.get("")
@requires(Permission.ACCEPT_TERMS)
def show_all_terms() -> str:
    return render_template("terms_list.html", all_terms=terms_step.terms(parts(), who()))


@terms.get("/<name:terms_id>")
@requires(Permission.ACCEPT_TERMS)
def show_terms(terms_id: str) -> Response:
    return build_form(terms_id, 200)


@terms.post("/<name:terms_id>")
@requires(Permission.ACCEPT_TERMS)
def accept_terms(terms_id: str) -> Response:
    digest, request_id, password = read_digest("digest"), read_request_id(), read_secret("password")
    if not password:
        return build_form(terms_id, 422, NotSignedInError("Type your password to sign.", code="password-missing"))
    try:
        receipt = terms_step.accept(parts(), who(), terms_id, digest, password, request.remote_addr or "", request_id)
    except (NotSignedInError, NotPermittedError) as error:
        if isinstance(error, NotPermittedError) and error.code != "throttled":
            raise
        return build_form(terms_id, choose_status(error) if error.code == "throttled" else 422, error)
    return redirect(url_for("receipt.show_receipt", index=receipt.index, new="1"), 303)


def build_form(terms_id: str, status: int, error: GateError | None = None) -> Response:
    shown = next((one for one in terms_step.terms(parts(), who()) if one.id == terms_id), None)
    if shown is None:
        raise NotFoundError("There are no terms of this name.", remedy="Open the list of terms.")
    request_id = parts().random_bytes(16).hex()
    return make_response(render_template("terms.html", terms=shown, request_id=request_id, error=error), status)
