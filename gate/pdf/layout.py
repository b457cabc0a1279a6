"""Flow on paper: wrapping, paragraphs, tables that break across pages. Nothing ever overlaps or is cut off.

A ``Flow`` keeps the place on the page and starts the next one when something does not fit. Words
wider than their column (hashes, long names) break between characters. Rows are never split unless
one alone is taller than a page; table heads repeat.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from gate.pdf.engine import (
    ACCENT,
    BOTTOM,
    FULL,
    HAIR,
    INK,
    LEFT,
    MUTED,
    PALE,
    TOP,
    Element,
    Paper,
    Style,
    measure,
)  # fmt: skip
from gate.pdf.scripts import visible

TITLE = Style("bold", 24, 30, ACCENT)
H1 = Style("bold", 15, 20, ACCENT)
H2 = Style("bold", 10.5, 14, INK)
BODY = Style("sans", 9, 12.5)
BODY_BOLD = Style("bold", 9, 12.5)
SMALL = Style("sans", 8, 10.6)
SMALL_BOLD = Style("bold", 8, 10.6)
LABEL = Style("sans", 8, 10.6, MUTED)
HEAD = Style("bold", 7.5, 10, MUTED)
MONO = Style("mono", 7, 10.6)
FINE = Style("sans", 7, 9.5, MUTED)


@lru_cache(maxsize=20_000)
def wrap(text: str, style: Style, width: float) -> tuple[str, ...]:
    """Visible lines no wider than ``width``. Line breaks in ``text`` are kept."""
    lines: list[str] = []
    for part in text.replace("\t", "    ").splitlines() or [""]:
        shown = visible(part)
        if measure(shown, style) <= width:
            lines.append(shown)
        else:
            lines += _wrap_line(shown, style, width)
    return tuple(lines)


def _wrap_line(text: str, style: Style, width: float) -> list[str]:
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        candidate = f"{line} {word}" if line else word
        if measure(candidate, style) <= width:
            line = candidate
            continue
        if line:
            lines.append(line)
        *full, line = _break_word(word, style, width)
        lines += full
    return [*lines, line]


def _break_word(word: str, style: Style, width: float) -> list[str]:
    """Pieces that fit; cut between characters, a combining mark stays with its letter's piece or starts visibly."""
    pieces: list[str] = []
    while measure(word, style) > width:
        count = max(1, int(len(word) * width / measure(word, style)))
        while count > 1 and measure(word[:count], style) > width:
            count -= 1
        while count < len(word) and measure(word[: count + 1], style) <= width:
            count += 1
        if count >= len(word):
            break
        pieces.append(word[:count])
        word = word[count:]
    return [*pieces, word]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table: its share of the width is ``width`` points."""

    title: str
    width: float
    style: Style = SMALL


class Flow:
    """A place on the paper that moves down. ``running`` is drawn at the top of every page."""

    def __init__(self, paper: Paper, running: str) -> None:
        self.paper = paper
        self.running = running
        self.y = TOP

    def start_page(self) -> None:
        self.paper.new_page()
        self.paper.text(LEFT, TOP + 18, self.running, FINE, Element.ARTIFACT)
        self.paper.rule(LEFT, TOP + 12, FULL, HAIR, Element.ARTIFACT)
        self.y = TOP - 8

    def need(self, height: float) -> bool:
        """Start a new page unless ``height`` is left; True when it did."""
        if self.y - height < BOTTOM:
            self.start_page()
            return True
        return False

    def space(self, height: float) -> None:
        self.y -= height

    def heading(self, text: str, *, element: Element = Element.H1, keep: float = 40) -> None:
        style = H1 if element is Element.H1 else H2
        lines = wrap(text, style, FULL)
        self.need(style.leading * len(lines) + keep)
        self.y -= 6 if element is Element.H2 else 0
        self._lines(lines, LEFT, style, element)
        self.y -= 4

    def paragraph(
        self, text: str, style: Style = BODY, *, element: Element = Element.P, indent: float = 0, after: float = 4
    ) -> None:
        for line in wrap(text, style, FULL - indent):
            self.need(style.leading)
            self._lines((line,), LEFT + indent, style, element)
        self.y -= after

    def bullets(self, items: Iterable[str]) -> None:
        for item in items:
            lines = wrap(item, BODY, FULL - 14)
            self.need(BODY.leading * min(len(lines), 4))
            self.paper.text(LEFT + 2, self.y - BODY.size, "•", BODY, Element.LABEL)
            self.paragraph(item, indent=14)

    def _lines(self, lines: Iterable[str], x: float, style: Style, element: Element) -> None:
        for line in lines:
            self.paper.text(x, self.y - style.size, line, style, element)
            self.y -= style.leading

    def pairs(self, rows: Iterable[tuple[str, str, Style]], *, label_width: float = 104, indent: float = 0) -> None:
        """Label and value, one below the other; a value that does not fit its page goes on on the next."""
        x, width = LEFT + indent + label_width, FULL - indent - label_width
        for label, value, style in rows:
            lines = wrap(value, style, width)
            self.need(LABEL.leading * min(len(lines), 6))
            self.paper.text(LEFT + indent, self.y - LABEL.size, label, LABEL, Element.TH)
            for line in lines:
                self.need(style.leading)
                self.paper.text(x, self.y - LABEL.size, line, style, Element.TD)
                self.y -= style.leading

    def table(
        self,
        columns: Sequence[Column],
        rows: Iterable[Sequence[str]],
        *,
        target: Callable[[Sequence[str]], str | None] = lambda row: None,
    ) -> None:
        """A table; ``target`` gives the anchor a row's first cell jumps to."""
        self._table_head(columns)
        for row in rows:
            cells = [wrap(cell, column.style, column.width - 6) for cell, column in zip(row, columns, strict=True)]
            self._table_row(columns, cells, target(row))
        self.y -= 6

    def _table_head(self, columns: Sequence[Column]) -> None:
        self.need(50)
        self.paper.fill(LEFT, self.y - 13, FULL, 14, PALE, Element.ARTIFACT)
        x = LEFT
        for column in columns:
            self.paper.text(x + 3, self.y - 9, column.title, HEAD, Element.TH)
            x += column.width
        self.y -= 15

    def _table_row(self, columns: Sequence[Column], cells: Sequence[Sequence[str]], target: str | None) -> None:
        leading = max(column.style.leading for column in columns)
        count = max(map(len, cells))
        page_lines = int((TOP - BOTTOM - 60) / leading)
        for start in range(0, count, page_lines):
            chunk = [cell[start : start + page_lines] for cell in cells]
            height = leading * max(map(len, chunk)) + 4
            if self.y - height < BOTTOM:
                self.start_page()
                self._table_head(columns)
            self._draw_cells(columns, chunk, leading)
            if target is not None:
                self.paper.link(LEFT, self.y - height + 2, columns[0].width, height, target, "".join(cells[0]))
            self.y -= height
            self.paper.rule(LEFT, self.y + 1, FULL, HAIR, Element.ARTIFACT, 0.4)

    def _draw_cells(self, columns: Sequence[Column], chunk: Sequence[Sequence[str]], leading: float) -> None:
        x = LEFT
        for column, lines in zip(columns, chunk, strict=True):
            y = self.y - column.style.size - 2
            for line in lines:
                self.paper.text(x + 3, y, line, column.style, Element.TD)
                y -= leading
            x += column.width
