"""The audit log in words, newest first, fifty entries a page, each linked to its receipt."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from gate.domain.errors import InputError
from gate.web.context import parts
from gate.web.permissions import Permission, requires
from gate.workflow import pages as pages_step

log = Blueprint("log", __name__)
PER_PAGE = 50


@log.get("/log")
@requires(Permission.READ_LOG)
def show_log() -> str:
    page = read_page()
    items = pages_step.log(parts(), page)
    return render_template("log.html", items=items, number=page, has_older=len(items) == PER_PAGE)


def read_page() -> int:
    """Pages count from 1."""
    text = request.args.get("page", "1")
    if not (text.isascii() and text.isdigit() and 1 <= len(text) <= 9 and int(text) >= 1):
        raise InputError("Pages count from 1.", field="page")
    return int(text)
