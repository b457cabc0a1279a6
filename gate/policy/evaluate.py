"""``evaluate(policy, facts) -> Decision``: the one place where a yes is made. Pure; ``facts.now`` is the only time.

1. What must be there is there, or the answer is *error*.  2. Contributors, owners, cross-team.  3. Out of scope by
rule, if so.  4. Rules that apply; their slots matched with the approvals that count; prerequisites, change request,
checks.  5. The worst of all reasons is the answer (error > blocked > rejected > overridden > pending > approved), and
every reason is listed. Nothing in here ever turns a missing fact into an empty one.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from gate.domain.approval import Act
from gate.policy.approvals import Acts, read_acts
from gate.policy.conditions import Applies, Condition, check_conditions, check_revision, rule_applies
from gate.policy.decision import (
    Answer,
    Decision,
    NotCounted,
    Reason,
    RequirementResult,
    RuleResult,
    RuleState,
)
from gate.policy.document import OutOfScope, Rule, ScopeKind
from gate.policy.effective import EffectivePolicy
from gate.policy.facts import Facts
from gate.policy.findings import WORST_FIRST, Findings, summarise
from gate.policy.ownership import Owned, find_outsider, find_owned
from gate.policy.paths import branch_name, matches_any
from gate.policy.requirements import Filling, Need, expand, fill, find_fault
from gate.policy.separation import People, Separation, separate


def evaluate(policy: EffectivePolicy | None, facts: Facts) -> Decision:
    """The answer for one revision under one policy (None: there is none, which is an error)."""
    missing = _missing(policy, facts)
    if policy is None or missing:
        return _undecided(facts, missing)
    people = {person.id: person for person in facts.people}
    separation = separate(policy, facts, people)
    owned = find_owned(policy, facts.paths)
    outsider = find_outsider(owned, separation.answerable.values())
    found = Findings()
    for error in separation.errors:
        found.reasons.append((Answer.ERROR, error))
    for owners, path in owned.sets:
        if not owners:
            found.add(Answer.ERROR, "no-owner", f"No team owns {path}.")
    acts = read_acts(policy, facts, people, separation)
    _read_vetoes(found, acts)
    _read_conditions(found, check_revision(facts))
    scope = _find_scope(policy, separation, outsider)
    if scope is None:
        _read_rules(found, policy, facts, people, separation, owned, outsider, acts)
        _read_conditions(found, check_conditions(policy, facts, separation))
    else:
        _leave_out(found, policy, scope)
    return _decision(found, policy, facts, separation, owned, outsider, scope)


def _missing(policy: EffectivePolicy | None, facts: Facts) -> list[Reason]:
    """Facts without which nothing can be decided."""
    branch = branch_name(facts.target)
    if facts.directory_error is not None:
        return [Reason(code="directory", sentence=f"The directory could not be read: {facts.directory_error}")]
    if policy is None:
        return [Reason(code="no-policy", sentence=f"No policy in force covers {branch} of {facts.repository.id}.")]
    found = []
    if facts.policy_digest != policy.digest:
        found.append(
            ("policy-changed", "The facts were gathered under another version of the policy; it is decided anew.")
        )
    if facts.repository.id != policy.repository.id or not matches_any(policy.policy.branches, branch):
        found.append(("no-policy", f"The policy {policy.id} does not cover {branch} of {facts.repository.id}."))
    if facts.directory_checked_at is None:
        found.append(("missing-facts", "It is not known when the directory was last read."))
    elif _directory_until(facts) <= facts.now:
        read = f"The directory was last read at {facts.directory_checked_at:%H:%M:%S} UTC"
        found.append(("directory-stale", f"{read}, more than {facts.max_age_seconds} seconds ago."))
    if not facts.paths:
        found.append(("no-changes", f"The revision changes nothing against {branch}."))
    if not facts.contributors:
        found.append(("missing-facts", "It is not known who contributed."))
    if len({person.id for person in facts.people}) != len(facts.people):
        found.append(("ambiguous-facts", "The facts describe one person twice."))
    if any(approval.act not in (Act.APPROVE, Act.REJECT) for approval in facts.approvals):
        found.append(("missing-facts", "An act is recorded that is neither an approval nor a rejection."))
    return [Reason(code=code, sentence=sentence) for code, sentence in found]


def _directory_until(facts: Facts) -> datetime:
    checked_at = min(facts.directory_checked_at or facts.now, facts.now)
    return checked_at + timedelta(seconds=facts.max_age_seconds)


def _undecided(facts: Facts, reasons: Iterable[Reason]) -> Decision:
    given = tuple(reasons)
    return Decision(
        answer=Answer.ERROR,
        summary=f"Error: {given[0].sentence}",
        evaluated_at=facts.now,
        valid_until=facts.now,
        head=facts.head,
        target=facts.target,
        policy_epoch=facts.policy_epoch,
        policy_digest=facts.policy_digest,
        reasons=given,
    )


def _read_vetoes(found: Findings, acts: Acts) -> None:
    for veto in acts.vetoes:
        role = f"{veto.role} of {veto.team}" if veto.team is not None else veto.role
        found.add(
            Answer.REJECTED,
            "veto",
            f"{veto.name} ({role}) rejected this on {veto.signed_at:%Y-%m-%d %H:%M} UTC; "
            "the rejection stands until they withdraw it or approve.",
        )
    found.not_counted += acts.not_counted
    found.notes += acts.notes


def _read_conditions(found: Findings, conditions: Iterable[Condition]) -> None:
    for condition in conditions:
        result = condition.result
        found.conditions.append(result)
        if condition.lapses_at is not None:
            found.lapses.append(condition.lapses_at)
        if not result.is_met:
            found.add(
                condition.otherwise, result.kind if result.kind != "revision" else result.id, result.sentence, result.id
            )


def _find_scope(policy: EffectivePolicy, separation: Separation, outsider: str | None) -> OutOfScope | None:
    """The first rule that puts this out of scope. Never one when somebody's part in it is unknown."""
    if separation.errors:
        return None
    for entry in policy.policy.out_of_scope:
        match entry.kind:
            case ScopeKind.SAME_TEAM if outsider is None:
                return entry
            case ScopeKind.ROBOTS if separation.is_only_robots:
                return entry
            case _:
                continue
    return None


