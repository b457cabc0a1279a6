"""Proposals of policies: write and check one, see what it would change, try it, sign it. No page decides who may.

Checking a draft is a POST that changes nothing: it shows the effects and the statement. Files go out with that form and
come back; the digest ``seen`` binds them, and the workflow compares.
"""

from __future__ import annotations

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from gate.domain.errors import ConflictError, GateError, InputError, NotPermittedError, NotSignedInError
from gate.web.context import parts, who
from gate.web.errors import choose_status
from gate.web.permissions import Permission, requires
from gate.web.policy_forms import read_effective_at, read_files
from gate.web.reading import read_query, read_request_id, read_secret, read_token
from gate.web.trial_view import build_trial
from gate.workflow import proposal_effects, proposal_pages
from gate.workflow import propose as propose_step
from gate.workflow.proposal_shown import DraftPage, PolicyRequest, ProposalRequest
from gate.workflow.proposal_statement import PolicyAct

proposals = Blueprint("proposals", __name__, url_prefix="/policies")
NUMBER = "<int(min=1,max=999999999):number>"


@proposals.get("/propose")
@requires(Permission.PROPOSE_POLICIES)
def show_draft() -> Response:
    return build_draft(proposal_pages.new_draft(parts()), 200)


@proposals.post("/propose")
@requires(Permission.PROPOSE_POLICIES)
def check_draft() -> Response:
    """Show what the files would change; what is wrong with them is said above the form, with file and line."""
    files, typed, effective_at = read_files(), *read_effective_at()
    draft = DraftPage(files=tuple(files.items()), effective_at=typed, effects=None, form=None)
    try:
        raw = {name: text.encode() for name, text in files.items()}
        return build_draft(proposal_pages.checked_draft(parts(), who(), draft, raw, effective_at), 200)
    except (InputError, ConflictError) as error:
        return build_draft(draft, 422, error)


@proposals.get("/proposals")
@requires(Permission.READ_POLICIES)
def show_proposals() -> Response:
    return redirect(url_for("policies.show_policies", _anchor="proposals"), 303)


@proposals.post("/proposals")
@requires(Permission.PROPOSE_POLICIES)
def propose() -> Response:
    files, typed, effective_at = read_files(), *read_effective_at()
    raw = {name: text.encode() for name, text in files.items()}
    wanted = ProposalRequest(
        files=raw, effective_at=effective_at, seen=read_token("seen"), request_id=read_request_id()
    )
    password = read_secret("password")
    try:
        check_password(password)
        number = propose_step.propose(parts(), who(), wanted, password, request.remote_addr or "")
    except (NotSignedInError, NotPermittedError) as error:
        draft = DraftPage(files=tuple(files.items()), effective_at=typed, effects=None, form=None)
        shown = proposal_pages.checked_draft(parts(), who(), draft, raw, effective_at)
        return build_draft(shown, choose_retry(error), error)
    return redirect(url_for("proposals.show_proposal", number=number), 303)


@proposals.get(f"/proposals/{NUMBER}")
@requires(Permission.READ_POLICIES)
def show_proposal(number: int) -> Response:
    return build_page(number, 200)


@proposals.get(f"/proposals/{NUMBER}/files/<name:name>")
@requires(Permission.READ_POLICIES)
def show_file(number: int, name: str) -> str:
    text = proposal_pages.proposed_text(parts(), number, name)
    return render_template("source.html", name=name, text=text, number=number)


@proposals.get(f"/proposals/{NUMBER}/try")
@requires(Permission.READ_POLICIES)
def try_proposal(number: int) -> str:
    """One contribution under the proposal: every rule with its state and values."""
    wanted = read_query("contribution")
    repository, _, given = (wanted or "").rpartition("#")
    if wanted is not None and not (repository and given.isascii() and given.isdigit() and len(given) < 10):
        raise InputError("Name a contribution like ledger-core#12.", field="contribution")
    trial = proposal_pages.trial(parts(), number, repository, int(given)) if wanted is not None else None
    return render_template(
        "proposal_try.html",
        number=number,
        choices=proposal_effects.list_tried(parts()),
        chosen=wanted,
        trial=build_trial(trial, who().key) if trial is not None else None,
    )


@proposals.get(f"/proposals/{NUMBER}/<any(approve, withdraw):act>")
@requires(Permission.SIGN_POLICIES)
def show_act(number: int, act: str) -> Response:
    return redirect(url_for("proposals.show_proposal", number=number, _anchor=act), 303)


@proposals.post(f"/proposals/{NUMBER}/<any(approve, withdraw):act>")
@requires(Permission.SIGN_POLICIES)
def sign_proposal(number: int, act: str) -> Response:
    wanted = PolicyRequest(number=number, act=PolicyAct(act), seen=read_token("seen"), request_id=read_request_id())
    password = read_secret("password")
    try:
        check_password(password)
        index = propose_step.act(parts(), who(), wanted, password, request.remote_addr or "")
    except (NotSignedInError, NotPermittedError) as error:
        return build_page(number, choose_retry(error), error, act)
    return redirect(url_for("receipt.show_receipt", index=index, new="1"), 303)


def check_password(password: str) -> None:
    """What is missing in the form, said before anybody is asked to check it."""
    if not password:
        raise NotSignedInError("Type your password to sign.", code="password-missing")


def choose_retry(error: GateError) -> int:
    """The status of a form shown again. Raises what the person cannot mend in the form."""
    if isinstance(error, NotSignedInError):
        return 422
    if error.code != "throttled":
        raise error
    return choose_status(error)


def build_draft(draft: DraftPage, status: int, error: GateError | None = None) -> Response:
    html = render_template("propose.html", draft=draft, error=error, request_id=parts().random_bytes(16).hex())
    return make_response(html, status)


def build_page(number: int, status: int, error: GateError | None = None, act: str = "") -> Response:
    page = proposal_pages.proposal_page(parts(), who(), number)
    request_id = parts().random_bytes(16).hex()
    return make_response(
        render_template("proposal.html", page=page, error=error, act=act, request_id=request_id), status
    )
