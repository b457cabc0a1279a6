"""The catalogue, and one repository: owners, rules in plain words, "may I contribute?"."""

from __future__ import annotations

from flask import Blueprint, render_template

from gate.web.context import parts, who
from gate.web.permissions import Permission, requires
from gate.web.present import search_cards
from gate.web.reading import read_query
from gate.workflow import pages as pages_step

repositories = Blueprint("repositories", __name__, url_prefix="/repositories")


@repositories.get("")
@requires(Permission.READ_REPOSITORIES)
def show_repositories() -> str:
    words = read_query("q", limit=100)
    cards = pages_step.repositories(parts(), who())
    return render_template("repositories.html", cards=search_cards(cards, words), total=len(cards), words=words)


@repositories.get("/<repository:repository>")
@requires(Permission.READ_REPOSITORIES)
def show_repository(repository: str) -> str:
    return render_template("repository.html", page=pages_step.repository(parts(), who(), repository))
