"""Break-glass as pages, API and CLI list it: what was invoked, what is owed and overdue, and who may do what next."""

from __future__ import annotations

from typing import Any

from gate.domain.clock import parse_instant
from gate.domain.contribution import ContributionState
from gate.domain.errors import GateError, NotPermittedError
from gate.domain.words import say_span
from gate.policy.breakglass import find_reached
from gate.policy.decision import OverrideResult
from gate.store import acts
from gate.store.acts import BreakGlassRow
from gate.store.contributions import ContributionRow
from gate.workflow.evaluate import Look, look
from gate.workflow.free_text import text_of
from gate.workflow.override_offer import choose_capacity, find_waived, live_until, read_glassy, say_locks
from gate.workflow.override_shown import GlassShown, OverrideShown
from gate.workflow.override_statement import Outcome, OverrideAct, say_days
from gate.workflow.parts import Parts
from gate.workflow.shown import SignedIn
from gate.workflow.timeline import read_statement


def overrides(parts: Parts, repository: str | None = None) -> tuple[OverrideShown, ...]:
    """Every invocation, owed reviews first by due date, then the newest; of one repository or of all."""
    rows = acts.invocations(parts.engine, repository)
    shown = [show_override(parts, row) for row in rows]
    owed = sorted((one for one in shown if one.is_owed), key=lambda one: (one.review_due_at, one.index))
    return (*owed, *(one for one in shown if not one.is_owed))


def owed_to(parts: Parts, who: SignedIn) -> tuple[OverrideShown, ...]:
    """The owed reviews that ``who`` may make now. What cannot be asked just now is nobody's."""
    found = []
    for row in acts.owed_reviews(parts.engine):
        try:
            glassy = read_glassy(parts, look(parts, row.repository, row.number, reader=who.key))
            if not glassy.facts.directory_error:
                choose_capacity(glassy, OverrideAct.REVIEW, who.key)
                found.append(show_override(parts, row))
        except GateError:
            continue
    return tuple(found)


def overrides_json(parts: Parts, repository: str | None) -> dict[str, object]:
    shown = overrides(parts, repository)
    return {
        "format": "gate-overrides/v1",
        "owed": sum(one.is_owed for one in shown),
        "overdue": sum(one.is_overdue for one in shown),
        "overrides": [one.as_json() for one in shown],
    }


def show_override(parts: Parts, row: BreakGlassRow) -> OverrideShown:
    invoked = read_statement(parts, row.idx).predicate
    reviewed: Any = read_statement(parts, row.reviewed_by).predicate if row.reviewed_by is not None else None
    signed = acts.cosigns(parts.engine, row.idx)
    is_owed = row.reviewed_by is None and bool(signed)
    return OverrideShown(
        index=row.idx,
        repository=row.repository,
        number=row.number,
        head=row.head,
        name=row.name,
        role=row.role,
        code=row.code,
        incident=row.incident,
        reason=text_of(parts, row.reason_commitment),
        invoked_at=row.invoked_at,
        until=parse_instant(str(invoked["expiresAt"])),
        cosigners=tuple(one.name for one in signed),
        review_role=row.review_role,
        review_due_at=row.review_due_at,
        is_owed=is_owed,
        is_overdue=is_owed and row.review_due_at <= parts.clock.now(),
        reviewed_by=row.reviewed_by,
        reviewer=str(reviewed["reviewer"]["displayName"]) if reviewed else None,
        outcome=Outcome(str(reviewed["outcome"])) if reviewed else None,
        review_reason=_reason(parts, reviewed),
    )


def _reason(parts: Parts, said: Any) -> str | None:
    committed = said.get("reasonCommitment") if said else None
    return text_of(parts, bytes.fromhex(str(committed["sha256"]))) if committed else None


def of_contribution(parts: Parts, row: ContributionRow) -> tuple[OverrideShown, ...]:
    """Its invocations, newest first."""
    return tuple(
        show_override(parts, one) for one in acts.invocations(parts.engine, row.repository) if one.number == row.number
    )


def build_glass(parts: Parts, row: ContributionRow, seen: Look | None, who: SignedIn) -> GlassShown | None:
    """The section of the contribution's page; None where the policy knows no break-glass and none was invoked.

    ``seen`` is None for what is not open; the directory is then asked only when a review is owed.
    """
    if seen is None:
        seen = _look_for_review(parts, row, who)
    if seen is None:
        return None
    rule = seen.gathered.policy.policy.break_glass
    if rule is None:
        return None
    glassy = read_glassy(parts, seen)
    may, why_not = _acts(parts, row, seen, who)
    members = {key for one in glassy.facts.role_members if one.role == rule.invoker for key in one.members}
    override = glassy.decision.override
    is_open = row.state == ContributionState.OPEN
    return GlassShown(
        invokers=tuple(sorted(one.name for one in glassy.facts.people if one.id in members)),
        invoker_role=rule.invoker,
        waives=find_waived(glassy) if is_open else (),
        reaches=tuple(sorted(find_reached(seen.gathered.policy.policy, rule))),
        never_waives=rule.never_waives,
        span=say_span(rule.valid_for),
        review=f"{rule.review.role} owes an independent review within {say_days(rule)}",
        locks=say_locks(glassy),
        sentence=override.sentence if override is not None and is_open else None,
        can_cosign=_can_cosign(override) if is_open and live_until(glassy) is not None else (),
        may=may,
        why_not=why_not,
    )


def _look_for_review(parts: Parts, row: ContributionRow, who: SignedIn) -> Look | None:
    if all(one.number != row.number for one in acts.owed_reviews(parts.engine, row.repository)):
        return None
    try:
        return look(parts, row.repository, row.number, reader=who.key)
    except GateError:
        return None


def _can_cosign(override: OverrideResult | None) -> tuple[str, ...]:
    return tuple(one.name for one in override.cosign.candidates) if override is not None else ()


def _acts(
    parts: Parts, row: ContributionRow, seen: Look, who: SignedIn
) -> tuple[tuple[OverrideAct, ...], tuple[str, ...]]:
    """The reader's acts, and why not each of the others that could come next."""
    glassy = read_glassy(parts, seen)
    if seen.gathered.facts.directory_error:
        return (), ("The directory cannot be asked now, so nothing can be signed.",)
    next_up: list[OverrideAct] = []
    if row.state == ContributionState.OPEN:
        next_up.append(OverrideAct.INVOKE if live_until(glassy) is None else OverrideAct.COSIGN)
    if glassy.owed is not None:
        next_up.append(OverrideAct.REVIEW)
    may, why_not = [], []
    for act in next_up:
        try:
            choose_capacity(glassy, act, who.key)
            may.append(act)
        except NotPermittedError as problem:
            why_not.append(problem.message)
    return tuple(may), tuple(why_not)
