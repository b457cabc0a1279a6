"""Whom to ask: a smallest set of people whose signatures would fill everything that is open.

Slots are matched, one person each; beside them stand shared counts, to which whoever is asked adds as well and which
use nobody up. Without shared counts the cheapest matching is a smallest set. With them it is the start, and a search
over what people are able to do (people able to do the same are one kind) looks for fewer. Above ``MOST_OPEN`` open
slots, or where the search would take too long, the set is only said to be sufficient.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from gate.policy.matching import cheapest

MOST_OPEN = 12
MOST_STEPS = 100_000

State = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """``missing`` more people out of ``able``, who do not count yet."""

    missing: int
    able: Collection[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """``plan``: slot number -> person; ``asked``: who signs anew. ``is_smallest``: fewer would not be enough."""

    plan: Mapping[int, str]
    asked: frozenset[str]
    is_smallest: bool


def plan_ask(slots: Sequence[int], costs: Sequence[Mapping[str, int]], shared: Sequence[Shared]) -> Ask:
    """``slots[i]`` is the number of a need; ``costs[need][person]`` is 0 (has signed so) or 1 (would have to)."""
    shared = [one for one in shared if one.missing > 0]
    plan = _matched(slots, costs, shared)
    asked = {person for slot, person in plan.items() if costs[slots[slot]][person]}
    fewest = len(asked)
    _add_fillers(asked, shared)
    still_open = fewest + sum(one.missing for one in shared)
    if still_open > MOST_OPEN or len(plan) < len(slots):
        return Ask(plan=plan, asked=frozenset(asked), is_smallest=still_open <= MOST_OPEN)
    if len(asked) <= max((fewest, *(one.missing for one in shared))):
        return Ask(plan=plan, asked=frozenset(asked), is_smallest=True)
    return _search(slots, costs, shared, Ask(plan=plan, asked=frozenset(asked), is_smallest=True))


def _matched(slots: Sequence[int], costs: Sequence[Mapping[str, int]], shared: Sequence[Shared]) -> dict[int, str]:
    """The fewest new signatures; among those, people who add to shared counts as well."""
    whole = 1 + len(slots) * len(shared)
    weighed = [
        {person: cost * (whole - sum(person in one.able for one in shared)) for person, cost in mine.items()}
        for mine in costs
    ]
    return cheapest([weighed[need] for need in slots])


def _add_fillers(asked: set[str], shared: Sequence[Shared]) -> None:
    """Adds people for shared counts only, whoever helps most of them first."""
    left = [one.missing - len(asked.intersection(one.able)) for one in shared]
    people = sorted({person for one in shared for person in one.able} - asked)
    while any(count > 0 for count in left):
        helps = [sum(left[at] > 0 and person in one.able for at, one in enumerate(shared)) for person in people]
        best = max(range(len(people)), key=lambda at: helps[at], default=None)
        if best is None or not helps[best]:
            return
        asked.add(person := people.pop(best))
        left = [count - (person in one.able) for count, one in zip(left, shared, strict=True)]


@dataclass(frozen=True, slots=True)
class _Kind:
    """What somebody can do: needs filled without and with a new signature, and shared counts added to by one."""

    free: frozenset[int]
    paid: frozenset[int]
    adds: frozenset[int]


_Chain = tuple[str, int | None, bool, "_Chain"] | None  # person, need, asked, the one before


def _search(slots: Sequence[int], costs: Sequence[Mapping[str, int]], shared: Sequence[Shared], known: Ask) -> Ask:
    """Who fills what, person by person, keeping for every state of what is left the cheapest way to it."""
    needs = sorted(set(slots))
    start = (*(slots.count(need) for need in needs), *(one.missing for one in shared))
    kinds = _kinds(needs, costs, shared)
    found: dict[State, tuple[int, _Chain]] = {start: (0, None)}
    steps = 0
    for number, (kind, people) in enumerate(kinds):
        for person in people[: sum(start)]:
            before = len(found), sum(cost for cost, _ in found.values())
            for state, (cost, chain) in list(found.items()):
                steps += 1
                for after, price, link in _moves(state, kind, person, len(needs)):
                    total = cost + price
                    if total + max(after[len(needs) :], default=0) < len(known.asked) and (
                        after not in found or total < found[after][0]
                    ):
                        found[after] = (total, (*link, chain))
            if steps > MOST_STEPS:
                return Ask(plan=known.plan, asked=known.asked, is_smallest=False)
            if before == (len(found), sum(cost for cost, _ in found.values())):
                break
        found = _alive(found, [one for one, _ in kinds[number + 1 :]], len(needs))
    done = found.get((0,) * len(start))
    return known if done is None else _unroll(done[1], slots, needs)


def _kinds(
    needs: Sequence[int], costs: Sequence[Mapping[str, int]], shared: Sequence[Shared]
) -> list[tuple[_Kind, list[str]]]:
    people = {person for need in needs for person in costs[need]} | {person for one in shared for person in one.able}
    found: dict[_Kind, list[str]] = {}
    for person in sorted(people):
        kind = _Kind(
            frozenset(at for at, need in enumerate(needs) if costs[need].get(person) == 0),
            frozenset(at for at, need in enumerate(needs) if costs[need].get(person, 0) > 0),
            frozenset(at for at, one in enumerate(shared, len(needs)) if person in one.able),
        )
        found.setdefault(kind, []).append(person)
    return sorted(found.items(), key=lambda item: (min((*item[0].free, *item[0].paid, len(needs))), item[1]))


def _moves(
    state: State, kind: _Kind, person: str, needs: int
) -> Iterator[tuple[State, int, tuple[str, int | None, bool]]]:
    for need in kind.free:
        if state[need]:
            yield _less(state, {need}), 0, (person, need, False)
    able: tuple[int | None, ...] = (*kind.free, *kind.paid, None)
    for place in able:
        if place is None or state[place]:
            after = _less(state, kind.adds if place is None else {*kind.adds, place})
            if after != state:
                yield after, 1, (person, place, True)


def _less(state: State, at: Collection[int]) -> State:
    return tuple(max(0, count - (number in at)) for number, count in enumerate(state))


def _alive(
    found: dict[State, tuple[int, _Chain]], later: Sequence[_Kind], needs: int
) -> dict[State, tuple[int, _Chain]]:
    """Without the states that nobody who is still to come can finish."""
    can: set[int] = set()
    for kind in later:
        can |= kind.free | kind.paid | kind.adds
    return {state: kept for state, kept in found.items() if all(not left or at in can for at, left in enumerate(state))}


def _unroll(chain: _Chain, slots: Sequence[int], needs: Sequence[int]) -> Ask:
    free = {need: [slot for slot, one in enumerate(slots) if one == need] for need in needs}
    plan, asked = {}, set()
    while chain is not None:
        person, need, is_asked, chain = chain
        if need is not None:
            plan[free[needs[need]].pop()] = person
        if is_asked:
            asked.add(person)
    return Ask(plan=plan, asked=frozenset(asked), is_smallest=True)
