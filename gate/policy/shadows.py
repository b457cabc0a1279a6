"""Whether path patterns are entirely taken by others, told without listing paths.

``is_taken`` tries witnesses: paths made from a pattern with names that stand in no pattern, at several depths. Who
matches them all matches whatever the pattern does, as far as gitignore patterns can say. A pattern with ``?`` or ``[``
counts as taken only by itself. It may miss a shadow; it reports none that is not there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gate.policy.paths import path_matcher

_NAMES = ("\u03b6a", "\u03be.\u03c8", "\u03c7")
_DEPTHS = (0, 1, 2, 5)


def is_taken(pattern: str, by: Iterable[str]) -> bool:
    """Whether every path that ``pattern`` matches is matched by one of ``by``."""
    others = tuple(by)
    if pattern in others:
        return True
    if not others or any(character in pattern for character in "?[\\"):
        return False
    matches = path_matcher(others)
    return all(matches(witness) for witness in _witnesses(pattern))


def _witnesses(pattern: str) -> Iterator[str]:
    is_anchored = "/" in pattern.rstrip("/")
    body = pattern.strip("/")
    starts = ("",) if is_anchored else ("", f"{_NAMES[0]}/", f"{_NAMES[0]}/{_NAMES[1]}/")
    # What a pattern names may be a file or a folder; what ends in a slash or in ** is inside a folder.
    ends = (f"/{_NAMES[2]}", f"/{_NAMES[2]}/{_NAMES[0]}") if pattern.endswith("/") else ("", f"/{_NAMES[2]}")
    for start in starts:
        for middle in _expand(body.split("/")):
            for end in ends:
                yield f"{start}{middle}{end}"


def _expand(parts: list[str]) -> list[str]:
    """``**`` as nothing, one, two and five folders (at the end: at least one name), ``*`` as names."""
    found: list[list[str]] = [[]]
    for number, part in enumerate(parts):
        is_last = number == len(parts) - 1
        if part == "**":
            depths = [depth + 1 for depth in _DEPTHS] if is_last else list(_DEPTHS)
            choices = [[_NAMES[at % 3] for at in range(depth)] for depth in depths]
        elif "*" in part:
            choices = [[part.replace("*", name)] for name in _NAMES] + (
                [[part.replace("*", "")]] if part != "*" else []
            )
        else:
            choices = [[part]]
        found = [[*head, *choice] for head in found for choice in choices][:512]
    return ["/".join(names) for names in found]
