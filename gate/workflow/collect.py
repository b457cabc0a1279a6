"""The rows of an evidence pack, read from record, log and git: ``PackInputs``, nothing judged.

A contribution belongs to the pack's sheets when an entry of its stream, or its landing, lies in the
period; every other one of the repository is listed, so that the numbers have no gap.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from ssl import PEM_cert_to_DER_cert
from typing import Any

from gate import __version__
from gate.auditlog.checkpoint import parse_checkpoint
from gate.auditlog.entry import EntryKind, parse_statement
from gate.domain.clock import format_instant
from gate.domain.contribution import ContributionState
from gate.evidence.deviations import DeviationClass
from gate.evidence.pack import BranchInput, ContributionInput, PackInputs
from gate.evidence.twin import (
    AsOf,
    DecisionRow,
    EntryRow,
    ErasableText,
    GateLabel,
    Keys,
    Landing,
    Outcome,
    PersonLabel,
    PolicyEpoch,
    PolicyFile,
    PreviousPack,
    RepositoryRef,
    RevisionRow,
    Scope,
    UntouchedRow,
)
from gate.keys.files import build_trust
from gate.signing.canonical import parse_canonical
from gate.signing.envelope import parse_envelope
from gate.store import auditlog, blobs, landings, packs, policies
from gate.store import contributions as stored
from gate.store.contributions import ContributionFilter, ContributionRow
from gate.workflow.contributor_rows import build_contributors
from gate.workflow.entry import repository_stream
from gate.workflow.force import Registered, find_registered
from gate.workflow.lapses import look_for_lapses
from gate.workflow.names import Names
from gate.workflow.notice import build_limits
from gate.workflow.parts import Parts
from gate.workflow.shown import PackRequest

MANY = 1_000_000


@dataclass(slots=True, kw_only=True)
class _Collected:
    """What the pack will carry: entries by index, and free texts by commitment."""

    parts: Parts
    wanted: PackRequest
    registered: Registered
    size: int
    entries: dict[int, auditlog.EntryRow] = field(default_factory=dict)
    texts: dict[str, ErasableText] = field(default_factory=dict)

    def carry(self, index: int) -> None:
        if index not in self.entries:
            self.entries[index] = self.parts.log.entry(index)

    def text(self, commitment: str) -> ErasableText:
        found = blobs.text_of(self.parts.engine, bytes.fromhex(commitment))
        value, salt = (found.value, found.salt.hex()) if found else (None, None)
        text = ErasableText(value=value, salt=salt, commitment=commitment)
        self.texts[commitment] = text
        return text


def collect(parts: Parts, pack_id: str, wanted: PackRequest, asked_by: PersonLabel) -> PackInputs:
    """Everything of one repository and period, as of the newest checkpoint. ``NotFoundError``, ``UnavailableError``."""
    checkpoint = parts.log.checkpoint()
    head = parse_checkpoint(checkpoint.encode())
    registered = find_registered(parts.engine, parts.in_force(), wanted.repository)
    repository = registered.repository
    found = _Collected(parts=parts, wanted=wanted, registered=registered, size=head.size)
    found.carry(0)
    rows = stored.list_page(parts.engine, ContributionFilter(repository=wanted.repository), limit=MANY)
    landed = tuple(_landings(found))
    landed_numbers = {one.number for _, one in landed if one.number is not None}
    sheets, untouched = [], []
    for row in sorted(rows, key=lambda row: row.number):
        stream = tuple(one for one in parts.log.stream(row.stream, limit=MANY) if one.index < head.size)
        if not stream:
            continue
        witness = None if row.number in landed_numbers else _untouched(wanted, stream)
        if witness is None:
            sheets.append(_sheet(found, row, stream))
        else:
            found.entries[witness.index] = witness
            untouched.append(
                UntouchedRow(repository=row.repository, number=row.number, state=row.state, index=witness.index)
            )
    branches = tuple(_branches(found, landed))
    _carry_refusals(found)
    trust = build_trust(parts.keys)
    return PackInputs(
        pack=pack_id,
        organisation=parts.settings.organisation,
        gate=GateLabel(origin=parts.settings.origin, software=f"contribution-gate/{__version__}"),
        scope=Scope(
            repositories=(RepositoryRef(id=repository.id, name=repository.title, url=repository.url),),
            period_from=format_instant(wanted.period_from),
            period_to=format_instant(wanted.period_to),
            asked_by=asked_by,
            reason=wanted.reason,
            made_at=format_instant(parts.clock.now()),
        ),
        as_of=_as_of(found, checkpoint, head.root.hex()),
        branches=branches,
        contributions=tuple(sheets),
        untouched=tuple(untouched),
        policies=tuple(_policies(found)),
        entries=tuple(_entry(parts, one, head.size) for _, one in sorted(found.entries.items())),
        keys=Keys(
            log=tuple(key.vkey for key in trust.log),
            act=tuple(key.vkey for key in trust.act),
            verdict=tuple(key.vkey for key in trust.verdict),
            seal=tuple(hashlib.sha256(PEM_cert_to_DER_cert(pem)).hexdigest() for pem in trust.seal),
        ),
        limits=build_limits(parts.settings),
        texts=found.texts,
        deviations=tuple(look_for_lapses(parts, registered)),
        looked_for=frozenset[DeviationClass](),
    )


def _untouched(wanted: PackRequest, stream: tuple[auditlog.EntryRow, ...]) -> auditlog.EntryRow | None:
    """The entry that shows that nothing happened in the period: the last one, before it, or the first, after it.

    None when there is none: something happened, or the period lies between two entries. Then there is a sheet.
    """
    if _said_at(stream[-1]) < wanted.period_from:
        return stream[-1]
    return stream[0] if _said_at(stream[0]) >= wanted.period_to else None


def _said_at(row: auditlog.EntryRow) -> datetime:
    return parse_statement(parse_envelope(row.envelope).payload).at


def _in_period(wanted: PackRequest, row: auditlog.EntryRow) -> bool:
    return wanted.period_from <= _said_at(row) < wanted.period_to


def _sheet(found: _Collected, row: ContributionRow, stream: tuple[auditlog.EntryRow, ...]) -> ContributionInput:
    parts = found.parts
    for one in stream:
        found.entries[one.index] = one
        committed = parse_statement(parse_envelope(one.envelope).payload).predicate.get("reasonCommitment")
        if isinstance(committed, dict):
            found.text(str(committed["sha256"]))
    title = found.text(row.title_commitment.hex()) if row.title_commitment else None
    opened = parse_statement(parse_envelope(stream[0].envelope).payload).at
    return ContributionInput(
        repository=row.repository,
        number=row.number,
        title=title,
        state=ContributionState(row.state).value,
        target=row.target,
        opened_at=format_instant(opened),
        change_request=row.change_request,
        revisions=tuple(
            RevisionRow(
                number=one.revision,
                head=one.head,
                tree=one.tree,
                merge_base=one.merge_base,
                merge_tree=one.merge_tree,
                recorded_at=format_instant(one.recorded_at),
                index=one.idx,
            )
            for one in stored.revisions(parts.engine, row.repository, row.number)
            if one.idx < found.size
        ),
        contributors=build_contributors(parts, found.registered.policies, row),
        decision=_decision(found, stream),
    )


def _decision(found: _Collected, stream: tuple[auditlog.EntryRow, ...]) -> DecisionRow | None:
    """The last decision of the stream, with its recorded document."""
    last = next((one for one in reversed(stream) if one.kind == EntryKind.DECISION), None)
    if last is None:
        return None
    said: Any = parse_statement(parse_envelope(last.envelope).payload).predicate
    digest = str(said["decision"]["sha256"])
    document: Any = parse_canonical(blobs.load(found.parts.engine, bytes.fromhex(digest)))
    return DecisionRow(
        index=last.index,
        answer=str(document["answer"]),
        summary=str(document["summary"]),
        evaluated_at=str(document["evaluated_at"]),
        sha256=digest,
        facts_sha256=str(said["facts"]["sha256"]),
        document=document,
    )


def _landings(found: _Collected) -> Iterator[tuple[str, Landing]]:
    """Every landing of the period with its branch, from its signed entry, in the order of the log."""
    for row in found.parts.log.stream(repository_stream(found.wanted.repository), limit=MANY):
        if row.kind != EntryKind.LANDED or row.index >= found.size or not _in_period(found.wanted, row):
            continue
        found.entries[row.index] = row
        statement = parse_statement(parse_envelope(row.envelope).payload)
        said: Any = statement.predicate
        yield (
            said["targetRef"],
            Landing(
                index=row.index,
                kind=said["kind"],
                outcome=Outcome(said["outcome"]),
                before=said["before"],
                after=said["after"],
                commits=tuple(said["commits"]),
                head=said["head"],
                number=said["number"],
                at=format_instant(statement.at),
            ),
        )


def _branches(found: _Collected, landed: Iterable[tuple[str, Landing]]) -> Iterator[BranchInput]:
    parts = found.parts
    repository = found.registered.repository
    mirror = parts.mirror(repository.id, repository.url)
    by_branch: dict[str, list[Landing]] = {}
    for branch, one in landed:
        by_branch.setdefault(branch, []).append(one)
    # Every branch ever walked: one that was deleted, or is protected no more, is not left out silently.
    for tip in landings.tips(parts.engine, repository.id):
        branch, steps = tip.branch, tuple(by_branch.get(tip.branch, ()))
        start, end = (steps[0].before, steps[-1].after) if steps else (tip.tip, tip.tip)
        yield BranchInput(
            repository=repository.id,
            branch=branch,
            from_commit=start,
            to_commit=end,
            first_parent_count=mirror.first_parent_count(start, end),
            rewritten=any(not mirror.is_ancestor(one.before, one.after) for one in steps),
            landings=steps,
        )


def _policies(found: _Collected) -> Iterator[PolicyEpoch]:
    """Every policy that was in force in the period or came later, and those that signatures shown were given under."""
    parts, wanted = found.parts, found.wanted
    epochs = sorted(policies.history(parts.engine), key=lambda row: row.epoch)
    names = Names(parts)
    for position, row in enumerate(epochs):
        follows = epochs[position + 1] if position + 1 < len(epochs) else None
        is_over = follows is not None and follows.activated_at <= wanted.period_from
        was_used = any(_epoch_of(one) == row.epoch for one in found.entries.values())
        if is_over and not was_used:
            continue
        found.carry(row.idx)
        effective = _effective(parts, row.idx)
        yield PolicyEpoch(
            epoch=row.epoch,
            activated_at=format_instant(row.activated_at),
            by=names.of(row.by_person),
            index=row.idx,
            files=tuple(
                PolicyFile(
                    name=name,
                    text=blobs.load(parts.engine, bytes.fromhex(digest)).decode("utf-8"),
                    sha256=digest,
                    effective_sha256=effective.get(name),
                )
                for name, digest in sorted(json.loads(row.files).items())
            ),
        )


def _epoch_of(row: auditlog.EntryRow) -> int | None:
    policy = parse_statement(parse_envelope(row.envelope).payload).predicate.get("policy")
    return policy.get("epoch") if isinstance(policy, dict) else None


def _effective(parts: Parts, index: int) -> dict[str, str]:
    """Effective digests by file, where the activation entry says them."""
    said: Any = parse_statement(parse_envelope(parts.log.entry(index).envelope).payload).predicate
    return {str(one["file"]): str(one["sha256"]) for one in said.get("effective", []) if "file" in one}


def _carry_refusals(found: _Collected) -> None:
    """Refused attempts to sign in this repository within the period."""
    for one in found.parts.log.stream("people", limit=MANY):
        if one.kind != EntryKind.APPROVAL_REFUSED or one.index >= found.size:
            continue
        said = parse_statement(parse_envelope(one.envelope).payload).predicate
        if f" {found.wanted.repository}#" in str(said.get("what")) and _in_period(found.wanted, one):
            found.entries[one.index] = one


def _as_of(found: _Collected, checkpoint: str, root: str) -> AsOf:
    parts = found.parts
    last = next(iter(packs.newest(parts.engine, found.wanted.repository, limit=1)), None)
    if last is None:
        return AsOf(size=found.size, root=root, checkpoint=checkpoint)
    old = parse_checkpoint(parts.log.checkpoint(last.tree_size).encode())
    proof = parts.log.consistency_proof(last.tree_size, found.size)
    return AsOf(
        size=found.size,
        root=root,
        checkpoint=checkpoint,
        previous=PreviousPack(id=last.pack_id, sha256=last.sha256.hex(), size=last.tree_size, root=old.root.hex()),
        consistency=tuple(base64.b64encode(one).decode() for one in proof),
    )


def _entry(parts: Parts, row: auditlog.EntryRow, size: int) -> EntryRow:
    proof = parts.log.inclusion_proof(row.index, size)
    return EntryRow(
        index=row.index,
        envelope=base64.b64encode(row.envelope).decode(),
        proof=tuple(base64.b64encode(one).decode() for one in proof),
    )
