"""Names for people's keys on pages: from the stored decisions' facts and signatures first, else the directory.

A name here is a label for reading. The record's own names stand in its entries.
"""

from __future__ import annotations

from gate.domain.errors import UnavailableError
from gate.workflow.gather import person_ref
from gate.workflow.parts import Parts


class Names:
    """Looks each key up once for one page. An outage shows the key instead of a name."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._known: dict[str, str] = {}
        self._keys: dict[str, str | None] = {}

    def of(self, key: str | None) -> str:
        """The printed name, or the key itself when the directory cannot say."""
        if key is None:
            return "unattributed"
        if ":" not in key:
            return key
        if key not in self._known:
            self._known[key] = self._ask(key)
        return self._known[key]

    def key_of(self, login: str) -> str | None:
        """The key of whoever has this login; None when nobody has, or the directory cannot say."""
        if login not in self._keys:
            try:
                person = self._parts.directory.person_by_login(login)
            except UnavailableError:
                person = None
            self._keys[login] = person.key if person else None
            if person is not None:
                self._known[person.key] = person.name
        return self._keys[login]

    def _ask(self, key: str) -> str:
        try:
            person = self._parts.directory.person(person_ref(self._parts, key))
        except UnavailableError:
            return key
        return person.name if person else key
