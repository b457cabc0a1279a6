"""Break-glass as signed acts: invoked by one, co-signed by another, reviewed by a third who is independent of it.

The ceremony is that of ``sign.py``: a "no" comes before any password; the form's digest must come back as it would be
now; the password again, live and throttled; the role again, live, for the record; one signed entry, its rows and "not
yet re-decided" in one command; decided anew at once. Rules of its own:
- what an invocation may waive, and whether it is locked, is the policy's (``gate/policy/breakglass.py``);
- code and incident are part of the statement, the reason is free text and only committed to;
- one invocation stands at a time on a contribution; a review closes it, and what has not landed by then does not.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from gate.domain.errors import ConflictError, InputError, NotPermittedError, UnavailableError
from gate.domain.words import say_span
from gate.policy.breakglass import check_reason
from gate.policy.document import BreakGlass
from gate.store.acts import BreakGlassRow
from gate.store.command import Command
from gate.workflow.evaluate import decide, look
from gate.workflow.free_text import text_of
from gate.workflow.override_entry import OverrideSignature, build_override
from gate.workflow.override_list import show_override
from gate.workflow.override_offer import Capacity, Glassy, attempt, choose_capacity, find_waived, read_glassy
from gate.workflow.override_shown import OverrideForm, OverrideRequest
from gate.workflow.override_statement import (
    Outcome,
    OverrideAct,
    OverrideSeen,
    Place,
    build_cosign_text,
    build_invoke_text,
    build_review_text,
    parse_override_seen,
    say_days,
)
from gate.workflow.parts import Parts
from gate.workflow.presence import prove_presence
from gate.workflow.receipt import receipt
from gate.workflow.shown import SignedIn
from gate.workflow.sign_shown import ReceiptShown
from gate.workflow.statement import text_digest

ATTEMPTS: Final = 5
MAX_REASON: Final = 4000
LEAST_REVIEW: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What the person chose so far; all of it None at first."""

    code: str | None
    incident: str | None
    outcome: Outcome | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepared:
    glassy: Glassy
    capacity: Capacity
    row: BreakGlassRow | None
    waives: tuple[str, ...]
    statement: str | None
    seen: OverrideSeen


def prepare(
    parts: Parts,
    who: SignedIn,
    repository: str,
    number: int,
    act: OverrideAct,
    code: str | None = None,
    incident: str | None = None,
    outcome: Outcome | None = None,
) -> OverrideForm:
    """What the form shows. ``NotPermittedError`` with the reason, ``InputError`` for a code or incident, …"""
    prepared = _prepare(parts, who, repository, number, act, _Wanted(code=code, incident=incident, outcome=outcome))
    gathered = prepared.glassy.look.gathered
    row, rule = gathered.row, gathered.policy.policy.break_glass
    shown = prepared.row
    return OverrideForm(
        act=act,
        repository=repository,
        number=number,
        title=text_of(parts, row.title_commitment),
        printed_name=prepared.capacity.person.name,
        capacity=prepared.capacity.words,
        head=row.head,
        tree=row.tree,
        target=row.target,
        policy_id=gathered.policy.id,
        policy_epoch=gathered.force.epoch,
        policy_digest=gathered.policy.digest,
        waives=prepared.waives,
        never_waives=rule.never_waives if rule else (),
        span=say_span(rule.valid_for) if rule else "",
        review=_say_review(rule),
        codes=rule.codes if rule else (),
        incident_example=rule.incident.example if rule else "",
        min_chars=rule.min_chars if rule and act is OverrideAct.INVOKE else LEAST_REVIEW,
        code=code,
        incident=incident,
        outcome=outcome,
        invocation=show_override(parts, shown) if shown is not None else None,
        statement=prepared.statement,
        statement_digest=prepared.seen.statement if prepared.statement else None,
        seen=prepared.seen.token if prepared.statement else None,
        afterwards=_afterwards(act, rule),
    )


def invoke(parts: Parts, who: SignedIn, wanted: OverrideRequest, password: str, address: str) -> ReceiptShown:
    """Break the glass. Raises what ``prepare`` does, ``NotSignedInError``, ``ConflictError`` (changed)."""
    return _sign(parts, who, wanted, OverrideAct.INVOKE, password, address)


def cosign(parts: Parts, who: SignedIn, wanted: OverrideRequest, password: str, address: str) -> ReceiptShown:
    """Co-sign it: from now on it waives what it says, and an independent review is owed."""
    return _sign(parts, who, wanted, OverrideAct.COSIGN, password, address)


