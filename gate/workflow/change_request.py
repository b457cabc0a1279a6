"""The change request a contribution names: in its branch, its title or a commit's subject.

A policy gives patterns an id must match as a whole. Words are looked at one by one, and a word like
``CR-1042-retry-limit`` also by its beginnings up to each dash, longest first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from gate.policy.id_pattern import is_id

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,80}")


def find_change_request(patterns: Iterable[str], texts: Iterable[str]) -> str | None:
    """The first id in ``texts`` that every pattern matches whole; None without patterns or match."""
    asked = tuple(patterns)
    if not asked:
        return None
    for text in texts:
        for candidate in _candidates(text):
            if all(is_id(pattern, candidate) for pattern in asked):
                return candidate
    return None


def _candidates(text: str) -> Iterator[str]:
    for word in _WORD.findall(text[:1000]):
        pieces = word.split("-")
        for length in range(len(pieces), 0, -1):
            yield "-".join(pieces[:length])
