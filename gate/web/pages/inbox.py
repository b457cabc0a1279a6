"""Home: what needs the reader, what they wait for, what was decided lately."""

from __future__ import annotations

from flask import Blueprint, render_template

from gate.web.context import parts, who
from gate.web.permissions import Permission, requires
from gate.workflow import inbox as inbox_step
from gate.workflow import proposal_list

inbox = Blueprint("inbox", __name__)


@inbox.get("/")
@requires(Permission.READ_INBOX)
def show_inbox() -> str:
    return render_template(
        "inbox.html", inbox=inbox_step.inbox(parts(), who()), proposals=proposal_list.open_proposals(parts())
    )
