"""Strict YAML 1.2: text to plain values, and the line each of them stands on.

Refused with file and line: anything but UTF-8, more than 256 kB, tabs, characters that nobody sees (also as escapes), a
second document, anchors and aliases (so no alias bombs), tags, duplicate keys, keys that are not words, nesting deeper
than 24. ``no`` and ``on`` are plain words (YAML 1.2 core schema), dates stay text. Shape is ``shape.py``'s business.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from gate.domain.errors import InputError
from gate.policy.source_fast import read_plain

MAX_BYTES = 256_000
MAX_DEPTH = 24

Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A parsed file: plain values, and the 1-based line of every place (keys and list items)."""

    name: str
    value: Any
    lines: Mapping[Place, int]

    def line_of(self, place: Place) -> int:
        """The line of ``place``, or of the nearest thing around it that is written down."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)

    def error(self, place: Place, message: str, remedy: str = "") -> InputError:
        return InputError(message, file=self.name, line=self.line_of(place), remedy=remedy)


def parse_source(name: str, text: str | bytes) -> Source:
    """``text`` as strict YAML. Raises ``InputError`` with file and line, and nothing else."""
    decoded = _decode(name, text)
    return _read_cached(name, hashlib.sha256(decoded.encode()).digest(), _Text(decoded))


@dataclass(frozen=True, slots=True)
class _Text:
    """A file's text beside its digest: the digest is what tells two of them apart."""

    text: str = field(compare=False)


@lru_cache(maxsize=512)
def _read_cached(name: str, digest: bytes, given: _Text) -> Source:
    """Nobody changes a ``Source``, so whoever reads the same text again gets the same one."""
    plain = read_plain(given.text, _plain, MAX_DEPTH)
    if plain is not None:
        return Source(name=name, value=plain[0], lines=plain[1])
    return _read_strictly(name, given.text)


def _read_strictly(name: str, decoded: str) -> Source:
    yaml = YAML(typ="safe", pure=True)
    yaml.version = (1, 2)
    try:
        reader = _Reader(name=name, events=yaml.parse(decoded))
        value = reader.read_document()
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
        raise InputError(
            f"This is not valid YAML: {error.problem or error.context or 'unreadable'}.",
            file=name,
            line=line,
            remedy="Check indentation, colons and quotes on this line and the one before.",
        ) from error
    except (YAMLError, ValueError, OverflowError, RecursionError) as error:  # \UFFFFFFFF overflows
        raise InputError(
            "This is not valid YAML: it holds characters or nesting that YAML does not allow.",
            file=name,
            line=1,
            remedy="Save it as plain UTF-8 text.",
        ) from error
    return Source(name=name, value=value, lines=reader.lines)


def _decode(name: str, text: str | bytes) -> str:
    try:
        raw = text if isinstance(text, bytes) else text.encode("utf-8")
        decoded = raw.decode("utf-8")
    except UnicodeError as error:
        raise InputError("The file is not UTF-8.", file=name, line=1, remedy="Save it as UTF-8.") from error
    if len(raw) > MAX_BYTES:
        raise InputError(
            f"The file has {len(raw):,} bytes; at most {MAX_BYTES:,} are read.",
            file=name,
            line=1,
            remedy="Split it into several policies.",
        )
    for number, line in enumerate(decoded.removeprefix("\ufeff").split("\n"), start=1):
        if "\t" in line:
            raise InputError(
                "There is a tab on this line.",
                file=name,
                line=number,
                remedy="Indent with spaces; write \\t inside double quotes if you mean one.",
            )
        if (unseen := find_unseen(line)) is not None:
            said, remedy = _say_unseen(unseen)
            raise InputError(said, file=name, line=number, remedy=remedy)
    return decoded


