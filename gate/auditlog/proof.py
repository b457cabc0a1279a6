"""Receipts: proof that one entry is in the log, as a C2SP tlog-proof (v1).

    c2sp.org/tlog-proof@v1
    [extra <base64>]
    index <n>
    <base64 hash>*

    <checkpoint>

A receipt shows inclusion; it does not show that no later entry took the first one back. ``extra`` is not covered by
any signature and is at most a hint. Files end in ``.tlog-proof``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gate.auditlog.checkpoint import Checkpoint, parse_checkpoint, verify_checkpoint
from gate.auditlog.merkle import HASH_SIZE, MAX_TREE, verify_inclusion
from gate.domain.errors import InputError
from gate.signing.api import PublicKey
from gate.signing.armour import decode_base64, encode_base64
from gate.signing.note import MAX_NOTE

HEADER = "c2sp.org/tlog-proof@v1"
MAX_HASHES = 63
MAX_PROOF = MAX_NOTE + 128 * 1024

_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A parsed, **unverified** tlog-proof. ``checkpoint`` is the signed note's bytes."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None


def build_receipt(index: int, hashes: Sequence[bytes], checkpoint: bytes, *, extra: bytes | None = None) -> bytes:
    """The bytes of a receipt. ``checkpoint`` is a signed note, kept as it is."""
    lines = [HEADER]
    if extra is not None:
        lines.append(f"extra {encode_base64(extra)}")
    lines += [f"index {index}", *(encode_base64(item) for item in hashes), "", ""]
    return "\n".join(lines).encode("ascii") + checkpoint


def parse_receipt(raw: bytes) -> Receipt:
    """What the receipt claims, checked for form only. Raises ``InputError``."""
    if len(raw) > MAX_PROOF:
        raise InputError(f"The receipt has more than {MAX_PROOF} bytes.", code="too-large", field="receipt")
    head, blank, checkpoint = raw.partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise InputError("A receipt begins with ASCII lines.", field="receipt") from error
    if not blank or lines.pop(0) != HEADER:
        raise InputError(f"A receipt begins with the line {HEADER}.", field="receipt")
    extra = decode_base64(lines.pop(0)[6:], field="extra") if lines and lines[0].startswith("extra ") else None
    index = _INDEX.fullmatch(lines.pop(0)) if lines else None
    if index is None or int(index[1]) >= MAX_TREE or len(lines) > MAX_HASHES:
        raise InputError("A receipt names one index and at most 63 hashes.", field="receipt")
    hashes = tuple(decode_base64(line, field="receipt") for line in lines)
    if any(len(item) != HASH_SIZE for item in hashes):
        raise InputError("A receipt's hashes have 32 bytes.", field="receipt")
    parse_checkpoint(checkpoint)
    return Receipt(index=int(index[1]), hashes=hashes, checkpoint=checkpoint, extra=extra)


def verify_receipt(raw: bytes, leaf: bytes, origin: str, keys: Iterable[PublicKey]) -> tuple[int, Checkpoint]:
    """Where the leaf stands, and under which checkpoint.

    Raises ``InputError`` for what is no receipt and ``VerificationError`` for what does not hold.
    """
    receipt = parse_receipt(raw)
    checkpoint = verify_checkpoint(receipt.checkpoint, origin, keys)
    verify_inclusion(leaf, receipt.index, checkpoint.size, receipt.hashes, checkpoint.root)
    return receipt.index, checkpoint
