"""Which parts of a policy its tests leave unshown: each must be the sole reason of a refusal in at least one of them.

A rule is the sole reason when it alone is unmet; anything else when the refusal becomes an approval without it (so a
prerequisite of approvers, which shows as a missing approval, is seen as well).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from gate.domain.errors import InputError
from gate.policy.bind import bind
from gate.policy.document import Policy
from gate.policy.evaluate import evaluate
from gate.policy.mutate_rules import without
from gate.policy.source import Place, parse_source
from gate.policy.suite import Tried, run_suite


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What can refuse: its ``kind`` (rule, prerequisite, …), ``id``, place in the file, and the policy without it."""

    kind: str
    id: str
    place: Place
    without: Policy | None = None


def parts_of(policy: Policy) -> tuple[Part, ...]:
    """Everything that a test must show at work. A rule's ``without`` is None: it shows in `unmet` itself."""
    found = [Part(kind="rule", id=rule.id, place=("rules", at)) for at, rule in enumerate(policy.rules)]
    for at, prerequisite in enumerate(policy.prerequisites):
        weaker = replace(policy, prerequisites=without(policy.prerequisites, at))
        found.append(Part(kind="prerequisite", id=prerequisite.id, place=("prerequisites", at), without=weaker))
    for at, check in enumerate(policy.checks):
        weaker = replace(policy, checks=without(policy.checks, at))
        found.append(Part(kind="check", id=check.name, place=("checks", at), without=weaker))
    for at, freeze in enumerate(policy.freezes):
        weaker = replace(policy, freezes=without(policy.freezes, at))
        found.append(Part(kind="freeze", id=freeze.id, place=("freezes", at), without=weaker))
    if policy.veto is not None:
        found.append(Part(kind="veto", id="veto", place=("veto",), without=replace(policy, veto=None)))
    if policy.change_request is not None:
        weaker = replace(policy, change_request=None)
        found.append(Part(kind="change request", id="change-request", place=("change_request",), without=weaker))
    return tuple(found)


def check_coverage(policy: Policy, results: Iterable[Tried]) -> tuple[Part, ...]:
    """The parts of ``policy`` that are not the sole reason of a refusal in any passing test."""
    refused = [one for one in results if one.passed and not one.decision.answer.allows]
    return tuple(part for part in parts_of(policy) if not any(_is_sole(part, one) for one in refused))


def _is_sole(part: Part, tried: Tried) -> bool:
    if part.without is None:
        return tried.unmet == {part.id} and any(rule.id == part.id for rule in tried.decision.rules)
    return evaluate(*bind(part.without, tried.case)).answer.allows


def verify_tests(policies: Iterable[Policy], files: Mapping[str, str | bytes]) -> None:
    """What must hold before policies come into force. Raises ``InputError`` with file and line.

    Every policy has tests, all of them pass, and they show each of its parts at work.
    """
    for policy in policies:
        results = run_suite(policy)
        if not results:
            raise InputError(
                f"The policy {policy.id} has no tests.",
                file=policy.file,
                line=1,
                remedy="Add `fixtures` and `tests`, for every rule one that expects its refusal (docs/policy.md).",
            )
        for one in results:
            if not one.passed:
                raise InputError(
                    f"The test “{one.case.name}” fails: {'; '.join(one.differences)}.",
                    file=policy.file,
                    line=one.case.line,
                    remedy="Mend the policy or the test; `gate policy test` explains what came.",
                )
        for part in check_coverage(policy, results):
            raise parse_source(policy.file, files[policy.file]).error(
                part.place,
                f"No test shows the {part.kind} `{part.id}` as the only reason of a refusal.",
                "Add a test in which nothing else is missing.",
            )
