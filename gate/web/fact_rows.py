"""The facts a decision rests on, as tables with source and time: people, paths, checks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from gate.policy.facts import Facts, PathFacts, PersonFacts

MOST_PATHS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class FactTable:
    """``source`` says where the rows come from and as of when; ``note`` what was left out."""

    title: str
    source: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def build_fact_tables(facts: Facts) -> tuple[FactTable, ...]:
    """Only tables that have rows."""
    tables = (build_people(facts), build_paths(facts), build_checks(facts))
    return tuple(table for table in tables if table.rows)


def build_people(facts: Facts) -> FactTable:
    wanted = {one.person for one in facts.contributors if one.person} | {facts.author} - {None}
    people = [person for person in facts.people if person.id in wanted]
    checked = facts.directory_checked_at
    source = (
        f"directory, read {write_time(checked)}" if checked else f"directory: {facts.directory_error or 'not read'}"
    )
    return FactTable(
        title="People who contributed",
        source=source,
        heads=("Name", "Account", "Team", "Legal entity", "Training", "Terms accepted"),
        rows=tuple(build_person(person) for person in people),
    )


def build_person(person: PersonFacts) -> tuple[str, ...]:
    state = person.state if not person.state_reasons else f"{person.state}: {', '.join(person.state_reasons)}"
    robot = f" (robot, sponsor {person.sponsor or 'none'})" if person.robot else ""
    return (
        person.name + robot,
        state,
        person.team or "none",
        person.entity or "none",
        join(
            f"{held.code} until {held.valid_until:%-d %b %Y}" if held.valid_until else held.code
            for held in person.trainings
        ),
        join(person.terms),
    )


def build_paths(facts: Facts) -> FactTable:
    shown = facts.paths[:MOST_PATHS]
    hidden = len(facts.paths) - len(shown)
    return FactTable(
        title=f"Changed files ({len(facts.paths)})",
        source="git, from the gate's own mirror",
        heads=("File", "Change", "Lines"),
        rows=tuple(build_path(path) for path in shown),
        note=f"{hidden} more files are in the record and not shown here." if hidden else "",
    )


def build_path(path: PathFacts) -> tuple[str, ...]:
    words = {"A": "added", "C": "copied", "D": "deleted", "M": "changed", "R": "renamed", "T": "type changed"}
    name = f"{path.old_path} → {path.path}" if path.old_path else path.path
    lines = "binary" if path.added is None else f"+{path.added} -{path.deleted or 0}"
    return name, words.get(path.status[:1], path.status), lines


def build_checks(facts: Facts) -> FactTable:
    return FactTable(
        title="Reported checks",
        source="reports by token, for this head",
        heads=("Check", "Outcome", "Reported by", "When"),
        rows=tuple(
            (check.name, check.outcome, check.reporter, write_time(check.reported_at)) for check in facts.checks
        ),
    )


def join(words: Iterable[str]) -> str:
    return ", ".join(words) or "none"


def write_time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%-d %b %Y, %H:%M:%S} UTC"
