"""``evaluate(policy, facts) -> Decision``: the one place where a yes is made. Pure; ``facts.now`` is the only time.

1. What must be there is there, or the answer is *error*.  2. Contributors, owners, level, cross-team.  3. Out of scope
by rule, if so.  4. Rules that apply and freezes that hold; their slots matched with the approvals that count;
prerequisites, change request, checks.  5. The worst of all reasons is the answer (error > blocked > rejected >
overridden > pending > approved), and every reason is listed. Nothing in here ever turns a missing fact into an empty
one.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from gate.domain.approval import Act
from gate.policy.approvals import read_acts
from gate.policy.breakglass import Glass, conclude, read_glass
from gate.policy.change import Change, read_change
from gate.policy.conditions import Condition, check_conditions, check_revision
from gate.policy.decision import Answer, Decision, Reason, RuleState
from gate.policy.document import OutOfScope, Policy, ScopeKind
from gate.policy.effective import EffectivePolicy
from gate.policy.facts import Facts
from gate.policy.findings import WORST_FIRST, Findings, summarise
from gate.policy.freezes import find_freezes
from gate.policy.paths import branch_name, matches_any
from gate.policy.rules import fill_needs, read_rules, rule_result
from gate.policy.vetoes import Vetoes, read_vetoes


def evaluate(policy: EffectivePolicy | None, facts: Facts) -> Decision:
    """The answer for one revision under one policy (None: there is none, which is an error)."""
    missing = _missing(policy, facts)
    if policy is None or missing:
        return _undecided(facts, missing)
    change = read_change(policy, facts)
    found = Findings()
    for error in change.separation.errors:
        found.reasons.append((Answer.ERROR, error))
    for owners, path in change.owned.sets:
        if not owners:
            found.add(Answer.ERROR, "no-owner", f"No team owns {path}.")
    acts = read_acts(change)
    found.not_counted += acts.not_counted
    _read_vetoes(found, read_vetoes(change, acts))
    _read_conditions(found, check_revision(facts))
    scope = _find_scope(change)
    frozen = find_freezes(change)
    glass = read_glass(change, acts)
    waived = glass.waives if glass is not None else frozenset()
    found.lapses += [*frozen.lapses, *acts.delegations.lapses]
    found.notes += acts.delegations.notes
    if scope is None:
        read_rules(found, change, acts, frozen, waived)
        _read_conditions(found, check_conditions(change))
    else:
        _leave_out(found, change.policy, scope)
        if frozen.holding:
            fill_needs(found, change, acts, (), frozen, waived)
    _read_override(found, change, glass)
    return _decision(found, change, scope)


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


def _read_vetoes(found: Findings, vetoes: Vetoes) -> None:
    for sentence in vetoes.standing:
        found.add(Answer.REJECTED, "veto", sentence)
    found.notes += vetoes.notes
    found.lapses += vetoes.lapses


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


def _find_scope(change: Change) -> OutOfScope | None:
    """The first rule that puts this out of scope. Never one when somebody's part in it is unknown."""
    if change.separation.errors:
        return None
    for entry in change.policy.out_of_scope:
        match entry.kind:
            case ScopeKind.SAME_TEAM if change.outsider is None:
                return entry
            case ScopeKind.ROBOTS if change.separation.is_only_robots:
                return entry
            case _:
                continue
    return None


def _leave_out(found: Findings, policy: Policy, scope: OutOfScope) -> None:
    found.add(Answer.APPROVED, "out-of-scope", f"Out of scope by rule {scope.id}: {scope.because}", scope.id)
    for rule in policy.rules:
        because = (f"out of scope by {scope.id}",)
        found.rules.append(rule_result(rule, RuleState.NOT_APPLICABLE, because))


def _read_override(found: Findings, change: Change, glass: Glass | None) -> None:
    """Overridden is what would be approved had the waived not been missing; anything else that is missing stays."""
    if glass is None:
        invoked = change.facts.break_glass
        if invoked is not None:
            found.notes.append(f"{invoked.name} broke the glass, and the policy {change.policy.id} knows none.")
        return
    found.lapses += glass.lapses
    still_open = [reason.rule or reason.code for answer, reason in found.reasons if answer is not Answer.APPROVED]
    found.override = conclude(glass, tuple(found.waived), tuple(dict.fromkeys(still_open)))
    if found.waived and found.answer is Answer.APPROVED:
        found.add(Answer.OVERRIDDEN, "break-glass", found.override.sentence)


def _decision(found: Findings, change: Change, scope: OutOfScope | None) -> Decision:
    answer, facts, separation = found.answer, change.facts, change.separation
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
        policy_digest=change.effective.digest,
        is_cross_team=change.outsider is not None,
        owning_teams=change.owned.teams,
        contributing_teams=tuple(teams),
        out_of_scope=scope.id if scope is not None and answer is Answer.APPROVED else None,
        reasons=tuple(reason for _, reason in ordered),
        rules=tuple(found.rules),
        conditions=tuple(found.conditions),
        counted=tuple(found.counted),
        not_counted=tuple(found.not_counted),
        excluded=tuple(sorted(separation.excluded.values(), key=lambda one: (one.name, one.person))),
        ask=found.ask,
        is_ask_smallest=found.is_ask_smallest,
        notes=tuple(found.notes),
        level=change.level.name if change.level is not None else None,
        freezes=found.freezes,
        override=found.override,
        until=found.until,
    )
