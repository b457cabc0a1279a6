"""Findings about the groups of the section ``activation``: files that nobody could ever replace once they are in force.

The proposer never approves, so it takes one proposer beside whom enough approvers are left.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gate.domain.people import RoleGroup
from gate.policy.activation import ActivationRule
from gate.policy.facts import RoleMembers
from gate.policy.lint_finding import Finding, Severity, build_finding
from gate.policy.registry import PolicySet
from gate.policy.source import Place, Source

_PROPOSE, _APPROVE = "activation/propose", "activation/approve"  # no role's names: those have no slash
_VERBS = {_PROPOSE: "propose", _APPROVE: "approve"}


def activation_groups(found: PolicySet) -> tuple[RoleGroup, ...]:
    """The groups to read, under names that no role has."""
    rule = found.registry.activation
    return _groups(rule) if rule is not None else ()


def _groups(rule: ActivationRule) -> tuple[RoleGroup, RoleGroup]:
    return (
        RoleGroup(role=_PROPOSE, team=None, group_dn=rule.propose),
        RoleGroup(role=_APPROVE, team=None, group_dn=rule.approve),
    )


def check_activation(
    found: PolicySet, sources: Mapping[str, Source], groups: tuple[RoleMembers, ...]
) -> Iterator[Finding]:
    """What was read, against what is asked. A group that was not read is not judged."""
    rule = found.registry.activation
    if rule is None:
        return
    source = sources[found.registry.file]
    wanted = {(one.role, one.group_dn) for one in _groups(rule)}
    read = {one.role: one for one in groups if (one.role, one.group_dn) in wanted}
    faults = [finding for one in read.values() if (finding := _check_group(source, one)) is not None]
    yield from faults
    if len(read) == len(wanted) and not faults:
        yield from _check_count(source, rule, read[_PROPOSE].members, read[_APPROVE].members)


def _check_group(source: Source, one: RoleMembers) -> Finding | None:
    verb = _VERBS[one.role]
    place: Place = ("activation", verb, "group")
    if one.error is not None:
        said = f"The group of those who {verb} a change of the policies, {one.group_dn}, cannot be read: {one.error}"
        mend = "Create the group, or correct its name."
        return build_finding(source, place, Severity.ERROR, "group-unreadable", said, mend)
    if not one.members:
        said = f"Nobody who is active is in the group of those who {verb} a change of the policies, {one.group_dn}."
        mend = "Put people into it: without them nobody could change the policies again."
        return build_finding(source, place, Severity.ERROR, "group-empty", said, mend)
    return None


def _check_count(
    source: Source, rule: ActivationRule, proposers: tuple[str, ...], approvers: tuple[str, ...]
) -> Iterator[Finding]:
    """Counted for the proposer who leaves most approvers."""
    left = max(len(set(approvers) - {proposer}) for proposer in proposers)
    place: Place = ("activation", "approve", "count")
    asked = f"A change of the policies asks {rule.count} of {rule.approve} beside the proposer, and there are"
    if left < rule.count:
        said = f"{asked} {left}: nobody could change the policies again."
        mend = "Ask fewer, or put more people into the group."
        yield build_finding(source, place, Severity.ERROR, "count-above-group", said, mend)
    elif left == rule.count:
        said = f"{asked} no more: while one of them is away, nobody can change the policies."
        yield build_finding(
            source, place, Severity.WARNING, "count-equals-group", said, "Put more people into the group."
        )
