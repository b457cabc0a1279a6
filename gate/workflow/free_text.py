"""Free text by its commitment: what a person typed, while it has not been erased."""

from __future__ import annotations

from gate.store import blobs
from gate.workflow.parts import Parts


def text_of(parts: Parts, commitment: bytes | None) -> str | None:
    """The text behind a commitment; None when there is none or it was erased."""
    if commitment is None:
        return None
    found = blobs.text_of(parts.engine, commitment)
    return found.value if found else None