def review(parts: Parts, who: SignedIn, wanted: OverrideRequest, password: str, address: str) -> ReceiptShown:
    """The owed independent review, with its outcome and reason. It closes the break-glass."""
    return _sign(parts, who, wanted, OverrideAct.REVIEW, password, address)


def _sign(
    parts: Parts, who: SignedIn, wanted: OverrideRequest, act: OverrideAct, password: str, address: str
) -> ReceiptShown:
    if wanted.act is not act:
        raise AssertionError("the request is of another act")
    key = f"override/{who.session}/{wanted.request_id}"
    already = parts.log.find_dedup(key)
    if already is not None:
        return receipt(parts, already)
    try:
        index = _record(parts, who, wanted, password, address, key)
    except (ConflictError, NotPermittedError):
        # A second click at the same time may find that the first one has already changed everything.
        already = parts.log.find_dedup(key)
        if already is None:
            raise
        return receipt(parts, already)
    with suppress(UnavailableError, ConflictError):
        # Should this fail, the act stands and is durable; until the worker decides anew the answer is *error*.
        decide(parts, wanted.repository, wanted.number)
    return receipt(parts, index)


def _record(parts: Parts, who: SignedIn, wanted: OverrideRequest, password: str, address: str, key: str) -> int:
    shown = parse_override_seen(wanted.seen)
    prepared = _prepare_again(parts, who, wanted)
    _refuse_changed(shown, prepared)
    _check_reason(prepared.glassy, prepared.capacity, wanted)
    what = f"{wanted.act} break-glass {wanted.repository}#{wanted.number}"
    prove_presence(parts, who.ref, password, what=what, address=address)
    for _ in range(ATTEMPTS):
        try:
            return parts.ledger.append(_build(parts, who, wanted, prepared, key)).indexes[0]
        except ConflictError:
            # Whatever moved without changing what was shown (a decision renewed) is simply tried again.
            prepared = _prepare_again(parts, who, wanted)
            _refuse_changed(shown, prepared)
    raise ConflictError("Others kept being faster. Nothing was signed.", code="busy", remedy="Sign again.")


def _build(parts: Parts, who: SignedIn, wanted: OverrideRequest, prepared: _Prepared, key: str) -> Command:
    if prepared.statement is None:
        raise AssertionError("nothing is signed without a statement")
    signature = OverrideSignature(
        who=who,
        capacity=prepared.capacity,
        request=wanted,
        row=prepared.row,
        waives=prepared.waives,
        statement=prepared.statement,
        seen=prepared.seen.digest,
        key=key,
    )
    return build_override(parts, prepared.glassy, signature)


def _prepare_again(parts: Parts, who: SignedIn, wanted: OverrideRequest) -> _Prepared:
    chosen = _Wanted(code=wanted.code, incident=wanted.incident, outcome=wanted.outcome)
    return _prepare(parts, who, wanted.repository, wanted.number, wanted.act, chosen)


def _prepare(parts: Parts, who: SignedIn, repository: str, number: int, act: OverrideAct, wanted: _Wanted) -> _Prepared:
    seen = look(parts, repository, number, reader=who.key)
    facts = seen.gathered.facts
    if facts.directory_error:
        raise UnavailableError(
            f"The directory cannot be asked now, so nothing can be signed: {facts.directory_error}",
            code="unreachable",
            remedy="Try again in a moment. Nothing was signed.",
        )
    glassy = read_glassy(parts, seen)
    capacity = choose_capacity(glassy, act, who.key)
    waives = () if act is OverrideAct.REVIEW else find_waived(glassy)
    about = {OverrideAct.INVOKE: None, OverrideAct.COSIGN: glassy.row, OverrideAct.REVIEW: glassy.owed}[act]
    cosigns = glassy.owed_cosigns if act is OverrideAct.REVIEW else glassy.cosigns
    statement = _build_text(glassy, capacity, act, about, waives, wanted)
    row = seen.gathered.row
    return _Prepared(
        glassy=glassy,
        capacity=capacity,
        row=about,
        waives=waives,
        statement=statement,
        seen=OverrideSeen(
            act=act,
            head=row.head,
            target=row.target,
            policy=seen.gathered.policy.digest,
            statement=text_digest(statement or ""),
            invocation=about.idx if about is not None else None,
            cosigners=tuple(one.idx for one in cosigns) if about is not None else (),
        ),
    )


