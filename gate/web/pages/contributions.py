"""The list of contributions. The filter lives in the address."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, url_for
from werkzeug.wrappers import Response

from gate.domain.contribution import ContributionState
from gate.domain.errors import InputError, NotFoundError
from gate.web.context import parts, who
from gate.web.permissions import Permission, requires
from gate.web.reading import read_query
from gate.workflow import pages as pages_step

contributions = Blueprint("contributions", __name__)


@contributions.get("/contributions")
@requires(Permission.READ_CONTRIBUTIONS)
def show_contributions() -> str:
    repository, state = read_query("repository", limit=63), read_query("state", limit=10)
    if state is not None and state not in set(ContributionState):
        raise InputError("A contribution is open, merged or closed.", field="state")
    return render_template(
        "contributions.html",
        items=pages_step.contributions(parts(), who(), repository, state),
        repositories=pages_step.repositories(parts(), who()),
        repository=repository,
        state=state,
        states=tuple(ContributionState),
    )


@contributions.get("/revisions/<repository:repository>/<hash:sha>")
@requires(Permission.READ_CONTRIBUTIONS)
def find_by_head(repository: str, sha: str) -> Response:
    """The page that a status, a hook or a check line points to."""
    number = pages_step.by_head(parts(), repository, sha)
    if number is None:
        raise NotFoundError("No contribution of this repository has or had this head.")
    return redirect(url_for("contribution.show_contribution", repository=repository, number=number), 303)
