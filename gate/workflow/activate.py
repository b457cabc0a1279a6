"""A policy comes into force: its texts and digests become the record; the files were only proposals.

Where the policies in force have a section ``activation``, this is done by a proposal that people signed
(``propose.py``) and refused to the operator. Nothing is written when any file is wrong. Open contributions answer
*error* until they are decided anew, which happens right after and, should this process die, by the worker.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from gate.auditlog.entry import EntryKind, Recorder, parse_statement
from gate.domain.errors import ConflictError, InputError, NotPermittedError
from gate.domain.words import count_words
from gate.policy.coverage import verify_tests
from gate.policy.effective import effective_bytes
from gate.policy.lint_finding import Finding
from gate.policy.registry import PolicySet, build_policy_set
from gate.signing.envelope import parse_envelope
from gate.store import people, policies
from gate.store.command import Blob, Command, EntryIndex, Job, NewEntry, Row
from gate.store.policies import PolicyVersionRow
from gate.store.tables import policy_version
from gate.workflow.entry import build_entry, thing_subject
from gate.workflow.parts import Parts
from gate.workflow.vet import refuse_errors

MAX_FILE = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation:
    """What was put in force. ``findings`` are what a check of the files says besides, for the operator."""

    epoch: int
    index: int
    files: tuple[str, ...]
    repositories: tuple[str, ...]
    findings: tuple[Finding, ...] = ()


def load_proposals(directory: Path) -> dict[str, bytes]:
    """The YAML files of a proposals directory by name. Raises ``InputError`` when there are none or one is too big."""
    if not directory.is_dir():
        raise InputError(
            "There is no such directory of policies.", file=str(directory), remedy="Set policy.dir in gate.toml."
        )
    found = {path.name: path for path in sorted(directory.iterdir()) if path.suffix in (".yaml", ".yml")}
    for name, path in found.items():
        if path.stat().st_size > MAX_FILE:
            raise InputError(
                f"The file is larger than {MAX_FILE:,} bytes.",
                file=name,
                line=1,
                remedy="Split it into several policies, each with fewer repositories.",
            )
    return {name: path.read_bytes() for name, path in found.items()}


def activate(parts: Parts, files: Mapping[str, bytes], *, by: Recorder) -> Activation:
    """The operator's way: check all files together, then put them in force.

    Raises ``InputError`` with file and line, ``NotPermittedError`` where the policies in force say who changes them,
    ``UnavailableError`` when the directory does not say who is in the groups.
    """
    proposed = check_files(parts, files)
    current = policies.in_force(parts.engine)
    if current is not None:
        _refuse_operator(parts, current.idx)
        refuse_same(current, files)
    findings = refuse_errors(parts, proposed, files, with_groups=True)
    command, epoch = build_activation(parts, files, proposed, current.epoch if current else 0, by)
    receipt = parts.ledger.append(command)
    return Activation(
        epoch=epoch,
        index=receipt.indexes[0],
        files=tuple(sorted(files)),
        repositories=tuple(one.id for one in proposed.registry.repositories),
        findings=findings,
    )


def check_files(parts: Parts, files: Mapping[str, bytes]) -> PolicySet:
    """What the files say together, checked as for activation. Raises ``InputError`` with file and line."""
    proposed = build_policy_set(files)
    _check_terms(parts, proposed)
    return proposed


def refuse_same(current: PolicyVersionRow, files: Mapping[str, bytes]) -> None:
    """Raises ``ConflictError`` (in-force) for the files that are in force already."""
    if json.loads(current.files) == _digests(files):
        raise ConflictError(
            f"These very files are in force already, as policy epoch {current.epoch}.",
            code="in-force",
            remedy="Nothing was changed.",
        )


def _refuse_operator(parts: Parts, index: int) -> None:
    """What the signed entry of the activation says of the next one decides, not what a file or a row says."""
    said: Any = parse_statement(parse_envelope(parts.log.entry(index).envelope).payload).predicate.get("activation")
    if said is not None:
        approvers = count_words(int(said["count"]), "other member", "other members")
        raise NotPermittedError(
            "The operator cannot put policies in force here: a change of the policies is proposed by a member of "
            f"{said['propose']} at {str(parts.settings.base_url).rstrip('/')}/policies/propose and approved by "
            f"{approvers} of {said['approve']}.",
            code="activation-gated",
            remedy="Propose the files there. Nothing was changed.",
        )


def _digests(files: Mapping[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(raw).hexdigest() for name, raw in sorted(files.items())}


def _check_terms(parts: Parts, proposed: PolicySet) -> None:
    """Who accepted terms accepted a text, not an id: an id stands for one text, for ever (INV-02)."""
    texts: dict[str, str] = {}
    for one in (terms for policy in proposed.policies for terms in policy.terms):
        if texts.setdefault(one.id, one.text) != one.text:
            raise InputError(
                f"Two policies give the terms `{one.id}` different texts.",
                field="terms",
                remedy="Give each text an id of its own.",
            )
    for row in people.accepted_terms(parts.engine):
        if row.terms not in texts:
            continue
        accepted = parse_statement(parse_envelope(parts.log.entry(row.idx).envelope).payload).subjects[0].digest
        if accepted["sha256"] != hashlib.sha256(texts[row.terms].encode()).hexdigest():
            raise InputError(
                f"The text of the terms `{row.terms}` is not the one that people have accepted under this id "
                f"(audit entry {row.idx}).",
                field="terms",
                remedy=f"Give the new text a new id, such as `{row.terms}-2`; then people are asked to accept it.",
            )


def build_activation(
    parts: Parts,
    files: Mapping[str, bytes],
    proposed: PolicySet,
    epoch: int,
    by: Recorder,
    *,
    position: int = 0,
    signed: Mapping[str, object] | None = None,
) -> tuple[Command, int]:
    """The command that puts checked files in force after ``epoch``, and the new epoch.

    Every way into force goes through here: policies whose tests fail, or leave a rule unshown, and files with a new
    error of `gate policy check` are refused with ``InputError``. ``position`` is the place its entry will have in the
    command it is put into. ``signed`` are members of the entry that say who proposed and approved it.
    """
    refuse_errors(parts, proposed, files, with_groups=False)
    verify_tests(proposed, tuple(_digests(files).items()), files)
    now = parts.clock.now()
    entry = _entry(parts, files, proposed, epoch + 1, by, now, signed or {})
    digests = _digests(files)
    row = Row(
        table=policy_version,
        values={
            "epoch": epoch + 1,
            "activated_at": now,
            "by_person": by.id,
            "files": json.dumps(digests, sort_keys=True),
            "idx": EntryIndex(position),
        },
    )
    blobs = [Blob(kind="policy-text", content=raw) for raw in files.values()]
    blobs += [Blob(kind="effective-policy", content=raw) for _, raw in _effective(proposed)]
    job = Job(kind="redecide", payload={"epoch": epoch + 1}, not_before=now)
    return Command(entries=(entry,), rows=(row,), blobs=tuple(blobs), jobs=(job,)), epoch + 1


def _effective(proposed: PolicySet) -> list[tuple[dict[str, str], bytes]]:
    found = []
    for repository in proposed.registry.repositories:
        for branch in repository.protected:
            effective = proposed.policy_for(repository.id, branch)
            if effective is not None:
                label = {
                    "repository": repository.id,
                    "branch": branch,
                    "policy": effective.id,
                    "file": effective.policy.file,
                }
                found.append((label | {"sha256": effective.digest}, effective_bytes(effective)))
    return found


def _entry(
    parts: Parts,
    files: Mapping[str, bytes],
    proposed: PolicySet,
    epoch: int,
    by: Recorder,
    now: datetime,
    signed: Mapping[str, object],
) -> NewEntry:
    listed = [
        {"name": name, "sha256": hashlib.sha256(raw).hexdigest(), "bytes": len(raw)}
        for name, raw in sorted(files.items())
    ]
    return build_entry(
        parts,
        EntryKind.POLICY_ACTIVATED,
        stream="policy",
        version=epoch,
        subjects=[
            thing_subject(f"gate:policy-file/{name}", hashlib.sha256(raw).digest()) for name, raw in files.items()
        ],
        predicate={
            "epoch": epoch,
            "files": listed,
            "effective": [label for label, _ in _effective(proposed)],
            "bootstrap": epoch == 1,
            "repositories": [
                {
                    "id": one.id,
                    "mode": one.mode.value,
                    "protected": list(one.protected),
                    "owningTeams": list(one.owning_teams),
                }
                for one in proposed.registry.repositories
            ],
            "activation": _next_activation(proposed),
            **signed,
        },
        by=by,
        at=now,
    )


def _next_activation(proposed: PolicySet) -> dict[str, object] | None:
    """Who may put the next policies in force, once these are; None: the operator."""
    rule = proposed.registry.activation
    return {"propose": rule.propose, "approve": rule.approve, "count": rule.count} if rule is not None else None
