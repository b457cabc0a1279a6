"""Runs the tests of a policy file: what was expected, what came, and why. Pure, like the evaluator it calls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from gate.policy.bind import bind
from gate.policy.cases import Case
from gate.policy.decision import Decision
from gate.policy.document import Policy
from gate.policy.evaluate import evaluate
from gate.policy.explain import explain_decision

_NO_REFUSAL = ("out-of-scope", "overridden", "break-glass")
_NOISE = ("one-slot", "not-needed", "not-asked")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One test that was run. ``differences`` are empty when it passed; ``unmet`` is what was not met."""

    case: Case
    decision: Decision
    unmet: frozenset[str]
    differences: tuple[str, ...]
    explanation: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return not self.differences


def run_suite(policy: Policy) -> tuple[Tried, ...]:
    """All tests of ``policy``, in the order of its file."""
    return tuple(try_case(policy, case) for case in policy.cases)


def try_case(policy: Policy, case: Case) -> Tried:
    decision = evaluate(*bind(policy, case))
    unmet = unmet_of(decision)
    return Tried(
        case=case,
        decision=decision,
        unmet=unmet,
        differences=tuple(_differences(case, decision, unmet)),
        explanation=explain_decision(_without_noise(decision)),
    )


def passes(policy: Policy, case: Case) -> bool:
    """Like ``try_case``, without the words."""
    decision = evaluate(*bind(policy, case))
    return not any(_differences(case, decision, unmet_of(decision)))


def unmet_of(decision: Decision) -> frozenset[str]:
    """Everything that stands in the way, by id, or by code where a reason has none."""
    return frozenset(
        one.rule if one.rule is not None else one.code for one in decision.reasons if one.code not in _NO_REFUSAL
    )


def _differences(case: Case, decision: Decision, unmet: frozenset[str]) -> Iterator[str]:
    if decision.answer is not case.expect:
        yield f"expected {case.expect}, but it is {decision.answer}"
    if case.unmet is not None and case.unmet != unmet:
        yield f"expected unmet: {_listed(case.unmet)}; unmet: {_listed(unmet)}"
    if case.level is not None and case.level != decision.level:
        yield f"expected level {case.level}, but it is {decision.level or 'none'}"
    if case.until is not None and case.until != decision.until:
        yield f"expected until {case.until:%Y-%m-%d %H:%M} UTC, but it is {_instant(decision)}"

    due = decision.override.review_due_at if decision.override is not None else None
    if case.review_due is not None and case.review_due != due:
        came = f"it is due at {due:%Y-%m-%d %H:%M} UTC" if due is not None else "none is owed"
        yield f"expected a review due at {case.review_due:%Y-%m-%d %H:%M} UTC, but {came}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"


def _instant(decision: Decision) -> str:
    return f"{decision.until:%Y-%m-%d %H:%M} UTC" if decision.until is not None else "not waiting for an instant"


def _without_noise(decision: Decision) -> Decision:
    """A signature that counted once is not listed again for each role it was also given in."""
    kept = {(one.person, one.code): one for one in reversed(decision.not_counted) if one.code not in _NOISE}
    return replace(decision, not_counted=tuple(sorted(kept.values(), key=lambda one: one.index)))
