"""Reading a proposal from a form: files from text fields and uploads, and when they are to be in force.

A field ``name-<i>`` goes with ``text-<i>``; an empty text takes the file out. An uploaded file takes the place of the
text of its name. Line ends become ``\\n``, as browsers send others than were typed.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from flask import request

from gate.domain.errors import InputError
from gate.web.reading import parse_moment, read_field, verify_text
from gate.workflow.activate import MAX_FILE

MOST_FIELDS: Final = 40
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,58}\.ya?ml")


def read_files() -> dict[str, str]:
    """File names with their texts. Raises ``InputError`` naming the field."""
    found: dict[str, str] = {}
    for number in range(MOST_FIELDS):
        name, field = read_field(f"name-{number}").strip(), f"text-{number}"
        text = read_field(field, limit=MAX_FILE, is_multiline=True)
        if not text.strip():
            continue
        if name in found:
            raise InputError(f"Two files are named {name}.", field=f"name-{number}", remedy="Keep one.")
        found[check_name(name, f"name-{number}")] = text
    return found | read_uploads()


def read_uploads() -> dict[str, str]:
    found: dict[str, str] = {}
    for upload in request.files.getlist("upload"):
        if not upload.filename:
            continue
        try:
            text = upload.stream.read(MAX_FILE + 1).decode("utf-8")
        except UnicodeDecodeError as error:
            raise InputError("The uploaded file is not UTF-8 text.", field="upload") from error
        plain = verify_text("upload", text.replace("\r\n", "\n"), limit=MAX_FILE, is_multiline=True)
        found[check_name(upload.filename, "upload")] = plain
    return found


def check_name(name: str, field: str) -> str:
    """The name itself. Raises ``InputError``."""
    if not _NAME.fullmatch(name):
        raise InputError(
            "This is no name for a policy file.",
            field=field,
            remedy="Write letters, digits, dots and hyphens, ending in .yaml.",
        )
    return name


def read_effective_at() -> tuple[str, datetime | None]:
    """As typed, and as an instant in UTC; None: as soon as it is approved."""
    typed = read_field("effective_at", limit=32).strip()
    return typed, parse_moment(typed, "effective_at")
