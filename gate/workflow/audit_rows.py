"""Whether a projection row says what the audit entry it names says.

Approvals, delegations and cleared vetoes are compared member by member, because decisions rest on them
(``audit_members.py``). For the other tables the rule is
weaker and general: every value that identifies the row must be *said* in the entry, somewhere. So a row
that was changed, or moved to another entry, is found without repeating every format here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from gate.auditlog.entry import Statement, parse_statement
from gate.domain.clock import format_instant
from gate.domain.errors import InputError
from gate.signing.envelope import parse_envelope
from gate.store.auditing import Projected
from gate.workflow.audit_members import MEMBERS, check_members

SAID: Final[Mapping[str, tuple[str, ...]]] = {
    "approval_carried": ("approval", "repository", "number", "revision", "from_head", "head", "proof"),
    "break_glass": (
        *("repository", "number", "revision", "head", "target", "policy_digest", "person", "name", "role", "code"),
        *("incident", "reason_chars", "reason_commitment", "invoked_at", "review_role", "review_due_at"),
    ),
    "break_glass_cosign": ("invocation", "person", "name", "role", "team", "signed_at"),
    "revision": ("repository", "number", "revision", "head", "tree", "git_digest"),
    "check_report": ("repository", "head", "name", "outcome", "reporter"),
    "terms_acceptance": ("person", "terms"),
    "training": ("as_of", "source"),
    "policy_version": ("epoch",),
    "policy_proposal": ("number", "base_epoch", "digest", "proposer", "name", "effective_at"),
    "policy_approval": ("proposal", "digest", "person", "name"),
    "landing": ("repository", "branch", "commit", "classification"),
    "pack_issued": ("sha256",),
    "contribution": ("repository", "number", "head", "target", "answer", "decision_digest", "facts_digest"),
}
MOST_NAMED: Final = 200


def check_projected(row: Projected) -> Iterator[str]:
    """Sentences on what a row says that its entry does not."""
    if row.envelope is None:
        yield f"A row of {row.table} names entry {row.index}, which is not in the log."
        return
    if row.kind != row.expected_kind:
        yield f"A row of {row.table} names entry {row.index}, which is a {row.kind}, not a {row.expected_kind}."
        return
    try:
        statement = parse_statement(parse_envelope(row.envelope).payload)
    except InputError as error:
        yield f"Entry {row.index}, which a row of {row.table} names, cannot be read: {error.message}"
        return
    exact = MEMBERS.get(row.table)
    yield from check_members(row, exact(statement)) if exact is not None else _check_said(row, statement)


def check_ended(row: Projected) -> Iterator[str]:
    """Whether the entry that a proposal's row says has ended it did."""
    number = row.values["number"]
    if row.values["ended_idx"] is None or row.envelope is None or row.kind != row.expected_kind:
        yield f"The row of policy proposal {number} says {row.values['state']!r}, and no entry does."
        return
    try:
        said = parse_statement(parse_envelope(row.envelope).payload).predicate.get("proposal")
    except InputError as error:
        yield f"Entry {row.index}, which ended policy proposal {number}, cannot be read: {error.message}"
        return
    if (said.get("number") if isinstance(said, dict) else said) != number:
        yield f"Entry {row.index} is not about policy proposal {number}."


def check_reviewed(row: Projected) -> Iterator[str]:
    """Whether the entry that a break-glass's row calls its review is one, and of it."""
    invoked = row.values["idx"]
    if row.envelope is None or row.kind != row.expected_kind:
        yield f"The row of break-glass {invoked} says that entry {row.index} reviewed it, and it did not."
        return
    try:
        statement = parse_statement(parse_envelope(row.envelope).payload)
    except InputError as error:
        yield f"Entry {row.index}, which reviewed break-glass {invoked}, cannot be read: {error.message}"
        return
    if statement.predicate.get("invocation") != invoked or statement.at != row.values["reviewed_at"]:
        yield f"Entry {row.index} is not the review of break-glass {invoked}, or was made at another time."


def check_delegation_end(row: Projected) -> Iterator[str]:
    """Whether the entry that a row says ended a delegation did, and when it did."""
    if row.values["ended_by"] is None or row.envelope is None or row.kind != row.expected_kind:
        yield f"The row of delegation {row.values['idx']} says that it was ended, and no entry does."
        return
    try:
        said = parse_statement(parse_envelope(row.envelope).payload).predicate
    except InputError as error:
        yield f"Entry {row.index}, which ended delegation {row.values['idx']}, cannot be read: {error.message}"
        return
    ended_at = row.values["ended_at"]
    at = format_instant(ended_at) if ended_at is not None else None
    if (said.get("delegation"), said.get("endedAt")) != (row.values["idx"], at):
        yield f"The row of delegation {row.values['idx']} says that entry {row.index} ended it at {at}; it does not."