@dataclass(slots=True, kw_only=True)
class _Reader:
    """Builds values straight from parser events, so nothing is ever composed that is not allowed."""

    name: str
    events: Iterator[Event]
    lines: dict[Place, int] = field(default_factory=dict)

    def read_document(self) -> Any:
        next(self.events)  # the start of the stream
        if isinstance(next(self.events), StreamEndEvent):
            raise self._error(1, "The file is empty.", "Start with `apiVersion: gate/v1`.")
        event = next(self.events)
        self.lines[()] = _line(event)
        value = self._value(event, ())
        next(self.events)  # the end of the document
        after = next(self.events)
        if not isinstance(after, StreamEndEvent):
            raise self._error(
                _line(after), "A second document starts here.", "One file holds one; make it a file of its own."
            )
        return value

    def _value(self, event: Event, place: Place) -> Any:
        self._refuse(event, place)
        if isinstance(event, MappingStartEvent):
            return self._mapping(place)
        if isinstance(event, SequenceStartEvent):
            return self._sequence(place)
        if not isinstance(event, ScalarEvent):
            raise self._error(_line(event), "This is not text.", "Write plain characters.")
        self._refuse_unseen(event)
        return _scalar(event)

    def _refuse_unseen(self, event: ScalarEvent) -> None:
        if (unseen := find_unseen(event.value)) is not None:
            raise self._error(_line(event), *_say_unseen(unseen))

    def _refuse(self, event: Event, place: Place) -> None:
        line = _line(event)
        if isinstance(event, AliasEvent) or getattr(event, "anchor", None) is not None:
            mend = 'Write the value out in full; put a text that starts with & or * in "quotes".'
            raise self._error(line, "Anchors (&) and aliases (*) are not allowed.", mend)
        if getattr(event, "ctag", None) is not None:
            mend = 'Write the plain value; put a text that starts with ! in "quotes".'
            raise self._error(line, "Tags (!) are not allowed.", mend)
        if len(place) > MAX_DEPTH:
            raise self._error(line, f"Nested deeper than {MAX_DEPTH} levels.", "Flatten it.")

    def _sequence(self, place: Place) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self.events), SequenceEndEvent):
            inner = (*place, len(items))
            self.lines[inner] = _line(event)
            items.append(self._value(event, inner))
        return items

    def _mapping(self, place: Place) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(event := next(self.events), MappingEndEvent):
            line = _line(event)
            self._refuse(event, place)
            if not isinstance(event, ScalarEvent):
                raise self._error(line, "A key must be a word.", "Write `key: value`.")
            self._refuse_unseen(event)
            key = str(event.value)
            inner = (*place, key)
            if key in found:
                first = self.lines[inner]
                raise self._error(line, f"The key `{key}` stands twice; the first is on line {first}.", "Keep one.")
            self.lines[inner] = line
            found[key] = self._value(next(self.events), inner)
        return found

    def _error(self, line: int, message: str, remedy: str) -> InputError:
        return InputError(message, file=self.name, line=line, remedy=remedy)


def _line(event: Event) -> int:
    return event.start_mark.line + 1 if event.start_mark is not None else 1


def find_unseen(text: str) -> str | None:
    """The first character that makes a text read otherwise than it is: a control, a change of direction, no width at
    all, half a surrogate pair. Blanks are seen, and so are the ends of lines; a tab is only ever written as an escape.
    """
    if text.isprintable():
        return None
    return next((one for one in text if not one.isprintable() and one not in "\n\r\t" and not _is_blank(one)), None)


def _is_blank(character: str) -> bool:
    return character.isspace() and character >= "\xa0"


def _say_unseen(character: str) -> tuple[str, str]:
    said = f"There is a character here that cannot be seen: U+{ord(character):04X}."
    return said, "Remove it: what people read and sign must be what the file says."


def _scalar(event: ScalarEvent) -> str | int | bool | None:
    return _plain(str(event.value), bool(event.style))


def _plain(text: str, is_quoted: bool) -> str | int | bool | None:
    """The core schema (YAML 1.2.2 §10.3) without fractions, which no key takes: they stay text."""
    if find_unseen(text) is not None:
        raise ValueError(text)
    if is_quoted:
        return text
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return text.lower() == "true"
    return int(text) if re.fullmatch(r"[-+]?[0-9]{1,15}", text) else text
