"""The rules that apply, what they ask for, which approvals fill it, and why the others do not.

Every rule gets a result: not applicable with the reason, satisfied, unsatisfied with who could give what is missing,
or error. No rule that applies, a rule that asks nobody, a group that cannot be read: errors, never a yes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from gate.policy.applies import Applies, rule_applies
from gate.policy.approvals import SIGNATURE, Acts, Valid
from gate.policy.change import Change
from gate.policy.decision import Answer, NotCounted, Reason, RequirementResult, RuleResult, RuleState
from gate.policy.document import Policy, Rule
from gate.policy.expression_facts import why_not_admitted
from gate.policy.facts import Facts
from gate.policy.filling import Filling, fill
from gate.policy.findings import Findings
from gate.policy.freezes import Frozen, expand_exemptions, read_freezes
from gate.policy.requirements import Need, expand, find_fault


def read_rules(found: Findings, change: Change, acts: Acts, frozen: Frozen, waived: frozenset[str]) -> None:
    """Every rule with its state. ``waived`` are rules and freezes that an effective break-glass lets through."""
    verdicts = [(rule, rule_applies(rule, change)) for rule in change.policy.rules]
    found.reasons += [(Answer.ERROR, applies.error) for _, applies in verdicts if applies.error is not None]
    needs = [need for rule, applies in verdicts if applies.applies for need in expand(rule, change)]
    # Rules of layers are asked as well, but where no rule of the policy itself applies they allow nothing.
    if not any(applies.applies or applies.error for rule, applies in verdicts if rule.layer is None):
        found.add(
            Answer.ERROR, "no-rule", f"No rule of the policy {change.policy.id} applies, so nothing can allow this."
        )
    faults = _add_faults(found, needs, change.facts)
    by_rule = fill_needs(found, change, acts, needs, frozen, waived)
    for rule, applies in verdicts:
        if applies.applies and rule.id not in by_rule:
            found.add(Answer.ERROR, "no-requirement", f"The rule {rule.id} applies and asks nobody.", rule.id)
        found.rules.append(_applied(rule, applies, by_rule.get(rule.id, []), faults.get(rule.id), waived))


def _add_faults(found: Findings, needs: Iterable[Need], facts: Facts) -> dict[str, Reason]:
    """Every need of which it cannot be told who could give it. By rule, the first."""
    first: dict[str, Reason] = {}
    for need in needs:
        fault = find_fault(need, facts)
        if fault is not None:
            found.reasons.append((Answer.ERROR, fault))
            first.setdefault(need.rule, fault)
    return first


def fill_needs(
    found: Findings, change: Change, acts: Acts, needs: Iterable[Need], frozen: Frozen, waived: frozenset[str]
) -> dict[str, list[RequirementResult]]:
    """Fills ``needs`` and the exemptions of the freezes that hold, all at once. The results are by rule."""
    exemptions = expand_exemptions(frozen, change)
    _add_faults(found, exemptions, change.facts)
    asked = [_narrow(need, change, waived) for need in (*needs, *exemptions)]
    filling = fill(tuple(asked), change, acts)
    by_rule: dict[str, list[RequirementResult]] = {}
    for need, result in zip(asked, filling.results, strict=True):
        by_rule.setdefault(need.rule, []).append(result)
        if result.missing and need.freeze is None:
            _add_open(found, "approval-missing", result.sentence, need.rule, is_waived=need.is_waived)
    found.freezes = read_freezes(frozen, {need.rule: by_rule[need.rule][0] for need in exemptions})
    for one in found.freezes:
        if not one.exempted_by:
            _add_open(found, "freeze", one.sentence, one.id, is_waived=one.id in waived)
    _read_filling(found, change.policy, filling, asked, acts)
    return by_rule


def _narrow(need: Need, change: Change, waived: frozenset[str]) -> Need:
    if need.rule in waived:
        need = replace(need, is_waived=True)
    if need.ask.expr is not None:
        need = replace(need, not_admitted=why_not_admitted(need.ask.expr, change.seen, change.people.values()))
    return need


def _add_open(found: Findings, code: str, sentence: str, rule: str, *, is_waived: bool) -> None:
    if not is_waived:
        found.add(Answer.PENDING, code, sentence, rule)
    elif rule not in found.waived:
        found.waived.append(rule)


def _applied(
    rule: Rule,
    applies: Applies,
    results: list[RequirementResult],
    fault: Reason | None,
    waived: frozenset[str],
) -> RuleResult:
    if applies.error is not None:
        return rule_result(rule, RuleState.ERROR, applies.because, error=applies.error.sentence)
    if not applies.applies:
        return rule_result(rule, RuleState.NOT_APPLICABLE, applies.because)
    is_open = any(result.missing for result in results)
    still_open = RuleState.WAIVED if rule.id in waived else RuleState.UNSATISFIED
    state = RuleState.ERROR if fault else still_open if is_open else RuleState.SATISFIED
    return rule_result(rule, state, applies.because, tuple(results), fault.sentence if fault else None)


def rule_result(
    rule: Rule,
    state: RuleState,
    because: tuple[str, ...],
    results: tuple[RequirementResult, ...] = (),
    error: str | None = None,
) -> RuleResult:
    return RuleResult(
        id=rule.id,
        description=rule.description,
        state=state,
        because=because,
        requirements=results,
        controls=rule.controls,
        error=error,
    )


def _read_filling(found: Findings, policy: Policy, filling: Filling, needs: list[Need], acts: Acts) -> None:
    found.counted = sorted(filling.used)
    found.lapses += [one.lapses_at for one in filling.used.values() if one.lapses_at is not None]
    found.ask, found.is_ask_smallest = filling.ask, filling.is_ask_smallest
    people_used = {person for one in filling.used.values() for person in one.party}
    for one in acts.valid:
        if one.approval.index not in filling.used:
            code, reason = _why_unused(one, needs, is_used=bool(one.party & people_used))
            found.not_counted.append(
                NotCounted(
                    index=one.approval.index,
                    person=one.approval.person,
                    name=one.approval.name,
                    code=code,
                    reason=reason,
                    kind=one.approval.kind,
                )
            )
    apart = {one.index: one for one in found.not_counted if one.index not in filling.used}
    found.not_counted = sorted(apart.values(), key=lambda one: one.index)
    owners = " or ".join(policy.owners)
    for need, result in zip(needs, filling.results, strict=True):
        if not result.is_satisfiable and need.freeze is None:
            found.notes.append(
                f"Nobody can satisfy this now: rule {need.rule} needs {need.ask.count} of {need.who}. "
                f"Ask {owners}, who own the policy {policy.id}."
            )


def _why_unused(one: Valid, needs: list[Need], *, is_used: bool) -> tuple[str, str]:
    role, team, meaning, freeze = one.approval.role, one.approval.team, one.approval.meaning, one.approval.freeze
    asked = [need for need in needs if need.freeze == freeze and need.fits(role, team)]
    if not asked:
        name = f"{role} of {team}" if team is not None else role
        what = "no rule that applies" if freeze is None else f"it exempts from {freeze}, and no freeze of that name now"
        return "not-asked", f"{what} asks for {name}"
    if all(need.ask.meaning != meaning for need in asked):
        return (
            "meaning",
            f"it says {meaning}, and what is asked is {' or '.join(sorted({n.ask.meaning for n in asked}))}",
        )
    allowing = [need for need in asked if need.ask.meaning == meaning and need.ask.forge_review]
    if one.approval.kind != SIGNATURE and not allowing:
        rules = " and ".join(dict.fromkeys(need.rule for need in asked))
        return "forge-review", f"it is a review made on the forge, and {rules} asks for a signature"
    refused = [why for need in asked for person, why in need.not_admitted.items() if person in one.party]
    if all(not one.party.isdisjoint(need.not_admitted) for need in asked):
        return "expression", refused[0]
    if is_used:
        return "one-slot", "another approval of the same person counts, and one person fills one slot"
    return "not-needed", "enough others have approved; it is not needed"
