"""A receipt: one audit entry in words, its exact bytes, and the proof that it is in the log."""

from __future__ import annotations

from typing import Any

from gate.auditlog.entry import EntryKind, Statement, parse_statement
from gate.domain.clock import format_instant
from gate.domain.errors import NotFoundError
from gate.policy.decision import Answer
from gate.signing.api import public_key_of
from gate.signing.envelope import verify_envelope
from gate.store import contributions
from gate.workflow.narrate import narrate, say_giver
from gate.workflow.parts import Parts
from gate.workflow.sign_shown import ReceiptShown

_BREAK_GLASS = (EntryKind.BREAK_GLASS, EntryKind.BREAK_GLASS_COSIGNED, EntryKind.BREAK_GLASS_REVIEWED)


def receipt(parts: Parts, index: int) -> ReceiptShown:
    """The receipt of entry ``index``. Raises ``NotFoundError``, ``VerificationError`` (it does not verify)."""
    row = parts.log.entry(index)
    verified = verify_envelope(row.envelope, [public_key_of(parts.keys.act)])
    statement = parse_statement(verified.payload)
    repository, number = _about(statement)
    return ReceiptShown(
        index=index,
        kind=row.kind,
        lines=_lines(statement),
        envelope=row.envelope.decode(),
        statement=str(statement.predicate.get("statementText") or narrate(statement)),
        proof=parts.log.receipt(index),
        leaf=row.leaf_hash.hex(),
        repository=repository,
        number=number,
        answer=_answer(parts, repository, number),
        proposal=_proposal(statement),
    )


def _about(statement: Statement) -> tuple[str | None, int | None]:
    repository, number = statement.predicate.get("repository"), statement.predicate.get("number")
    return (repository if isinstance(repository, str) else None, number if isinstance(number, int) else None)


def _proposal(statement: Statement) -> int | None:
    number = statement.stream.removeprefix("proposal/")
    return int(number) if number != statement.stream else None


def _answer(parts: Parts, repository: str | None, number: int | None) -> Answer | None:
    if repository is None or number is None:
        return None
    try:
        row = contributions.load(parts.engine, repository, number)
    except NotFoundError:
        return None
    return Answer(row.answer) if row.answer else None


def _lines(statement: Statement) -> tuple[tuple[str, str], ...]:
    """What 21 CFR 11.50 wants to be seen of a signature, and where it stands; for other kinds, what and when."""
    said = statement.predicate
    lines = [("What", narrate(statement)), ("When", format_instant(statement.at))]
    if statement.kind is EntryKind.APPROVAL:
        reviewer: Any = said["reviewer"]
        role = f"{reviewer['role']} of {reviewer['team']}" if reviewer.get("team") else str(reviewer.get("role") or "–")
        lines = [
            ("Signed by", f"{reviewer['displayName']} ({reviewer['login']})"),
            ("Directory id", str(reviewer["id"])),
            ("Role", role + say_giver(said)),
            *([("Through the freeze", str(said["freeze"]))] if said.get("freeze") else []),
            ("Meaning", str(said.get("meaningText") or said["result"])),
            ("Result", str(said["result"])),
            ("When", format_instant(statement.at)),
            ("How", "login and password, checked live in the directory"),
            ("Head", str(said["head"])),
            ("Tree", str(said["targetID"])),
            ("Target", str(said["targetRef"])),
        ]
    if statement.kind in _BREAK_GLASS:
        lines = _break_glass(statement)
    lines.append(("Stream", f"{statement.stream} version {statement.version}"))
    return tuple(lines)


def _break_glass(statement: Statement) -> list[tuple[str, str]]:
    said = statement.predicate
    reviewer: Any = said["reviewer"]
    lines = [
        ("Signed by", f"{reviewer['displayName']} ({reviewer['login']})"),
        ("Directory id", str(reviewer["id"])),
        ("Role", f"{reviewer['role']} of {reviewer['team']}" if reviewer.get("team") else str(reviewer["role"])),
        ("What", narrate(statement)),
        ("When", format_instant(statement.at)),
        ("How", "login and password, checked live in the directory"),
        ("Head", str(said["head"])),
        ("Target", str(said["targetRef"])),
    ]
    if "invocation" in said:
        lines.insert(4, ("Break-glass", f"entry {said['invocation']}"))
    if "reviewDueAt" in said:
        lines += [("Ends", str(said["expiresAt"])), ("Review due", f"{said['reviewDueAt']} by {said['reviewRole']}")]
    return lines
