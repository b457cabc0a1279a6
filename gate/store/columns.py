"""Column types that read back the same from SQLite and from PostgreSQL.

Rules: a time is an aware UTC ``datetime`` on both sides of the database; a digest is exactly 32
bytes. What a value means is the table's business (``gate/store/tables.py``).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Integer, LargeBinary, String, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

from gate.domain.clock import format_instant, parse_instant

DIGEST_BYTES = 32

Big = BigInteger().with_variant(Integer(), "sqlite")
"""64-bit on both: SQLite's INTEGER is, and only that spelling can be its row id."""


class UtcDateTime(TypeDecorator[datetime]):
    """``timestamptz`` on PostgreSQL; fixed-width RFC 3339 text on SQLite, so that text order is time order."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String(27))
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive time has no meaning in the record; use an aware UTC datetime")
        return format_instant(value) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if isinstance(value, str):
            return parse_instant(value)
        found: datetime = value
        return found.astimezone(UTC)


class Digest(TypeDecorator[bytes]):
    """A SHA-256 digest: 32 bytes or nothing. Refusing here keeps hex text out of binary columns."""

    impl = LargeBinary(DIGEST_BYTES)
    cache_ok = True

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        if value is not None and len(value) != DIGEST_BYTES:
            raise ValueError(f"a digest is {DIGEST_BYTES} bytes, not {len(value)}")
        return value

    def process_result_value(self, value: Any, dialect: Dialect) -> bytes | None:
        return None if value is None else bytes(value)


class Words(TypeDecorator[tuple[str, ...]]):
    """A list of words as JSON; NULL is "nobody said", which is no empty list."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Sequence[str] | None, dialect: Dialect) -> str | None:
        return None if value is None else json.dumps(list(value))

    def process_result_value(self, value: Any, dialect: Dialect) -> tuple[str, ...] | None:
        return None if value is None else tuple(json.loads(value))
