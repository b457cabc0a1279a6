"""Strict YAML 1.2: text to plain values, and the line each of them stands on.

Refused with file and line: anything but UTF-8, more than 256 kB, tabs, a second document, anchors and aliases (so no
alias bombs), tags, duplicate keys, keys that are not words, nesting deeper than 24. ``no`` and ``on`` are plain words
(YAML 1.2 core schema), dates stay text. Shape is ``shape.py``'s business.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, NodeEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gate.domain.errors import InputError

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
    try:
        _check_events(name, decoded)
        node = _yaml().compose(decoded)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
        raise InputError(
            f"This is not valid YAML: {error.problem or error.context or 'unreadable'}.",
            file=name,
            line=line,
            remedy="Check indentation, colons and quotes on this line and the one before.",
        ) from error
    except (YAMLError, ValueError, RecursionError) as error:
        raise InputError(
            "This is not valid YAML: it holds characters or nesting that YAML does not allow.",
            file=name,
            line=1,
            remedy="Save it as plain UTF-8 text.",
        ) from error
    if node is None:
        raise InputError("The file is empty.", file=name, line=1, remedy="Start with `apiVersion: gate/v1`.")
    lines: dict[Place, int] = {(): node.start_mark.line + 1}
    return Source(name=name, value=_plain(name, node, (), lines), lines=lines)


def _yaml() -> YAML:
    yaml = YAML(typ="safe", pure=True)
    yaml.version = (1, 2)
    return yaml


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
    for number, line in enumerate(decoded.split("\n"), start=1):
        if "\t" in line:
            raise InputError(
                "There is a tab on this line.",
                file=name,
                line=number,
                remedy="Indent with spaces; write \\t inside double quotes if you mean one.",
            )
    return decoded


def _check_events(name: str, text: str) -> None:
    """Refuses what must not even be composed: aliases, anchors, tags, deep nesting, a second document."""
    depth = documents = 0
    for event in _yaml().parse(text):
        line = event.start_mark.line + 1 if event.start_mark is not None else 1
        if isinstance(event, AliasEvent) or getattr(event, "anchor", None) is not None:
            raise InputError(
                "Anchors (&) and aliases (*) are not allowed.",
                file=name,
                line=line,
                remedy='Write the value out in full; put a text that starts with & or * in "quotes".',
            )
        if isinstance(event, NodeEvent) and getattr(event, "ctag", None) is not None:
            raise InputError(
                "Tags (!) are not allowed.",
                file=name,
                line=line,
                remedy='Write the plain value; put a text that starts with ! in "quotes".',
            )
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise InputError(f"Nested deeper than {MAX_DEPTH} levels.", file=name, line=line, remedy="Flatten it.")
        if isinstance(event, CollectionStartEvent) and depth == 1:
            documents += 1
            if documents > 1:
                raise InputError(
                    "A second document starts here.",
                    file=name,
                    line=line,
                    remedy="One file holds one document; make it a file of its own.",
                )


def _plain(name: str, node: Node, place: Place, lines: dict[Place, int]) -> Any:
    if isinstance(node, MappingNode):
        return _mapping(name, node, place, lines)
    if isinstance(node, SequenceNode):
        items = []
        for number, item in enumerate(node.value):
            lines[(*place, number)] = item.start_mark.line + 1
            items.append(_plain(name, item, (*place, number), lines))
        return items
    return _scalar(name, node)


def _mapping(name: str, node: MappingNode, place: Place, lines: dict[Place, int]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, ScalarNode):
            raise InputError("A key must be a word.", file=name, line=line, remedy="Write `key: value`.")
        key = str(key_node.value)
        if key in found:
            raise InputError(
                f"The key `{key}` stands twice; the first is on line {lines[(*place, key)]}.",
                file=name,
                line=line,
                remedy="Keep one of them.",
            )
        lines[(*place, key)] = line
        found[key] = _plain(name, value_node, (*place, key), lines)
    return found


def _scalar(name: str, node: Node) -> Any:
    text = str(node.value)
    match str(node.tag).rpartition(":")[2]:
        case "bool":
            return text.lower() == "true"
        case "null":
            return None
        case "int" if text.isascii() and text.lstrip("+-").isdigit() and len(text) < 16:
            return int(text)
        case _:
            return text
