"""Who fills what is asked, slot by slot, and who could fill the rest.

All slots of all applicable rules and of the exemptions from freezes are matched together: one person fills one slot,
whatever roles they hold and however often they sign, and whoever signed for somebody fills it with them. Shared counts
take whoever signed for them and use nobody up. What a break-glass waives is matched last, so that it takes nobody from
what stays asked, and nobody is asked for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gate.policy.approvals import SIGNATURE, Acts, Valid
from gate.policy.asking import Shared, plan_ask
from gate.policy.change import Change
from gate.policy.decision import Candidate, Disqualified, Filled, RequirementResult
from gate.policy.fill_words import word_requirement
from gate.policy.matching import match, untangle
from gate.policy.prerequisites import why_unfit
from gate.policy.requirements import Need, member_rows
from gate.policy.separation import People
from gate.policy.standing_in import find_able, find_barred


@dataclass(frozen=True, slots=True, kw_only=True)
class Filling:
    """``results`` follow ``needs``; ``used`` are the approvals that fill a slot, by log index."""

    results: tuple[RequirementResult, ...]
    used: Mapping[int, Valid]
    ask: tuple[Candidate, ...]
    is_ask_smallest: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class _Able:
    """For one need: who holds the role, who was handed it (with its giver), and who cannot."""

    own: tuple[Candidate, ...] = ()
    delegated: tuple[tuple[Candidate, str], ...] = ()
    disqualified: tuple[Disqualified, ...] = ()

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        return _sorted((*self.own, *(one for one, _ in self.delegated))) if self.delegated else self.own


_NOBODY = _Able()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Assigned:
    """``backing``: per need, who backs it with an approval; ``filled``: per need, what fills its slots."""

    backing: list[dict[str, Valid]]
    filled: list[list[Valid]]

    @property
    def used(self) -> dict[int, Valid]:
        return {valid.approval.index: valid for found in self.filled for valid in found}


def fill(needs: tuple[Need, ...], change: Change, acts: Acts) -> Filling:
    """Matches the approvals to the slots and says for every need what is missing and who could give it."""
    waived_last = sorted(range(len(needs)), key=lambda at: needs[at].is_waived)
    slots = [at for at in waived_last if not needs[at].ask.is_shared for _ in range(needs[at].ask.count)]
    assigned = _assign(needs, slots, acts.valid)
    backing, filled, used = assigned.backing, assigned.filled, assigned.used
    if all(len(found) == need.ask.count for need, found in zip(needs, filled, strict=True)):
        results = tuple(_result(need, found) for need, found in zip(needs, filled, strict=True))
        return Filling(results=results, used=used, ask=())
    counted = {person: valid for valid in used.values() for person in valid.party}
    taken = [_taken(need, backing[number], counted) for number, need in enumerate(needs)]
    able = [_judge(need, change, acts, mine) for need, mine in zip(needs, taken, strict=True)]
    asked = [at for at in slots if not needs[at].is_waived]
    costs, shared = _costs(needs, backing, filled, able, counted)
    ask = plan_ask(asked, costs, list(shared.values()))
    results = tuple(
        _result(
            need,
            found,
            able[number],
            again=_moved(number, asked, ask.plan, backing[number], change.people),
            is_satisfiable=_is_satisfiable(number, asked, ask.plan, shared),
        )
        for number, (need, found) in enumerate(zip(needs, filled, strict=True))
    )
    named = _name_asked(ask.asked, able, change.people)
    return Filling(results=results, used=used, ask=named, is_ask_smallest=ask.is_smallest)


def _taken(need: Need, backing: Mapping[str, Valid], counted: Mapping[str, Valid]) -> Mapping[str, Valid]:
    """Who cannot fill one more slot of this need: for a shared count only whoever counts for it already."""
    if not need.ask.is_shared:
        return counted
    return {person: valid for valid in backing.values() for person in valid.party}


def _is_satisfiable(number: int, slots: list[int], plan: Mapping[int, str], shared: Mapping[int, Shared]) -> bool:
    if number in shared:
        return len(shared[number].able) >= shared[number].missing
    return all(slot in plan for slot, at in enumerate(slots) if at == number)


def _assign(needs: tuple[Need, ...], slots: list[int], valid: list[Valid]) -> _Assigned:
    """The best of the ways to leave out acts that overlap; most often there is one way, with all of them."""
    backed = [(one, [at for at, need in enumerate(needs) if _backs(need, one)]) for one in valid]
    backs = [(one, mine) for one, mine in backed if mine]
    best: tuple[int, ...] = ()
    found = _Assigned(backing=[{} for _ in needs], filled=[[] for _ in needs])
    for kept in untangle([one.party for one, _ in backs]):
        backing = _backing(len(needs), (backs[at] for at in kept))
        assigned = match([backing[at] for at in slots])
        filled = [_shared(need, mine) for need, mine in zip(needs, backing, strict=True)]
        total = len(assigned) + sum(len(mine) for mine in filled)
        asked = sum(len(mine) for need, mine in zip(needs, filled, strict=True) if not need.is_waived)
        asked += sum(1 for slot in assigned if not needs[slots[slot]].is_waived)
        rank = (asked, total, *(-slot for slot in sorted(assigned)))
        if rank > best:
            best = rank
            for slot in sorted(assigned):
                filled[slots[slot]].append(backing[slots[slot]][assigned[slot]])
            found = _Assigned(backing=backing, filled=filled)
        if total == sum(need.ask.count for need in needs):
            break
    return found


def _shared(need: Need, backing: Mapping[str, Valid]) -> list[Valid]:
    """A shared count takes whoever signed for it, in the order they signed, and uses nobody up."""
    return list(backing.values())[: need.ask.count] if need.ask.is_shared else []


def _backs(need: Need, one: Valid) -> bool:
    approval = one.approval
    return (
        need.fits(approval.role, approval.team)
        and approval.meaning == need.ask.meaning
        and approval.freeze == need.freeze
        and (approval.kind == SIGNATURE or need.ask.forge_review)
        and one.party.isdisjoint(need.not_admitted)
    )


def _backing(count: int, backs: Iterable[tuple[Valid, list[int]]]) -> list[dict[str, Valid]]:
    """Per need, who backs it with an approval, in the order they signed; an act for somebody takes that one's seat."""
    found: list[dict[str, Valid]] = [{} for _ in range(count)]
    for one, needs in backs:
        for at in needs:
            found[at].setdefault(one.seat, one)
    return found


