"""One policy file: text to ``Policy``, or ``InputError`` with file, line and what to write instead.

After the shape (``shape.py``) this checks what only the whole file can tell: names declared once and declared at all,
roles per team asked per team, patterns that compile, a catch-all owner, and that nobody left out a kind of
contributor. Pure: takes name and text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta

from gate.domain.approval import MeaningKind
from gate.policy import shape as shapes
from gate.policy.document import (
    REPOSITORY_TEAMS,
    ChangeRequest,
    Check,
    Meaning,
    Of,
    OutOfScope,
    Ownership,
    Policy,
    Prerequisite,
    Requirement,
    Role,
    Rule,
    ScopeKind,
    Subject,
    Terms,
    Veto,
    When,
)
from gate.policy.paths import check_glob, check_path_pattern
from gate.policy.source import Place, Source, parse_source

ALL_PARTS = ("author", "committers", "co_authors", "pushers")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_TEAM = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,62}")


def parse_policy(name: str, text: str | bytes) -> Policy:
    """``text`` of the file ``name`` as a policy. Raises only ``InputError``."""
    return read_policy(parse_source(name, text))


def read_policy(source: Source) -> Policy:
    """A policy from an already parsed file of kind ApprovalPolicy."""
    found = shapes.shape_of(shapes.PolicyShape, source)
    _check_separation(source, found)
    roles = _read_roles(source, found)
    meanings = tuple(Meaning(id=id, text=one.text, kind=MeaningKind(one.kind)) for id, one in found.meanings.items())
    terms = tuple(Terms(id=id, title=one.title, text=one.text) for id, one in found.terms.items())
    return Policy(
        file=source.name,
        id=found.metadata.id,
        title=found.metadata.title,
        owners=tuple(found.metadata.owners),
        repositories=_globs(source, ("applies_to", "repositories"), found.applies_to.repositories),
        branches=_globs(source, ("applies_to", "branches"), found.applies_to.branches),
        roles=roles,
        ownership=_read_ownership(source, found),
        meanings=meanings,
        rules=_read_rules(source, found, roles, meanings),
        valid_for=_read_duration(source, ("approval", "valid_for"), found.approval.valid_for),
        veto=_read_veto(source, found, roles),
        terms=terms,
        prerequisites=_read_prerequisites(source, found, terms),
        change_request=read_change_request(source, ("change_request",), found.change_request),
        checks=_read_checks(source, found),
        out_of_scope=_read_out_of_scope(source, found),
    )


def _check_separation(source: Source, found: shapes.PolicyShape) -> None:
    if found.separation is None:
        return
    for part in ALL_PARTS:
        if part not in found.separation.exclude:
            raise source.error(
                ("separation", "exclude"),
                f"`{part}` is left out: they could approve their own work.",
                f"Write [{', '.join(ALL_PARTS)}], or leave `separation` out: it means the same.",
            )


def _read_roles(source: Source, found: shapes.PolicyShape) -> tuple[Role, ...]:
    for name, role in found.identity.roles.items():
        place: Place = ("identity", "roles", name, "group")
        if re.search(r"[{}]", role.group.replace("{team}", "")):
            raise source.error(
                place,
                f"`{role.group}` holds braces other than {{team}}.",
                "Write {team} where the name of the owning team belongs, and no other braces.",
            )
        if re.match(r"[A-Za-z][A-Za-z0-9-]*\s*=\s*\S", role.group) is None:
            raise source.error(
                place,
                f"`{role.group}` is not a directory group.",
                'Write its full DN, as "cn=qa,ou=groups,dc=example,dc=com".',
            )
    return tuple(Role(name=name, group=role.group) for name, role in found.identity.roles.items())


def _globs(source: Source, place: Place, globs: Iterable[str]) -> tuple[str, ...]:
    found = tuple(globs)
    for number, glob in enumerate(found):
        if (wrong := check_glob(glob)) is not None:
            raise source.error((*place, number), f"`{glob}` is not usable: {wrong}.")
    return found


def _path_patterns(source: Source, place: Place, patterns: Iterable[str]) -> tuple[str, ...]:
    found = tuple(patterns)
    for number, pattern in enumerate(found):
        if (wrong := check_path_pattern(pattern)) is not None:
            raise source.error((*place, number), f"The pattern `{pattern}` is not usable: {wrong}.")
    return found


def _read_ownership(source: Source, found: shapes.PolicyShape) -> tuple[Ownership, ...]:
    entries = []
    for number, entry in enumerate(found.ownership):
        place: Place = ("ownership", number)
        if entry.team != REPOSITORY_TEAMS and _TEAM.fullmatch(entry.team) is None:
            raise source.error(
                (*place, "team"),
                f"`{entry.team}` is not a team.",
                'Write a team\'s name, or "{repository}" for the owning teams of repositories.yaml.',
            )
        paths = _path_patterns(source, (*place, "paths"), entry.paths)
        if "**" in paths and number > 0:
            raise source.error(
                place,
                "A catch-all (`**`) below other entries takes every path from them: the last match wins.",
                "Make it the first entry.",
            )
        entries.append(Ownership(paths=paths, team=None if entry.team == REPOSITORY_TEAMS else entry.team))
    if "**" not in entries[0].paths:
        raise source.error(
            ("ownership",),
            "There is no catch-all: some paths would belong to nobody.",
            'Start the list with {paths: ["**"], team: "{repository}"}.',
        )
    return tuple(entries)


def _unique(source: Source, what: str, section: str, key: str, names: Iterable[str]) -> None:
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


def _declared(source: Source, place: Place, what: str, name: str, known: Iterable[str]) -> None:
    names = list(known)
    if name not in names:
        listed = ", ".join(names) or "none"
        raise source.error(
            place, f"The {what} `{name}` is not declared.", f"Declared here: {listed}. Use one or declare it."
        )


def _read_rules(
    source: Source, found: shapes.PolicyShape, roles: tuple[Role, ...], meanings: tuple[Meaning, ...]
) -> tuple[Rule, ...]:
    _unique(source, "rule", "rules", "id", (rule.id for rule in found.rules))
    rules = []
    for number, rule in enumerate(found.rules):
        place: Place = ("rules", number)
        when = When(
            cross_team=rule.when.cross_team,
            paths=_path_patterns(source, (*place, "when", "paths"), rule.when.paths or ()),
            branches=_globs(source, (*place, "when", "branches"), rule.when.branches or ()),
        )
        require = tuple(
            _read_requirement(source, (*place, "require", at), one, roles, meanings)
            for at, one in enumerate(rule.require)
        )
        rules.append(
            Rule(id=rule.id, description=rule.description, when=when, require=require, controls=tuple(rule.controls))
        )
    return tuple(rules)


def _read_requirement(
    source: Source, place: Place, one: shapes.RequirementShape, roles: tuple[Role, ...], meanings: tuple[Meaning, ...]
) -> Requirement:
    _declared(source, (*place, "role"), "role", one.role, (role.name for role in roles))
    _declared(source, (*place, "meaning"), "meaning", one.meaning, (meaning.id for meaning in meanings))
    role = next(role for role in roles if role.name == one.role)
    if role.is_per_team and one.of is None:
        raise source.error(
            place,
            f"`{one.role}` is a role per team, and `of` is missing.",
            "Add `of: each_owning_team` or `of: any_owning_team`.",
        )
    if not role.is_per_team and one.of is not None:
        raise source.error(
            (*place, "of"),
            f"`{one.role}` is not a role per team: its group has no {{team}}.",
            "Remove `of`, or put {team} into the group of the role.",
        )
    return Requirement(role=one.role, of=Of(one.of) if one.of else None, count=one.count, meaning=one.meaning)


def _read_veto(source: Source, found: shapes.PolicyShape, roles: tuple[Role, ...]) -> Veto | None:
    if found.veto is None:
        return None
    for number, name in enumerate(found.veto.roles):
        _declared(source, ("veto", "roles", number), "role", name, (role.name for role in roles))
    return Veto(roles=tuple(found.veto.roles), survives_push=found.veto.survives_push)


def _read_prerequisites(
    source: Source, found: shapes.PolicyShape, terms: tuple[Terms, ...]
) -> tuple[Prerequisite, ...]:
    _unique(source, "prerequisite", "prerequisites", "id", (one.id for one in found.prerequisites))
    for number, one in enumerate(found.prerequisites):
        place: Place = ("prerequisites", number)
        if (one.terms is None) == (one.training is None):
            raise source.error(
                place,
                f"The prerequisite `{one.id}` needs exactly one of `terms` and `training`.",
                "Write `terms: <id of terms below>` or `training: <course code>`.",
            )
        if one.terms is not None:
            _declared(source, (*place, "terms"), "terms", one.terms, (each.id for each in terms))
    return tuple(
        Prerequisite(
            id=one.id,
            subjects=tuple(Subject(subject) for subject in dict.fromkeys(one.subjects)),
            terms=one.terms,
            training=one.training,
        )
        for one in found.prerequisites
    )


def read_change_request(source: Source, place: Place, one: shapes.ChangeRequestShape | None) -> ChangeRequest | None:
    """The pattern compiled once and tried on its own example."""
    if one is None:
        return None
    try:
        fits = re.fullmatch(one.pattern, one.example)
    except (re.error, OverflowError, RecursionError) as error:
        raise source.error(
            (*place, "pattern"),
            f"`{one.pattern}` is not a regular expression: {error}.",
            "Write it like CHG-[0-9]+ ; it must match the whole id.",
        ) from error
    if fits is None:
        raise source.error(
            (*place, "example"),
            f"The example `{one.example}` does not match the pattern.",
            "The pattern must match the whole example.",
        )
    if re.fullmatch(one.pattern, "") is not None:
        raise source.error(
            (*place, "pattern"),
            "The pattern matches an empty id, so it would require nothing.",
            "Write it like CHG-[0-9]+.",
        )
    return ChangeRequest(pattern=one.pattern, example=one.example)


def _read_checks(source: Source, found: shapes.PolicyShape) -> tuple[Check, ...]:
    _unique(source, "check", "checks", "name", (check.name for check in found.checks))
    return tuple(Check(name=check.name, reporters=tuple(check.reporters)) for check in found.checks)


def _read_out_of_scope(source: Source, found: shapes.PolicyShape) -> tuple[OutOfScope, ...]:
    _unique(source, "out-of-scope rule", "out_of_scope", "id", (one.id for one in found.out_of_scope))
    entries = []
    for number, one in enumerate(found.out_of_scope):
        if (one.when.cross_team is None) == (one.when.robots is None):
            raise source.error(
                ("out_of_scope", number, "when"),
                "Exactly one of cross_team and robots belongs here.",
                "Write {cross_team: false} or {robots: true}.",
            )
        kind = ScopeKind.ROBOTS if one.when.robots else ScopeKind.SAME_TEAM
        entries.append(OutOfScope(id=one.id, kind=kind, because=one.because))
    names = [rule.id for rule in found.rules]
    for number, entry in enumerate(entries):
        if entry.id in names:
            raise source.error(
                ("out_of_scope", number, "id"),
                f"`{entry.id}` is also the name of a rule.",
                "Give one of them another name.",
            )
    return tuple(entries)


def _read_duration(source: Source, place: Place, text: str | None) -> timedelta | None:
    if text is None:
        return None
    fits = re.fullmatch(r"([1-9][0-9]{0,4})([mhd])", text)
    if fits is None:
        raise source.error(place, f"`{text}` is not a duration.", "Write a number and m, h or d: 5m, 4h, 14d.")
    return timedelta(**{_UNITS[fits[2]]: int(fits[1])})
