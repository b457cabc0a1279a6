"""What a directory backend gives to ``lookup.py``: entries, and searches by equality.

Attribute names are lower case; values are text; a DN stands exactly as the directory returned it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from gate.domain.errors import UnavailableError
from gate.domain.people import DirectorySource


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry as read: the DN exactly as the directory returned it, attribute names in lower case."""

    dn: str
    attributes: Mapping[str, tuple[str, ...]]

    def values(self, attribute: str) -> tuple[str, ...]:
        return self.attributes.get(attribute.lower(), ())

    def only(self, attribute: str) -> str:
        """The one value that an id must have; a hidden or double id is a fault of the directory's set-up."""
        values = self.values(attribute)
        if len(values) != 1:
            raise UnavailableError(
                f"{self.dn!r} shows {len(values)} values of {attribute}, not one.",
                code="misconfigured",
                remedy=f"Let the gate's account read {attribute}.",
            )
        return values[0]


class Session(Protocol):
    """One connection for one call. Searches return entries where any attribute equals any value."""

    @property
    def source(self) -> DirectorySource: ...

    @property
    def queries(self) -> int: ...

    def find_people(self, attributes: Sequence[str], values: Sequence[str]) -> Sequence[Entry]: ...

    def find_groups(
        self, attributes: Sequence[str], values: Sequence[str], *, within: str | None = None, with_members: bool = False
    ) -> Sequence[Entry]:
        """``within`` narrows to the group with that DN; ``with_members`` reads the member values too."""

    def password_holds(self, dn: str | None, password: str) -> bool:
        """Whether this is the entry's password. ``None`` costs about as much and never holds."""
