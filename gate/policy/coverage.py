"""Which parts of a policy or layer its tests leave unshown: each must be the sole reason of a refusal in one at least.

A rule is the sole reason when it alone is unmet; anything else when the refusal becomes an approval without it (so a
prerequisite of approvers, which shows as a missing approval, is seen as well).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final

from gate.domain.errors import InputError
from gate.policy.bind import bind
from gate.policy.decision import RuleState
from gate.policy.document import Policy
from gate.policy.evaluate import evaluate
from gate.policy.layer_document import Layer
from gate.policy.layers import build_tested
from gate.policy.mutate_rules import without
from gate.policy.read_cases import MOST_STEPS, count_steps
from gate.policy.registry import PolicySet
from gate.policy.source import Place, Source, parse_source
from gate.policy.suite import Tried, run_suite

_UNMET: Final = (RuleState.UNSATISFIED, RuleState.ERROR)
MOST_TOGETHER: Final = 4 * MOST_STEPS
"""Of the tests of all files that are activated together."""


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


def parts_of_layer(base: Policy, layer: Layer) -> tuple[Part, ...]:
    """What ``layer`` adds to ``base``, with the places of its own file."""
    known = {(part.kind, part.id) for part in parts_of(base)}
    added = [part for part in parts_of(build_tested(base, layer)) if (part.kind, part.id) not in known]
    found = [replace(part, place=place_in_layer(base, part.place)) for part in added]
    for at, one in enumerate(layer.tighten):
        weaker = build_tested(base, replace(layer, tighten=without(layer.tighten, at)))
        found.append(Part(kind="tightened rule", id=one.rule, place=("tighten", at), without=weaker))
    if layer.change_request is not None:
        weaker = build_tested(base, replace(layer, change_request=None))
        found.append(Part(kind="change request", id="change-request", place=("change_request",), without=weaker))
    return tuple(found)


def place_in_layer(base: Policy, place: Place) -> Place:
    """A place of the policy with the layer on it, in the layer's file: its lists come after those of the base."""
    section, *rest = place
    if not rest or not isinstance(rest[0], int):
        return place
    return (section, rest[0] - len(getattr(base, str(section))), *rest[1:])


def check_coverage(parts: Iterable[Part], results: Iterable[Tried]) -> tuple[Part, ...]:
    """The ``parts`` that are not the sole reason of a refusal in any passing test."""
    refused = [one for one in results if one.passed and not one.decision.answer.allows]
    return tuple(part for part in parts if not any(_is_sole(part, one) for one in refused))


def _is_sole(part: Part, tried: Tried) -> bool:
    if part.without is None:
        return tried.unmet == {part.id} and any(
            rule.id == part.id and rule.state in _UNMET for rule in tried.decision.rules
        )
    return evaluate(*bind(part.without, tried.case)).answer.allows


def suites_of(found: PolicySet) -> Iterator[tuple[Policy, tuple[Part, ...]]]:
    """What each file with tests is about, and what its tests must show."""
    for policy in found.policies:
        yield policy, parts_of(policy)
    for layer in found.layers:
        base = next(policy for policy in found.policies if policy.id == layer.extends)
        yield build_tested(base, layer), parts_of_layer(base, layer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """The tests of one file, run; ``missing`` are the parts that they leave unshown."""

    policy: Policy
    results: tuple[Tried, ...]
    missing: tuple[Part, ...]


def examine_suite(policy: Policy, parts: tuple[Part, ...]) -> Examined:
    results = run_suite(policy)
    return Examined(policy=policy, results=results, missing=check_coverage(parts, results))


def examine(found: PolicySet, digests: tuple[tuple[str, str], ...]) -> tuple[Examined, ...]:
    """Every policy and layer of ``found``. ``digests`` (name, SHA-256) tell sets apart: each is run once."""
    return _examined(_Set(digests, found))


@dataclass(frozen=True, slots=True)
class _Set:
    """A set of policies beside the digests that tell two of them apart."""

    digests: tuple[tuple[str, str], ...]
    found: PolicySet = field(compare=False)


@lru_cache(maxsize=16)
def _examined(given: _Set) -> tuple[Examined, ...]:
    return tuple(examine_suite(policy, parts) for policy, parts in suites_of(given.found))


def verify_tests(found: PolicySet, digests: tuple[tuple[str, str], ...], files: Mapping[str, str | bytes]) -> None:
    """What must hold before policies come into force. Raises ``InputError`` with file and line.

    Every policy and layer has tests, all of them pass, and they show each of its parts at work.
    """
    steps = sum(count_steps(policy, case) for policy, _ in suites_of(found) for case in policy.cases)
    if steps > MOST_TOGETHER:
        raise InputError(
            f"The tests of all files come to {steps:,} steps; at most {MOST_TOGETHER:,} are run while somebody waits.",
            field="files",
            remedy="Make tests smaller; docs/policy.md says what counts as a step.",
        )
    for one in examine(found, digests):
        _verify_suite(one, parse_source(one.policy.file, files[one.policy.file]))


def _verify_suite(found: Examined, source: Source) -> None:
    if not found.results:
        raise source.error(
            (),
            f"{found.policy.id} has no tests.",
            "Add `fixtures` and `tests`, for every rule one that expects its refusal (docs/policy.md).",
        )
    for one in found.results:
        if not one.passed:
            raise source.error(
                ("tests", found.results.index(one)),
                f"The test “{one.case.name}” fails: {'; '.join(one.differences)}.",
                "Mend the policy or the test; `gate policy test` explains what came.",
            )
    for part in found.missing:
        raise source.error(
            part.place,
            f"No test shows the {part.kind} `{part.id}` as the only reason of a refusal.",
            "Add a test in which nothing else is missing.",
        )
