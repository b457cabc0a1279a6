"""What a token may be told about: its own repository, or any for a token of all."""

from __future__ import annotations

from gate.domain.errors import NotPermittedError
from gate.web.context import holder
from gate.web.reading import read_query


def read_repository() -> str | None:
    """The token's repository, else the one of ``?repository=``; None for all of them. ``NotPermittedError``."""
    own, asked = holder().repository, read_query("repository")
    if own is not None and asked not in (None, own):
        raise NotPermittedError(f"This token is for {own} only.", code="other-repository")
    return own or asked
