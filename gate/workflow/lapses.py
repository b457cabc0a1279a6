"""What a pack says about a repository besides its entries: where nobody was looking, and branches that are gone."""

from __future__ import annotations

from collections.abc import Iterator

from gate.evidence.deviations import DeviationClass
from gate.evidence.twin import Deviation
from gate.store import landings
from gate.workflow.force import Registered
from gate.workflow.land import is_recordable
from gate.workflow.parts import Parts


def look_for_lapses(parts: Parts, registered: Registered) -> Iterator[Deviation]:
    """Deviations of one repository that no entry says. ``UnavailableError`` when git cannot be asked."""
    yield from _removed(registered)
    yield from _deleted(parts, registered)
    yield from _unnamed(parts, registered)


def _removed(registered: Registered) -> Iterator[Deviation]:
    """Since when nobody looks at the repository any more, if so."""
    if registered.removed_at is not None:
        id, since = registered.repository.id, f"{registered.removed_at:%Y-%m-%d %H:%M}"
        yield Deviation(
            id=DeviationClass.CONTROL_LAPSE,
            sentence=f"{id} left the registry on {since} UTC: nobody looks at what reached its branches since.",
            repository=id,
        )


def _deleted(parts: Parts, registered: Registered) -> Iterator[Deviation]:
    """Protected branches that the git server no longer has."""
    repository, id = registered.repository, registered.repository.id
    there = set(parts.mirror(repository.id, repository.url).branches())
    for tip in landings.tips(parts.engine, id):
        if tip.branch not in there:
            yield Deviation(
                id=DeviationClass.HISTORY_REWRITTEN,
                sentence=f"{id} {tip.branch} was deleted on the git server; its last recorded commit is {tip.tip}.",
                repository=id,
                commit=tip.tip,
            )


def _unnamed(parts: Parts, registered: Registered) -> Iterator[Deviation]:
    """Protected branches whose names are too long for the record."""
    repository, policies = registered.repository, parts.in_force().policies
    for branch in parts.mirror(repository.id, repository.url).branches():
        if not is_recordable(branch) and policies.is_protected(repository.id, branch):
            yield Deviation(
                id=DeviationClass.CONTROL_LAPSE,
                sentence=f"{repository.id} {branch[:80]}… is protected, and its name is too long to be recorded: "
                "nobody looks at what reaches it.",
                repository=repository.id,
            )
