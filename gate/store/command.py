"""What the ledger is asked to write, as frozen data, and what it answers.

Rules: a command holds at least one entry, because nothing is recorded off the log; it carries what
its author believed (``expects``, ``policy_epoch``, each entry's ``version``) so that the ledger can
refuse what moved without running any policy; ``key`` makes it safe to send again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import Table

POLICY_STREAM: Final = "policy"
MAX_ENVELOPE: Final = 65_535


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEntry:
    """One signed envelope, and its place in its stream. ``version`` is the stream's last plus one."""

    kind: str
    envelope: bytes
    stream: str
    version: int
    dedup: str | None = None


@dataclass(frozen=True, slots=True)
class EntryIndex:
    """Stands in a row's values (or a job's payload) for the index that entry ``position`` will get."""

    position: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One projection row.

    ``key`` None inserts. With ``key`` (column names) the row is inserted or, where the key exists,
    its other columns are replaced. ``update`` True changes an existing row only, so ``values`` may
    leave columns out; no such row is a conflict.
    """

    table: Table
    values: Mapping[str, object]
    key: tuple[str, ...] | None = None
    update: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """Canonical bytes, kept by digest. Writing the same bytes again changes nothing."""

    kind: str
    content: bytes
    sha256: bytes = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sha256", hashlib.sha256(self.content).digest())


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeText:
    """What a person typed. Only its commitment may stand in an entry; ``salt`` is 32 random bytes."""

    value: str
    salt: bytes
    about: str

    @property
    def commitment(self) -> bytes:
        """SHA-256 over salt and UTF-8 value."""
        return hashlib.sha256(self.salt + self.value.encode()).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Slow or remote work, written to the outbox in the command's own transaction."""

    kind: str
    payload: Mapping[str, object]
    not_before: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Everything that one act changes. All of it is committed, or none.

    ``expects`` are streams whose version must still be what the author saw. ``policy_epoch`` is the
    epoch it was decided under. ``key`` is the idempotency key: sent again, nothing is written and
    the receipt of the first time's entries comes back with ``repeated`` set.
    """

    entries: tuple[NewEntry, ...]
    rows: tuple[Row, ...] = ()
    blobs: tuple[Blob, ...] = ()
    free_texts: tuple[FreeText, ...] = ()
    jobs: tuple[Job, ...] = ()
    expects: tuple[tuple[str, int], ...] = ()
    policy_epoch: int | None = None
    key: str | None = None

    def dedup(self, position: int) -> str | None:
        """The deduplication key of entry ``position``: its own, or the command's with the position."""
        own = self.entries[position].dedup
        if own is not None or self.key is None:
            return own
        return self.key if position == 0 else f"{self.key}#{position}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Durable and covered: the entries' indexes, and a signed checkpoint of ``size`` that covers them."""

    indexes: tuple[int, ...]
    size: int
    checkpoint: str
    repeated: bool = False
