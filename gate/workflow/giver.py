"""Whose role a signature under a delegation rests on: read live when it is recorded.

The delegation must hold at that moment, and its giver be active and hold the role in the directory. ``version`` of
stream ``people`` fences the signature: nobody ends the delegation between this reading and the record.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gate.domain.clock import format_instant
from gate.domain.errors import NotPermittedError
from gate.domain.people import PersonRef, RoleGroup, RoleSnapshot
from gate.store import acts
from gate.workflow.act_form import grant_members, person_members, say_instant, say_role
from gate.workflow.entry import PEOPLE
from gate.workflow.gather import person_ref
from gate.workflow.parts import Parts
from gate.workflow.sign_shown import SignChoice


@dataclass(frozen=True, slots=True, kw_only=True)
class Giver:
    snapshot: RoleSnapshot
    version: int


def read_giver(parts: Parts, choice: SignChoice | None, groups: Sequence[RoleGroup]) -> Giver | None:
    """The giver as the directory has them now; None without a delegation. ``NotPermittedError`` when it is over."""
    if choice is None or choice.delegation is None:
        return None
    version = parts.log.stream_version(PEOPLE)
    row, now = acts.load_delegation(parts.engine, choice.delegation), parts.clock.now()
    if not row.starts_at <= now < row.until:
        raise NotPermittedError(
            f"The delegation of {row.giver_name} to you ended on {say_instant(row.until)}.", code="delegation-over"
        )
    ref: PersonRef = person_ref(parts, row.giver)
    return Giver(snapshot=parts.directory.snapshot(ref, groups), version=version)


def check_giver(giver: Giver, choice: SignChoice) -> None:
    """Raises ``NotPermittedError`` unless the giver is active and holds the role in the directory."""
    person = giver.snapshot.person
    if not person.is_active:
        raise NotPermittedError(
            f"The directory says that {person.name}, who handed the role over to you, is not active.", code="inactive"
        )
    if not any((one.role, one.team) == (choice.role, choice.team) for one in giver.snapshot.grants):
        raise NotPermittedError(
            f"The directory no longer says that {person.name}, who handed the role over to you, is "
            f"{say_role(choice.role, choice.team)}.",
            code="role-lost",
        )


def giver_members(giver: Giver, choice: SignChoice) -> dict[str, Any]:
    """Member ``onBehalfOf`` of an approval."""
    grants = (one for one in giver.snapshot.grants if (one.role, one.team) == (choice.role, choice.team))
    return {
        **person_members(giver.snapshot.person),
        "delegation": choice.delegation,
        "roles": [grant_members(one) for one in grants],
        "takenAt": format_instant(giver.snapshot.taken_at),
        "state": giver.snapshot.person.state.value,
    }
