"""Text in every script, made drawable: nothing invisible, nothing reordered by stealth.

``visible`` escapes what cannot be seen (controls, bidi overrides, zero-width characters, halves of
surrogate pairs) as ``⟨U+202E⟩`` and normalises to NFC. ``visual`` puts one line into drawing order:
a reduced form of the Unicode bidirectional algorithm (UAX #9 with the base direction of these
English pages, left to right: runs of one direction, neutrals as their neighbours, numbers inside
right-to-left text kept, brackets mirrored; no explicit embeddings, they are escaped), with Arabic
letters in their joined forms. The twin holds the exact text.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_MIRRORED = str.maketrans("()[]{}<>«»", ")(][}{><»«")
_RTL = frozenset({"R", "AL"})
_SHAPED = re.compile("[\u0900-\u109f\u1780-\u17ff]").search
_NUMBERS = frozenset({"EN", "AN", "ES", "CS", "ET"})


def escape(char: str) -> str:
    """How a character that cannot be drawn is shown."""
    return f"⟨U+{ord(char):04X}⟩"


@lru_cache(maxsize=20_000)
def visible(text: str) -> str:
    """``text`` with nothing in it that a reader could not see. Line breaks must be dealt with before."""
    if text.isascii() and text.isprintable():
        return text
    normal = unicodedata.normalize("NFC", text)
    if normal.isprintable():  # all that is hidden is unprintable; of what is unprintable, only spaces are not hidden
        return normal
    return "".join(escape(char) if unicodedata.category(char) in _HIDDEN else char for char in normal)


def is_shaped(text: str) -> bool:
    """Does ``text`` hold letters of a script that needs shaping we do not do (Indic, Thai, Khmer …)?"""
    return _SHAPED(text) is not None


@lru_cache(maxsize=20_000)
def visual(line: str) -> str:
    """One line in drawing order; the same string when all of it runs left to right."""
    if line.isascii() or not any(unicodedata.bidirectional(char) in _RTL for char in line):
        return line
    return "".join(_reversed(text) if rtl else text for text, rtl in _runs(_join_arabic(line)))


def _reversed(text: str) -> str:
    """Right-to-left order; a combining mark stays behind its letter, numbers keep their digits."""
    clusters: list[str] = []
    for char in text:
        joins = unicodedata.combining(char) or (
            clusters and unicodedata.bidirectional(char) in _NUMBERS
            and unicodedata.bidirectional(clusters[-1][-1]) in _NUMBERS
        )  # fmt: skip
        if joins and clusters:
            clusters[-1] += char
        else:
            clusters.append(char)
    return "".join(item.translate(_MIRRORED) for item in reversed(clusters))


def _runs(line: str) -> list[tuple[str, bool]]:
    """Maximal runs of one direction: (text, is right-to-left). Neutrals between unlike runs go left to right."""
    strong: list[bool | None] = []
    for char in line:
        kind = unicodedata.bidirectional(char)
        strong.append(True if kind in _RTL else False if kind == "L" else None)
    before = False
    directions: list[bool] = []
    for place, value in enumerate(strong):
        if value is None:
            after = next((item for item in strong[place:] if item is not None), False)
            value = before and after
        else:
            before = value
        directions.append(bool(value))
    runs: list[tuple[str, bool]] = []
    for char, rtl in zip(line, directions, strict=True):
        if runs and runs[-1][1] == rtl:
            runs[-1] = (runs[-1][0] + char, rtl)
        else:
            runs.append((char, rtl))
    return runs


@cache
def _forms() -> dict[str, dict[str, str]]:
    """Arabic presentation forms from the Unicode database: letter(s) -> {isolated, final, initial, medial}."""
    forms: dict[str, dict[str, str]] = {}
    for code in (*range(0xFB50, 0xFBB2), *range(0xFBD3, 0xFC00), *range(0xFE80, 0xFEFD)):
        kind, *letters = unicodedata.decomposition(chr(code)).split()
        if kind in ("<isolated>", "<final>", "<initial>", "<medial>"):
            base = "".join(chr(int(letter, 16)) for letter in letters)
            forms.setdefault(base, {})[kind[1:-1]] = chr(code)
    return forms


def _join_arabic(line: str) -> str:
    """Each Arabic letter in the form its neighbours ask for; lam-alef as one. Marks are looked through."""
    forms = _forms()
    letters = _units(line, forms)
    out: list[str] = []
    for place, unit in enumerate(letters):
        shapes = forms.get(unit)
        if shapes is None:
            out.append(unit)
            continue
        before = _neighbour(letters, place, -1)
        after = _neighbour(letters, place, 1)
        joins_before = "initial" in forms.get(before, {}) and "final" in shapes
        joins_after = "initial" in shapes and "final" in forms.get(after, {})
        out.append(shapes.get(_form(joins_before, joins_after), unit))
    return "".join(out)


def _form(joins_before: bool, joins_after: bool) -> str:
    if joins_before:
        return "medial" if joins_after else "final"
    return "initial" if joins_after else "isolated"


def _units(line: str, forms: dict[str, dict[str, str]]) -> list[str]:
    units: list[str] = []
    place = 0
    while place < len(line):
        pair = line[place : place + 2]
        is_ligature = pair[:1] == "\u0644" and len(pair) == 2 and pair in forms
        units.append(pair if is_ligature else line[place])
        place += 2 if is_ligature else 1
    return units


def _neighbour(units: list[str], place: int, step: int) -> str:
    place += step
    while 0 <= place < len(units) and unicodedata.combining(units[place][0]):
        place += step
    return units[place] if 0 <= place < len(units) else ""
