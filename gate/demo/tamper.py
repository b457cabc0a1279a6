"""What an insider with the database file could do: change one stored signature, behind the gate's back.

The insert-only triggers are taken away and put back, as somebody would who wants to hide it.
"""

from __future__ import annotations

import base64
import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from gate.demo.place import MARK, Place
from gate.domain.errors import NotFoundError
from gate.store.triggers import build_guards, build_unguards

KIND = "approval"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tampered:
    """Which entry was changed, and how. ``is_fresh`` is false when it had been changed before, and was left so."""

    index: int
    before: str
    after: str
    is_fresh: bool = True


def tamper(root: Path) -> Tampered:
    """Change who approved, in the first stored approval. Raises ``NotFoundError`` where no demo was played."""
    place = Place(root.absolute())
    if not ((place.root / MARK).exists() and place.outcome.exists()):
        raise NotFoundError(f"There is no demo in {place.root}.", remedy="Run `make demo` first.")
    with closing(sqlite3.connect(place.instance / "gate.sqlite", timeout=10)) as database, database:
        database.execute("BEGIN IMMEDIATE")
        index, envelope = _first_approval(database)
        changed, before, after = _forge(envelope)
        if before == after:
            return Tampered(index=index, before=before, after=after, is_fresh=False)
        for statement in build_unguards("sqlite"):
            database.execute(statement)
        database.execute("UPDATE log_entry SET envelope = ? WHERE idx = ?", (changed, index))
        for statement in build_guards("sqlite"):
            database.execute(statement)
    return Tampered(index=index, before=before, after=after)


def _first_approval(database: sqlite3.Connection) -> tuple[int, bytes]:
    row = database.execute("SELECT idx, envelope FROM log_entry WHERE kind = ? ORDER BY idx", (KIND,)).fetchone()
    if row is None:
        raise NotFoundError("The demo's log holds no approval.")
    return int(row[0]), bytes(row[1])


def _forge(envelope: bytes) -> tuple[bytes, str, str]:
    """The same envelope, but somebody else is said to have signed."""
    outer = json.loads(envelope)
    payload = base64.b64decode(outer["payload"])
    reviewer = json.loads(payload)["predicate"]["reviewer"]["displayName"]
    other = "Viktor Hansen"
    forged = payload.replace(json.dumps(reviewer, ensure_ascii=False).encode(), json.dumps(other).encode())
    outer["payload"] = base64.b64encode(forged).decode()
    return json.dumps(outer, sort_keys=True, separators=(",", ":")).encode(), reviewer, other
