"""What expressions see of a change and of an approver, from the facts; None where nobody recorded it.

Lines that cannot be counted, labels that nobody reports, a level where the policy has none: None, never nothing. A
change that a layer raises is looked at on each of its levels: a rule applies if one of them makes it, and an approval
counts only if none of them forbids it, so that raising loses no rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from gate.policy.expressions import Outcome, Scope, Value, evaluate_expression, is_named
from gate.policy.facts import Facts, PersonFacts
from gate.policy.ownership import changed_names
from gate.policy.paths import branch_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A change as expressions see it. ``levels`` are all it counts at; none where the policy has no levels."""

    facts: Facts
    is_cross_team: bool
    is_robot: bool
    levels: tuple[str, ...]


def judge_change(text: str, seen: Seen) -> Outcome:
    """Whether a rule with this ``when.expr`` applies. Any error is one: it is never outvoted."""
    outcomes = [evaluate_expression(Scope.WHEN, text, values) for values in _changes(text, seen)]
    failed = next((one for one in outcomes if one.holds is None), None)
    return failed or Outcome(holds=any(one.holds for one in outcomes))


def why_not_admitted(text: str, seen: Seen, people: Iterable[PersonFacts]) -> Mapping[str, str]:
    """By person: why an approval of theirs does not count under this ``require.expr``. Who meets it is not in it."""
    changes = list(_changes(text, seen))
    found = {}
    for person in people:
        approver = _approver(text, person)
        for values in changes:
            outcome = evaluate_expression(Scope.REQUIRE, text, {**values, **approver})
            if outcome.holds is None:
                found[person.id] = f"it cannot be told whether {person.name} meets `{text}`: {outcome.error}"
            elif not outcome.holds:
                found.setdefault(person.id, f"{person.name} does not meet `{text}`")
    return found


def _changes(text: str, seen: Seen) -> Iterator[Mapping[str, Value | None]]:
    """The values of the names in ``text``: once, or for every level where the level matters."""
    facts = seen.facts
    author = next((one for one in facts.people if one.id == facts.author), None)
    sources: dict[str, Callable[[], Value | None]] = {
        "change.lines": lambda: _lines(facts),
        "change.files": lambda: len(facts.paths),
        "change.paths": lambda: tuple(changed_names(facts.paths)),
        "change.target": lambda: branch_name(facts.target),
        "change.labels": lambda: facts.labels,
        "change.cross_team": lambda: seen.is_cross_team,
        "change.author_entity": lambda: author.entity if author is not None else None,
        "change.author_department": lambda: author.department if author is not None else None,
        "change.robot": lambda: seen.is_robot,
    }
    values = {name: build() for name, build in sources.items() if is_named(name, text)}
    if not is_named("change.level", text):
        yield values
        return
    for level in seen.levels or (None,):
        yield {**values, "change.level": level}


def _approver(text: str, person: PersonFacts) -> Mapping[str, Value | None]:
    roles = {held.role for held in person.roles} | {f"{held.role}:{held.team}" for held in person.roles if held.team}
    values: dict[str, Value | None] = {
        "approver.person": person.id,
        "approver.team": person.team,
        "approver.entity": person.entity,
        "approver.department": person.department,
        "approver.roles": tuple(sorted(roles)),
    }
    return {name: value for name, value in values.items() if is_named(name, text)}


def _lines(facts: Facts) -> int | None:
    counts = [(one.added, one.deleted) for one in facts.paths]
    if any(added is None or deleted is None for added, deleted in counts):
        return None
    return sum((added or 0) + (deleted or 0) for added, deleted in counts)
