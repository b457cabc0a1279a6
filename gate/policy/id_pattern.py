"""Patterns of ids that people type (change requests, incidents): a policy writes them, the gate tries them on anything.

RE2's expressions, which take time in proportion to the text: no pattern and no id can hold anybody up. They know no
look-around and no back-references. A pattern must match a whole id.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import re2

MAX_ID = 200


def check_id_pattern(pattern: str) -> str | None:
    """What is wrong with a pattern, as a half-sentence, or None."""
    try:
        _matcher(pattern)
    except re2.error as error:
        [why] = error.args
        return why.decode(errors="replace") if isinstance(why, bytes) else str(why)
    return None


def is_id(pattern: str, text: str) -> bool:
    """Whether all of ``text`` matches; nothing above ``MAX_ID`` characters does."""
    return len(text) <= MAX_ID and _matcher(pattern)(text)


@lru_cache(maxsize=1024)
def _matcher(pattern: str) -> Callable[[str], bool]:
    options = re2.Options()
    options.log_errors = False
    whole = re2.compile(pattern, options).fullmatch
    return lambda text: whole(text) is not None
