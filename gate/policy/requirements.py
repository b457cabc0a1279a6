"""What the applicable rules ask for, slot by slot, who fills them, and who could fill the rest.

All slots of all applicable rules are matched together: one person fills one slot, whatever roles they hold and however
often they sign. ``each_owning_team`` makes one need for every team that owns a changed path.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import assert_never

from gate.policy.approvals import Acts, Valid
from gate.policy.decision import Candidate, Disqualified, Filled, Reason, RequirementResult
from gate.policy.document import Of, Policy, Requirement, Rule
from gate.policy.facts import Facts, RoleMembers
from gate.policy.matching import cheapest, match
from gate.policy.ownership import Owned
from gate.policy.prerequisites import why_unfit
from gate.policy.separation import People, Separation


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One requirement; ``places`` are the (role, team) it accepts, team None for a role that is not per team."""

    rule: str
    id: str
    ask: Requirement
    places: tuple[tuple[str, str | None], ...]

    @property
    def team(self) -> str | None:
        return self.places[0][1] if len(self.places) == 1 else None

    @property
    def who(self) -> str:
        """ "maintainer of ledger", "maintainer of ledger or payments", "maintainer of ledger or qa"."""
        words = []
        for role in self.ask.roles:
            teams = [team for name, team in self.places if name == role and team is not None]
            words.append(f"{role} of {' or '.join(teams)}" if teams else role)
        return " or ".join(words)

    def fits(self, role: str, team: str | None) -> bool:
        return (role, team) in self.places


@dataclass(frozen=True, slots=True, kw_only=True)
class Filling:
    """``results`` follow ``needs``; ``used`` are the approvals that fill a slot, by log index."""

    results: tuple[RequirementResult, ...]
    used: Mapping[int, Valid]
    ask: tuple[Candidate, ...]


def expand(rule: Rule, policy: Policy, owned: Owned) -> tuple[Need, ...]:
    """The needs of one applicable rule; never none, because somebody owns every path."""
    return tuple(
        need
        for number, ask in enumerate(rule.require)
        for need in expand_requirement(rule.id, f"{rule.id}/{number + 1}", ask, policy, owned)
    )


def expand_requirement(name: str, id: str, ask: Requirement, policy: Policy, owned: Owned) -> tuple[Need, ...]:
    """One requirement of ``name`` (a rule, a freeze …): a need for every team asked on its own, or one for any."""
    needs = []
    for teams in _asked(ask.of, owned):
        suffix = f"/{teams[0]}" if ask.of is Of.EACH_OWNING_TEAM else ""
        places: list[tuple[str, str | None]] = []
        for role in ask.roles:
            places += [(role, team) for team in teams] if policy.role(role).is_per_team else [(role, None)]
        needs.append(Need(rule=name, id=f"{id}{suffix}", ask=ask, places=tuple(places)))
    return tuple(needs)


def _asked(of: Of | None, owned: Owned) -> list[tuple[str, ...]]:
    match of:
        case None:
            return [()]
        case Of.EACH_OWNING_TEAM:
            return [(team,) for team in owned.teams]
        case Of.ANY_OWNING_TEAM:
            return [owned.own_teams]
        case _:
            assert_never(of)


def find_fault(need: Need, facts: Facts) -> Reason | None:
    """Why it cannot be told who holds the role: unread, unreadable or empty. Never taken for "nobody"."""
    rows = _member_rows(need, facts)
    for role, team in need.places:
        name = f"{role} of {team}" if team is not None else role
        row = rows.get((role, team))
        if row is None:
            return Reason(
                code="missing-facts", rule=need.rule, sentence=f"The members of the role {name} were not read."
            )
        if row.error is not None:
            return Reason(
                code="group-unreadable",
                rule=need.rule,
                sentence=f"The group of the role {name} ({row.group_dn}) could not be read: {row.error}",
            )
    if not any(row.members for row in rows.values()):
        groups = ", ".join(row.group_dn for row in rows.values())
        return Reason(
            code="group-empty",
            rule=need.rule,
            sentence=f"Nobody holds the role {need.who}: the group {groups} is empty.",
        )
    return None


def _member_rows(need: Need, facts: Facts) -> dict[tuple[str, str | None], RoleMembers]:
    return {(row.role, row.team): row for row in facts.role_members if (row.role, row.team) in need.places}


def fill(
    needs: tuple[Need, ...], policy: Policy, facts: Facts, people: People, separation: Separation, acts: Acts
) -> Filling:
    """Matches the approvals to the slots and says for every need what is missing and who could give it."""
    slots = [at for at, need in enumerate(needs) for _ in range(need.ask.count)]
    backing = [_backing(need, acts.valid) for need in needs]
    assigned = match([tuple(backing[at]) for at in slots])
    filled: list[list[Valid]] = [[] for _ in needs]
    for slot in sorted(assigned):
        filled[slots[slot]].append(backing[slots[slot]][assigned[slot]])
    used = {valid.approval.index: valid for found in filled for valid in found}
    if len(assigned) == len(slots):
        results = tuple(_result(need, found) for need, found in zip(needs, filled, strict=True))
        return Filling(results=results, used=used, ask=())
    counted = {valid.approval.person: valid for valid in used.values()}
    able = [_judge(need, policy, facts, people, separation, acts, counted) for need in needs]
    plan = _plan(slots, backing, able, counted)
    short = [
        sum(1 for slot, at in enumerate(slots) if at == number and slot not in plan) for number in range(len(needs))
    ]
    moved = [_moved(number, slots, plan, backing[number], counted) for number in range(len(needs))]
    results = tuple(
        _result(need, found, *sides, again=again, is_satisfiable=not lacking)
        for need, found, sides, again, lacking in zip(needs, filled, able, moved, short, strict=True)
    )
    return Filling(results=results, used=used, ask=_ask(slots, plan, backing, people))


