"""Fonts from the system's packages, found once a process, and which of them has a character.

Rules: a missing font is an outage with the line that installs it, never another font silently; a
character that no font here has is drawn as ``⟨U+20BB7⟩``, never as a blank (a printed name is what
21 CFR 11.50 asks for). Only TrueType outlines: reportlab takes no others. Letter joining is done for
Arabic (``scripts.py``); other scripts that need shaping are drawn letter by letter, and the pack says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from reportlab.pdfbase.ttfonts import TTFError, TTFont

from gate.domain.errors import UnavailableError

ROOTS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"))
INSTALL = "Install them: apt-get install -y fonts-noto-core fonts-dejavu-core"
FACES = {
    "sans": "NotoSans-Regular.ttf",
    "bold": "NotoSans-Bold.ttf",
    "mono": "DejaVuSansMono.ttf",
    "symbols": "DejaVuSans.ttf",
}
FALLBACKS = (
    *(
        f"NotoSans{script}-Regular.ttf"
        for script in (
            "Arabic", "Hebrew", "Devanagari", "Thai", "Armenian", "Georgian", "Bengali", "Tamil", "Telugu", "Gujarati",
            "Gurmukhi", "Kannada", "Malayalam", "Sinhala", "Khmer", "Lao", "Myanmar", "Ethiopic", "Symbols", "Symbols2",
        )
    ),
    "DejaVuSans.ttf",
    "wqy-microhei.ttc",
)  # fmt: skip
REQUIRED = (
    *FACES.values(),
    *(f"NotoSans{script}-Regular.ttf" for script in ("Arabic", "Hebrew", "Devanagari", "Thai")),
)


class Face:
    """One font file: widths in em, and the characters it can draw."""

    def __init__(self, path: Path) -> None:
        try:
            self.font = TTFont(path.stem, str(path))
        except TTFError as error:
            raise UnavailableError(
                f"The font {path.name} cannot be read.", code="misconfigured", remedy=INSTALL
            ) from error
        self.name = path.stem
        self.glyphs: dict[int, int] = self.font.face.charToGlyph
        _mend_advances(self.font.face.hmetrics)
        widths = self.font.face.charWidths
        default = self.font.face.defaultWidth
        self._widths: dict[int, float] = {code: widths.get(code, default) / 1000 for code in self.glyphs}
        self.ascii = [self._widths.get(code, 0.0) for code in range(128)]
        pitches = {self.ascii[code] for code in range(32, 127)}
        self._pitch = pitches.pop() if len(pitches) == 1 else None

    def has(self, char: str) -> bool:
        return ord(char) in self.glyphs

    def width(self, text: str) -> float:
        """Width in em; every character must be one the face has."""
        if text.isascii():
            if self._pitch is not None:
                return len(text) * self._pitch
            return sum(map(self.ascii.__getitem__, text.encode()))
        return sum(map(self._widths.__getitem__, map(ord, text)))


def _mend_advances(metrics: list[Any]) -> None:
    """Glyphs beyond the metrics table share its last advance (OpenType hmtx); reportlab stores it scaled, a float."""
    for place, (advance, bearing) in enumerate(metrics):
        if place and type(advance) is float:
            metrics[place] = (metrics[place - 1][0], bearing)


@cache
def find_fonts(roots: tuple[Path, ...] = ROOTS) -> dict[str, Path]:
    """Font files by name; where two have one name the first in path order counts."""
    found: dict[str, Path] = {}
    for root in roots:
        for path in sorted(root.rglob("*.tt[fc]")):
            found.setdefault(path.name, path)
    return found


@cache
def load_face(name: str, roots: tuple[Path, ...] = ROOTS) -> Face:
    """One of ``FACES``, or a fallback by file name. ``UnavailableError`` (misconfigured) when it is not installed."""
    return _load_file(FACES.get(name, name), roots)


@cache
def _load_file(file: str, roots: tuple[Path, ...]) -> Face:
    """Each file once: two faces of one name would mix up their characters in the document."""
    path = find_fonts(roots).get(file)
    if path is None:
        missing = [item for item in REQUIRED if item not in find_fonts(roots)] or [file]
        raise UnavailableError(
            f"Fonts that the evidence pack needs are not installed: {', '.join(missing)}.",
            code="misconfigured",
            remedy=INSTALL,
        )
    return Face(path)


def verify_fonts(roots: tuple[Path, ...] = ROOTS) -> None:
    """Raise unless every required font is there; called before anything is drawn."""
    for file in REQUIRED:
        if file not in find_fonts(roots):
            load_face(file, roots)


@cache
def find_fallback(char: str) -> Face | None:
    """The first installed fallback that has ``char``; None means it must be escaped."""
    return next((face for face in _fallbacks() if face.has(char)), None)


def _fallbacks() -> Iterator[Face]:
    installed = find_fonts()
    return (load_face(file) for file in FALLBACKS if file in installed)
