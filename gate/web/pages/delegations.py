"""Delegations: given and received, hand over, end early. The workflow says who may and what it means.

Handing over takes two steps: what is wanted (a GET, so that the statement shown is always the one that is signed), then
the statement with the password. The digest ``seen`` goes out with the form and comes back.
"""

from __future__ import annotations

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from gate.domain.errors import ConflictError, GateError, InputError, NotPermittedError, NotSignedInError
from gate.web.act_forms import build_act_page, check_password, choose_retry
from gate.web.context import parts, who
from gate.web.permissions import Permission, requires
from gate.web.reading import parse_moment, read_digest, read_field, read_query, read_request_id, read_secret
from gate.workflow import delegate as delegate_step
from gate.workflow import delegation_pages
from gate.workflow.delegation_entry import HandOver

delegations = Blueprint("delegations", __name__, url_prefix="/delegations")
INDEX = "<int(max=999999999999):index>"


@delegations.get("")
@requires(Permission.READ_DELEGATIONS)
def show_delegations() -> Response:
    return build_list(200)


@delegations.get("/hand-over")
@requires(Permission.DELEGATE)
def show_hand_over() -> Response:
    """The statement for what was typed; what is wrong with it is said above the form, which keeps it."""
    try:
        wanted = read_wanted({name: read_query(name) or "" for name in ("as", "to", "from", "until")})
        return build_hand_over(wanted, 200)
    except (InputError, ConflictError) as error:
        return build_list(422, error)


@delegations.post("/hand-over")
@requires(Permission.DELEGATE)
def hand_over() -> Response:
    wanted = read_wanted({name: read_field(name) for name in ("as", "to", "from", "until")})
    seen, request_id, password = read_digest("seen"), read_request_id(), read_secret("password")
    try:
        check_password(password)
        index = delegate_step.hand_over(parts(), who(), wanted, seen, password, request.remote_addr or "", request_id)
    except (NotSignedInError, NotPermittedError) as error:
        return build_hand_over(wanted, choose_retry(error), error)
    return redirect(url_for("receipt.show_receipt", index=index, new="1"), 303)


@delegations.get(f"/{INDEX}/end")
@requires(Permission.DELEGATE)
def show_end(index: int) -> Response:
    return build_end(index, 200)


@delegations.post(f"/{INDEX}/end")
@requires(Permission.DELEGATE)
def end(index: int) -> Response:
    seen, request_id, password = read_digest("seen"), read_request_id(), read_secret("password")
    try:
        check_password(password)
        ended = delegate_step.end(parts(), who(), index, seen, password, request.remote_addr or "", request_id)
    except (NotSignedInError, NotPermittedError) as error:
        return build_end(index, choose_retry(error), error)
    return redirect(url_for("receipt.show_receipt", index=ended, new="1"), 303)


def read_wanted(typed: dict[str, str]) -> HandOver:
    """Raises ``InputError`` naming the field."""
    role, _, team = typed["as"].partition(":")
    receiver, ends_at = typed["to"].strip(), parse_moment(typed["until"], "until")
    if not role:
        raise InputError("Choose the role to hand over.", field="as")
    if not receiver:
        raise InputError("Write the login of whom you hand the role over to.", field="to")
    if ends_at is None:
        raise InputError("Write when the delegation ends.", field="until", remedy="Like 2026-12-01T18:00, in UTC.")
    return HandOver(
        role=role, team=team or None, receiver=receiver, starts_at=parse_moment(typed["from"], "from"), ends_at=ends_at
    )


def build_list(status: int, error: GateError | None = None) -> Response:
    page = delegation_pages.delegations_page(parts(), who())
    typed = {name: request.args.get(name, "")[:200] for name in ("as", "to", "from", "until")}
    html = render_template("delegations.html", page=page, typed=typed, error=error, now=parts().clock.now())
    return make_response(html, status)


def build_hand_over(wanted: HandOver, status: int, error: GateError | None = None) -> Response:
    form = delegate_step.prepare_delegation(parts(), who(), wanted)
    fields = {
        "as": f"{wanted.role}:{wanted.team or ''}",
        "to": wanted.receiver,
        "from": wanted.starts_at.isoformat() if wanted.starts_at else "",
        "until": wanted.ends_at.isoformat(),
    }
    role = f"{wanted.role} of {wanted.team}" if wanted.team else wanted.role
    return build_act_page(
        form,
        status,
        title=f"Hand over the role {role}",
        verb="hand over this role",
        back=url_for("delegations.show_delegations"),
        place="Delegations",
        action=url_for("delegations.hand_over"),
        fields=fields,
        error=error,
    )


def build_end(index: int, status: int, error: GateError | None = None) -> Response:
    form = delegate_step.prepare_end(parts(), who(), index)
    return build_act_page(
        form,
        status,
        title=f"End delegation {index}",
        verb="end this delegation",
        back=url_for("delegations.show_delegations"),
        place="Delegations",
        action=url_for("delegations.end", index=index),
        is_danger=True,
        error=error,
    )
