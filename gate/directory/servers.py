"""Which server is asked, how long a call may take, and how many run at once.

Rules: a call ends at its deadline whatever the library below is doing; a slot is free again only
when the work behind it has really ended, so hung servers cannot pile up threads. A server that
failed is passed over for a while, unless all have: then all are tried, so that one server heals at
once. Knows nothing of LDAP.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from gate.domain.errors import UnavailableError

T = TypeVar("T")


class Deadline:
    """The end of one whole call, on the monotonic clock."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def within(self, seconds: float) -> float:
        """What one step may take: ``seconds``, or what is left of the call. Raises when nothing is left."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise timed_out()
        return min(seconds, left)


class CallLimit:
    """At most ``slots`` calls at once, each bounded in time by running in a thread of its own."""

    def __init__(self, slots: int) -> None:
        self._slots = threading.Semaphore(slots)

    def run(self, call: Callable[[], T], seconds: float) -> T:
        """What ``call`` returns or raises; ``UnavailableError`` at once without a slot, or after ``seconds``."""
        if not self._slots.acquire(blocking=False):
            raise UnavailableError("Too many directory calls are under way.", remedy="Try again in a moment.")
        future: Future[T] = Future()
        threading.Thread(target=self._work, args=(call, future), name="directory-call", daemon=True).start()
        try:
            return future.result(timeout=seconds)
        except TimeoutError:
            raise timed_out() from None

    def _work(self, call: Callable[[], T], future: Future[T]) -> None:
        try:
            result = call()
        except BaseException as error:  # noqa: BLE001 - not swallowed: the calling thread raises it
            self._slots.release()
            future.set_exception(error)
        else:
            self._slots.release()
            future.set_result(result)


class ServerList:
    """Server addresses in order of preference, with marks on those that failed lately."""

    def __init__(self, uris: tuple[str, ...], down_seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        self._uris = uris
        self._down_seconds = down_seconds
        self._now = now
        self._down_until: dict[str, float] = {}

    def in_order(self) -> tuple[str, ...]:
        """The servers to try now."""
        now = self._now()
        up = tuple(uri for uri in self._uris if self._down_until.get(uri, now) <= now)
        return up or self._uris

    def mark_down(self, uri: str) -> None:
        self._down_until[uri] = self._now() + self._down_seconds

    def mark_up(self, uri: str) -> None:
        self._down_until.pop(uri, None)


def timed_out() -> UnavailableError:
    return UnavailableError("The directory did not answer in time.", remedy="Try again in a moment.")
