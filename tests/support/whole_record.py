"""Worlds in which, taken together, every table of the record has rows: what an audit must look at."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date, timedelta
from pathlib import Path

from gate.auditlog.entry import EntryKind
from gate.domain.approval import Act
from gate.forge.api import ForgeReview, ReviewState
from gate.store import contributions
from gate.workflow import amend, checks, clear_veto, propose, registers, terms, tokens
from gate.workflow.activate import activate, load_proposals
from gate.workflow.evaluate import decide
from gate.workflow.forge_review import record_review
from gate.workflow.override_statement import OverrideAct
from gate.workflow.presence import append_to_stream
from gate.workflow.proposal_shown import PolicyRequest, ProposalRequest
from gate.workflow.proposal_statement import PolicyAct
from tests.support.directory_ldif import GROUPS, PASSWORD
from tests.support.exceptional_world import FROZEN, end_delegation, form_under, hand_over, open_exceptional, wish
from tests.support.glass_world import break_glass, do, open_glass_world
from tests.support.journey import (
    ADDRESS,
    MAIN,
    OPERATOR,
    POLICY,
    REGISTRY,
    REPOSITORY,
    Staff,
    World,
    build_pack,
    open_world,
)
from tests.support.suites import with_tests

TERMS = 'terms:\n  inner-source: {title: InnerSource terms, text: "What I contribute is mine to give."}\n'
CARRYING = FROZEN.replace("valid_for: 14d", "valid_for: 14d, carry_over: same_diff").replace(
    "\nveto:", f"\n{TERMS}veto:"
)
SECTION = f"""\
activation:
  propose: {{group: "cn=policy-authors,{GROUPS}"}}
  approve: {{group: "cn=change-board,{GROUPS}", count: 1, meaning: I approve this change of the rules.}}
"""


@contextmanager
def open_whole_record(root: Path) -> Iterator[tuple[World, ...]]:
    """Everyday and exceptional acts; a broken glass; policies changed by people, and more than one tile of entries."""
    with ExitStack() as stack:
        everyday = stack.enter_context(open_exceptional(root / "everyday", policy=CARRYING))
        _everyday(everyday)
        glass = stack.enter_context(open_glass_world(root / "glass"))
        glass.push("t", {"a": "1"})
        break_glass(glass)
        do(glass, "iris", OverrideAct.REVIEW)
        glass.push("u", {"b": "1"})
        break_glass(glass, 2)
        staff = Staff()
        staff.roles |= {"policy-authors": ("gil",), "change-board": ("dana",)}
        gated = stack.enter_context(open_world(root / "gated", staff=staff))
        _gated(gated)
        yield everyday, glass, gated


def _everyday(world: World) -> None:
    parts = world.parts
    person = tokens.issue(
        parts, "anna", repository=None, scopes=["checks:write"], by=OPERATOR, person=world.who("anna").key,
        expires_at=world.clock.now() + timedelta(days=9),
    )  # fmt: skip
    tokens.issue(parts, "old", repository=None, scopes=["status:read"], by=OPERATOR)
    tokens.revoke(parts, "old", by=OPERATOR)
    registers.import_trainings(parts, "l.csv", "login,code,valid_until\nbob,GXP,2027-01-01\ndana,GXP,\n",
                               date(2026, 11, 1), by=OPERATOR)  # fmt: skip
    who = world.who("anna")
    (asked,) = terms.terms(parts, who)
    terms.accept(parts, who, asked.id, asked.digest, PASSWORD, ADDRESS, "accept")
    head = world.push("t", {"a": "1"})
    world.push("nobody", {"n": "1"}, author=("X", "x@nowhere.example"), pusher="mallory")
    checks.report(
        parts, tokens.bearer(parts, f"Bearer {person}"), REPOSITORY, head, {"name": "ci", "outcome": "success"}
    )
    checks.report(parts, world.holder, REPOSITORY, head, {"name": "ci", "outcome": "failure"})
    row = contributions.load(parts.engine, REPOSITORY, 2)
    for number, login in enumerate(("carl", "stranger")):
        review = ForgeReview(
            id=f"{number}", login=login, account=f"{number}", state=ReviewState.APPROVED, commit=row.head,
            submitted_at=world.clock.now(),
        )  # fmt: skip
        record_review(parts, "hub", review, row, OPERATOR)
    row = contributions.load(parts.engine, REPOSITORY, 2)
    amend.change(parts, row, OPERATOR, change_request="CR-1", draft=True, labels=("one", "two"), title="A title")
    decide(parts, REPOSITORY, 2)
    given = hand_over(world)
    world.send("gil", form_under(world, "gil", f"delegation.{given}"))
    world.send("iris", form_under(world, "iris", "freeze.year-end"))
    end_delegation(world, "carl", hand_over(world, "dana", wish("carl")))
    world.sign("bob")
    world.land(world.repo.commit({"o": "1"}, "Other", parents=[world.repo.tip(MAIN) or ""]))
    head = world.push("t", {"a": "1"}, base=world.repo.tip(MAIN) or "")
    _cleared(world)
    world.land(head)
    world.repo.git("update-ref", "-d", "refs/heads/contrib/main/nobody")
    world.tell("refs/heads/contrib/main/nobody", None, None, "anna")
    build_pack(world)


def _cleared(world: World) -> None:
    veto = world.sign("carl", Act.REJECT).index
    who = world.who("iris")
    form = clear_veto.prepare_clearance(world.parts, who, REPOSITORY, 1, veto)
    clear_veto.clear(
        world.parts, who, REPOSITORY, 1, veto, reason="Answered.", seen=form.seen, password=PASSWORD, address=ADDRESS,
        request_id=secrets.token_hex(8),
    )  # fmt: skip


def _gated(world: World) -> None:
    for number in range(260):
        append_to_stream(world.parts, "people", EntryKind.APPROVAL_REFUSED, {"what": f"{number}"}, OPERATOR)
    registry = REGISTRY.format(url=world.repo.path, mode="enforce") + SECTION
    (world.policies / "repositories.yaml").write_text(registry, encoding="utf-8")
    activate(world.parts, load_proposals(world.policies), by=OPERATOR)
    for days, act in ((10, PolicyAct.APPROVE), (11, PolicyAct.WITHDRAW), (12, None)):
        policy = POLICY.replace("valid_for: 14d", f"valid_for: {days}d")
        files = {**load_proposals(world.policies), "base.yaml": with_tests(policy).encode()}
        when = world.clock.now() + timedelta(days=1) if act is None else None
        form = propose.prepare_proposal(world.parts, world.who("gil"), files, when)
        wanted = ProposalRequest(files=files, effective_at=when, seen=form.seen, request_id=secrets.token_hex(8))
        number = propose.propose(world.parts, world.who("gil"), wanted, PASSWORD, ADDRESS)
        if act is not None:
            form = propose.prepare_act(world.parts, world.who("dana"), number, act)
            sent = PolicyRequest(number=number, act=act, seen=form.seen, request_id=secrets.token_hex(8))
            propose.act(world.parts, world.who("dana"), sent, PASSWORD, ADDRESS)
