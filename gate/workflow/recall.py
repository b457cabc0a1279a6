"""What was read from the record a moment ago, given again while nothing was recorded since.

One per process. An item counts only while the audit log has the size it had *before* the item was read: every
change of the record appends an entry, so an approval, withdrawal, push, activation or revoked token anywhere
makes everything here forgotten at once. An item also has a last instant of its own. Nothing is kept that was
not found, so that nobody can fill it with questions.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

MOST = 4096
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Item(Generic[T]):
    value: T
    made_at: datetime
    until: datetime


class Recall(Generic[T]):
    """Items by key, all of them read when the log had one size."""

    def __init__(self) -> None:
        self._at: int | None = None
        self._items: dict[object, _Item[T]] = {}
        self._lock = threading.Lock()

    def get(
        self,
        key: object,
        size: int,
        now: datetime,
        read: Callable[[], T],
        keep_until: Callable[[T], datetime | None],
    ) -> T:
        """The item of ``key``, or what ``read`` says; ``size`` is the log's, asked by the caller for this very call.

        Kept until ``keep_until`` says (exclusive; None: not at all).
        """
        item = self._find(key, size)
        # A clock that went back makes no item younger than it is.
        if item is not None and item.made_at <= now < item.until:
            return item.value
        value = read()
        until = keep_until(value)
        if until is not None and now < until:
            self._keep(key, size, _Item(value, now, until))
        return value

    def _find(self, key: object, size: int) -> _Item[T] | None:
        with self._lock:
            return self._items.get(key) if size == self._at else None

    def _keep(self, key: object, size: int, item: _Item[T]) -> None:
        """Items of another size go together. A slow reader of an older size only makes the others ask again."""
        with self._lock:
            if size != self._at or len(self._items) >= MOST:
                self._at, self._items = size, {}
            self._items[key] = item
