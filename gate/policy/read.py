"""What the readers of policy files share: names, patterns, durations, requirements, each with its place in the file.

Every ``read_`` returns the checked value or raises ``InputError`` with file, line and what to write instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from gate.policy import shape as shapes
from gate.policy.document import ChangeRequest, Of, Requirement, Role
from gate.policy.expressions import INSTALL, Scope, check_expression, list_names
from gate.policy.id_pattern import check_id_pattern, is_id
from gate.policy.paths import check_glob, check_path_pattern
from gate.policy.source import Place, Source

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def check_unique(source: Source, what: str, section: str, key: str, names: Iterable[str]) -> None:
    seen: dict[str, int] = {}
    for number, name in enumerate(names):
        if name in seen:
            first = source.line_of((section, seen[name]))
            raise source.error(
                (section, number, key),
                f"The {what} `{name}` is declared twice, first on line {first}.",
                "Give one of them another name.",
            )
        seen[name] = number


def check_values(source: Source) -> None:
    """A key with nothing behind it is a value somebody forgot: `valid_for:` must not mean for ever. In tests, and only
    there, null is a value.
    """
    if isinstance(source.value, dict):
        for section, value in source.value.items():
            if section not in ("fixtures", "tests"):
                _refuse_nothing(source, (section,), value)


def _refuse_nothing(source: Source, place: Place, value: Any) -> None:
    if value is None:
        raise source.error(place, f"`{place[-1]}` has no value.", "Write one, or remove the key.")
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            _refuse_nothing(source, (*place, key), inner)


def check_declared(source: Source, place: Place, what: str, name: str, known: Iterable[str]) -> None:
    names = list(known)
    if name not in names:
        listed = ", ".join(names) or "none"
        raise source.error(
            place, f"The {what} `{name}` is not declared.", f"Declared here: {listed}. Use one or declare it."
        )


def read_globs(source: Source, place: Place, globs: Iterable[str]) -> tuple[str, ...]:
    found = tuple(globs)
    for number, glob in enumerate(found):
        if (wrong := check_glob(glob)) is not None:
            raise source.error((*place, number), f"`{glob}` is not usable: {wrong}.")
    return found


def read_path_patterns(source: Source, place: Place, patterns: Iterable[str]) -> tuple[str, ...]:
    found = tuple(patterns)
    for number, pattern in enumerate(found):
        if (wrong := check_path_pattern(pattern)) is not None:
            raise source.error((*place, number), f"The pattern `{pattern}` is not usable: {wrong}.")
    return found


def read_duration(source: Source, place: Place, text: str | None) -> timedelta | None:
    if text is None:
        return None
    fits = re.fullmatch(r"([1-9][0-9]{0,4})([mhd])", text)
    if fits is None:
        raise source.error(place, f"`{text}` is not a duration.", "Write a number and m, h or d: 5m, 4h, 14d.")
    return timedelta(**{_UNITS[fits[2]]: int(fits[1])})


def read_requirement(
    source: Source, place: Place, one: shapes.RequirementShape, roles: tuple[Role, ...], meanings: Iterable[str]
) -> Requirement:
    names = _read_roles(source, place, one, roles)
    check_declared(source, (*place, "meaning"), "meaning", one.meaning, meanings)
    is_per_team = any(role.is_per_team for role in roles if role.name in names)
    if is_per_team and one.of is None:
        raise source.error(
            place,
            f"`{' or '.join(names)}` is a role per team, and `of` is missing.",
            "Add `of: each_owning_team` or `of: any_owning_team`.",
        )
    if not is_per_team and one.of is not None:
        raise source.error(
            (*place, "of"),
            f"`{' or '.join(names)}` is not a role per team: its group has no {{team}}.",
            "Remove `of`, or put {team} into the group of the role.",
        )
    if one.expr is not None:
        check_expression_text(source, (*place, "expr"), Scope.REQUIRE, one.expr)
    return Requirement(
        roles=names,
        of=Of(one.of) if one.of else None,
        count=one.count,
        meaning=one.meaning,
        is_shared=one.shared,
        forge_review=one.forge_review,
        expr=one.expr,
    )


def check_expression_text(source: Source, place: Place, scope: Scope, text: str) -> None:
    """Compiles and type-checks ``text``; what is wrong is an ``InputError``."""
    wrong = check_expression(scope, text)
    if wrong is not None:
        remedy = "" if INSTALL in wrong else f"Known here: {list_names(scope)}."
        raise source.error(place, wrong, remedy)


def _read_roles(source: Source, place: Place, one: shapes.RequirementShape, roles: tuple[Role, ...]) -> tuple[str, ...]:
    if (one.role is None) == (one.any_role is None):
        raise source.error(
            place,
            "A requirement names exactly one of `role` and `any_role`.",
            "Write `role: qa`, or `any_role: [maintainer, qa]`.",
        )
    declared = [role.name for role in roles]
    if one.role is not None:
        check_declared(source, (*place, "role"), "role", one.role, declared)
        return (one.role,)
    names = tuple(one.any_role or ())
    for number, name in enumerate(names):
        check_declared(source, (*place, "any_role", number), "role", name, declared)
    if len(set(names)) != len(names):
        raise source.error((*place, "any_role"), "A role is named twice.", "Name each once.")
    return names


def read_change_request(source: Source, place: Place, one: shapes.ChangeRequestShape | None) -> ChangeRequest | None:
    """The pattern, tried on its own example."""
    if one is None:
        return None
    wrong = check_id_pattern(one.pattern)
    if wrong is not None:
        raise source.error(
            (*place, "pattern"),
            f"`{one.pattern}` is not a regular expression of RE2: {wrong}.",
            "Write it like CHG-[0-9]+ ; it must match the whole id.",
        )
    if not is_id(one.pattern, one.example):
        raise source.error(
            (*place, "example"),
            f"The example `{one.example}` does not match the pattern.",
            "The pattern must match the whole example.",
        )
    if is_id(one.pattern, ""):
        raise source.error(
            (*place, "pattern"),
            "The pattern matches an empty id, so it would require nothing.",
            "Write it like CHG-[0-9]+.",
        )
    return ChangeRequest(pattern=one.pattern, example=one.example)
