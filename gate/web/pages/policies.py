"""The policies in force, as activated: rules in prose, texts with line anchors, the entry that made them so."""

from __future__ import annotations

from flask import Blueprint, render_template

from gate.web.context import parts
from gate.web.permissions import Permission, requires
from gate.workflow import pages as pages_step
from gate.workflow import proposal_pages

policies = Blueprint("policies", __name__)


@policies.get("/policies")
@requires(Permission.READ_POLICIES)
def show_policies() -> str:
    overview = proposal_pages.overview(parts())
    return render_template("policies.html", page=pages_step.policies(parts()), overview=overview)


@policies.get("/policies/files/<name:name>")
@requires(Permission.READ_POLICIES)
def show_source(name: str) -> str:
    text = proposal_pages.text_in_force(parts(), name)
    return render_template("source.html", name=name, text=text, number=None)