def _moved(
    number: int, slots: list[int], plan: Mapping[int, str], backing: Mapping[str, Valid], people: People
) -> tuple[str, ...]:
    """Who, by the plan, would sign for this need: where it has no candidate, they count elsewhere now."""
    taken = [person for slot, person in sorted(plan.items()) if slots[slot] == number and person not in backing]
    return tuple(people[person].name for person in taken)


def _judge(need: Need, change: Change, acts: Acts, counted: Mapping[str, Valid]) -> _Able:
    """Everybody who holds the role: who could fill a slot of this need now, and who cannot and why."""
    people = change.people
    candidates, disqualified = [], []
    for key in sorted({key for row in member_rows(need, change.facts).values() for key in row.members}):
        name = people[key].name if key in people else key
        why = _why_not(key, change, acts, counted)
        if key in need.not_admitted and (why is None or why[0] == "one-slot"):
            why = ("expression", need.not_admitted[key])
        if why is None:
            candidates.append(Candidate(person=key, name=name))
        elif key not in counted or not need.fits(counted[key].approval.role, counted[key].approval.team):
            disqualified.append(Disqualified(person=key, name=name, code=why[0], reason=why[1]))
    disqualified += find_barred(need, change, acts.delegations)
    disqualified.sort(key=lambda one: (one.name, one.person))
    own = _sorted(candidates)
    delegated = find_able(need, people, acts.delegations, {one.person for one in own}, {*counted, *acts.rejected})
    return _Able(own=own, delegated=delegated, disqualified=tuple(disqualified))