def _leave_out(found: Findings, policy: EffectivePolicy, scope: OutOfScope) -> None:
    found.add(Answer.APPROVED, "out-of-scope", f"Out of scope by rule {scope.id}: {scope.because}", scope.id)
    for rule in policy.policy.rules:
        because = (f"out of scope by {scope.id}",)
        found.rules.append(_rule_result(rule, RuleState.NOT_APPLICABLE, because))


def _read_rules(
    found: Findings,
    policy: EffectivePolicy,
    facts: Facts,
    people: People,
    separation: Separation,
    owned: Owned,
    outsider: str | None,
    acts: Acts,
) -> None:
    verdicts = [(rule, rule_applies(rule, facts, outsider)) for rule in policy.policy.rules]
    needs = [need for rule, applies in verdicts if applies.applies for need in expand(rule, policy.policy, owned)]
    if not needs:
        found.add(Answer.ERROR, "no-rule", f"No rule of the policy {policy.id} applies, so nothing can allow this.")
    faults = {need.id: fault for need in needs if (fault := find_fault(need, facts)) is not None}
    for fault in faults.values():
        found.reasons.append((Answer.ERROR, fault))
    filling = fill(tuple(needs), policy.policy, facts, people, separation, acts)
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
    if not applies.applies:
        return _rule_result(rule, RuleState.NOT_APPLICABLE, applies.because)
    fault = next((faults[need.id] for need in needs if need.rule == rule.id and need.id in faults), None)
    is_open = any(result.missing for result in results)
    state = RuleState.ERROR if fault else RuleState.UNSATISFIED if is_open else RuleState.SATISFIED
    return _rule_result(rule, state, applies.because, tuple(results), fault.sentence if fault else None)


def _rule_result(
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
    people_used = {one.approval.person for one in filling.used.values()}
    for one in acts.valid:
        if one.approval.index not in filling.used:
            code, reason = _why_unused(
                one.approval.role,
                one.approval.team,
                one.approval.meaning,
                needs,
                is_used=one.approval.person in people_used,
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


def _decision(
    found: Findings,
    policy: EffectivePolicy,
    facts: Facts,
    separation: Separation,
    owned: Owned,
    outsider: str | None,
    scope: OutOfScope | None,
) -> Decision:
    answer = found.answer
    ordered = sorted(found.reasons, key=lambda pair: WORST_FIRST.index(pair[0]))
    teams = sorted({person.team for person in separation.answerable.values() if person.team is not None})
    lapses = [_directory_until(facts), *(at for at in found.lapses if at > facts.now)]
    return Decision(
        answer=answer,
        summary=summarise(answer, found, scope),
        evaluated_at=facts.now,
        valid_until=min(lapses),
        head=facts.head,
        target=facts.target,
        policy_epoch=facts.policy_epoch,
        policy_digest=policy.digest,
        is_cross_team=outsider is not None,
        owning_teams=owned.teams,
        contributing_teams=tuple(teams),
        out_of_scope=scope.id if scope is not None and answer is Answer.APPROVED else None,
        reasons=tuple(reason for _, reason in ordered),
        rules=tuple(found.rules),
        conditions=tuple(found.conditions),
        counted=tuple(found.counted),
        not_counted=tuple(found.not_counted),
        excluded=tuple(sorted(separation.excluded.values(), key=lambda one: (one.name, one.person))),
        ask=found.ask,
        notes=tuple(found.notes),
    )
