"""A person hands a role over to another for a while, and either of them ends it early.

Handed over is only what the giver holds in the directory and a policy in force lets hand over, never what they hold by
a delegation. Whether a delegation counts for an approval is the policy's to say, each time anew (``gate/policy``). An
end voids what was signed under it: contributions that rest on it are undecided until they are decided anew.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from gate.domain.errors import ConflictError, InputError, NotPermittedError, UnavailableError
from gate.domain.people import Person
from gate.domain.words import say_span
from gate.policy.delegation import find_cyclic
from gate.policy.facts import DelegationFacts
from gate.store import acts
from gate.store.acts import DelegationRow
from gate.workflow.act_form import ActForm, build_form, perform, say_instant, say_role
from gate.workflow.delegable import Delegable, read_own
from gate.workflow.delegation_entry import STREAM, Ending, Giving, HandOver, build_delegation, build_end
from gate.workflow.evaluate import decide
from gate.workflow.parts import Parts
from gate.workflow.shown import SignedIn


def prepare_delegation(parts: Parts, who: SignedIn, wanted: HandOver) -> ActForm:
    """What would be signed. ``NotPermittedError`` or ``InputError`` (naming the field) with the reason why not."""
    return _prepare(parts, who, wanted).form


def hand_over(
    parts: Parts, who: SignedIn, wanted: HandOver, seen: str, password: str, address: str, request_id: str
) -> int:
    """Sign and record it. Returns the index of its entry, which is the delegation's name."""
    key = f"delegate/{who.session}/{request_id}"
    return perform(
        parts,
        who,
        prepare=lambda: _prepare(parts, who, wanted),
        build=lambda prepared: build_delegation(parts, who, wanted, prepared, key),
        seen=seen,
        key=key,
        password=password,
        address=address,
        what=f"hand over the role {say_role(wanted.role, wanted.team)}",
    )


def prepare_end(parts: Parts, who: SignedIn, index: int) -> ActForm:
    """What giver or receiver would sign to end a delegation early. ``NotPermittedError``, ``ConflictError`` …"""
    return _prepare_end(parts, who, index).form


def end(parts: Parts, who: SignedIn, index: int, seen: str, password: str, address: str, request_id: str) -> int:
    """End it now. Returns the index of the entry. What was signed under it counts no longer."""
    key = f"undelegate/{who.session}/{request_id}"
    ended = perform(
        parts,
        who,
        prepare=lambda: _prepare_end(parts, who, index),
        build=lambda prepared: build_end(parts, who, prepared, key),
        seen=seen,
        key=key,
        password=password,
        address=address,
        what=f"end delegation {index}",
    )
    for place in acts.signed_under(parts.engine, acts.load_delegation(parts.engine, index)):
        with suppress(UnavailableError, ConflictError):
            # Should this fail, the answer is *error* until the worker's job has decided anew.
            decide(parts, place.repository, place.number)
    return ended


def _prepare(parts: Parts, who: SignedIn, wanted: HandOver) -> Giving:
    version = parts.log.stream_version(STREAM)
    force, now = parts.in_force(), parts.clock.now()
    snapshot, own = read_own(parts, who.ref)
    if not snapshot.person.is_active:
        raise NotPermittedError("The directory says that your account is not active.", code="inactive")
    held = next((one for one in own if (one.role, one.team) == (wanted.role, wanted.team)), None)
    if held is None:
        raise _not_held(parts, who, wanted, now)
    _check_period(wanted, held, now)
    receiver = _find_receiver(parts, who, wanted)
    _check_others(parts, who, receiver, wanted, now)
    place = say_role(wanted.role, wanted.team)
    since = say_instant(wanted.starts_at) if wanted.starts_at else "the moment this is recorded"
    lines = [
        f"I, {snapshot.person.name}, who hold the role {place}:",
        f"I hand this role over to {receiver.name} ({receiver.login}).",
        f"From: {since}",
        f"Until: {say_instant(wanted.ends_at)}",
        "They may sign for me in this role. They cannot hand it on, and together we count as one person.",
        f"Policies: epoch {force.epoch}",
    ]
    form = build_form(lines, snapshot.person.name)
    return Giving(form=form, snapshot=snapshot, receiver=receiver, version=version, epoch=force.epoch)


def _not_held(parts: Parts, who: SignedIn, wanted: HandOver, now: datetime) -> NotPermittedError:
    place = say_role(wanted.role, wanted.team)
    given = next(
        (
            one
            for one in acts.delegations(parts.engine, who.key)
            if (one.receiver, one.role, one.team) == (who.key, wanted.role, wanted.team) and one.until > now
        ),
        None,
    )
    if given is not None:
        return NotPermittedError(
            f"You hold the role {place} only because {given.giver_name} handed it over to you.",
            code="not-own-role",
            remedy=f"What was handed over cannot be handed on. {given.giver_name} can hand it over to somebody else.",
        )
    return NotPermittedError(
        f"You cannot hand over the role {place}: you do not hold it in the directory, or no policy lets hand it over.",
        code="not-delegable",
        remedy="Choose one of the roles the page offers.",
    )


