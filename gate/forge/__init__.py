"""Forges, one module each: verify a delivery, read it as a hint. Facts come from git, never from here."""

from __future__ import annotations

from collections.abc import Mapping

from gate.domain.errors import InputError
from gate.forge.api import Forge, find_header
from gate.forge.gitea import Gitea
from gate.forge.github import GitHub

# Gitea and Forgejo also send GitHub's headers, so they are asked first.
FORGES: tuple[Forge, ...] = (Gitea(), GitHub())


def recognise(headers: Mapping[str, str]) -> Forge:
    """The forge a delivery says it comes from. ``InputError`` when no forge's headers are there."""
    for forge in FORGES:
        if any(find_header(headers, name) is not None for name in forge.marks):
            return forge
    raise InputError(
        "This is no delivery of a forge the gate knows.",
        code="unknown-forge",
        field="headers",
        remedy="Point a webhook of GitHub, Gitea or Forgejo here, with content type application/json.",
    )
