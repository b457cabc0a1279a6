"""The rules that apply, what they ask for, which approvals fill it, and why the others do not.

Every rule gets a result: not applicable with the reason, satisfied, unsatisfied with who could give what is missing,
or error. No rule that applies, a rule that asks nobody, a group that cannot be read: errors, never a yes.
"""

from __future__ import annotations

from gate.policy.applies import Applies, Change, rule_applies
from gate.policy.approvals import Acts
from gate.policy.decision import Answer, NotCounted, Reason, RequirementResult, RuleResult, RuleState
from gate.policy.document import Rule
from gate.policy.effective import EffectivePolicy
from gate.policy.filling import Filling, fill
from gate.policy.findings import Findings
from gate.policy.ownership import Owned
from gate.policy.prerequisites import Asking
from gate.policy.requirements import Need, expand, find_fault
from gate.policy.separation import People


def read_rules(
    found: Findings,
    policy: EffectivePolicy,
    change: Change,
    people: People,
    owned: Owned,
    acts: Acts,
    asking: Asking,
) -> None:
    facts = change.facts
    verdicts = [(rule, rule_applies(rule, change)) for rule in policy.policy.rules]
    errors = [applies.error for _, applies in verdicts if applies.error is not None]
    needs = [need for rule, applies in verdicts if applies.applies for need in expand(rule, policy.policy, owned)]
    # Rules of layers are asked as well, but where no rule of the policy itself applies they allow nothing.
    if not any(applies.applies or applies.error for rule, applies in verdicts if rule.layer is None):
        found.add(Answer.ERROR, "no-rule", f"No rule of the policy {policy.id} applies, so nothing can allow this.")
    faults = {need.id: fault for need in needs if (fault := find_fault(need, facts)) is not None}
    for error in (*errors, *faults.values()):
        found.reasons.append((Answer.ERROR, error))
    filling = fill(tuple(needs), policy.policy, facts, people, change.separation, acts, asking)
    by_rule: dict[str, list[RequirementResult]] = {}
    for need, result in zip(needs, filling.results, strict=True):
        by_rule.setdefault(need.rule, []).append(result)
        if result.missing:
            found.add(Answer.PENDING, "approval-missing", result.sentence, need.rule)
    for rule, applies in verdicts:
        if applies.applies and rule.id not in by_rule:
            found.add(Answer.ERROR, "no-requirement", f"The rule {rule.id} applies and asks nobody.", rule.id)
        found.rules.append(_applied(rule, applies, by_rule.get(rule.id, []), faults, needs))
    _read_filling(found, policy, filling, needs, acts)


def _applied(
    rule: Rule, applies: Applies, results: list[RequirementResult], faults: dict[str, Reason], needs: list[Need]
) -> RuleResult:
    if applies.error is not None:
        return rule_result(rule, RuleState.ERROR, applies.because, error=applies.error.sentence)
    if not applies.applies:
        return rule_result(rule, RuleState.NOT_APPLICABLE, applies.because)
    fault = next((faults[need.id] for need in needs if need.rule == rule.id and need.id in faults), None)
    is_open = any(result.missing for result in results)
    state = RuleState.ERROR if fault else RuleState.UNSATISFIED if is_open else RuleState.SATISFIED
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


def _read_filling(found: Findings, policy: EffectivePolicy, filling: Filling, needs: list[Need], acts: Acts) -> None:
    found.counted = sorted(filling.used)
    found.lapses += [one.lapses_at for one in filling.used.values() if one.lapses_at is not None]
    found.ask = filling.ask
    people_used = {person for one in filling.used.values() for person in one.party}
    for one in acts.valid:
        if one.approval.index not in filling.used:
            code, reason = _why_unused(
                one.approval.role,
                one.approval.team,
                one.approval.meaning,
                needs,
                is_used=bool(one.party & people_used),
            )
            found.not_counted.append(
                NotCounted(
                    index=one.approval.index,
                    person=one.approval.person,
                    name=one.approval.name,
                    code=code,
                    reason=reason,
                )
            )
    found.not_counted.sort(key=lambda one: one.index)
    owners = " or ".join(policy.policy.owners)
    for need, result in zip(needs, filling.results, strict=True):
        if not result.is_satisfiable:
            found.notes.append(
                f"Nobody can satisfy this now: rule {need.rule} needs {need.ask.count} of {need.who}. "
                f"Ask {owners}, who own the policy {policy.id}."
            )


def _why_unused(role: str, team: str | None, meaning: str, needs: list[Need], *, is_used: bool) -> tuple[str, str]:
    asked = [need for need in needs if need.fits(role, team)]
    if not asked:
        name = f"{role} of {team}" if team is not None else role
        return "not-asked", f"no rule that applies asks for {name}"
    if all(need.ask.meaning != meaning for need in asked):
        return (
            "meaning",
            f"it says {meaning}, and what is asked is {' or '.join(sorted({n.ask.meaning for n in asked}))}",
        )
    if is_used:
        return "one-slot", "another approval of the same person counts, and one person fills one slot"
    return "not-needed", "enough others have approved; it is not needed"