def _moved(
    number: int, slots: list[int], plan: Mapping[int, str], backing: Mapping[str, Valid], counted: Mapping[str, Valid]
) -> tuple[str, ...]:
    """Names of those who count elsewhere now and, by the plan, would sign for this need instead."""
    taken = [person for slot, person in sorted(plan.items()) if slots[slot] == number and person not in backing]
    return tuple(counted[person].approval.name for person in taken if person in counted)


def _backing(need: Need, valid: Iterable[Valid]) -> dict[str, Valid]:
    """Who backs this need with an approval, in the order they signed."""
    found: dict[str, Valid] = {}
    for one in valid:
        approval = one.approval
        if need.fits(approval.role, approval.team) and approval.meaning == need.ask.meaning:
            found.setdefault(approval.person, one)
    return found


def _judge(
    need: Need,
    policy: Policy,
    facts: Facts,
    people: People,
    separation: Separation,
    acts: Acts,
    counted: Mapping[str, Valid],
) -> tuple[tuple[Candidate, ...], tuple[Disqualified, ...]]:
    """Everybody who holds the role: who could fill a slot of this need now, and who cannot and why."""
    candidates, disqualified = [], []
    for key in sorted({key for row in _member_rows(need, facts).values() for key in row.members}):
        name = people[key].name if key in people else key
        why = _why_not(key, policy, facts, people, separation, acts, counted)
        if why is None:
            candidates.append(Candidate(person=key, name=name))
        elif key not in counted or not need.fits(counted[key].approval.role, counted[key].approval.team):
            disqualified.append(Disqualified(person=key, name=name, code=why[0], reason=why[1]))
    candidates.sort(key=lambda one: (one.name, one.person))
    disqualified.sort(key=lambda one: (one.name, one.person))
    return tuple(candidates), tuple(disqualified)


def _why_not(
    key: str,
    policy: Policy,
    facts: Facts,
    people: People,
    separation: Separation,
    acts: Acts,
    counted: Mapping[str, Valid],
) -> tuple[str, str] | None:
    if key in separation.excluded:
        found = separation.excluded[key]
        return found.code, found.reason
    person = people.get(key)
    if person is None:
        return "unknown-person", f"{key} is in the group, and the directory says nothing else about them"
    if key in counted:
        role = counted[key].approval.role
        return "one-slot", f"{person.name} already counts as {role}, and one person fills one slot"
    if key in acts.rejected:
        return "rejected", f"{person.name} rejected it"
    return why_unfit(policy, person, facts.now)


def _plan(
    slots: list[int],
    backing: list[dict[str, Valid]],
    able: list[tuple[tuple[Candidate, ...], tuple[Disqualified, ...]]],
    counted: Mapping[str, Valid],
) -> dict[int, str]:
    """A full assignment that asks the fewest people for a signature; those who counted may sign in another role.

    As many candidates a need as there are slots are enough: the others can take no more of them.
    """
    costs: list[dict[str, int]] = []
    for number, (candidates, disqualified) in enumerate(able):
        cost = dict.fromkeys((one.person for one in candidates[: len(slots)]), 1)
        cost |= dict.fromkeys((one.person for one in disqualified if one.code == "one-slot"), 1)
        costs.append(cost | dict.fromkeys(backing[number], 0))
    return cheapest([costs[at] for at in slots])


def _ask(
    slots: list[int], plan: Mapping[int, str], backing: list[dict[str, Valid]], people: People
) -> tuple[Candidate, ...]:
    keys = {person for slot, person in plan.items() if person not in backing[slots[slot]]}
    named = [Candidate(person=key, name=people[key].name) for key in keys]
    return tuple(sorted(named, key=lambda one: (one.name, one.person)))


def _result(
    need: Need,
    found: list[Valid],
    candidates: tuple[Candidate, ...] = (),
    disqualified: tuple[Disqualified, ...] = (),
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
        )
        for one in found
    )
    return RequirementResult(
        id=need.id,
        role=need.ask.role,
        team=need.team,
        count=need.ask.count,
        meaning=need.ask.meaning,
        places=need.places,
        is_shared=need.ask.is_shared,
        sentence=_sentence(need, filled, missing, len(candidates), again, is_satisfiable=is_satisfiable),
        filled=filled,
        missing=missing,
        candidates=candidates if missing else (),
        disqualified=disqualified if missing else (),
        is_satisfiable=is_satisfiable,
    )


def _sentence(
    need: Need, filled: tuple[Filled, ...], missing: int, able: int, again: tuple[str, ...], *, is_satisfiable: bool
) -> str:
    if not missing:
        names = " and ".join(one.name for one in filled)
        return f"{names} approved as {need.who}"
    can = {0: "nobody can do this now", 1: "1 person can do this"}.get(able, f"{able} people can do this")
    if not able and again:
        can = f"{' and '.join(again)} can do this, once somebody else signs for what they have signed"
    elif able and not is_satisfiable:
        can += ", too few for all that is asked"
    return f"Needs {missing} more with the role {need.who} ({can})"
