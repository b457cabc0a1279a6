"""Small words of English that every room writes alike."""

from __future__ import annotations


def count_words(number: int, one: str, many: str = "") -> str:
    """ "1 policy", "2 policies": the number and the noun that fits it. ``many`` is ``one`` + s unless given."""
    return f"{number} {one if number == 1 else many or one + 's'}"
