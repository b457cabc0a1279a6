"""The drawing engine: pages of positioned text and rules, straight onto the canvas.

A page is one text object and one graphics block, written as operators; that is what makes a
thousand pages a second possible. Every drawing call names the ``Element`` it is part of, so that
tagging needs no second look at the callers. Units are points from the lower left corner. Pages
stay in memory until ``finish``: only then is "page x of y" known. Layout (tables, wrapping) is
``layout.py``.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

from reportlab import rl_config
from reportlab.pdfbase import pdfdoc, pdfmetrics
from reportlab.pdfgen.canvas import Canvas

from gate.pdf.conform import Attachment, attach, conform, set_instant
from gate.pdf.field import reserve_seal
from gate.pdf.fonts import Face, find_fallback, load_face, verify_fonts
from gate.pdf.scripts import escape, visible, visual

WIDTH, HEIGHT = 595.28, 841.89
LEFT, RIGHT, TOP, BOTTOM = 51.0, 544.28, 790.0, 56.0
FULL = RIGHT - LEFT


class Element(StrEnum):
    """What a piece of the page is (PDF structure types; ARTIFACT is what readers skip)."""

    DOCUMENT = "Document"
    H1 = "H1"
    H2 = "H2"
    P = "P"
    TH = "TH"
    TD = "TD"
    LABEL = "Lbl"
    CODE = "Code"
    LINK = "Link"
    FIGURE = "Figure"
    ARTIFACT = "Artifact"


@dataclass(frozen=True, slots=True, eq=False)
class Colour:
    """Device RGB, 0 to 1. Compared by identity, like styles: they are constants, looked up for every word drawn."""

    red: float
    green: float
    blue: float
    operands: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "operands", f"{self.red:.3f} {self.green:.3f} {self.blue:.3f}")


INK = Colour(0.11, 0.13, 0.16)
MUTED = Colour(0.38, 0.43, 0.48)
ACCENT = Colour(0.10, 0.29, 0.47)
HAIR = Colour(0.82, 0.85, 0.88)
PALE = Colour(0.955, 0.965, 0.975)
GOOD = Colour(0.09, 0.42, 0.20)
BAD = Colour(0.70, 0.12, 0.12)
CAUTION = Colour(0.55, 0.36, 0.02)


@dataclass(frozen=True, slots=True, eq=False)
class Style:
    """``face`` is one of ``fonts.FACES``; ``leading`` the distance of base lines."""

    face: str
    size: float
    leading: float
    colour: Colour = INK


@dataclass(slots=True)
class Page:
    """One page being drawn. ``elements`` is what was drawn, in reading order (for tagging)."""

    text: list[str] = field(default_factory=list)
    graphics: list[str] = field(default_factory=list)
    elements: list[Element] = field(default_factory=list)
    links: list[tuple[float, float, float, float, str, str]] = field(default_factory=list)
    anchors: list[str] = field(default_factory=list)
    pen: str = ""


@dataclass(frozen=True, slots=True)
class Bookmark:
    title: str
    key: str
    level: int


@lru_cache(maxsize=50_000)
def split_faces(text: str, face: str) -> tuple[tuple[Face, str], ...]:
    """``text`` (in drawing order) as pieces of one face each; what no face has becomes a visible escape."""
    first, symbols = load_face(face), load_face("symbols")
    pieces: list[tuple[Face, str]] = []
    for char in text:
        use, drawn = first, char
        if not first.has(char):
            fallback = find_fallback(char)
            use, drawn = (symbols, escape(char)) if fallback is None else (fallback, char)
        if pieces and pieces[-1][0] is use:
            pieces[-1] = (use, pieces[-1][1] + drawn)
        else:
            pieces.append((use, drawn))
    return tuple(pieces)


def measure(text: str, style: Style) -> float:
    """Width in points of visible text."""
    if text.isascii():
        return load_face(style.face).width(text) * style.size
    return sum(face.width(piece) for face, piece in split_faces(visual(text), style.face)) * style.size


def _open_canvas(out: io.BytesIO, font: str) -> Any:
    """An untyped canvas: its stubs know neither the names this engine sets nor those it reads."""
    options: dict[str, Any] = {"pageCompression": 1, "invariant": 1, "pdfVersion": (1, 7), "lang": "en"}
    options["initialFontName"] = font
    return Canvas(out, pagesize=(WIDTH, HEIGHT), **options)


_BOX = f"[0 0 {WIDTH} {HEIGHT}]"


def _share_resources(document: Any) -> Any:
    """One object for the resources of all pages: they use the same fonts, and nothing else."""
    resources = pdfdoc.PDFResourceDictionary()
    resources.basicFonts()
    return document.Reference(resources)


class _OtherSubsetError(Exception):
    """A character whose code is not in the first subset of its face."""


class _Codes(dict[int, str]):
    """Characters of one face as they stand in a string of this document, as long as one subset (256) holds them all."""

    def __init__(self, face: Face, document: Any) -> None:
        super().__init__()
        self._face, self._document = face, document

    def __missing__(self, char: int) -> str:
        ((subset, code),) = self._face.font.splitString(chr(char), self._document)
        if subset != 0:
            raise _OtherSubsetError
        written = self[char] = _escape(code.decode("latin-1"))
        return written


class _Link(pdfdoc.PDFObject):
    """A link annotation (ISO 32000-1 §12.5.6.5), written in one piece: a pack has thousands."""

    __RefOnly__ = 1

    def __init__(self, corners: str, target: Any, words: str) -> None:
        self._corners, self._target, self._words = corners, target, words

    def format(self, document: Any) -> bytes:
        words = pdfdoc.PDFString(self._words).format(document)
        target = self._target.format(document)
        head = f"<< /Type /Annot /Subtype /Link /F 4 /Border [0 0 0] /Rect [{self._corners}]".encode()
        return b"%b /Dest %b /Contents %b >>" % (head, target, words)


class Paper:
    """A document in the making."""

    def __init__(self, at: datetime) -> None:
        verify_fonts()
        rl_config.useA85 = 0
        base = load_face("sans").font
        pdfmetrics.registerFont(base)
        self.at = at
        self._out = io.BytesIO()
        self._canvas = _open_canvas(self._out, base.fontName)
        self._canvas._preamble = ""
        set_instant(self._canvas, at)
        self._resources = _share_resources(self._canvas._doc)
        self._names: dict[tuple[str, int], str] = {}
        self._codes: dict[Face, _Codes] = {}
        self._pens: dict[Style, str] = {}
        self._drawn: dict[tuple[str, Style], tuple[tuple[str, str], ...]] = {}
        self.pages: list[Page] = []
        self.bookmarks: list[Bookmark] = []
        self.page = self.new_page()

    def new_page(self) -> Page:
        self.page = Page()
        self.pages.append(self.page)
        return self.page

    def text(self, x: float, y: float, text: str, style: Style, element: Element) -> None:
        """Draw one line of visible text with its base line at ``y``."""
        page = self.page
        page.elements.append(element)
        if not text:
            return
        place = f"1 0 0 1 {x:.2f} {y:.2f} Tm"
        if text.isascii():  # ASCII stands for itself in the first subset of every face
            pen = self._pens.get(style) or self._plain_pen(style)
            if page.pen != pen:
                page.text.append(pen)
                page.pen = pen
            page.text.append(f"{place} ({text if _NEEDS_ESCAPE(text) is None else _escape(text)}) Tj")
            return
        for pen, shown in self._runs(text, style):
            if page.pen != pen:
                page.text.append(pen)
                page.pen = pen
            page.text.append(f"{place} ({shown}) Tj")
            place = ""

    def _plain_pen(self, style: Style) -> str:
        pen = self._pens[style] = self._pen(load_face(style.face), 0, style)
        return pen

    def _runs(self, text: str, style: Style) -> tuple[tuple[str, str], ...]:
        """(pen, escaped string) pairs of a text in any script; names come back on every page, so they are kept."""
        key = (text, style)
        runs = self._drawn.get(key)
        if runs is None:
            runs = self._drawn[key] = tuple(self._encode(text, style))
        return runs

    def _encode(self, text: str, style: Style) -> Iterator[tuple[str, str]]:
        document = self._canvas._doc
        for face, piece in split_faces(visual(text), style.face):
            codes = self._codes.get(face) or self._codes.setdefault(face, _Codes(face, document))
            try:
                yield self._pen(face, 0, style), piece.translate(codes)
            except _OtherSubsetError:
                for subset, written in face.font.splitString(piece, document):
                    yield self._pen(face, subset, style), _escape(written.decode("latin-1"))

    def _pen(self, face: Face, subset: int, style: Style) -> str:
        return f"{self._font_name(face, subset)} {style.size:g} Tf {style.colour.operands} rg"

    def _font_name(self, face: Face, subset: int) -> str:
        key = (face.name, subset)
        if key not in self._names:
            document = self._canvas._doc
            if subset == 0:
                face.font.splitString(" ", document)
            self._names[key] = face.font.getSubsetInternalName(subset, document)
        return self._names[key]

    def rule(self, x: float, y: float, width: float, colour: Colour, element: Element, weight: float = 0.5) -> None:
        """A horizontal line."""
        self.page.elements.append(element)
        self.page.graphics.append(f"{colour.operands} RG {weight:g} w {x:.2f} {y:.2f} m {x + width:.2f} {y:.2f} l S")

    def fill(self, x: float, y: float, width: float, height: float, colour: Colour, element: Element) -> None:
        """A filled rectangle, its lower left corner at (x, y)."""
        self.page.elements.append(element)
        self.page.graphics.append(f"{colour.operands} rg {x:.2f} {y:.2f} {width:.2f} {height:.2f} re f")

    def link(self, x: float, y: float, width: float, height: float, target: str, words: str) -> None:
        """A jump to the anchor ``target``, which must be set before ``finish``."""
        self.page.elements.append(Element.LINK)
        self.page.links.append((x, y, x + width, y + height, target, words))

    def anchor(self, key: str, *, title: str | None = None, level: int = 0) -> int:
        """Name this page ``key``, with a bookmark if it has a title; returns the page number from 1."""
        self.page.anchors.append(key)
        if title is not None:
            self.bookmarks.append(Bookmark(visible(title), key, level))
        return len(self.pages)

    def finish(self, title: str, subject: str, attachments: Sequence[Attachment]) -> bytes:
        """Write all pages, bookmarks and attachments; the paper cannot be used again."""
        canvas = self._canvas
        for bookmark in self.bookmarks:
            canvas.addOutlineEntry(bookmark.title, bookmark.key, bookmark.level, closed=bookmark.level > 0)
        canvas.showOutline()
        reserve_seal(canvas)
        for page in self.pages:
            self._emit(page)
        attach(canvas, attachments, self.at)
        conform(canvas, title, subject, self.at)
        canvas._code = []
        canvas.save()
        return self._out.getvalue()

    def _emit(self, page: Page) -> None:
        canvas = self._canvas
        for key in page.anchors:
            canvas.bookmarkPage(key)
        for left, bottom, right, top, target, words in page.links:
            corners = f"{left:.2f} {bottom:.2f} {right:.2f} {top:.2f}"
            canvas._addAnnotation(_Link(corners, canvas._bookmarkReference(target), words))
        canvas._code = [*page.graphics, "BT", *page.text, "ET"]
        canvas.showPage()
        drawn = canvas._doc.Pages.pages[-1]
        drawn.MediaBox, drawn.Resources, drawn.Trans = _BOX, self._resources, None


_NEEDS_ESCAPE = re.compile(r"[^ -'*-\[\]-~]").search


def _escape(text: str) -> str:
    """A PDF literal string (ISO 32000-1 §7.3.4.2); bytes above 127 are octal so the stream stays ASCII."""
    if _NEEDS_ESCAPE(text) is None:
        return text
    return text.translate(_ESCAPES)


_ESCAPES = {code: f"\\{code:03o}" for code in range(256) if code < 32 or code > 126 or chr(code) in "()\\"}
