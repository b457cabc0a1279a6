"""Robots on pages: by name and with the person who answers for them, never as "unattributed".

What a robot is, the registry in force declares; a name here is a label for reading and decides nothing.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import cached_property

from gate.domain.errors import GateError
from gate.policy.paths import matches_any
from gate.policy.registered import Robot
from gate.store.contributions import ContributorRow
from gate.workflow.names import Names
from gate.workflow.parts import Parts


class Robots:
    """Looks declared robots and their sponsors up once for one page."""

    def __init__(self, parts: Parts, names: Names) -> None:
        self._parts = parts
        self._names = names

    def of(self, row: ContributorRow) -> str | None:
        """The label of the robot this identity is, None when it is none that is declared."""
        for robot in self._declared:
            known_as = robot.login if row.how == "login" else robot.address
            is_meant = (
                row.person == self._keys[robot.name] if row.person is not None else _is_same(known_as, row.address)
            )
            if is_meant and matches_any(robot.repositories, row.repository):
                return self._label(robot)
        return None

    def first_of(self, rows: Iterable[ContributorRow]) -> str | None:
        """The label of the robot that pushed, or else wrote, one of them."""
        ordered = sorted(rows, key=lambda row: row.part != "pusher")
        return next((label for row in ordered if (label := self.of(row)) is not None), None)

    def of_person(self, person: str, repository: str) -> str | None:
        """The label of the robot that has this directory entry."""
        for robot in self._declared:
            if self._keys[robot.name] == person and matches_any(robot.repositories, repository):
                return self._label(robot)
        return None

    @cached_property
    def _declared(self) -> tuple[Robot, ...]:
        try:
            return self._parts.in_force().policies.registry.robots
        except GateError:  # without policies in force nothing is declared, and pages say so elsewhere
            return ()

    @cached_property
    def _keys(self) -> dict[str, str | None]:
        """The directory's key of each robot that has an entry there."""
        return {robot.name: self._names.key_of(robot.login) if robot.login else None for robot in self._declared}

    def _label(self, robot: Robot) -> str:
        sponsor = self._names.key_of(robot.sponsor)
        return f"robot {robot.name} (sponsor {self._names.of(sponsor) if sponsor else robot.sponsor})"


def _is_same(declared: str | None, written: str) -> bool:
    return declared is not None and _fold(declared) == _fold(written)


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().casefold()
