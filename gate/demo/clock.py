"""The demo's own clock: set to an instant of the last months, then running on from there.

Only the play uses it, passed to ``build_parts``. The server that people are shown runs on the system's.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta


class DemoClock:
    """Runs at the pace of real time from the instant it was last set to; never set back."""

    def __init__(self, start: datetime) -> None:
        self._set_to = start
        self._set_when = time.monotonic()

    def now(self) -> datetime:
        return self._set_to + timedelta(seconds=time.monotonic() - self._set_when)

    def set(self, to: datetime) -> None:
        """Moves on to ``to``; an instant that has passed changes nothing, as entries are written in order."""
        if to > self.now():
            self._set_to, self._set_when = to, time.monotonic()
