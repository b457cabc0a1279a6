"""The later sections of a policy file: classification, freezes, delegation, break-glass. Shape to document, checked.

Like ``parse.py``, whose helpers for places and names it is given: every name is declared, every local time exists
once, windows of freezes do not overlap, and what a break-glass waives exists and is not on its own ceiling.
Local times follow the IANA time zone database; intervals are half-open.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gate.policy import shape as shapes
from gate.policy.document import (
    BreakGlass,
    CarryOver,
    CarryOverAt,
    Classification,
    Delegation,
    Freeze,
    LevelPaths,
    OwedReview,
    Requirement,
    Role,
    Rule,
)
from gate.policy.layer_shape import LayerShape
from gate.policy.read import (
    check_declared,
    check_unique,
    read_change_request,
    read_duration,
    read_globs,
    read_path_patterns,
    read_requirement,
)
from gate.policy.source import Place, Source

CEILING = ("separation", "veto")
"""What no break-glass ever waives, whatever a file says."""
ANY_FREEZE = "freeze"
RESERVED = (*CEILING, ANY_FREEZE, "change-request")
"""Names that refusals, tests and a break-glass use for something else."""
NAMED = (
    ("rules", "id", "rule"),
    ("prerequisites", "id", "prerequisite"),
    ("checks", "name", "check"),
    ("freezes", "id", "freeze"),
)
"""Sections whose entries have names, the key, and what one is called."""
_LOCAL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?")
_BUSINESS_DAYS = re.compile(r"([1-9][0-9]?)bd")


def read_classification(source: Source, one: shapes.ClassificationShape | None) -> Classification | None:
    if one is None:
        return None
    place: Place = ("classification",)
    if len(set(one.levels)) != len(one.levels):
        raise source.error((*place, "levels"), "A level is named twice.", "Name each once, from lowest to highest.")
    check_declared(source, (*place, "default"), "level", one.default, one.levels)
    for number, entry in enumerate(one.paths):
        check_declared(source, (*place, "paths", number, "level"), "level", entry.level, one.levels)
    paths = tuple(
        LevelPaths(level=entry.level, paths=read_path_patterns(source, (*place, "paths", number, "paths"), entry.paths))
        for number, entry in enumerate(one.paths)
    )
    return Classification(levels=tuple(one.levels), default=one.default, paths=paths)


def read_levels(
    source: Source, place: Place, names: Iterable[str], classification: Classification | None
) -> tuple[str, ...]:
    """Names of levels, each declared."""
    found = tuple(names)
    for number, name in enumerate(found):
        check_declared(
            source, (*place, number), "level", name, classification.levels if classification is not None else ()
        )
    return found


def read_carry_over(
    source: Source, one: shapes.ApprovalShape, classification: Classification | None
) -> tuple[CarryOverAt, ...]:
    for level in one.carry_over_at:
        place: Place = ("approval", "carry_over_at", level)
        check_declared(source, place, "level", level, classification.levels if classification is not None else ())
    return tuple(
        CarryOverAt(level=level, carry_over=CarryOver(kind)) for level, kind in sorted(one.carry_over_at.items())
    )


def read_freezes(
    source: Source,
    found: shapes.PolicyShape | LayerShape,
    roles: tuple[Role, ...],
    meanings: Iterable[str],
    classification: Classification | None,
) -> tuple[Freeze, ...]:
    check_unique(source, "freeze", "freezes", "id", (one.id for one in found.freezes))
    _check_names(source, found)
    known = tuple(meanings)
    freezes = []
    for number, one in enumerate(found.freezes):
        place: Place = ("freezes", number)
        start, end = _read_window(source, (*place, "window"), one.window)
        exempt: Requirement | None = None
        if one.exempt is not None:
            exempt = _read_plain(source, (*place, "exempt"), one.exempt, roles, known)
        freezes.append(
            Freeze(
                id=one.id,
                start=start,
                end=end,
                zone=one.window.tz,
                because=one.because,
                levels=read_levels(source, (*place, "at"), one.at, classification),
                branches=read_globs(source, (*place, "branches"), one.branches),
                exempt=exempt,
            )
        )
    _check_overlaps(source, freezes)
    return tuple(freezes)


def _read_plain(
    source: Source, place: Place, one: shapes.RequirementShape, roles: tuple[Role, ...], meanings: Iterable[str]
) -> Requirement:
    """A requirement of a freeze or a break-glass: people who sign for it and for nothing else, asked once."""
    for key, is_used in (("shared", one.shared), ("forge_review", one.forge_review), ("expr", one.expr is not None)):
        if is_used:
            raise source.error((*place, key), f"`{key}` belongs to the requirements of rules only.", "Remove it.")
    if one.of == "each_owning_team":
        raise source.error(
            (*place, "of"), "This is asked once, not of every owning team.", "Write `of: any_owning_team`."
        )
    return read_requirement(source, place, one, roles, meanings)


def _check_names(source: Source, found: shapes.PolicyShape | LayerShape) -> None:
    """A name says one thing: a refusal, a test and a break-glass all go by it."""
    seen: dict[str, str] = {}
    for section, key, what in NAMED:
        for number, one in enumerate(getattr(found, section)):
            name, place = str(getattr(one, key)), (section, number, key)
            if name in RESERVED:
                raise source.error(
                    place, f"`{name}` means something else in tests and to a break-glass.", "Choose another name."
                )
            if seen.setdefault(name, what) != what:
                raise source.error(
                    place, f"`{name}` is also the name of a {seen[name]}.", "Give one of them another name."
                )


def _check_overlaps(source: Source, freezes: list[Freeze]) -> None:
    """Two freezes at once for the same changes would ask for two exemptions where the file says one."""
    for number, later in enumerate(freezes):
        for earlier in freezes[:number]:
            if later.start < earlier.end and earlier.start < later.end and _meet(later, earlier):
                raise source.error(
                    ("freezes", number, "window"),
                    f"The freezes `{earlier.id}` and `{later.id}` overlap.",
                    "Let one end where the other starts (the end does not belong to it), or make them one.",
                )


def _meet(one: Freeze, other: Freeze) -> bool:
    same_levels = not one.levels or not other.levels or bool(set(one.levels) & set(other.levels))
    same_branches = not one.branches or not other.branches or bool(set(one.branches) & set(other.branches))
    return same_levels and same_branches


def _read_window(source: Source, place: Place, one: shapes.WindowShape) -> tuple[datetime, datetime]:
    try:
        zone = ZoneInfo(one.tz)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise source.error(
            (*place, "tz"), f"`{one.tz}` is not a time zone.", "Write its IANA name, as Europe/Berlin, or UTC."
        ) from error
    start = _read_local(source, (*place, "start"), one.start, zone)
    end = _read_local(source, (*place, "end"), one.end, zone)
    if end <= start:
        raise source.error((*place, "end"), "The window ends before it starts.", "Write a later end.")
    return start, end


def _read_local(source: Source, place: Place, text: str, zone: ZoneInfo) -> datetime:
    """A local time that exists exactly once, as UTC."""
    try:
        local = datetime.fromisoformat(text) if _LOCAL.fullmatch(text) else None
    except ValueError:
        local = None
    if local is None:
        raise source.error(
            place, f"`{text}` is not a local time.", 'Write "2026-09-28T18:00" in quotes, without a zone.'
        )
    first, second = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first != second:
        happens = "exists twice" if first.astimezone(zone).replace(tzinfo=None) == local else "does not exist"
        raise source.error(
            place,
            f"`{text}` {happens} in {zone.key}: the clocks change there that night.",
            "Choose a time outside the hour of the change.",
        )
    return first


def read_delegation(source: Source, one: shapes.DelegationShape | None, roles: tuple[Role, ...]) -> Delegation | None:
    if one is None:
        return None
    for number, name in enumerate(one.roles):
        check_declared(source, ("delegation", "roles", number), "role", name, (role.name for role in roles))
    period = read_duration(source, ("delegation", "max_period"), one.max_period) or timedelta()
    return Delegation(roles=tuple(one.roles), max_period=period)


def read_break_glass(
    source: Source,
    one: shapes.BreakGlassShape | None,
    roles: tuple[Role, ...],
    meanings: Iterable[str],
    rules: tuple[Rule, ...],
    freezes: tuple[Freeze, ...],
) -> BreakGlass | None:
    if one is None:
        return None
    known, names = tuple(meanings), [role.name for role in roles]
    place: Place = ("break_glass",)
    check_declared(source, (*place, "invoker", "role"), "role", one.invoker.role, names)
    check_declared(source, (*place, "review", "role"), "role", one.review.role, names)
    check_declared(source, (*place, "review", "meaning"), "meaning", one.review.meaning, known)
    _check_waived(source, one, rules, freezes)
    for part in ("author", "contributors", "invoker"):
        if part not in one.review.independent_of:
            raise source.error(
                (*place, "review", "independent_of"),
                f"`{part}` is left out: they could review their own override.",
                "Write [author, contributors, invoker].",
            )
    incident = read_change_request(source, (*place, "reason", "incident"), one.reason.incident)
    assert incident is not None  # noqa: S101 - it is not optional in the shape
    return BreakGlass(
        invoker=one.invoker.role,
        cosign=_read_plain(source, (*place, "cosign"), one.cosign, roles, known),
        codes=tuple(one.reason.codes),
        incident=incident,
        min_chars=one.reason.min_chars,
        waives=tuple(one.waives),
        never_waives=tuple(dict.fromkeys((*CEILING, *one.never_waives))),
        valid_for=read_duration(source, (*place, "valid_for"), one.valid_for) or timedelta(),
        review=OwedReview(
            role=one.review.role, within_days=_read_business_days(source, one.review), meaning=one.review.meaning
        ),
    )


def _check_waived(
    source: Source, one: shapes.BreakGlassShape, rules: tuple[Rule, ...], freezes: tuple[Freeze, ...]
) -> None:
    known = [*(rule.id for rule in rules), *(freeze.id for freeze in freezes), ANY_FREEZE]
    for number, name in enumerate(one.waives):
        place: Place = ("break_glass", "waives", number)
        if name in CEILING or name in one.never_waives:
            raise source.error(place, f"`{name}` is never waived.", "Take it off `waives`.")
        check_declared(source, place, "rule or freeze", name, known)
    for number, name in enumerate(one.never_waives):
        check_declared(source, ("break_glass", "never_waives", number), "rule or freeze", name, (*known, *CEILING))


def _read_business_days(source: Source, one: shapes.OwedReviewShape) -> int:
    fits = _BUSINESS_DAYS.fullmatch(one.within)
    if fits is None:
        raise source.error(
            ("break_glass", "review", "within"),
            f"`{one.within}` is not a number of business days.",
            "Write 2bd for two business days (Monday to Friday, UTC).",
        )
    return int(fits[1])
