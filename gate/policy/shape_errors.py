"""A file against its shape; what pydantic finds becomes one ``InputError`` with line and what to write instead."""

from __future__ import annotations

import difflib
import types
import typing
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from gate.domain.errors import InputError
from gate.policy.source import Place, Source

T = TypeVar("T", bound=BaseModel)

_KINDS: Final = {
    "bool_type": "is true or false",
    "int_type": "is a whole number",
    "string_type": "is a text",
    "list_type": "is a list",
    "dict_type": "is a mapping",
    "model_type": "is a mapping",
}
_TRUTHS: Final = {"True": "true", "False": "false"}


def shape_of(model: type[T], source: Source) -> T:
    """``source`` as ``model``; the first finding by line becomes an ``InputError``."""
    if not isinstance(source.value, dict):
        raise source.error((), "The file must be a mapping.", "Start with `apiVersion: gate/v1`.")
    try:
        return model.model_validate(source.value)
    except ValidationError as error:
        # A misspelt key is the cause of the missing one beside it, so only the former is named.
        found = error.errors(include_url=False)
        misspelt = {one["loc"][:-1] for one in found if one["type"] == "extra_forbidden"}
        causes = [one for one in found if one["type"] != "missing" or one["loc"][:-1] not in misspelt]
        findings = [_finding(model, source, one) for one in causes]
        raise min(findings, key=lambda finding: finding.line or 0) from error


def _finding(model: type[BaseModel], source: Source, found: Any) -> InputError:
    place: Place = tuple(part for part in found["loc"] if part != "[key]")
    last, limits = next((part for part in reversed(place) if isinstance(part, str)), "file"), found.get("ctx", {})
    match found["type"]:
        case "extra_forbidden":
            known = _keys(_model_at(model, place[:-1]))
            close = difflib.get_close_matches(last, known, n=1)
            remedy = f"Did you mean `{close[0]}`?" if close else f"Known here: {', '.join(known)}."
            return source.error(place, f"Unknown key `{last}`.", remedy)
        case "missing":
            return source.error(
                place[:-1], f"`{last}` is missing{_inside(place)}.", f"Add `{last}:`; it has no default."
            )
        case "string_pattern_mismatch":
            return source.error(
                place,
                f"`{found['input']}` is not a valid name.",
                "Use letters, digits, dot, dash and underscore, at most 63 (ids in lower case).",
            )
        case "literal_error":
            return source.error(
                place,
                f"`{_shown(found['input'])}` is not a possible value of `{last}`.",
                f"Write {_TRUTHS.get(limits['expected'], limits['expected'])}.",
            )
        case "too_short" | "string_too_short":
            return source.error(place, f"`{last}` is empty.", "Give at least one.")
        case "too_long" | "string_too_long":
            entries = "characters" if found["type"] == "string_too_long" else "entries"
            return source.error(
                place, f"`{last}` has more than {limits['max_length']} {entries}.", "Shorten it, or split it up."
            )
        case "greater_than_equal":
            return source.error(place, f"`{last}` is {found['input']}.", f"Write {limits['ge']} or more.")
        case _:
            said = _KINDS.get(found["type"]) or str(found["msg"]).removeprefix("Input ")
            return source.error(
                place, f"`{last}` {said}, but here stands {_found(found['input'])}.", _wanted(found["type"])
            )


def _inside(place: Place) -> str:
    words = [str(part) for part in place[:-1] if isinstance(part, str)]
    return f" in `{words[-1]}`" if words else ""


def _wanted(kind: str) -> str:
    return {
        "bool_type": "Write true or false (yes, no, on and off are plain words).",
        "int_type": "Write a whole number without quotes.",
        "string_type": 'Write a text; put numbers and true or false in "quotes" if you mean text.',
        "list_type": "Write a list: [a, b].",
        "dict_type": "Write a mapping of name: value.",
        "model_type": "Write a mapping: {key: value}.",
    }.get(kind, "See docs/policy.md for the shape.")


def _found(value: object) -> str:
    return f'the text "{_shown(value)}"' if isinstance(value, str) else _shown(value)


def _shown(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case str() | int():
            text = str(value)
            return text if len(text) <= 60 else text[:57] + "..."
        case _:
            return "a structure"


def _keys(model: type[BaseModel] | None) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()] if model else []


def _model_at(model: type[BaseModel] | None, place: Place) -> type[BaseModel] | None:
    """The model that describes ``place``: follows fields by alias, list items and mapping values."""
    annotation: Any = model
    for part in place:
        current = _models_in(annotation)
        if current is not None and isinstance(part, str):
            fields = {field.alias or name: field for name, field in current.model_fields.items()}
            if part in fields:
                annotation = fields[part].annotation
    return _models_in(annotation)


def _models_in(annotation: Any) -> type[BaseModel] | None:
    if (
        isinstance(annotation, type)
        and issubclass(annotation, BaseModel)
        and not isinstance(annotation, types.GenericAlias)
    ):
        return annotation
    for argument in typing.get_args(annotation):
        if (inner := _models_in(argument)) is not None:
            return inner
    return None
