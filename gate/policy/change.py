"""What is to be decided: a policy, one snapshot of facts, and what follows from the two before anybody's act is read.

Read once, and handed on as a whole to everything that decides.
"""

from __future__ import annotations

from dataclasses import dataclass

from gate.policy.classification import Level, find_level
from gate.policy.document import AuthorKind, Policy
from gate.policy.effective import EffectivePolicy
from gate.policy.expression_facts import Seen
from gate.policy.facts import Facts
from gate.policy.ownership import Owned, find_outsider, find_owned
from gate.policy.prerequisites import Asking
from gate.policy.separation import People, Separation, separate


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """``outsider`` says why the change is cross-team (None: it is not). ``level`` None: the policy has no levels."""

    effective: EffectivePolicy
    policy: Policy
    facts: Facts
    people: People
    separation: Separation
    owned: Owned
    outsider: str | None
    level: Level | None
    asking: Asking

    @property
    def seen(self) -> Seen:
        """What expressions see of it."""
        return Seen(
            facts=self.facts,
            is_cross_team=self.outsider is not None,
            is_robot=AuthorKind.ROBOT in self.separation.kinds,
            levels=tuple(sorted(self.level.held)) if self.level is not None else (),
        )


def read_change(effective: EffectivePolicy, facts: Facts) -> Change:
    """Contributors, owners and level of the change. What is wrong with them is in ``separation.errors``."""
    policy = effective.policy
    people = {person.id: person for person in facts.people}
    separation = separate(effective, facts, people)
    owned = find_owned(effective, facts.paths)
    level = find_level(policy.classification, facts.paths)
    return Change(
        effective=effective,
        policy=policy,
        facts=facts,
        people=people,
        separation=separation,
        owned=owned,
        outsider=find_outsider(owned, separation.answerable.values()),
        level=level,
        asking=Asking(policy=policy, now=facts.now, level=level, entity=facts.repository.entity),
    )
