"""C2SP signed notes (signed-note.md v1.0.0): a text that people can read, and signature lines under it.

    <text, ends in a newline>
    <empty line>
    — <key name> <base64(key id || signature)>

- Text is UTF-8 without control characters other than newline; the **last** empty line ends it.
- Signatures of unknown keys are ignored: that is how keys are rotated and witnesses added.
- A signature that names a known key and does not hold makes the whole note false.
- Size and number of signatures are bounded before any of them is looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from gate.domain.errors import InputError, VerificationError
from gate.signing.api import PublicKey, Signer, check_key_name
from gate.signing.armour import decode_base64, encode_base64

MAX_NOTE = 256 * 1024
"""Bytes. Room for a checkpoint with 64 post-quantum cosignatures of 3.3 KB each."""
MAX_NOTE_SIGNATURES = 64

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_LINE = re.compile(r"— ([^ ]+) ([A-Za-z0-9+/=]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteSignature:
    """One signature line as written: whose it claims to be, and the bytes."""

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A parsed, **unverified** note. ``text`` ends in a newline."""

    text: str
    signatures: tuple[NoteSignature, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedNote:
    """The text that was verified and the keys, each once, whose signatures hold."""

    text: str
    signed_by: tuple[PublicKey, ...]


def build_note(text: str, *signers: Signer) -> bytes:
    """``text`` with one signature line for each signer."""
    if not signers:
        raise InputError("A note needs at least one signer.", field="note")
    _check_text(text)
    message = text.encode("utf-8")
    lines = [f"— {signer.name} {encode_base64(signer.key_id + signer.sign(message))}\n" for signer in signers]
    return (text + "\n" + "".join(lines)).encode("utf-8")


def parse_note(raw: bytes) -> Note:
    """Text and signature lines, checked for form only. Raises ``InputError``."""
    if len(raw) > MAX_NOTE:
        raise InputError(f"The note has {len(raw)} bytes; at most {MAX_NOTE} are read.", code="too-large", field="note")
    try:
        decoded = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError("The note is not UTF-8.", field="note") from error
    text, blank, tail = decoded.rpartition("\n\n")
    if not blank or not tail.endswith("\n"):
        raise InputError("The note has no signature lines after an empty line.", field="note")
    _check_text(text + "\n")
    lines = tail[:-1].split("\n")
    if len(lines) > MAX_NOTE_SIGNATURES:
        raise InputError(f"The note has more than {MAX_NOTE_SIGNATURES} signatures.", field="note")
    return Note(text=text + "\n", signatures=tuple(_parse_line(line) for line in lines))


def verify_note(raw: bytes, keys: Iterable[PublicKey]) -> VerifiedNote:
    """The text, if at least one of ``keys`` signed it and none of them is named by a false signature.

    Raises ``InputError`` for what is no note and ``VerificationError`` for what does not hold.
    """
    note = parse_note(raw)
    known = {(key.name, key.key_id): key for key in keys}
    message = note.text.encode("utf-8")
    signed_by: dict[PublicKey, None] = {}
    for line in note.signatures:
        key = known.get((line.name, line.key_id))
        if key is not None:
            key.verify(message, line.signature)
            signed_by[key] = None
    if not signed_by:
        raise VerificationError("No key that is trusted here has signed this note.", code="bad-signature")
    return VerifiedNote(text=note.text, signed_by=tuple(signed_by))


def _check_text(text: str) -> None:
    if not text.endswith("\n") or _CONTROL.search(text):
        raise InputError("Note text ends in a newline and holds no other control characters.", field="note")


def _parse_line(line: str) -> NoteSignature:
    parts = _LINE.fullmatch(line)
    if parts is None:
        raise InputError("A signature line is not of the form: — <key name> <base64>.", field="note")
    name, encoded = parts.groups()
    check_key_name(name)
    blob = decode_base64(encoded, field="note")
    if len(blob) < 5:
        raise InputError("A signature line holds no signature.", field="note")
    return NoteSignature(name=name, key_id=blob[:4], signature=blob[4:])
