"""The list of proposals, for the page of policies and ``gate policy proposals``, and what each waits for in words."""

from __future__ import annotations

from gate.domain.words import count_words
from gate.store import policies, proposals
from gate.store.proposals import ProposalRow
from gate.workflow.parts import Parts
from gate.workflow.proposal_shown import ProposalItem
from gate.workflow.proposal_statement import say_from_when


def list_proposals(parts: Parts, limit: int = 50) -> tuple[ProposalItem, ...]:
    """The last proposals, newest first."""
    counts = proposals.approved_counts(parts.engine)
    return tuple(build_item(parts, row, counts.get(row.number, 0)) for row in proposals.newest(parts.engine, limit))


def open_proposals(parts: Parts) -> tuple[ProposalItem, ...]:
    """Those that still wait for approvals, oldest first. Only what is recorded: who may approve is not looked up."""
    counts = proposals.approved_counts(parts.engine)
    rows = [row for row in reversed(proposals.newest(parts.engine)) if row.state == "open"]
    items = (build_item(parts, row, counts.get(row.number, 0)) for row in rows)
    return tuple(item for item in items if item.state == "open")


def build_item(parts: Parts, row: ProposalRow, approvals: int) -> ProposalItem:
    """One proposal. ``needed`` is what the policies in force ask for: 0 where they let nobody propose."""
    current = policies.in_force(parts.engine)
    rule = parts.in_force().policies.registry.activation
    needed = rule.count if rule is not None else 0
    state = _state(row, current.epoch if current is not None else 0, approvals, needed)
    return ProposalItem(
        number=row.number,
        proposer=row.name,
        proposed_at=row.proposed_at,
        effective_at=row.effective_at,
        base_epoch=row.base_epoch,
        state=state,
        said=_say(row, state, approvals, needed),
        approvals=approvals,
        needed=needed,
        index=row.idx,
    )


def _state(row: ProposalRow, epoch: int, approvals: int, needed: int) -> str:
    if row.state != "open":
        return row.state
    if row.base_epoch != epoch:
        return "stale"
    return "waiting" if needed and approvals >= needed else "open"


def _say(row: ProposalRow, state: str, approvals: int, needed: int) -> str:
    match state:
        case "in-force":
            return "It came into force."
        case "withdrawn":
            return "It was withdrawn."
        case "stale":
            return f"Another policy came into force since it was proposed in place of epoch {row.base_epoch}."
        case "waiting":
            return f"It has all approvals and comes into force from: {say_from_when(row.effective_at)}."
        case _:
            return f"It has {count_words(approvals, 'approval')} of {needed}."
