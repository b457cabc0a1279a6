"""The tables of ``housekeeping``: sessions, throttles, outbox, caches.

Rule: nothing here is evidence and all of it may be lost. They live in the same database as the
record so that a job can be written in the transaction of the entry that asks for it.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, MetaData, PrimaryKeyConstraint, String, Table, Text

from gate.store.columns import Big, Digest, UtcDateTime
from gate.store.tables import ID, KEY, NAMES, REF, may, must

housekeeping = MetaData(naming_convention=NAMES)

web_session = Table(
    "web_session",
    housekeeping,
    Column("id_sha256", Digest, primary_key=True),
    must("person", String(KEY)),
    must("login", String(REF)),
    must("data", Text),
    must("created_at", UtcDateTime),
    must("seen_at", UtcDateTime),
    must("expires_at", UtcDateTime),
    Index(None, "expires_at"),
    Index(None, "person"),
)

throttle = Table(
    "throttle",
    housekeeping,
    Column("key", String(REF), primary_key=True),
    must("failures", Integer),
    must("first_at", UtcDateTime),
    must("last_at", UtcDateTime),
    may("locked_until", UtcDateTime),
)

outbox = Table(
    "outbox",
    housekeeping,
    Column("id", Big, primary_key=True, autoincrement=True),
    must("kind", String(ID)),
    must("payload", Text),
    must("not_before", UtcDateTime),
    Column("attempts", Integer, nullable=False, server_default="0"),
    may("last_error", Text),
    may("done_at", UtcDateTime),
    Index(None, "done_at", "not_before"),
)

hint_seen = Table(
    "hint_seen",
    housekeeping,
    must("source", String(REF)),
    must("delivery_id", String(REF)),
    must("seen_at", UtcDateTime),
    PrimaryKeyConstraint("source", "delivery_id"),
    Index(None, "seen_at"),
)

hint_refused = Table(
    "hint_refused",
    housekeeping,
    must("source", String(REF)),
    must("minute", UtcDateTime),
    must("count", Integer),
    must("recorded", Boolean),
    PrimaryKeyConstraint("source", "minute"),
)

freshness = Table(
    "freshness",
    housekeeping,
    must("repository", String(ID)),
    must("number", Integer),
    must("decision_digest", Digest),
    must("checked_at", UtcDateTime),
    must("valid_until", UtcDateTime),
    PrimaryKeyConstraint("repository", "number"),
    Index(None, "valid_until"),
)
