"""The world of ``journey`` with delegation, a freeze and a cleared veto in its policy; quality is Dana and Fay.

Gil holds no role: he is who roles are handed to. Iris and Carl sit on the board.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any

from gate.domain.approval import Act
from gate.workflow import delegate, sign
from gate.workflow.delegation_entry import HandOver
from gate.workflow.sign_shown import SignForm
from tests.support.directory_ldif import GROUPS, PASSWORD
from tests.support.journey import ADDRESS, POLICY, REPOSITORY, START, Staff, World, open_world

BOARD = ("iris", "fay")
ROLES = POLICY.replace("ownership:\n", f'    board: {{group: "cn=board,{GROUPS}"}}\nownership:\n').replace(
    "survives_push: true", "survives_push: true, cleared_by: [board]"
)
MEANINGS = "  let-through: {text: I let this change through the freeze., kind: responsibility}\n"
DELEGATING = ROLES.replace("\napproval:", f"\n{MEANINGS}approval:").replace("\n\napproval", "\napproval")
DELEGATING += "delegation: {roles: [maintainer, qa], max_period: 21d}\n"
FREEZE = """\
freezes:
  - id: year-end
    window: {start: "2026-11-22T08:00", end: "2026-11-23T06:00", tz: UTC}
    because: The books of the year are closed.
    branches: [main]
    exempt: {role: board, count: 1, meaning: let-through}
"""
FROZEN = DELEGATING + FREEZE


def exceptional_staff() -> Staff:
    staff = Staff()
    staff.roles["board"] = BOARD
    return staff


@contextmanager
def open_exceptional(root: Path, policy: str = DELEGATING, **options: Any) -> Iterator[World]:
    with open_world(root, policy=policy, staff=exceptional_staff(), **options) as world:
        yield world


def wish(
    receiver: str = "gil",
    role: str = "qa",
    team: str | None = None,
    *,
    starts_at: datetime | None = None,
    ends_at: datetime = START + timedelta(days=7),
) -> HandOver:
    return HandOver(role=role, team=team, receiver=receiver, starts_at=starts_at, ends_at=ends_at)


def hand_over(world: World, giver: str = "dana", wanted: HandOver | None = None) -> int:
    """The whole ceremony. Returns the entry, which names the delegation."""
    wanted = wanted or wish()
    who = world.who(giver)
    form = delegate.prepare_delegation(world.parts, who, wanted)
    return delegate.hand_over(world.parts, who, wanted, form.seen, PASSWORD, ADDRESS, token_hex(8))


def end_delegation(world: World, login: str, index: int) -> int:
    who = world.who(login)
    form = delegate.prepare_end(world.parts, who, index)
    return delegate.end(world.parts, who, index, form.seen, PASSWORD, ADDRESS, token_hex(8))


def form_under(world: World, login: str, under: str, number: int = 1) -> SignForm:
    """The sign form of the choice under a delegation, or through a freeze."""
    plain = world.form(login, number=number)
    chosen = next(one for one in plain.choices if one.under == under)
    meaning = chosen.meanings[0][0]
    return sign.prepare(
        world.parts, world.who(login), REPOSITORY, number, Act.APPROVE, chosen.role, chosen.team, meaning, under
    )