def _sorted(candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
    return tuple(sorted(candidates, key=lambda one: (one.name, one.person)))


def _why_not(key: str, change: Change, acts: Acts, counted: Mapping[str, Valid]) -> tuple[str, str] | None:
    excluded = change.separation.excluded.get(key)
    if excluded is not None:
        return excluded.code, excluded.reason
    person = change.people.get(key)
    if person is None:
        return "unknown-person", f"{key} is in the group, and the directory says nothing else about them"
    if key in counted:
        return _why_counted(key, counted[key], change.people)
    if key in acts.rejected:
        return "rejected", f"{person.name} rejected it"
    return why_unfit(person, change.asking)


def _why_counted(key: str, one: Valid, people: People) -> tuple[str, str]:
    role, giver = one.approval.role, one.approval.on_behalf_of
    if giver is None:
        return "one-slot", f"{people[key].name} already counts as {role}, and one person fills one slot"
    code = "one-slot" if key == giver else "delegation"
    return code, f"{one.approval.name} counts as {role} for {people[giver].name}, and together they fill one slot"


def _costs(
    needs: tuple[Need, ...],
    backing: list[dict[str, Valid]],
    filled: list[list[Valid]],
    able: list[_Able],
    counted: Mapping[str, Valid],
) -> tuple[list[dict[str, int]], dict[int, Shared]]:
    """Per need, who could fill a slot: 0 has signed so, 1 would have to; those who counted may sign in another role.

    And what the shared counts lack. Of people who are able to do the same, as many as are open are enough.
    """
    kept = _kept(able, sum(need.ask.count for need in needs))
    standing_in = _standing_in(able, counted)
    costs: list[dict[str, int]] = []
    shared: dict[int, Shared] = {}
    for number, (need, one) in enumerate(zip(needs, able, strict=True)):
        could = [each.person for each in one.own if each.person in kept]
        could += [each.person for each, giver in one.delegated if standing_in.get(giver) == each.person]
        if need.ask.is_shared and not need.is_waived:
            shared[number] = Shared(missing=need.ask.count - len(filled[number]), able=frozenset(could))
        could += [each.person for each in one.disqualified if each.code == "one-slot"]
        costs.append(dict.fromkeys(could, 1) | dict.fromkeys(backing[number], 0))
    return costs, shared


def _kept(able: list[_Able], most: int) -> set[str]:
    kinds: dict[str, list[int]] = {}
    for number, one in enumerate(able):
        for each in one.own:
            kinds.setdefault(each.person, []).append(number)
    names = {each.person: each.name for one in able for each in one.own}
    seen: dict[tuple[int, ...], int] = {}
    found = set()
    for person in sorted(kinds, key=lambda key: (names[key], key)):
        kind = tuple(kinds[person])
        seen[kind] = seen.get(kind, 0) + 1
        if seen[kind] <= most:
            found.add(person)
    return found


def _standing_in(able: list[_Able], counted: Mapping[str, Valid]) -> dict[str, str]:
    """By giver, who signs for them in the plan: only for givers who cannot sign themselves, and one person each.

    So nobody is planned for twice: whoever could sign in their own role is planned for that.
    """
    own = {one.person for each in able for one in each.own} | set(counted)
    found: dict[str, str] = {}
    for each in able:
        for one, giver in each.delegated:
            if giver not in own and one.person not in own:
                found.setdefault(giver, one.person)
    return found


def _name_asked(asked: Iterable[str], able: list[_Able], people: People) -> tuple[Candidate, ...]:
    """Whoever could only sign for somebody is named with them."""
    own = {one.person for each in able for one in each.own}
    named = {one.person: one for each in able for one, _ in each.delegated if one.person not in own}
    return _sorted(named.get(key, Candidate(person=key, name=people[key].name)) for key in asked)


def _result(
    need: Need,
    found: list[Valid],
    able: _Able = _NOBODY,
    *,
    again: tuple[str, ...] = (),
    is_satisfiable: bool = True,
) -> RequirementResult:
    missing = need.ask.count - len(found)
    filled = tuple(
        Filled(
            person=one.approval.person,
            name=one.approval.name,
            index=one.approval.index,
            signed_at=one.approval.signed_at,
            meaning=one.approval.meaning,
            on_behalf_of=one.giver_name,
            kind=one.approval.kind,
            carried_from=one.approval.carried_from,
        )
        for one in found
    )
    sides = able if missing else _NOBODY
    candidates = sides.candidates
    return RequirementResult(
        id=need.id,
        role=need.ask.role,
        team=need.team,
        count=need.ask.count,
        meaning=need.ask.meaning,
        places=need.places,
        is_shared=need.ask.is_shared,
        sentence=word_requirement(need, filled, missing, len(candidates), again, is_satisfiable=is_satisfiable),
        filled=filled,
        missing=missing,
        candidates=candidates,
        disqualified=sides.disqualified,
        is_satisfiable=is_satisfiable,
    )
