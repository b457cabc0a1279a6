"""The policy in force, as it was activated: text, digests, the entry that made it so."""

from __future__ import annotations

from flask import Blueprint, render_template

from gate.web.context import parts
from gate.web.permissions import Permission, requires
from gate.workflow import pages as pages_step

policies = Blueprint("policies", __name__)


@policies.get("/policies")
@requires(Permission.READ_POLICIES)
def show_policies() -> str:
    return render_template("policies.html", page=pages_step.policies(parts()))
