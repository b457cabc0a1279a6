"""Queries about activated policy versions. What is in force is what was activated last."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from gate.store.engine import Source
from gate.store.fetch import fetch_all, fetch_one
from gate.store.tables import policy_version


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyVersionRow:
    """One activation. ``files`` is JSON: what was activated, by file name, as hex digests of blobs."""

    epoch: int
    activated_at: datetime
    by_person: str
    files: str
    idx: int

    @property
    def index(self) -> dict[str, object]:
        """``files`` parsed."""
        parsed: dict[str, object] = json.loads(self.files)
        return parsed


def in_force(source: Source) -> PolicyVersionRow | None:
    """The last activation; None before the first."""
    return fetch_one(source, select(policy_version).order_by(policy_version.c.epoch.desc()), PolicyVersionRow)


def history(source: Source) -> tuple[PolicyVersionRow, ...]:
    """Every activation, newest first."""
    return fetch_all(source, select(policy_version).order_by(policy_version.c.epoch.desc()), PolicyVersionRow)
