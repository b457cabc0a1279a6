"""A strict reader of LDIF content records (RFC 2849), without any library.

Rules: what a directory file does not need is refused, with file and line, not skipped: change
records, values by URL, controls, attribute options, entries without ``entryUUID``, anything twice.
Attribute names become lower case; values are UTF-8 text.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from gate.directory.names import NormalDn, fold, parse_dn
from gate.domain.errors import InputError

MAX_BYTES = 16 * 1024 * 1024

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class LdifEntry:
    """One record, with the line (1-based) of its ``dn:``."""

    dn: str
    normal_dn: NormalDn
    attributes: dict[str, tuple[str, ...]]
    line: int


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    text: str


def parse_ldif(content: bytes, file: str) -> tuple[LdifEntry, ...]:
    """All entries in the order of the file. Raises ``InputError`` and nothing else."""
    if len(content) > MAX_BYTES:
        raise InputError(f"Larger than {MAX_BYTES} octets.", file=file)
    try:
        lines = content.decode().replace("\r\n", "\n").split("\n")
    except UnicodeDecodeError as error:
        raise InputError("Not UTF-8.", file=file, line=content[: error.start].count(b"\n") + 1) from error
    reader = _Reader(file)
    entries = tuple(reader.entry(record) for record in reader.records(lines))
    reader.refuse_duplicates(entries)
    return entries


class _Reader:
    """Carries the file's name into every error."""

    def __init__(self, file: str) -> None:
        self._file = file

    def records(self, lines: Sequence[str]) -> Iterator[list[_Line]]:
        record: list[_Line] = []
        first = True
        for line in self._unfolded(lines):
            if first and line.text.replace(" ", "") == "version:1":
                first = False
            elif line.text:
                first = False
                record.append(line)
            elif record:
                yield record
                record = []
        if record:
            yield record

    def _unfolded(self, lines: Sequence[str]) -> Iterator[_Line]:
        """Logical lines: continuations joined, comments (which may be continued too) left out."""
        current: _Line | None = None
        for number, text in enumerate(lines, start=1):
            if text.startswith(" "):
                if current is None or not current.text:
                    raise self.error("A continuation of nothing.", number)
                current = _Line(current.number, current.text + text[1:])
                continue
            if current is not None and not current.text.startswith("#"):
                yield current
            current = _Line(number, text)
        if current is not None and not current.text.startswith("#"):
            yield current

    def entry(self, record: Sequence[_Line]) -> LdifEntry:
        head, *rest = record
        name, dn = self._pair(head)
        if name != "dn":
            raise self.error(f"A record begins with dn, not with {name}.", head.number)
        attributes: dict[str, tuple[str, ...]] = {}
        for line in rest:
            name, value = self._pair(line)
            self._refuse(name, value, attributes, line.number)
            attributes[name] = (*attributes.get(name, ()), value)
        attributes["entryuuid"] = (self._uuid(attributes.get("entryuuid", ()), head.number),)
        return LdifEntry(dn=dn, normal_dn=self._dn(dn, head.number), attributes=attributes, line=head.number)

    def _pair(self, line: _Line) -> tuple[str, str]:
        name, colon, value = line.text.partition(":")
        if not colon or _NAME.fullmatch(name) is None:
            raise self.error("Not of the form “attribute: value” (attribute options are not read).", line.number)
        if value.startswith("<"):
            raise self.error(f"{name} is given by URL, which is not followed.", line.number)
        text = self._decoded(value[1:], line.number) if value.startswith(":") else value.lstrip(" ")
        if "\0" in text:
            raise self.error(f"{name} holds a NUL.", line.number)
        return name.lower(), text

    def _decoded(self, value: str, number: int) -> str:
        try:
            return base64.b64decode(value.strip(" "), validate=True).decode()
        except (binascii.Error, ValueError) as error:
            raise self.error("Not base64 of UTF-8 text.", number) from error

    def _refuse(self, name: str, value: str, attributes: dict[str, tuple[str, ...]], number: int) -> None:
        if name in {"changetype", "control", "dn"}:
            raise self.error(f"{name} has no place in a directory file: entries only.", number)
        if value in attributes.get(name, ()):
            raise self.error(f"{name} has the same value twice.", number)

    def _uuid(self, values: Sequence[str], number: int) -> str:
        try:
            (value,) = values
            return str(UUID(value))
        except ValueError as error:
            raise self.error("An entry needs exactly one entryUUID, a UUID.", number) from error

    def _dn(self, dn: str, number: int) -> NormalDn:
        try:
            normal = parse_dn(dn)
        except InputError as error:
            raise self.error(error.message, number) from error
        if not normal:
            raise self.error("The dn is empty.", number)
        return normal

    def refuse_duplicates(self, entries: Sequence[LdifEntry]) -> None:
        seen: dict[object, int] = {}
        for entry in entries:
            (uuid,) = entry.attributes["entryuuid"]
            for what, key in (("dn", entry.normal_dn), ("entryUUID", fold(uuid))):
                if key in seen:
                    raise self.error(f"The same {what} as in the entry at line {seen[key]}.", entry.line)
                seen[key] = entry.line

    def error(self, message: str, number: int) -> InputError:
        return InputError(message, code="bad-ldif", file=self._file, line=number)
