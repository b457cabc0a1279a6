"""Answers and tokens of the API, recalled while nothing was recorded since (``recall.py``): each call asks for the
size of the log and, when it moved, everything anew.

An answer is recalled only when it is the recorded decision's, for at most ``MOST_SECONDS``, never past its
``valid_until`` or its verdict's last instant: what was worked out live, errors, unknown and stale never are.
A token's expiry is looked at every time; one that was not found, has expired or was revoked is never recalled.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from gate.domain.clock import parse_instant
from gate.store.tokens import TokenRow
from gate.store.watermark import log_size
from gate.workflow.shown import AnswerShown
from gate.workflow.verdict import EXTENSION

if TYPE_CHECKING:
    from gate.workflow.parts import Parts

MOST_SECONDS: Final = 5


def recall_answer(
    parts: Parts, key: tuple[str, str, str | None], read: Callable[[], AnswerShown], size: int | None
) -> AnswerShown:
    """The answer to ``key`` (repository, commit, target), or what ``read`` works out.

    ``size`` is the log's if this very request has just asked for it; None asks now.
    """
    now = parts.clock.now()
    size = log_size(parts.engine) if size is None else size
    return parts.answers.get(key, size, now, read, lambda answer: _answer_until(answer, now))


def recall_token(
    parts: Parts, secret_sha256: bytes, read: Callable[[], TokenRow | None]
) -> tuple[TokenRow | None, int]:
    """The token with this secret, live or not, or what ``read`` finds; and the log's size, asked before."""
    now, size = parts.clock.now(), log_size(parts.engine)
    return parts.tokens.get(secret_sha256, size, now, read, lambda row: _token_until(row, now)), size


def _answer_until(answer: AnswerShown, now: datetime) -> datetime | None:
    """The earliest of: a few seconds, the decision's end, the verdict's end. None: not to be recalled."""
    valid_until = answer.body.get("valid_until")
    if not answer.is_recorded or not isinstance(valid_until, str):
        return None
    ends = [now + timedelta(seconds=MOST_SECONDS), parse_instant(valid_until)]
    verdict = answer.body.get("verdict")
    if isinstance(verdict, dict):
        statement: Any = json.loads(base64.b64decode(verdict["payload"]))
        ends.append(parse_instant(statement["predicate"][EXTENSION]["notAfter"]))
    return min(ends)


def _token_until(row: TokenRow | None, now: datetime) -> datetime | None:
    if row is None or not row.is_live(now):
        return None
    until = now + timedelta(seconds=MOST_SECONDS)
    return until if row.expires_at is None else min(until, row.expires_at)