def _build_text(
    glassy: Glassy,
    capacity: Capacity,
    act: OverrideAct,
    about: BreakGlassRow | None,
    waives: tuple[str, ...],
    wanted: _Wanted,
) -> str | None:
    """The statement, or None while what it says has still to be chosen. ``InputError`` for what was chosen wrongly."""
    place = _place(glassy, capacity)
    match act:
        case OverrideAct.INVOKE:
            if wanted.code is None or wanted.incident is None:
                return None
            chosen = attempt(glassy, capacity.person, code=wanted.code, incident=wanted.incident)
            for field, sentence in check_reason(chosen, glassy.rule):
                if field != "reason":
                    raise InputError(f"{sentence[:1].upper()}{sentence[1:]}.", code="bad-reason", field=field)
            return build_invoke_text(place, glassy.rule, wanted.code, wanted.incident, waives)
        case OverrideAct.COSIGN:
            if about is None:
                raise AssertionError("there is an invocation to co-sign")
            meaning = glassy.look.gathered.policy.policy.meaning(glassy.rule.cosign.meaning).text
            return build_cosign_text(place, about, about.invoked_at + glassy.rule.valid_for, meaning, waives)
        case OverrideAct.REVIEW:
            if about is None or wanted.outcome is None:
                return None
            return build_review_text(place, about, [one.name for one in glassy.owed_cosigns], wanted.outcome)


def _place(glassy: Glassy, capacity: Capacity) -> Place:
    gathered = glassy.look.gathered
    row = gathered.row
    return Place(
        printed_name=capacity.person.name,
        capacity=capacity.words,
        contribution=f"{row.repository}#{row.number}",
        target=row.target,
        head=row.head,
        tree=row.tree,
        merge_base=row.merge_base,
        change_request=row.change_request,
        policy=f"{gathered.policy.id} at sha256 {gathered.policy.digest}",
    )


def _check_reason(glassy: Glassy, capacity: Capacity, wanted: OverrideRequest) -> None:
    reason = wanted.reason.strip()
    if len(reason) > MAX_REASON:
        raise InputError(f"The reason is longer than {MAX_REASON} characters.", field="reason", remedy="Shorten it.")
    if wanted.act is OverrideAct.REVIEW and len(reason) < LEAST_REVIEW:
        raise InputError(f"Say in {LEAST_REVIEW} characters or more what you found.", field="reason")
    if wanted.act is OverrideAct.INVOKE:
        said = {"code": wanted.code or "", "incident": wanted.incident or "", "reason": reason}
        for field, sentence in check_reason(attempt(glassy, capacity.person, **said), glassy.rule):
            raise InputError(f"{sentence[:1].upper()}{sentence[1:]}.", code="bad-reason", field=field)


def _refuse_changed(shown: OverrideSeen, prepared: _Prepared) -> None:
    now = prepared.seen
    if shown == now and prepared.statement is not None:
        return
    changes = []
    if shown.head != now.head:
        changes.append(f"A new revision was pushed: the head was {shown.head} and is now {now.head}.")
    if shown.target != now.target:
        changes.append(f"The target branch was {shown.target} and is now {now.target}.")
    if shown.policy != now.policy:
        changes.append("Another policy came into force.")
    if shown.invocation != now.invocation:
        changes.append("The break-glass is another one now.")
    elif shown.cosigners != now.cosigners:
        changes.append("Somebody co-signed meanwhile.")
    if not changes:
        changes.append("The statement to be signed reads differently now: what it would waive, or what you chose.")
    raise ConflictError(
        "This contribution changed while you were reading. Nothing was signed.",
        code="changed",
        remedy="Read what changed and open the page again.",
        changes=changes,
    )


def _say_review(rule: BreakGlass | None) -> str:
    return f"{rule.review.role} owes an independent review within {say_days(rule)}" if rule is not None else ""


def _afterwards(act: OverrideAct, rule: BreakGlass | None) -> str:
    match act:
        case OverrideAct.INVOKE:
            role = rule.cosign.role if rule is not None else "somebody else"
            return f"Nothing is let through until it is co-signed by somebody else ({role})."
        case OverrideAct.COSIGN:
            return f"What it waives is let through at once. {_say_review(rule)}; while that is overdue, nobody can."
        case OverrideAct.REVIEW:
            return "The review is closed for good. What has not landed yet is let through no longer."
