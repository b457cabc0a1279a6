"""How sensitive a change is: the highest level of any name it touches, both names of a rename or copy.

Levels come from paths, so nobody can lower them by what they say about a change. A name that several entries match
has the highest of their levels; a name that none matches has the default. What a layer raises counts at both levels,
so that no rule for the lower one is lost by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gate.policy.document import Classification, LevelPaths
from gate.policy.facts import PathFacts
from gate.policy.ownership import changed_names
from gate.policy.paths import path_matcher


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """The level of a change and the name it comes from. ``held`` are all levels whose rules apply to it."""

    name: str
    because: str
    held: frozenset[str]

    def is_at(self, levels: Iterable[str]) -> bool:
        return not self.held.isdisjoint(levels)


def find_level(classification: Classification | None, paths: Iterable[PathFacts]) -> Level | None:
    """The level of a change; None when the policy has no levels."""
    if classification is None:
        return None
    names = tuple(changed_names(paths))
    if not names:
        highest = classification.levels[-1]
        return Level(name=highest, because="it is not known what changed", held=frozenset({highest}))
    own, because = _highest(classification, names)
    raised = {level: name for level, name in _raised(classification, names) if level > own}
    held = frozenset(classification.levels[level] for level in (own, *raised))
    top = max((own, *raised))
    name = classification.levels[top]
    return Level(name=name, because=f"{raised.get(top, because)} is {name}", held=held)


def _highest(classification: Classification, names: Iterable[str]) -> tuple[int, str]:
    """The highest level by number and the first name that has it."""
    matchers = [(level, path_matcher(patterns)) for level, patterns in _by_level(classification, classification.paths)]
    default = classification.levels.index(classification.default)
    levels = ((next((level for level, matches in matchers if matches(name)), default), name) for name in names)
    return max(levels, key=lambda found: found[0])


def _raised(classification: Classification, names: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    """What layers raise: every level that some changed name is raised to, with that name."""
    for level, patterns in _by_level(classification, classification.raised):
        matches = path_matcher(patterns)
        hit = next((name for name in names if matches(name)), None)
        if hit is not None:
            yield level, hit


def _by_level(classification: Classification, entries: Iterable[LevelPaths]) -> list[tuple[int, tuple[str, ...]]]:
    """Patterns by number of their level, the highest first."""
    found: dict[int, tuple[str, ...]] = {}
    for entry in entries:
        level = classification.levels.index(entry.level)
        found[level] = (*found.get(level, ()), *entry.paths)
    return sorted(found.items(), reverse=True)
