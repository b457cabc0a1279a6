"""Which break-glass acts are open to one person on one contribution now, in which role; or why not, in a sentence.

Whether an invocation holds is the policy's to say (``gate/policy/breakglass.py``); here the same rules answer before
anybody types a password. The review is the exception: no decision rests on it, so who is independent is said here:
neither author, nor contributor or a robot's sponsor, nor invoker, nor co-signer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from gate.domain.contribution import ContributionState
from gate.domain.errors import NotPermittedError
from gate.domain.people import PersonState
from gate.domain.words import address_person
from gate.policy.breakglass import check_invocation, check_reason, find_locks, find_reached
from gate.policy.change import read_change
from gate.policy.decision import Decision, RuleState
from gate.policy.document import BreakGlass
from gate.policy.facts import BreakGlassFacts, Facts, PersonFacts
from gate.policy.ownership import find_owned
from gate.store import acts
from gate.store.acts import BreakGlassRow, CosignRow
from gate.workflow.evaluate import Look
from gate.workflow.override_statement import OverrideAct
from gate.workflow.parts import Parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """A person in the role in which they would act."""

    person: PersonFacts
    role: str
    team: str | None

    @property
    def words(self) -> str:
        return f"{self.role} of {self.team}" if self.team else self.role


@dataclass(frozen=True, slots=True, kw_only=True)
class Glassy:
    """A contribution with what its break-glass rests on. ``row`` is the latest invocation that is not reviewed.

    ``owed`` is the invocation whose review is owed first.
    """

    look: Look
    row: BreakGlassRow | None
    cosigns: tuple[CosignRow, ...]
    owed: BreakGlassRow | None
    owed_cosigns: tuple[CosignRow, ...]

    @property
    def facts(self) -> Facts:
        return self.look.gathered.facts

    @property
    def decision(self) -> Decision:
        return self.look.decision

    @property
    def rule(self) -> BreakGlass:
        """Raises ``NotPermittedError`` where the policy in force knows no break-glass."""
        rule = self.look.gathered.policy.policy.break_glass
        if rule is None:
            raise NotPermittedError(
                f"The policy {self.look.gathered.policy.id} knows no break-glass.", code="may-not-sign"
            )
        return rule


def read_glassy(parts: Parts, seen: Look) -> Glassy:
    row, facts = seen.gathered.row, seen.gathered.facts
    with parts.engine.connect() as connection:
        invoked = acts.invocation(connection, row.repository, row.number)
        live = invoked if invoked is not None and invoked.reviewed_by is None else None
        owed = next((one for one in acts.owed_reviews(connection, row.repository) if one.number == row.number), None)
        signed = acts.cosigns(connection, live.idx) if live is not None else ()
        owed_signed = acts.cosigns(connection, owed.idx) if owed is not None else ()
    # What was decided rests on the facts; a co-signature since then shows when the form comes back.
    known = {one.index for one in facts.break_glass.cosigners} if facts.break_glass is not None else set()
    return Glassy(
        look=seen,
        row=live,
        cosigns=tuple(one for one in signed if one.idx in known),
        owed=owed,
        owed_cosigns=owed_signed,
    )


def find_waived(glassy: Glassy) -> tuple[str, ...]:
    """Rules and freezes that are open now and that a break-glass would let through."""
    policy, decision = glassy.look.gathered.policy.policy, glassy.decision
    reached = find_reached(policy, glassy.rule)
    rules = [one.id for one in decision.rules if one.state in (RuleState.UNSATISFIED, RuleState.WAIVED)]
    freezes = [one.id for one in decision.freezes if not one.exempted_by]
    return tuple(one for one in (*rules, *freezes) if one in reached)


def choose_capacity(glassy: Glassy, act: OverrideAct, person: str) -> Capacity:
    """The role in which ``person`` may do it. ``NotPermittedError`` with the reason, said to them."""
    reader = next((one for one in glassy.facts.people if one.id == person), None)
    if reader is None:
        raise _refuse("The directory says nothing about you just now.")
    match act:
        case OverrideAct.INVOKE:
            return _invoker(glassy, reader)
        case OverrideAct.COSIGN:
            return _cosigner(glassy, reader)
        case OverrideAct.REVIEW:
            return _reviewer(glassy, reader)


def _invoker(glassy: Glassy, reader: PersonFacts) -> Capacity:
    _refuse_closed(glassy)
    rule = glassy.rule
    if live_until(glassy) is not None and glassy.row is not None:
        raise _refuse(f"{glassy.row.name} has broken the glass here already (audit entry {glassy.row.idx}).")
    faults = check_invocation(glassy.look.gathered.policy, glassy.facts, attempt(glassy, reader))
    if faults:
        raise _refuse(_said_to("You cannot break the glass here: ", faults, reader))
    if not find_waived(glassy):
        raise _refuse("Nothing is open here that a break-glass could let through.")
    return _held(glassy, reader, rule.invoker)


def _cosigner(glassy: Glassy, reader: PersonFacts) -> Capacity:
    _refuse_closed(glassy)
    override = glassy.decision.override
    if glassy.row is None or override is None:
        raise _refuse("Nobody has broken the glass here, so there is nothing to co-sign.")
    faults = (*_standing_faults(glassy),)
    if faults:
        raise _refuse(f"The break-glass of {glassy.row.name} cannot be co-signed: {'; '.join(faults)}.")
    if any(one.person == reader.id for one in glassy.cosigns):
        raise _refuse("You have co-signed it already.")
    if not override.cosign.missing:
        raise _refuse("It is co-signed already.")
    apart = next((one for one in override.cosign.disqualified if one.person == reader.id), None)
    apart = apart or next((one for one in glassy.decision.excluded if one.person == reader.id), None)
    if reader.id == glassy.row.person:
        raise _refuse("You broke the glass here yourself: somebody else co-signs it.")
    if apart is not None:
        raise _refuse(f"You cannot co-sign it: {address_person(apart.reason, apart.name)}.")
    places = override.cosign.places or ((override.cosign.role, override.cosign.team),)
    held = next((one for one in reader.roles if (one.role, one.team) in places), None)
    if held is None or not any(one.person == reader.id for one in override.cosign.candidates):
        raise _refuse(f"Only {_named(places)} may co-sign it, and you are not.")
    return Capacity(person=reader, role=held.role, team=held.team)


def _reviewer(glassy: Glassy, reader: PersonFacts) -> Capacity:
    row = glassy.owed
    if row is None:
        raise _refuse("No review is owed here.")
    if reader.id == row.person:
        raise _refuse("You broke the glass here yourself: somebody independent reviews it.")
    if any(one.person == reader.id for one in glassy.owed_cosigns):
        raise _refuse("You co-signed it: somebody independent reviews it.")
    gathered = glassy.look.gathered
    separation = read_change(gathered.policy, gathered.facts).separation
    apart = separation.excluded.get(reader.id)
    if apart is not None:
        raise _refuse(f"You are not independent of it: {address_person(apart.reason, apart.name)}.")
    if separation.errors:
        why = separation.errors[0].sentence
        raise _refuse(f"Nobody is known to be independent of it: {why[:1].lower()}{why[1:]}")
    if reader.robot or reader.state != PersonState.ACTIVE:
        raise _refuse("Only somebody active in the directory may review it.")
    return _held(glassy, reader, row.review_role)


def _refuse_closed(glassy: Glassy) -> None:
    row = glassy.look.gathered.row
    if row.state != ContributionState.OPEN:
        raise _refuse(f"The contribution is {row.state}; there is nothing left to let through.")


def _held(glassy: Glassy, reader: PersonFacts, role: str) -> Capacity:
    gathered = glassy.look.gathered
    known = next((one for one in gathered.policy.policy.roles if one.name == role), None)
    if known is None:
        raise _refuse(f"The policy in force names no role {role}.")
    teams = find_owned(gathered.policy, gathered.facts.paths).own_teams if known.is_per_team else (None,)
    held = next((one for one in reader.roles if one.role == role and one.team in teams), None)
    if held is None:
        raise _refuse(f"Only somebody with the role {role} may do this, and you do not hold it.")
    return Capacity(person=reader, role=role, team=held.team)


def attempt(glassy: Glassy, reader: PersonFacts, **said: str) -> BreakGlassFacts:
    """The invocation as it would be if ``reader`` signed now; ``said`` are code, incident and reason."""
    row, facts = glassy.look.gathered.row, glassy.facts
    return BreakGlassFacts(
        index=0,
        person=reader.id,
        name=reader.name,
        role=glassy.rule.invoker,
        code=said.get("code", ""),
        incident=said.get("incident", ""),
        reason_chars=len(said.get("reason", "")),
        head=row.head,
        target=row.target,
        policy_digest=glassy.look.gathered.policy.digest,
        invoked_at=facts.now,
        cosigners=(),
    )


def live_until(glassy: Glassy) -> datetime | None:
    """When the invocation that stands ends; None when there is none, or it could waive nothing even co-signed."""
    if glassy.row is None or glassy.facts.break_glass is None or any(_standing_faults(glassy)):
        return None
    return glassy.row.invoked_at + glassy.rule.valid_for


def _standing_faults(glassy: Glassy) -> Iterator[str]:
    invoked = glassy.facts.break_glass
    if invoked is None:
        return
    yield from check_invocation(glassy.look.gathered.policy, glassy.facts, invoked)
    yield from (sentence for _, sentence in check_reason(invoked, glassy.rule))


def say_locks(glassy: Glassy) -> tuple[str, ...]:
    return tuple(f"{one[:1].upper()}{one[1:]}." for one in find_locks(glassy.facts))


def _said_to(start: str, faults: tuple[str, ...], reader: PersonFacts) -> str:
    return start + "; ".join(address_person(one, reader.name) for one in faults) + "."


def _named(places: tuple[tuple[str, str | None], ...]) -> str:
    return " or ".join(f"{role} of {team}" if team else role for role, team in places)


def _refuse(sentence: str) -> NotPermittedError:
    return NotPermittedError(sentence, code="may-not-sign")