def check_revocations(tokens: Iterable[Projected], revoked: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, str]]:
    """A token is revoked in its row exactly when an entry says so. ``revoked``: those entries, index and envelope."""
    signed = dict(_revocations(revoked))
    for row in tokens:
        said, by = row.values["revoked_at"] is not None, signed.get(row.values["id"])
        if said != (by is not None):
            claim = f"The row of the token {row.values['name']} says it is {'' if said else 'not '}revoked"
            yield row.index, f"{claim}; the log says it is {'not ' if by is None else ''}revoked."


def _revocations(entries: Iterable[tuple[int, bytes]]) -> Iterator[tuple[object, int]]:
    for index, envelope in entries:
        try:
            yield parse_statement(parse_envelope(envelope).payload).predicate.get("token"), index
        except InputError:
            continue  # said elsewhere


def check_withdrawals(superseded: Mapping[int, int], marked: Mapping[int, int]) -> Iterator[tuple[int, str]]:
    """``superseded``: by which entry an act was taken back, as signed; ``marked``: as its row says."""
    for index in sorted({*superseded, *marked}):
        signed, said = superseded.get(index), marked.get(index)
        if signed != said:
            claim = f"The row of approval {index} says it was {_taken_back(said)}"
            yield index, f"{claim}; the log says it was {_taken_back(signed)}."


def check_contributors(row: Projected, known: frozenset[tuple[str, str, str]], nobody: int) -> Iterator[str]:
    """Who may not approve follows from these rows: they must be those of the signed entry, no more and no less."""
    if row.envelope is None:
        return  # said elsewhere
    try:
        said = parse_statement(parse_envelope(row.envelope).payload).predicate
    except InputError:
        return  # said elsewhere
    listed = said.get("contributors")
    if not isinstance(listed, list):
        return  # an entry that names nobody binds no rows
    signed = {tuple(one.get(name) for name in ("part", "person", "how")) for one in _objects(listed)}
    is_cut = len(listed) >= MOST_NAMED
    if not signed <= known or (signed != known and not is_cut) or said.get("unattributed", nobody) != nobody:
        what = f"{row.values['repository']}#{row.values['number']} revision {row.values['revision']}"
        yield f"The rows of who contributed to {what} are not what entry {row.index} says."


def check_training(row: Projected, imported: bytes | None) -> Iterator[str]:
    """A training counts only as it was imported; ``imported`` are the stored rows that the entry names."""
    until = row.values["valid_until"]
    wanted = {
        "person": row.values["person"],
        "code": row.values["code"],
        "validUntil": format_instant(until) if until is not None else None,
    }
    try:
        held = _object(json.loads(imported)).get("rows") if imported is not None else None
    except ValueError:
        held = None
    if wanted not in _objects(held):
        yield f"The training {wanted['code']} of {wanted['person']} is not as entry {row.index} imported it."


def imported_digest(row: Projected) -> bytes | None:
    """The digest of the rows that the entry of a training imported; None when the entry does not say."""
    if row.envelope is None:
        return None
    try:
        said = parse_statement(parse_envelope(row.envelope).payload).predicate
        return bytes.fromhex(str(_object(said.get("rows")).get("sha256")))
    except (InputError, ValueError):
        return None


def _objects(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _taken_back(by: int | None) -> str:
    return "not taken back" if by is None else f"taken back by entry {by}"


def _check_said(row: Projected, statement: Statement) -> Iterator[str]:
    said = set(_scalars(statement.predicate))
    for subject in statement.subjects:
        said.update(subject.digest.values())
    values = {name: row.values[name] for name in SAID[row.table]}
    if row.table in ("policy_version", "policy_proposal"):
        values |= {f"file {name}": digest for name, digest in _files(row.values["files"])}
    for name, value in values.items():
        wanted = value.hex() if isinstance(value, bytes) else value
        if isinstance(wanted, datetime):
            wanted = format_instant(wanted)
        if wanted is not None and wanted not in said:
            yield f"A row of {row.table} has {name} {wanted!r}, which entry {row.index} does not say."


def _files(text: str) -> Iterator[tuple[str, object]]:
    try:
        parsed = json.loads(text)
    except ValueError:
        yield "index", text
        return
    yield from _object(parsed).items()


def _scalars(value: object) -> Iterator[str | int]:
    match value:
        case str() | int():
            yield value
        case dict():
            for inner in value.values():
                yield from _scalars(inner)
        case list() | tuple():
            for inner in value:
                yield from _scalars(inner)
        case _:
            return


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
