"""Freezes, delegation and break-glass in plain English: what stands in a decision, and what a policy lets happen.

For ``explain.py``, which puts these lines among its own. The lines follow from decision and policy alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gate.domain.words import count_words, say_span
from gate.policy.decision import Decision, FreezeResult, RequirementResult
from gate.policy.document import BreakGlass, Freeze, Policy, Requirement
from gate.policy.sections import ANY_FREEZE


def freeze_lines(decision: Decision) -> Iterator[str]:
    """Every freeze that holds: exempted, waived, or standing with who could exempt from it."""
    for one in decision.freezes:
        if one.id in waived_by(decision):
            yield f"Freeze {one.id}: waived. It holds until {_minute(one)}."
        else:
            yield f"Freeze {one.id}: {one.sentence}"
            yield from _exemption_lines(one)


def _exemption_lines(one: FreezeResult) -> Iterator[str]:
    if one.exempt is None:
        return
    if one.exempt.candidates:
        yield f"  Can exempt from it: {', '.join(each.name for each in one.exempt.candidates)}."
    for each in one.exempt.disqualified:
        yield f"  Cannot: {each.reason}."


def override_lines(decision: Decision) -> Iterator[str]:
    """What a break-glass did or why it did nothing, and who could co-sign it."""
    one = decision.override
    if one is None:
        return
    yield f"Break-glass: {one.sentence}"
    if one.cosign.candidates:
        yield f"  Can co-sign it: {', '.join(each.name for each in one.cosign.candidates)}."


def waived_by(decision: Decision) -> tuple[str, ...]:
    return decision.override.waived if decision.override is not None else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """What still has to be signed. ``of`` is the rule that asks for it, or the freeze it would let this through."""

    of: str
    need: RequirementResult
    is_exemption: bool = False

    @property
    def sentence(self) -> str:
        if not self.is_exemption:
            return self.need.sentence
        return f"To be exempt from the freeze {self.of}: {self.need.sentence[0].lower()}{self.need.sentence[1:]}"


def find_open(decision: Decision) -> tuple[Open, ...]:
    """Of rules that nothing waives and of freezes that stand."""
    waived = waived_by(decision)
    rules = [Open(of=rule.id, need=need) for rule in decision.rules for need in rule.requirements]
    freezes = [
        Open(of=one.id, need=one.exempt, is_exemption=True) for one in decision.freezes if one.exempt is not None
    ]
    return tuple(one for one in (*rules, *freezes) if one.need.missing and one.of not in waived)


def is_ask_enough(decision: Decision) -> bool:
    """Whether those asked could unblock it; nobody's signature ends a freeze that nobody may exempt from."""
    waived = waived_by(decision)
    is_frozen = any(one.exempt is None and one.id not in waived for one in decision.freezes)
    return not is_frozen and all(one.need.is_satisfiable for one in find_open(decision))


def describe_freezes(policy: Policy) -> Iterator[str]:
    for one in policy.freezes:
        where = [f"at {' or '.join(one.levels)}"] if one.levels else []
        where += [f"into {' or '.join(one.branches)}"] if one.branches else []
        span = f"From {one.start:%Y-%m-%d %H:%M} to {one.end:%Y-%m-%d %H:%M} UTC"
        what = f"nothing lands {' '.join(where)}".rstrip()
        yield f"{span} {what}: {one.because.rstrip('.')}. {_describe_exempt(one)} (freeze {one.id})."


def _describe_exempt(one: Freeze) -> str:
    return (
        f"{_asked(one.exempt)} may exempt one contribution" if one.exempt is not None else "Nobody may exempt from it"
    )


def describe_delegation(policy: Policy) -> Iterator[str]:
    if policy.delegation is None:
        return
    roles = " or ".join(policy.delegation.roles)
    yield f"Who holds {roles} may hand the role over to somebody for at most {say_span(policy.delegation.max_period)}."
    yield "Whoever signs for somebody meets what approvers must meet, fills one slot with them, and hands nothing on."


def describe_break_glass(policy: Policy) -> Iterator[str]:
    one = policy.break_glass
    if one is None:
        return
    yield f"{one.invoker} may invoke it for {say_span(one.valid_for)}, co-signed by {_asked(one.cosign)}."
    yield (
        f"It needs a reason of {one.min_chars} characters with one of the codes {', '.join(one.codes)}, "
        f"and an incident, as {one.incident.example}."
    )
    yield f"It waives {_listed(one.waives)}. It never waives {_listed(one.never_waives)}, nor anything else."
    yield _describe_review(one)


def _describe_review(one: BreakGlass) -> str:
    days = count_words(one.review.within_days, "business day")
    return (
        f"{one.review.role} owes an independent review within {days}; while one is overdue in the repository, "
        "nobody can invoke it there."
    )


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join("any freeze" if name == ANY_FREEZE else name for name in names)


def _asked(one: Requirement) -> str:
    return f"{count_words(one.count, 'person', 'people')} with the role {one.role}"


def _minute(one: FreezeResult) -> str:
    return f"{one.until:%Y-%m-%d %H:%M} UTC"
