"""The page of an act that is no approval: title, exact statement, password, one button; a reason where one is asked."""

from __future__ import annotations

from collections.abc import Mapping

from flask import make_response, render_template
from werkzeug.wrappers import Response

from gate.domain.errors import GateError, InputError, NotSignedInError
from gate.web.context import parts
from gate.web.errors import choose_status
from gate.workflow.act_form import ActForm


def check_password(password: str) -> None:
    """What is missing in the form, said before anybody is asked to check it."""
    if not password:
        raise NotSignedInError("Type your password to sign.", code="password-missing")


def choose_retry(error: GateError) -> int:
    """The status of a form shown again. Raises what the person cannot mend in the form."""
    if isinstance(error, NotSignedInError | InputError):
        return 422
    if error.code != "throttled":
        raise error
    return choose_status(error)


def build_act_page(
    form: ActForm,
    status: int,
    *,
    title: str,
    verb: str,
    back: str,
    place: str,
    action: str,
    fields: Mapping[str, str] | None = None,
    is_danger: bool = False,
    has_reason: bool = False,
    reason: str = "",
    error: GateError | None = None,
) -> Response:
    """``back`` and ``place`` are where it belongs; ``fields`` go with the form and come back."""
    html = render_template(
        "act.html",
        form=form,
        title=title,
        verb=verb,
        back=back,
        place=place,
        action=action,
        fields=fields or {},
        is_danger=is_danger,
        has_reason=has_reason,
        reason=reason,
        error=error,
        request_id=parts().random_bytes(16).hex(),
    )
    return make_response(html, status)
