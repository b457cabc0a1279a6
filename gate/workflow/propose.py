"""Activation as a gated, signed act: a person proposes files, others approve them, and they come into force.

The ceremony is that of a contribution (``sign.py``): a "no" comes before any password; the form's digest must come back
as it would be now; the password again, live and throttled; the group again, live, for the record; one signed entry and
its rows in one command. Rules of its own:
- the section ``activation`` of the policies *in force* says who, never that of the proposal;
- the proposer never approves, and nobody approves twice;
- a proposal takes the place of one policy epoch: when another comes into force meanwhile, it is stale for ever;
- who approved counts at activation only while active and still in the group (INV-03), read live then;
- the proposer or any approver's peer may withdraw it: stopping needs one person, and nobody can undo it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from gate.domain.clock import format_instant
from gate.domain.errors import ConflictError, InputError, UnavailableError
from gate.domain.people import Person, RoleGroup, RoleSnapshot
from gate.policy.activation import ActivationRule
from gate.policy.coverage import verify_tests
from gate.store import policies, proposals
from gate.store.command import Command
from gate.workflow.activate import check_files, refuse_same
from gate.workflow.force import InForce
from gate.workflow.parts import Parts
from gate.workflow.presence import prove_presence
from gate.workflow.proposal import Proposal, Proposed, digests_of, load_proposal
from gate.workflow.proposal_due import JOB, activate_due
from gate.workflow.proposal_entry import Signer, build_act, build_proposal
from gate.workflow.proposal_rules import (
    approver_group,
    proposer_group,
    read_group,
    refuse_approval,
    refuse_ended,
    rule_in_force,
)
from gate.workflow.proposal_shown import PolicyForm, PolicyRequest, ProposalRequest
from gate.workflow.proposal_statement import PolicyAct, PolicySeen, build_policy_text, parse_policy_seen
from gate.workflow.shown import SignedIn
from gate.workflow.statement import text_digest
from gate.workflow.vet import refuse_errors

ATTEMPTS: Final = 5
MOST_FILES: Final = 100
LATEST: Final = timedelta(days=366)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepared:
    """A form as it is now, and what it rests on."""

    force: InForce
    rule: ActivationRule
    content: Proposed
    proposal: Proposal | None
    group: RoleGroup
    meaning: str | None
    statement: str
    seen: PolicySeen
    name: str


def prepare_proposal(
    parts: Parts, who: SignedIn, files: Mapping[str, bytes], effective_at: datetime | None
) -> PolicyForm:
    """Check the files and show what would be signed. ``InputError`` with file and line, ``NotPermittedError`` …"""
    return _form(_prepare_proposal(parts, who, files, effective_at))


def propose(parts: Parts, who: SignedIn, wanted: ProposalRequest, password: str, address: str) -> int:
    """Sign and record a proposal. Returns its number."""
    key = f"policy/{who.session}/{wanted.request_id}"
    already = parts.log.find_dedup(key)
    if already is not None:
        return _number_of(parts, already)

    def prepare() -> _Prepared:
        return _prepare_proposal(parts, who, wanted.files, wanted.effective_at)

    def build(prepared: _Prepared, signer: Signer) -> Command:
        number = proposals.next_number(parts.engine)
        return build_proposal(parts, number, prepared.content, wanted.files, signer)

    return _number_of(parts, _sign(parts, who, prepare, build, wanted.seen, key, password, address, "propose a policy"))


def prepare_act(parts: Parts, who: SignedIn, number: int, act: PolicyAct) -> PolicyForm:
    """What would be signed to approve or withdraw. ``NotPermittedError`` with the reason, ``NotFoundError`` …"""
    return _form(_prepare_act(parts, who, number, act))


def act(parts: Parts, who: SignedIn, wanted: PolicyRequest, password: str, address: str) -> int:
    """Approve or withdraw. Returns the index of the signed entry. A last approval puts in force what is due."""
    key = f"policy/{who.session}/{wanted.request_id}"
    already = parts.log.find_dedup(key)
    if already is not None:
        return already
    number = wanted.number

    def prepare() -> _Prepared:
        return _prepare_act(parts, who, number, wanted.act)

    def build(prepared: _Prepared, signer: Signer) -> Command:
        if prepared.proposal is None:
            raise AssertionError("an act is about a proposal")
        job = JOB if wanted.act is PolicyAct.APPROVE and _is_enough(prepared.proposal, prepared.rule) else None
        return build_act(parts, wanted.act, prepared.proposal, prepared.force.epoch, signer, job)

    what = f"{wanted.act} policy proposal {number}"
    index = _sign(parts, who, prepare, build, wanted.seen, key, password, address, what)
    if wanted.act is PolicyAct.APPROVE:
        with suppress(UnavailableError, ConflictError, InputError):
            # Should this fail, the approval stands, and the worker's job tries again and says why.
            activate_due(parts, number)
    return index


def _prepare_proposal(
    parts: Parts, who: SignedIn, files: Mapping[str, bytes], effective_at: datetime | None
) -> _Prepared:
    force = parts.in_force()
    rule = rule_in_force(force)
    snapshot = read_group(parts, who, proposer_group(rule), "propose a change of the policies")
    if len(files) > MOST_FILES:
        raise InputError(f"A proposal has at most {MOST_FILES} files.", field="files")
    proposed = check_files(parts, files)
    refuse_errors(parts, proposed, files, with_groups=True)
    verify_tests(proposed, digests_of(files), files)
    current = policies.in_force(parts.engine)
    if current is not None:
        refuse_same(current, files)
    _check_time(parts, effective_at)
    content = Proposed(files=digests_of(files), base_epoch=force.epoch, effective_at=effective_at)
    return _prepared(PolicyAct.PROPOSE, force, rule, content, None, proposer_group(rule), snapshot.person)


def _prepare_act(parts: Parts, who: SignedIn, number: int, act: PolicyAct) -> _Prepared:
    proposal, force = load_proposal(parts, number), parts.in_force()
    rule = rule_in_force(force)
    refuse_ended(force, proposal)
    if act is PolicyAct.APPROVE:
        refuse_approval(proposal, who.key)
    is_own = act is PolicyAct.WITHDRAW and proposal.proposed.person == who.key
    group = proposer_group(rule) if is_own else approver_group(rule)
    # Whoever proposed may take it back also after leaving the group; the reading says so in the entry.
    snapshot = parts.directory.snapshot(who.ref, [group]) if is_own else read_group(parts, who, group, f"{act} it")
    return _prepared(act, force, rule, proposal.content, proposal, group, snapshot.person)


def _prepared(
    act: PolicyAct,
    force: InForce,
    rule: ActivationRule,
    content: Proposed,
    proposal: Proposal | None,
    group: RoleGroup,
    person: Person,
) -> _Prepared:
    meaning = rule.meaning if act is PolicyAct.APPROVE else None
    statement = build_policy_text(
        act,
        content,
        printed_name=person.name,
        group=group.group_dn,
        number=proposal.number if proposal else None,
        proposer=proposal.proposed.name if proposal else person.name,
        in_force={name: digest.hex() for name, digest in force.files},
        meaning=meaning,
    )
    return _Prepared(
        force=force,
        rule=rule,
        content=content,
        proposal=proposal,
        group=group,
        meaning=meaning,
        statement=statement,
        name=person.name,
        seen=PolicySeen(
            act=act,
            proposal=content.digest.hex(),
            statement=text_digest(statement),
            standing=tuple(one.index for one in proposal.approvals) if proposal else (),
        ),
    )


def _form(prepared: _Prepared) -> PolicyForm:
    return PolicyForm(
        act=prepared.seen.act,
        printed_name=prepared.name,
        statement=prepared.statement,
        statement_digest=prepared.seen.statement,
        seen=prepared.seen.token,
    )


def _sign(
    parts: Parts,
    who: SignedIn,
    prepare: Callable[[], _Prepared],
    build: Callable[[_Prepared, Signer], Command],
    token: str,
    key: str,
    password: str,
    address: str,
    what: str,
) -> int:
    """The ceremony after the form came back. Whatever moved without changing what was shown is tried again."""
    shown = parse_policy_seen(token)
    prepared = prepare()
    _refuse_changed(shown, prepared)
    prove_presence(parts, who.ref, password, what=what, address=address)
    for _ in range(ATTEMPTS):
        signer = Signer(
            who=who,
            snapshot=_snapshot(parts, who, prepared),
            group=prepared.group,
            meaning=prepared.meaning,
            statement=prepared.statement,
            seen=prepared.seen.digest,
            key=key,
        )
        try:
            return parts.ledger.append(build(prepared, signer)).indexes[0]
        except ConflictError:
            already = parts.log.find_dedup(key)
            if already is not None:
                return already
            prepared = prepare()
            _refuse_changed(shown, prepared)
    raise ConflictError("Others kept being faster. Nothing was signed.", code="busy", remedy="Sign again.")


def _snapshot(parts: Parts, who: SignedIn, prepared: _Prepared) -> RoleSnapshot:
    """The group once more, live, for the record."""
    is_own = prepared.proposal is not None and prepared.proposal.proposed.person == who.key
    if is_own:
        return parts.directory.snapshot(who.ref, [prepared.group])
    return read_group(parts, who, prepared.group, f"{prepared.seen.act} it")


def _refuse_changed(shown: PolicySeen, prepared: _Prepared) -> None:
    now = prepared.seen
    if now == shown:
        return
    given = {one.index: one for one in prepared.proposal.approvals} if prepared.proposal else {}
    changes = [
        f"{given[index].name} approved meanwhile (audit entry {index})."
        for index in now.standing
        if index not in shown.standing
    ]
    if now.proposal != shown.proposal:
        changes.append("What is proposed, when, or the policies in force are not those that were shown.")
    if now.statement != shown.statement and not changes:
        changes.append("The statement to be signed reads differently now.")
    raise ConflictError(
        "This changed while you were reading. Nothing was signed.",
        code="changed",
        remedy="Read what changed and open the page again.",
        changes=changes or ["The form is another one now."],
    )


def _check_time(parts: Parts, effective_at: datetime | None) -> None:
    now = parts.clock.now()
    if effective_at is not None and not now < effective_at <= now + LATEST:
        raise InputError(
            f"{format_instant(effective_at)} does not lie ahead, or more than a year.",
            field="effective_at",
            remedy="Write a time that is still to come, or nothing: then it is in force as soon as it is approved.",
        )


def _is_enough(proposal: Proposal, rule: ActivationRule) -> bool:
    """Whether one approval more makes the count."""
    return len(proposal.approvals) + 1 >= rule.count


def _number_of(parts: Parts, index: int) -> int:
    return proposals.by_entry(parts.engine, index).number
