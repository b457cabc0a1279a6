"""What a proposed set of policies changes, in the sentences that people read, per repository and protected branch.

Two policies with one effective digest say the same, whatever was edited in their files; where the digests differ,
every approval given under the old one lapses (INV-02), and the lines that were taken away and added say why.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gate.policy.effective import EffectivePolicy
from gate.policy.explain import explain_policy
from gate.policy.registry import PolicySet


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One protected branch. A side without a policy (or that is not registered) has no digest and no lines.

    ``modes`` are set where the repository's mode changes. ``is_effective``: approvals given before lapse.
    """

    repository: str
    branch: str
    before: str | None
    after: str | None
    removed: tuple[str, ...]
    added: tuple[str, ...]
    modes: tuple[str, str] | None = None

    @property
    def is_effective(self) -> bool:
        return self.before != self.after


def diff_policies(before: PolicySet, after: PolicySet) -> tuple[Difference, ...]:
    """Every protected branch of either side whose effective policy, prose or mode differs."""
    return tuple(_differences(before, after))


def _differences(before: PolicySet, after: PolicySet) -> Iterator[Difference]:
    for repository, branch in _branches(before, after):
        old, new = (one.policy_for(repository, branch) if _protects(one, repository, branch) else None
                    for one in (before, after))  # fmt: skip
        gone, come = _lines(old), _lines(new)
        modes = _modes(old, new)
        removed = tuple(line for line in gone if line not in come)
        added = tuple(line for line in come if line not in gone)
        digests = old.digest if old else None, new.digest if new else None
        if digests[0] != digests[1] or removed or added or modes:
            yield Difference(
                repository=repository,
                branch=branch,
                before=digests[0],
                after=digests[1],
                removed=removed,
                added=added,
                modes=modes,
            )


def _branches(*sides: PolicySet) -> list[tuple[str, str]]:
    """Protected branches as written, of both sides."""
    found = {(entry.id, branch) for side in sides for entry in side.registry.repositories for branch in entry.protected}
    return sorted(found)


def _protects(side: PolicySet, repository: str, branch: str) -> bool:
    entry = side.registry.repository(repository)
    return entry is not None and branch in entry.protected


def _lines(policy: EffectivePolicy | None) -> tuple[str, ...]:
    if policy is None:
        return ()
    return tuple(f"{section.title}: {line}" for section in explain_policy(policy) for line in section.lines)


def _modes(old: EffectivePolicy | None, new: EffectivePolicy | None) -> tuple[str, str] | None:
    if old is None or new is None or old.repository.mode is new.repository.mode:
        return None
    return old.repository.mode.value, new.repository.mode.value
