"""What a gate that is not in production says of itself, on every page and on the cover of every pack."""

from __future__ import annotations

from typing import Final

from gate.evidence.limits import DEMO, LIMITS
from gate.settings import Settings

OF_A_FILE: Final = f"{DEMO} people come from a file, not from your directory. Nothing signed here is evidence."
OF_A_TRIAL: Final = f"{DEMO} this gate is not in production. Nothing signed here is evidence."


def find_notice(settings: Settings) -> str | None:
    """None in production; a directory from a file is never production."""
    if settings.directory.kind == "ldif":
        return OF_A_FILE
    return None if settings.production else OF_A_TRIAL


def build_limits(settings: Settings) -> tuple[str, ...]:
    """What a pack of this gate does not prove; that it is a demonstration comes first."""
    notice = find_notice(settings)
    return LIMITS if notice is None else (notice, *LIMITS)
