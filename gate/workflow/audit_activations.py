"""Whether each activation was made as the policies before it said: proposed, and approved by enough other people.

Pure, over the signed entries of policies and proposals in log order (``docs/formats.md``, Proposal of policies). The
operator of the gate holds its keys, so an activation of their own making would verify as bytes; that it names no
proposal, or approvals that are not there, is found here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gate.auditlog.entry import EntryKind, Statement, parse_statement
from gate.domain.errors import InputError
from gate.signing.envelope import parse_envelope


def check_activations(entries: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, str]]:
    """``(index, sentence)`` of every activation that those named before did not sign; the unreadable is left out."""
    before: dict[int, Statement] = {}
    rule: Mapping[str, Any] | None = None
    for index, envelope in entries:
        try:
            statement = parse_statement(parse_envelope(envelope).payload)
        except InputError:
            continue
        if statement.kind is not EntryKind.POLICY_ACTIVATED:
            before[index] = statement
            continue
        if rule is not None:
            yield from ((index, sentence) for sentence in _check(statement.predicate, rule, before))
        asked = statement.predicate.get("activation")
        rule = asked if isinstance(asked, dict) else None


def _check(said: Mapping[str, Any], rule: Mapping[str, Any], before: Mapping[int, Statement]) -> Iterator[str]:
    what = f"Policy epoch {said.get('epoch')} came into force"
    proposal = said.get("proposal")
    if not isinstance(proposal, dict):
        yield f"{what} without a proposal, although epoch {int(said['epoch']) - 1} asks for one."
        return
    stream = f"proposal/{proposal.get('number')}"
    of_stream = {index: one for index, one in before.items() if one.stream == stream}
    if any(one.kind is EntryKind.POLICY_PROPOSAL_WITHDRAWN for one in of_stream.values()):
        yield f"{what} by policy proposal {proposal.get('number')}, which was withdrawn before."
    proposer = _signer(of_stream, said.get("proposer"), EntryKind.POLICY_PROPOSED, proposal)
    named = said.get("approvers")
    found = {
        _signer(of_stream, one, EntryKind.POLICY_APPROVED, proposal)
        for one in (named if isinstance(named, list) else [])
    }
    people = found - {None, proposer}
    if proposer is None or len(people) < int(rule["count"]):
        yield f"{what} with {len(people)} of {rule['count']} approvals by other people than the proposer on record."


def _signer(
    of_stream: Mapping[int, Statement], named: object, kind: EntryKind, proposal: Mapping[str, Any]
) -> str | None:
    """Who signed the entry that is named; None when it is no such entry of this proposal, or somebody else's."""
    if not isinstance(named, dict):
        return None
    entry = of_stream.get(named.get("index", -1))
    if entry is None or entry.kind is not kind or entry.predicate.get("digest") != proposal.get("digest"):
        return None
    reviewer: Any = entry.predicate.get("reviewer")
    person = reviewer.get("id") if isinstance(reviewer, dict) else None
    return person if person == named.get("id") else None
