"""Reading what a request sends: form fields, query values and JSON bodies, bounded and typed, or ``InputError``.

JSON is RFC 8259 read strictly: one object, UTF-8, no duplicate names, no NaN, at most 32 levels.
Text may hold no control character (a NUL would be refused by PostgreSQL, an escape sequence would
reach somebody's terminal) and no U+FFFD (bytes that were not UTF-8).
"""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, time
from typing import Any, NoReturn

from flask import request

from gate.domain.errors import InputError

MAX_DEPTH = 32
_HEX64 = re.compile(r"[0-9a-f]{64}")
_TOKEN = re.compile(r"[\x21-\x7e]{1,8000}")
_REQUEST_ID = re.compile(r"[0-9a-zA-Z_-]{8,64}")


def read_field(name: str, *, limit: int = 200, is_multiline: bool = False) -> str:
    """A form field; missing is empty. Line ends become ``\\n``."""
    value = request.form.get(name, "").replace("\r\n", "\n")
    return verify_text(name, value, limit=limit, is_multiline=is_multiline)


def read_query(name: str, *, limit: int = 200) -> str | None:
    """A value of the query string; missing or empty is None."""
    value = request.args.get(name)
    return verify_text(name, value, limit=limit) if value else None


def read_secret(name: str) -> str:
    """A password: bounded, otherwise untouched, never echoed in an error."""
    value = request.form.get(name, "")
    if len(value) > 1024 or "\x00" in value:
        raise InputError("The password is longer than any password.", code="bad-field", field=name)
    return value


def read_digest(name: str) -> str:
    value = request.form.get(name, "")
    if not _HEX64.fullmatch(value):
        raise InputError("The form is incomplete.", field=name, remedy="Open the page again.")
    return value


def read_token(name: str) -> str:
    """What the form itself carried, given back: one word of printable ASCII. What it means is checked by the step."""
    value = request.form.get(name, "")
    if not _TOKEN.fullmatch(value):
        raise InputError("The form is incomplete.", field=name, remedy="Open the page again.")
    return value


def read_request_id() -> str:
    """The form's own id, which makes sending it twice one act."""
    value = request.form.get("request_id", "")
    if not _REQUEST_ID.fullmatch(value):
        raise InputError("The form is incomplete.", field="request_id", remedy="Open the page again.")
    return value


def read_day(value: str | None, name: str) -> datetime | None:
    """Midnight UTC of an ISO date."""
    if not value:
        return None
    try:
        day = date.fromisoformat(value)
    except ValueError as error:
        raise InputError(
            "This is not a date.", field=name, remedy="Write it as year-month-day, like 2026-11-22."
        ) from error
    return datetime.combine(day, time(), tzinfo=UTC)


def parse_moment(typed: str, name: str) -> datetime | None:
    """An instant as a person types it: UTC unless it says its offset. Nothing typed is None."""
    if not typed.strip():
        return None
    try:
        moment = datetime.fromisoformat(typed.strip())
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:  # an offset moves the first and the last day there is out of time
        raise InputError(
            "This is not a date and time.", field=name, remedy="Write it like 2026-12-01T18:00, in UTC."
        ) from error


def verify_text(name: str, value: str, *, limit: int, is_multiline: bool = False) -> str:
    """The text itself. Raises ``InputError`` naming the field."""
    if len(value) > limit:
        raise InputError(f"The text is longer than {limit} characters.", code="too-long", field=name)
    allowed = "\n\t" if is_multiline else ""
    for letter in value:
        if letter == "\ufffd" or (not letter.isprintable() and letter not in allowed and not _is_blank(letter)):
            raise InputError("The text holds a control character or bytes that are not UTF-8.", field=name)
    return value


def _is_blank(letter: str) -> bool:
    """Spaces beyond ASCII are not "printable" to Python, and are in people's texts all the same."""
    return letter.isspace() and letter >= "\xa0"


def read_json_object() -> dict[str, Any]:
    """The body as one JSON object. Raises ``InputError``."""
    return parse_json_object(request.get_data(cache=False))


def parse_json_object(raw: bytes) -> dict[str, Any]:
    try:
        value = json.loads(raw.decode("utf-8"), object_pairs_hook=_build_object, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InputError("The body is not JSON.", code="bad-json", remedy="Send one JSON object as UTF-8.") from error
    if not isinstance(value, dict):
        raise InputError("The body is not a JSON object.", code="bad-json")
    if _measure_depth(value) > MAX_DEPTH:
        raise InputError(f"The body is nested deeper than {MAX_DEPTH} levels.", code="too-deep")
    return value


def _build_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    built = dict(pairs)
    if len(built) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return built


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _measure_depth(value: object) -> int:
    deepest = 0
    todo: list[tuple[object, int]] = [(value, 1)]
    while todo:
        node, depth = todo.pop()
        if isinstance(node, dict | list):
            deepest = max(deepest, depth)
            inner = node.values() if isinstance(node, dict) else node
            todo.extend((item, depth + 1) for item in inner)
    return deepest
