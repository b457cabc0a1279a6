"""The world of ``journey`` with a break-glass in its policy: Gil may invoke, maintainers co-sign, Iris reviews.

It waives the signature of quality, and never the owners'. The world starts on a Sunday: a review within two business
days is due on Wednesday at midnight.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gate.workflow import override
from gate.workflow.override_shown import OverrideForm, OverrideRequest
from gate.workflow.override_statement import Outcome, OverrideAct
from gate.workflow.sign_shown import ReceiptShown
from tests.support.directory_ldif import GROUPS, PASSWORD
from tests.support.journey import ADDRESS, POLICY, REPOSITORY, Staff, World, open_world

ROLES = f"""\
    incident-commander: {{group: "cn=incident-commanders,{GROUPS}"}}
    assurance: {{group: "cn=auditors,{GROUPS}"}}
ownership:
"""
BREAK_GLASS = """\
break_glass:
  invoker: {role: incident-commander}
  cosign: {role: maintainer, of: any_owning_team, count: 1, meaning: technical-review}
  reason: {codes: [outage, security-fix], incident: {pattern: "INC-[0-9]+", example: INC-7}, min_chars: 30}
  waives: [qa, freeze]
  never_waives: [owner-review]
  valid_for: 4h
  review: {role: assurance, independent_of: [author, contributors, invoker], within: 2bd, meaning: verification}
"""
GLASS_POLICY = POLICY.replace("ownership:\n", ROLES, 1) + BREAK_GLASS
REASON = "Payments to hospitals are failing since 08:40."
FINDING = "The outage was real and the change was the smallest that ends it."
DUE = datetime(2026, 11, 25, tzinfo=UTC)


def glass_staff(**groups: tuple[str, ...]) -> Staff:
    staff = Staff()
    staff.roles |= {"incident-commanders": ("gil", "erin")} | {
        name.replace("_", "-"): who for name, who in groups.items()
    }
    return staff


@contextmanager
def open_glass_world(root: Path, **options: Any) -> Iterator[World]:
    options = {"policy": GLASS_POLICY, "staff": glass_staff(), **options}
    with open_world(root, **options) as world:
        yield world


def form(world: World, login: str, act: OverrideAct, number: int = 1, **chosen: Any) -> OverrideForm:
    """The form with everything chosen, as in the everyday case unless ``chosen`` says otherwise."""
    usual: dict[OverrideAct, dict[str, Any]] = {
        OverrideAct.INVOKE: {"code": "outage", "incident": "INC-77"},
        OverrideAct.COSIGN: {},
        OverrideAct.REVIEW: {"outcome": Outcome.JUSTIFIED},
    }
    return override.prepare(world.parts, world.who(login), REPOSITORY, number, act, **(usual[act] | chosen))


def send(
    world: World, login: str, shown: OverrideForm, *, reason: str | None = None, password: str = PASSWORD, id: str = ""
) -> ReceiptShown:
    """The form comes back."""
    usual = {OverrideAct.INVOKE: REASON, OverrideAct.COSIGN: "", OverrideAct.REVIEW: FINDING}
    wanted = OverrideRequest(
        act=shown.act,
        repository=shown.repository,
        number=shown.number,
        code=shown.code,
        incident=shown.incident,
        outcome=shown.outcome,
        reason=usual[shown.act] if reason is None else reason,
        seen=shown.seen or "",
        request_id=id or secrets.token_hex(8),
    )
    step = {
        OverrideAct.INVOKE: override.invoke,
        OverrideAct.COSIGN: override.cosign,
        OverrideAct.REVIEW: override.review,
    }[shown.act]
    return step(world.parts, world.who(login), wanted, password, ADDRESS)


def do(world: World, login: str, act: OverrideAct, number: int = 1, **chosen: Any) -> ReceiptShown:
    return send(world, login, form(world, login, act, number, **chosen))


def break_glass(world: World, number: int = 1) -> None:
    """Gil breaks it, Carl co-signs."""
    do(world, "gil", OverrideAct.INVOKE, number)
    do(world, "carl", OverrideAct.COSIGN, number)
