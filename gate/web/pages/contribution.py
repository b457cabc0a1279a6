"""One contribution: the decision and everything that explains it."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from gate.web.context import parts, who
from gate.web.permissions import Permission, requires
from gate.web.present import build_contribution
from gate.workflow import pages as pages_step

contribution = Blueprint("contribution", __name__)


@contribution.get("/contributions/<repository:repository>/<int(max=999999999):number>")
@requires(Permission.READ_CONTRIBUTIONS)
def show_contribution(repository: str, number: int) -> str:
    """As of now; ``?as=decided`` shows the decision as it was recorded."""
    page = pages_step.contribution(parts(), who(), repository, number)
    is_as_decided = request.args.get("as") == "decided"
    view = build_contribution(page, is_as_decided=is_as_decided, now=parts().clock.now(), reader=who().key)
    return render_template("contribution.html", page=page, view=view)
