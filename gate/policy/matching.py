"""One person, one slot: bipartite matching between open slots and people.

``match`` finds a largest assignment, ``cheapest`` one that also asks the fewest people for something new, by successive
shortest augmenting paths, without recursion. Both are deterministic: earlier slots, then earlier people.
``untangle`` comes before them where one person signed for another.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

P = TypeVar("P", bound=Hashable)
MOST_WAYS = 512


def match(slots: Sequence[Iterable[P]]) -> dict[int, P]:
    """A largest assignment slot number -> person, given who could fill each slot."""
    costs = {id(people): dict.fromkeys(people, 0) for people in slots}
    return cheapest([costs[id(people)] for people in slots])


def cheapest(slots: Sequence[Mapping[P, int]]) -> dict[int, P]:
    """A largest assignment; ``slots[i][person]`` is 0 (already signed so) or 1 (would have to).

    Slots are added one by one, each along a path of least cost, and what is filled stays filled. So where not all can
    be, the earlier ones are; those that are filled are filled at least total cost.
    """
    holder: dict[P, int] = {}
    full: set[int] = set()
    for slot, able in enumerate(slots):
        # Slots of one need are one mapping: where there was nobody left for one of them, there never is for another.
        if id(able) not in full and not _assign_cheapest(slots, slot, holder):
            full.add(id(able))
    return {slot: person for person, slot in holder.items()}


def _assign_cheapest(slots: Sequence[Mapping[P, int]], start: int, holder: dict[P, int]) -> bool:
    """Bellman-Ford over slots: taking a person from a slot gives that slot's cost back. Whether somebody was found."""
    distance: dict[int, int] = {start: 0}
    came_from: dict[P, int] = {}
    best: dict[P, int] = {}
    queue = [start]
    while queue:
        slot = queue.pop(0)
        for person, cost in slots[slot].items():
            total = distance[slot] + cost
            if person not in best or total < best[person]:
                best[person], came_from[person] = total, slot
                held = holder.get(person)
                if held is not None:
                    distance[held] = total - slots[held][person]
                    queue.append(held)
    free = [person for person in best if person not in holder]
    if free:
        _shift(holder, came_from, min(free, key=lambda person: best[person]), start)
    return bool(free)


def _shift(holder: dict[P, int], came_from: Mapping[P, int], person: P, start: int) -> None:
    """Walks the path back: each slot on it takes the person that was reached from it."""
    previous = {slot: who for who, slot in holder.items()}
    while True:
        slot = came_from[person]
        holder[person] = slot
        if slot == start:
            return
        person = previous[slot]


def untangle(parties: Sequence[frozenset[P]]) -> Iterator[tuple[int, ...]]:
    """Every way to keep, of acts that were each given by or for ``parties[i]``, only such as do not overlap in part.

    Whoever signed for somebody fills one slot with them: either that act is kept and everything else of both is left
    out, or it is left out. What each way keeps is then matched as if every party were one person. Acts without others
    in their party come first; after ``MOST_WAYS`` no further way is tried, which can only miss a yes.
    """
    waiting = [tuple(range(len(parties)))]
    ways = 0
    while waiting and ways < MOST_WAYS:
        kept = waiting.pop()
        torn = next((parties[at] for at in kept if len(parties[at]) > 1 and _is_torn(parties, kept, at)), None)
        if torn is None:
            ways += 1
            yield kept
        else:
            waiting.append(tuple(at for at in kept if parties[at] == torn or not parties[at] & torn))
            waiting.append(tuple(at for at in kept if parties[at] != torn))


def _is_torn(parties: Sequence[frozenset[P]], kept: tuple[int, ...], at: int) -> bool:
    return any(parties[at] & parties[other] and parties[at] != parties[other] for other in kept)
