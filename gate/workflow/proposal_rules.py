"""Who may say what about a proposal of policies: the groups of the section ``activation`` in force, read live."""

from __future__ import annotations

from typing import Final

from gate.domain.errors import ConflictError, NotPermittedError
from gate.domain.people import RoleGroup, RoleSnapshot
from gate.policy.activation import ActivationRule
from gate.workflow.force import InForce
from gate.workflow.parts import Parts
from gate.workflow.proposal import Proposal
from gate.workflow.shown import SignedIn

PROPOSER: Final = "policy-proposer"
APPROVER: Final = "policy-approver"


def rule_in_force(force: InForce) -> ActivationRule:
    """Who may change the policies. ``NotPermittedError`` where it is the operator."""
    rule = force.policies.registry.activation
    if rule is None:
        raise NotPermittedError(
            "The policies in force have no section `activation`, so nobody can propose here.",
            code="activation-by-operator",
            remedy="The operator puts files in force with `gate policy activate`.",
        )
    return rule


def proposer_group(rule: ActivationRule) -> RoleGroup:
    return RoleGroup(role=PROPOSER, team=None, group_dn=rule.propose)


def approver_group(rule: ActivationRule) -> RoleGroup:
    return RoleGroup(role=APPROVER, team=None, group_dn=rule.approve)


def refuse_ended(force: InForce, proposal: Proposal) -> None:
    """Raises ``ConflictError`` for a proposal that nobody can sign any more."""
    if proposal.withdrawn is not None:
        raise ConflictError(
            f"Policy proposal {proposal.number} was withdrawn by {proposal.withdrawn.name} "
            f"(audit entry {proposal.withdrawn.index}).",
            code="withdrawn",
            remedy="It can be proposed again.",
        )
    if force.epoch != proposal.content.base_epoch:
        raise ConflictError(
            f"Policy proposal {proposal.number} was to take the place of policy epoch {proposal.content.base_epoch}, "
            f"and epoch {force.epoch} is in force now.",
            code="stale",
            remedy="Propose the change again, against what is in force now.",
        )


def refuse_approval(proposal: Proposal, person: str) -> None:
    """Raises ``NotPermittedError`` for whoever cannot approve this proposal, whatever group they are in."""
    if proposal.proposed.person == person:
        raise NotPermittedError(
            "You proposed it, so you cannot approve it.", code="own-proposal", remedy="Others of the group can."
        )
    own = next((one for one in proposal.approvals if one.person == person), None)
    if own is not None:
        raise NotPermittedError(f"You have approved it (audit entry {own.index}).", code="already-approved")


def read_group(parts: Parts, who: SignedIn, group: RoleGroup, what: str) -> RoleSnapshot:
    """Who they are and that they are in the group, live. ``NotPermittedError``, ``UnavailableError``."""
    snapshot = parts.directory.snapshot(who.ref, [group])
    if not snapshot.person.is_active:
        raise NotPermittedError("The directory says that your account is not active.", code="inactive")
    if not snapshot.grants:
        raise NotPermittedError(
            f"You may not {what}: the directory does not say that you are a member of {group.group_dn}.",
            code="not-in-group",
            remedy="Whoever keeps that group in the directory can add you.",
        )
    return snapshot
