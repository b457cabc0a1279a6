"""Which parts of a policy its tests leave unshown: each must be the sole reason of a refusal in at least one of them.

The sole reason is what alone is unmet, or, for what shows otherwise (a prerequisite of approvers shows as a missing
approval), what makes an approval of that refusal when it is taken away.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from gate.policy.bind import bind
from gate.policy.document import Policy
from gate.policy.evaluate import evaluate
from gate.policy.suite import Tried


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What can refuse: its ``kind`` (rule, prerequisite, …), its ``id``, and the policy without it."""

    kind: str
    id: str
    without: Policy | None = None


def parts_of(policy: Policy) -> tuple[Part, ...]:
    """Everything that a test must show at work. A rule's ``without`` is None: it shows in `unmet` itself."""
    found = [Part(kind="rule", id=rule.id) for rule in policy.rules]
    for prerequisite in policy.prerequisites:
        prerequisites = tuple(one for one in policy.prerequisites if one is not prerequisite)
        found.append(
            Part(kind="prerequisite", id=prerequisite.id, without=replace(policy, prerequisites=prerequisites))
        )
    for check in policy.checks:
        checks = tuple(one for one in policy.checks if one is not check)
        found.append(Part(kind="check", id=check.name, without=replace(policy, checks=checks)))
    for freeze in policy.freezes:
        freezes = tuple(one for one in policy.freezes if one is not freeze)
        found.append(Part(kind="freeze", id=freeze.id, without=replace(policy, freezes=freezes)))
    if policy.veto is not None:
        found.append(Part(kind="veto", id="veto", without=replace(policy, veto=None)))
    if policy.change_request is not None:
        found.append(Part(kind="change request", id="change-request", without=replace(policy, change_request=None)))
    return tuple(found)


def check_coverage(policy: Policy, results: Iterable[Tried]) -> tuple[Part, ...]:
    """The parts of ``policy`` that are not the sole reason of a refusal in any passing test."""
    refused = [one for one in results if one.passed and not one.decision.answer.allows]
    return tuple(part for part in parts_of(policy) if not any(_is_sole(part, one) for one in refused))


def _is_sole(part: Part, tried: Tried) -> bool:
    if tried.unmet == {part.id}:
        return True
    if part.without is None:
        return False
    return evaluate(*bind(part.without, tried.case)).answer.allows
