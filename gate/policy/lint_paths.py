"""Findings about path patterns: owners and levels that never get a path, because others take them all."""

from __future__ import annotations

from collections.abc import Iterator

from gate.policy.document import Classification, Policy
from gate.policy.lint_finding import Finding, Severity, build_finding
from gate.policy.shadows import is_taken
from gate.policy.source import Place, Source


def check_ownership(policy: Policy, source: Source) -> Iterator[Finding]:
    """The last match wins, so an entry whose patterns later ones match owns nothing."""
    for number, entry in enumerate(policy.ownership):
        later = [pattern for other in policy.ownership[number + 1 :] for pattern in other.paths]
        taken = [pattern for pattern in entry.paths if is_taken(pattern, later)]
        place: Place = ("ownership", number)
        owner = entry.team if entry.team is not None else "the repository's teams"
        if len(taken) == len(entry.paths):
            yield build_finding(
                source,
                place,
                Severity.ERROR,
                "shadowed-ownership",
                f"{owner} never own anything here: later entries match everything that {', '.join(taken)} does.",
                "The last match wins: put the broader entry first, or remove this one.",
            )
            continue
        for pattern in taken:
            yield build_finding(
                source,
                (*place, "paths", entry.paths.index(pattern)),
                Severity.WARNING,
                "shadowed-ownership",
                f"Later entries take everything that `{pattern}` matches.",
                "Remove it, or put the broader entry first.",
            )


def check_classification(policy: Policy, source: Source) -> Iterator[Finding]:
    """The highest level wins, so an entry is dead when higher ones match all of it, and idle when equal ones do."""
    found = policy.classification
    if found is None:
        return
    for number, entry in enumerate(found.paths):
        rank = found.levels.index(entry.level)
        place: Place = ("classification", "paths", number)
        higher = [one for other in found.paths if found.levels.index(other.level) > rank for one in other.paths]
        same = [one for other in found.paths[:number] if other.level == entry.level for one in other.paths]
        if all(is_taken(pattern, higher) for pattern in entry.paths):
            yield build_finding(
                source,
                place,
                Severity.ERROR,
                "shadowed-classification",
                f"Nothing is ever {entry.level} by {', '.join(entry.paths)}: higher levels match all of it.",
                "The highest level wins: narrow the higher one, or remove this entry.",
            )
        elif all(is_taken(pattern, [*higher, *same]) for pattern in entry.paths):
            yield build_finding(
                source,
                place,
                Severity.WARNING,
                "repeated-classification",
                f"An entry above makes {', '.join(entry.paths)} {entry.level} already.",
                "Remove one of them.",
            )


def find_levels(found: Classification) -> frozenset[str]:
    """The levels that some path can have."""
    reached = set()
    for entry in (*found.paths, *found.raised):
        rank = found.levels.index(entry.level)
        higher = [one for other in found.paths if found.levels.index(other.level) > rank for one in other.paths]
        if not all(is_taken(pattern, higher) for pattern in entry.paths):
            reached.add(entry.level)
    everything = [pattern for entry in found.paths for pattern in entry.paths]
    return frozenset(reached | (set() if is_taken("**", everything) else {found.default}))
