"""Names in every script: nothing invisible, right to left where it must be."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.pdf.engine import Style, measure
from gate.pdf.layout import wrap
from gate.pdf.scripts import visible, visual

STYLE = Style("sans", 8, 10)


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("Anna", "Anna"),
        ("שרה כהן", "ןהכ הרש"),
        ("שרה כהן (login sarah)", "ןהכ הרש (login sarah)"),
        ("by שרה, then אב.", "by הרש, then בא."),
        ("שרה 12 כהן", "ןהכ 12 הרש"),
        ("שרה (אב) כהן", "ןהכ (בא) הרש"),
        ("محمد", "\ufeaa\ufee4\ufea4\ufee3"),
        ("لا", "\ufefb"),
    ],
)
def test_drawing_order(text: str, drawn: str) -> None:
    assert visual(text) == drawn


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\u202eb", "a⟨U+202E⟩b"),
        ("a\u200bb", "a⟨U+200B⟩b"),
        ("a\x00\x1b[31m", "a⟨U+0000⟩⟨U+001B⟩[31m"),
        ("e\u0301", "é"),
        ("\ue000", "⟨U+E000⟩"),
    ],
)
def test_invisible_is_shown(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(st.text(max_size=40))
def test_drawing_loses_no_letter(text: str) -> None:
    """Mirrored brackets and joined forms apart, the same characters are drawn."""
    line = visible(text)
    brackets = str.maketrans("[]{}<>«»)", "((((((((("[:9])

    def letters(value: str) -> list[str]:
        return sorted(unicodedata.normalize("NFKD", value).translate(brackets))

    assert letters(visual(line)) == letters(line)


@given(st.text(max_size=300), st.integers(30, 400))
def test_wrapped_lines_fit_and_lose_nothing(text: str, width: int) -> None:
    lines = wrap(text, STYLE, width)
    assert all(len(line) <= 1 or measure(line, STYLE) <= width + 0.01 for line in lines)
    kept = "".join("".join(lines).split())
    expected = "".join("".join(visible(part) for part in text.replace("\t", "    ").splitlines()).split())
    assert kept == expected
