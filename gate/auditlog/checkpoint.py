"""Checkpoints: a tree head as a C2SP signed note (tlog-checkpoint.md v1.0.0).

    <origin>
    <size, decimal>
    <base64 of the 32-byte root>

    — <origin> <signature of the log key>

- The log key's name is the origin; witnesses' lines may follow and are ignored by whoever does not know them.
- Extension lines are refused: nothing may be signed there that an auditor cannot check.
- A tree of size 0 has the root SHA-256("").

Whether two checkpoints belong to one history is ``merkle.verify_consistency``'s question.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from gate.auditlog.merkle import EMPTY_ROOT, HASH_SIZE, MAX_TREE
from gate.domain.errors import InputError, VerificationError
from gate.signing.api import PublicKey, Signer, check_key_name
from gate.signing.armour import decode_base64, encode_base64
from gate.signing.note import build_note, parse_note, verify_note

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A tree head: whose log, how many entries, which root."""

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        check_key_name(self.origin)
        if not 0 <= self.size <= MAX_TREE or len(self.root) != HASH_SIZE:
            raise InputError("A checkpoint needs a size and a 32-byte root.", field="checkpoint")
        if self.size == 0 and self.root != EMPTY_ROOT:
            raise InputError("An empty log has only one root, and this is not it.", field="checkpoint")

    @property
    def text(self) -> str:
        """What is signed."""
        return f"{self.origin}\n{self.size}\n{encode_base64(self.root)}\n"


def build_checkpoint(checkpoint: Checkpoint, *signers: Signer) -> bytes:
    """The signed note. Signers: the log key, and others to come after it."""
    return build_note(checkpoint.text, *signers)


def parse_checkpoint(note: bytes) -> Checkpoint:
    """What the note claims, **unverified**. Raises ``InputError``."""
    return parse_checkpoint_text(parse_note(note).text)


def verify_checkpoint(note: bytes, origin: str, keys: Iterable[PublicKey]) -> Checkpoint:
    """The checkpoint, if it is of this log and one of its ``keys`` signed it.

    Raises ``InputError`` for what is no checkpoint and ``VerificationError`` for what does not hold.
    """
    verified = verify_note(note, [key for key in keys if key.name == origin])
    checkpoint = parse_checkpoint_text(verified.text)
    if checkpoint.origin != origin:
        raise VerificationError(f"This checkpoint is of {checkpoint.origin}, not of {origin}.", code="wrong-origin")
    return checkpoint


def parse_checkpoint_text(text: str) -> Checkpoint:
    """A checkpoint from its note text. Raises ``InputError``."""
    lines = text.split("\n")
    if len(lines) != 4 or lines[3]:
        raise InputError("A checkpoint is exactly three lines: origin, size, root.", field="checkpoint")
    origin, size, root, _ = lines
    if not _SIZE.fullmatch(size):
        raise InputError("The checkpoint's size is not a decimal number.", field="checkpoint")
    return Checkpoint(origin=origin, size=int(size), root=decode_base64(root, field="checkpoint"))
