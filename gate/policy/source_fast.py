"""Plain YAML by libyaml: the values and lines of a file that has nothing unusual in it, or None.

It only ever says yes. Whatever it does not take (anchors, tags, duplicate keys, errors, characters that YAML 1.1 and
1.2 read differently) is read again by the strict parser of ``source.py``, which alone refuses and words the refusal; so
the two never disagree about what a file says. A tenth of the time of the other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import yaml

Place = tuple[str | int, ...]
Scalar = Callable[[str, bool], Any]
"""Text and whether it is quoted, to a value."""

# Line ends other than \n, marks of byte order, directives: libyaml follows YAML 1.1 there. Not in ASCII: surrogates.
_UNUSUAL = re.compile(
    r"[^\n -~\u00a0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]|^%|^\.\.\.", re.M
)
_PARSER = getattr(yaml, "CSafeLoader", None)  # None where PyYAML was built without libyaml


class _UnusualError(Exception):
    """Something that is the strict parser's to judge."""


def read_plain(text: str, scalar: Scalar, max_depth: int) -> tuple[Any, Mapping[Place, int]] | None:
    """The value and the 1-based line of every key and item; None: read it strictly."""
    if _PARSER is None or _UNUSUAL.search(text):
        return None
    parser = _PARSER(text)
    reader = _Reader(parser, scalar, max_depth)
    try:
        return reader.read_document(), reader.lines
    except (_UnusualError, yaml.YAMLError, ValueError, RecursionError):
        return None
    finally:
        parser.dispose()


class _Reader:
    def __init__(self, parser: Any, scalar: Scalar, max_depth: int) -> None:
        self._next = parser.get_event
        self._scalar = scalar
        self._max_depth = max_depth
        self.lines: dict[Place, int] = {}

    def read_document(self) -> Any:
        self._expect(yaml.StreamStartEvent)
        self._expect(yaml.DocumentStartEvent)
        event = self._next()
        self.lines[()] = event.start_mark.line + 1
        value = self._value(event, ())
        self._expect(yaml.DocumentEndEvent)
        self._expect(yaml.StreamEndEvent)
        return value

    def _expect(self, kind: type[Any]) -> None:
        if not isinstance(self._next(), kind):
            raise _UnusualError

    def _value(self, event: Any, place: Place) -> Any:
        kind = type(event)
        if kind not in _VALUES or event.anchor is not None or event.tag is not None or len(place) > self._max_depth:
            raise _UnusualError
        if kind is yaml.ScalarEvent:
            return self._scalar(event.value, bool(event.style))
        return self._mapping(place) if kind is yaml.MappingStartEvent else self._sequence(place)

    def _sequence(self, place: Place) -> list[Any]:
        items: list[Any] = []
        while type(event := self._next()) is not yaml.SequenceEndEvent:
            inner = (*place, len(items))
            self.lines[inner] = event.start_mark.line + 1
            items.append(self._value(event, inner))
        return items

    def _mapping(self, place: Place) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while type(event := self._next()) is not yaml.MappingEndEvent:
            if type(event) is not yaml.ScalarEvent or event.anchor is not None or event.tag is not None:
                raise _UnusualError
            key = self._scalar(event.value, True)
            if key in found:
                raise _UnusualError
            inner = (*place, key)
            self.lines[inner] = event.start_mark.line + 1
            found[key] = self._value(self._next(), inner)
        return found


_VALUES = (yaml.ScalarEvent, yaml.MappingStartEvent, yaml.SequenceStartEvent)
