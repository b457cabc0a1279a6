"""When a rule applies: all of its ``when`` must hold, and every reason is said with its values.

A fact that a rule asks about and nobody recorded is an error, whatever the rest of the rule says: it never makes a
rule not applicable.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from gate.policy.change import Change
from gate.policy.classification import Level
from gate.policy.decision import Reason
from gate.policy.document import Rule, When
from gate.policy.expression_facts import judge_change
from gate.policy.facts import Facts, PersonFacts
from gate.policy.ownership import changed_names
from gate.policy.paths import branch_name, matches_any, path_matcher
from gate.policy.prerequisites import MEND_ENTITY, MEND_REPOSITORY_ENTITY
from gate.policy.separation import Separation


@dataclass(frozen=True, slots=True, kw_only=True)
class Applies:
    """``because`` are the reasons with values, for or against. ``error``: it cannot be told."""

    applies: bool
    because: tuple[str, ...]
    error: Reason | None = None


class Holds(NamedTuple):
    """One part of a ``when``: True, False or None (cannot be told), and the reason with its values."""

    holds: bool | None
    because: str


def rule_applies(rule: Rule, change: Change) -> Applies:
    """Whether all of the rule's ``when`` holds. Reasons are all that hold, or the first against."""
    parts = list(_parts(rule.when, change))
    if rule.when.expr is not None and all(part.holds for part in parts):
        parts.append(_expression(rule.when.expr, change))
    holds = [part.holds for part in parts]
    if None in holds:
        unknown = [part.because for part in parts if part.holds is None]
        error = Reason(
            code="missing-facts", rule=rule.id, sentence=f"The rule {rule.id} cannot be decided: {unknown[0]}"
        )
        return Applies(applies=False, because=tuple(unknown), error=error)
    if False in holds:
        return Applies(applies=False, because=(parts[holds.index(False)].because,))
    because = tuple([part.because for part in parts])
    return Applies(applies=True, because=because or ("it applies to every contribution",))


_SAME_TEAM = "same team: every contributor is of a team that owns all changed paths"


def _parts(when: When, change: Change) -> Iterator[Holds]:
    facts = change.facts
    if when.cross_team is not None:
        because = f"cross-team: {change.outsider}" if change.outsider is not None else _SAME_TEAM
        yield Holds(when.cross_team == (change.outsider is not None), because)
    if when.paths:
        yield _path(when, facts)
    if when.branches:
        branch = branch_name(facts.target)
        is_meant = matches_any(when.branches, branch)
        yield Holds(
            is_meant,
            f"the target is {branch}" if is_meant else f"the target {branch} is none of {', '.join(when.branches)}",
        )
    if when.levels:
        yield _at_level(when, change.level)
    if when.author_kinds:
        yield _author_kind(when, change.separation)
    if when.labels:
        yield _label(when, facts)
    if when.lines_over is not None:
        yield _lines(when.lines_over, facts)
    if when.files_over is not None:
        changed = len(facts.paths)
        is_over = changed > when.files_over
        yield Holds(is_over, f"{_count(changed, 'file')} changed, {_over(is_over, when.files_over)}")
    if when.cross_entity is not None:
        yield _cross_entity(when.cross_entity, change)


def _expression(text: str, change: Change) -> Holds:
    """Asked last, of changes that everything else in ``when`` is about: it narrows."""
    outcome = judge_change(text, change.seen)
    if outcome.holds is None:
        return Holds(None, f"`{text}` cannot be told: {outcome.error}.")
    return Holds(outcome.holds, f"`{text}` is {'true' if outcome.holds else 'false'}")


def _path(when: When, facts: Facts) -> Holds:
    matches = path_matcher(when.paths)
    hit = next((name for name in changed_names(facts.paths) if matches(name)), None)
    if hit is None:
        return Holds(False, f"no changed path matches {', '.join(when.paths)}")
    return Holds(True, f"{hit} matches {', '.join(when.paths)}")


def _at_level(when: When, level: Level | None) -> Holds:
    if level is None:
        return Holds(None, "the policy has no levels.")
    if level.is_at(when.levels):
        return Holds(True, f"the change is {level.name}: {level.because}")
    return Holds(False, f"the change is {level.name}, not {' or '.join(when.levels)}: {level.because}")


def _author_kind(when: When, separation: Separation) -> Holds:
    kinds = sorted(separation.kinds)
    if not kinds:
        return Holds(None, "nobody is known to have contributed.")
    said = " and ".join(f"a {kind}" for kind in kinds)
    holds = not separation.kinds.isdisjoint(when.author_kinds)
    return Holds(holds, f"{said} contributed" if holds else f"{said} contributed, no {' or '.join(when.author_kinds)}")


def _label(when: When, facts: Facts) -> Holds:
    """Labels are compared without case: a forge takes Security and security for one."""
    if facts.labels is None:
        return Holds(None, "nobody reports labels of this repository. Let its forge or CI report them.")
    asked = {label.casefold() for label in when.labels}
    hit = next((label for label in facts.labels if label.casefold() in asked), None)
    if hit is not None:
        return Holds(True, f"it has the label {hit}")
    return Holds(False, f"it has none of the labels {', '.join(when.labels)}")


def _lines(limit: int, facts: Facts) -> Holds:
    changed = 0
    for one in facts.paths:
        if one.added is None or one.deleted is None:
            return Holds(True, f"the lines of {one.path} cannot be counted, so it counts as more than {limit}")
        changed += one.added + one.deleted
    return Holds(changed > limit, f"{_count(changed, 'line')} changed, {_over(changed > limit, limit)}")


def _over(is_over: bool, limit: int) -> str:
    return f"more than {limit}" if is_over else f"not more than {limit}"


def _count(number: int, what: str) -> str:
    return f"1 {what}" if number == 1 else f"{number} {what}s"


def _cross_entity(wanted: bool, change: Change) -> Holds:
    ours = change.facts.repository.entity
    if ours is None:
        return Holds(None, f"it is not known which legal entity owns the repository. {MEND_REPOSITORY_ENTITY}")
    people = change.separation.answerable.values()
    unknown = next((person.name for person in people if person.entity is None), None)
    if unknown is not None:
        return Holds(None, f"it is not known to which legal entity {unknown} belongs. {MEND_ENTITY}")
    foreign = next((person for person in people if person.entity != ours), None)
    return Holds(wanted == (foreign is not None), _entity_words(foreign, ours))


def _entity_words(foreign: PersonFacts | None, ours: str) -> str:
    if foreign is None:
        return f"every contributor belongs to {ours}, which owns the repository"
    return f"{foreign.name} belongs to {foreign.entity}, and the repository to {ours}"
