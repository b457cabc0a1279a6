"""An approved proposal comes into force once it is enough and its time has come; tried after the last approval, and by
the worker.

Who approved counts only while active and still in the group, read live now (INV-03). Nothing is written unless policy
epoch and proposal are still what was read: the ledger refuses it otherwise.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from gate.domain.errors import UnavailableError
from gate.domain.words import count_words
from gate.policy.activation import ActivationRule
from gate.store.command import EntryIndex, Row
from gate.store.tables import policy_proposal
from gate.workflow.activate import Activation, build_activation, check_files
from gate.workflow.entry import SYSTEM
from gate.workflow.gather import person_ref
from gate.workflow.parts import Parts
from gate.workflow.proposal import Given, Proposal, Proposed, load_proposal, load_texts
from gate.workflow.proposal_rules import approver_group

JOB: Final = "activate-proposal"


def activate_due(parts: Parts, number: int) -> Activation | None:
    """Put proposal ``number`` in force if it is due; None when there is nothing (more) to do.

    Raises ``UnavailableError`` (directory away; not-enough: who approved is gone or left the group), ``ConflictError``.
    """
    proposal, force = load_proposal(parts, number), parts.in_force()
    rule = force.policies.registry.activation
    if rule is None or proposal.withdrawn is not None or force.epoch != proposal.content.base_epoch:
        return None
    if len(proposal.approvals) < rule.count or not is_time(parts, proposal.content):
        return None
    counting = _still_counting(parts, rule, proposal)
    if len(counting) < rule.count:
        raise UnavailableError(
            f"Of {count_words(len(proposal.approvals), 'approval')} of policy proposal {number}, {len(counting)} "
            f"still count{'s' if len(counting) == 1 else ''}; {rule.count} are needed.",
            code="not-enough",
            remedy=f"Another member of {rule.approve} approves it, or it is withdrawn.",
        )
    texts = load_texts(parts, proposal.content)
    proposed = check_files(parts, texts)
    command, epoch = build_activation(
        parts, texts, proposed, force.epoch, SYSTEM, signed=_signed_members(proposal, counting)
    )
    ended = {"number": number, "state": "in-force", "ended_idx": EntryIndex()}
    row = Row(table=policy_proposal, key=("number",), update=True, values=ended)
    done = parts.ledger.append(
        replace(
            command,
            rows=(*command.rows, row),
            expects=((proposal.stream, proposal.version),),
            policy_epoch=force.epoch,
        )
    )
    return Activation(
        epoch=epoch,
        index=done.indexes[0],
        files=tuple(name for name, _ in proposal.content.files),
        repositories=tuple(one.id for one in proposed.registry.repositories),
    )


def is_time(parts: Parts, content: Proposed) -> bool:
    return content.effective_at is None or content.effective_at <= parts.clock.now()


def _still_counting(parts: Parts, rule: ActivationRule, proposal: Proposal) -> tuple[Given, ...]:
    """Approvals by distinct people, not the proposer, who are active members of the group now."""
    given = {one.person: one for one in proposal.approvals if one.person != proposal.proposed.person}
    refs = [person_ref(parts, key) for key in given]
    found = parts.directory.snapshots(refs, [approver_group(rule)])
    return tuple(
        one for key, one in given.items() if key in found and found[key].person.is_active and found[key].grants
    )


def _signed_members(proposal: Proposal, counting: tuple[Given, ...]) -> dict[str, Any]:
    def member(one: Given) -> dict[str, object]:
        return {"id": one.person, "displayName": one.name, "index": one.index}

    return {
        "proposal": {
            "number": proposal.number,
            "index": proposal.proposed.index,
            "digest": {"sha256": proposal.content.digest.hex()},
            "effectiveAt": proposal.content.from_when,
        },
        "proposer": member(proposal.proposed),
        "approvers": [member(one) for one in counting],
    }