def _check_period(wanted: HandOver, held: Delegable, now: datetime) -> None:
    starts_at = wanted.starts_at or now
    if starts_at < now:
        raise InputError(
            "The delegation would begin in the past.",
            field="from",
            remedy="Leave the beginning empty to begin at once.",
        )
    if wanted.ends_at <= now:
        raise InputError("The delegation would end in the past.", field="until", remedy="Choose a time still to come.")
    if wanted.ends_at <= starts_at:
        raise InputError("The delegation would end before it begins.", field="until", remedy="Choose a later end.")
    if wanted.ends_at - starts_at > held.max_period:
        raise InputError(
            f"The role {say_role(held.role, held.team)} may be handed over for at most {say_span(held.max_period)}.",
            field="until",
            remedy=f"Choose an end not later than {say_instant(starts_at + held.max_period)}.",
        )


def _find_receiver(parts: Parts, who: SignedIn, wanted: HandOver) -> Person:
    found = parts.directory.person_by_login(wanted.receiver)
    if found is None:
        raise InputError(
            f"The directory has nobody with the login {wanted.receiver!r}.", field="to", remedy="Check the login."
        )
    if found.key == who.key:
        raise InputError("You cannot hand a role over to yourself.", field="to", remedy="Name somebody else.")
    robots = {one.login for one in parts.in_force().policies.registry.robots}
    if found.login in robots:
        raise InputError(f"{found.name} is a robot; robots never approve.", field="to", remedy="Name a person.")
    if not found.is_active:
        raise InputError(
            f"The directory does not say that {found.name} is active.", field="to", remedy="Name somebody else."
        )
    return found


def _check_others(parts: Parts, who: SignedIn, receiver: Person, wanted: HandOver, now: datetime) -> None:
    """Nothing twice at a time, and nothing that leads back to the giver."""
    starts_at = wanted.starts_at or now
    meant = DelegationFacts(
        index=-1,
        giver=who.key,
        receiver=receiver.key,
        role=wanted.role,
        team=wanted.team,
        starts_at=starts_at,
        ends_at=wanted.ends_at,
    )
    others = [
        _facts(one)
        for one in acts.live_delegations(parts.engine, now)
        if one.starts_at < wanted.ends_at and starts_at < one.until
    ]
    place = say_role(wanted.role, wanted.team)
    for one in others:
        if (one.giver, one.receiver, one.role, one.team) == (who.key, receiver.key, wanted.role, wanted.team):
            raise ConflictError(
                f"You have handed the role {place} over to {receiver.name} for part of this time already "
                f"(audit entry {one.index}).",
                code="already-delegated",
                remedy="End that delegation first, or choose another time.",
            )
    if any(one.index == meant.index for one in find_cyclic([*others, meant])):
        raise ConflictError(
            f"The delegations of the role {place} would go in a circle: they lead from {receiver.name} back to you.",
            code="cyclic",
            remedy="Such delegations count for nothing. Name somebody else.",
        )


def _facts(one: DelegationRow) -> DelegationFacts:
    return DelegationFacts(
        index=one.idx,
        giver=one.giver,
        receiver=one.receiver,
        role=one.role,
        team=one.team,
        starts_at=one.starts_at,
        ends_at=one.until,
    )


def _prepare_end(parts: Parts, who: SignedIn, index: int) -> Ending:
    version, now = parts.log.stream_version(STREAM), parts.clock.now()
    row = acts.load_delegation(parts.engine, index)
    if who.key not in (row.giver, row.receiver):
        raise NotPermittedError(
            "Only who handed the role over and who received it can end a delegation.",
            code="not-own-delegation",
            remedy=f"Ask {row.giver_name} or {row.receiver_name}.",
        )
    if row.until <= now:
        by = f" (audit entry {row.ended_by})" if row.ended_by is not None else ""
        raise ConflictError(f"This delegation ended on {say_instant(row.until)}{by}.", code="over")
    person = parts.directory.person(who.ref)
    if person is None:
        raise NotPermittedError("The directory has no entry for you.", code="unknown-person")
    lines = [
        f"I, {person.name}:",
        f"I end the delegation of audit entry {index} now.",
        f"It is {row.giver_name}'s, of the role {say_role(row.role, row.team)}, to {row.receiver_name}.",
        f"It would have ended: {say_instant(row.ends_at)}",
        "What was signed under it counts no longer.",
    ]
    return Ending(form=build_form(lines, person.name), row=row, person=person, version=version)
