"""The rollback fence: never sign a second history.

A database put back from a copy is consistent with itself and shorter than what was already signed.
Rule: before every signature the head is held against the last checkpoint this process signed and the
last one in the checkpoint file; smaller, or of the same size with another root, and nothing is signed
until a human looked. Where the log has grown past the file's checkpoint without this process, the root
it had at that size is recomputed once.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from gate.auditlog.checkpoint import Checkpoint, parse_checkpoint
from gate.auditlog.merkle import Peaks
from gate.domain.errors import InputError, UnavailableError
from gate.store.tree import load_root
from gate.store.witnessed import CheckpointFile, Witnessed


class Fence:
    """Keeps what was signed, in memory and in the file, and compares. One per writer."""

    def __init__(self, file: CheckpointFile) -> None:
        self._file = file
        self._own: tuple[int, bytes] = (0, b"")
        self._checked: Witnessed | None = None

    def check(self, connection: Connection, head: Peaks) -> None:
        """Raises ``UnavailableError`` (rolled-back) when ``head`` contradicts what was signed."""
        _compare(head, *self._own)
        written = self._file.latest()
        if written is None or written == self._checked:
            return
        signed = _parse(written)
        _compare(head, signed.size, signed.root)
        if signed.size < head.size and load_root(connection, signed.size) != signed.root:
            raise _rolled_back(
                f"The log's first {signed.size} entries are not those that were signed.", head, signed.size
            )
        self._checked = written

    def advance(self, head: Peaks, note: bytes, at: datetime) -> None:
        """Remember a committed checkpoint; it is in the file when this returns."""
        self._own = (head.size, head.root)
        self._file.append(head.size, note.decode(), at)
        self._checked = self._file.latest()


def _compare(head: Peaks, size: int, root: bytes) -> None:
    if head.size < size:
        raise _rolled_back(f"The log has {head.size} entries, but {size} were signed.", head, size)
    if head.size == size and size and head.root != root:
        raise _rolled_back(f"The log of {size} entries is not the one that was signed.", head, size)


def _parse(written: Witnessed) -> Checkpoint:
    try:
        return parse_checkpoint(written.note.encode())
    except InputError as error:
        raise UnavailableError(
            "The checkpoint file holds a line that is no checkpoint.",
            code="checkpoint-file",
            remedy="Restore the file; the gate does not sign without it.",
        ) from error


def _rolled_back(message: str, head: Peaks, signed: int) -> UnavailableError:
    return UnavailableError(
        f"{message} An older or another database seems to have been put in its place.",
        code="rolled-back",
        remedy="Nothing is signed until the right database is back. Run gate audit --since the last checkpoint.",
        size=head.size,
        signed=signed,
    )
