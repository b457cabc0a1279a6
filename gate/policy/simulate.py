"""What a proposed set of policies would have said: stored facts evaluated under it, and every decision that flips.

Pure. The facts are those of the recorded decision (``now`` included), so nothing but the policy differs. An approval
given under the recorded policy is read as if given under the proposed one: a simulation asks what the rules would
say, not that people sign again. Members of a role that the recorded policy did not ask about are not in the facts;
that is then an error of the simulation and is said so, never taken for "nobody".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from gate.policy.decision import Answer, Decision
from gate.policy.effective import EffectivePolicy
from gate.policy.evaluate import evaluate
from gate.policy.facts import Facts
from gate.policy.ownership import role_groups
from gate.policy.registry import PolicySet


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A decision as recorded, and the facts it rests on."""

    decision: Decision
    facts: Facts


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """One decision under both. ``unread`` are roles whose members the stored facts do not hold."""

    repository: str
    number: int
    revision: int
    before: Decision
    after: Decision
    unread: tuple[str, ...] = ()

    @property
    def flips(self) -> bool:
        return self.before.answer is not self.after.answer

    @property
    def is_told(self) -> bool:
        """Whether the stored facts suffice to say what the proposed policies would answer."""
        return not (self.unread and self.after.answer is Answer.ERROR)

    @property
    def reasons(self) -> tuple[str, ...]:
        """What the proposed policies would say that the recorded decision did not."""
        known = {reason.sentence for reason in self.before.reasons}
        return tuple(one.sentence for one in self.after.reasons if one.sentence not in known)


def replay(proposed: PolicySet, recorded: Iterable[Recorded]) -> Iterator[Replayed]:
    """Each recorded decision beside what ``proposed`` says of the same facts, in the order given."""
    for one in recorded:
        facts = one.facts
        policy = proposed.policy_for(facts.repository.id, facts.target)
        yield Replayed(
            repository=facts.repository.id,
            number=facts.number,
            revision=facts.revision,
            before=one.decision,
            after=evaluate(policy, _under(policy, facts)),
            unread=() if policy is None else _unread(policy, facts),
        )


def _under(policy: EffectivePolicy | None, facts: Facts) -> Facts:
    """The same facts as if gathered, and signed, under ``policy``."""
    if policy is None:
        return facts
    approvals = tuple(
        replace(one, policy_digest=policy.digest) if one.policy_digest == facts.policy_digest else one
        for one in facts.approvals
    )
    invoked = facts.break_glass
    if invoked is not None and invoked.policy_digest == facts.policy_digest:
        invoked = replace(invoked, policy_digest=policy.digest)
    return replace(_read_again(policy, facts), policy_digest=policy.digest, approvals=approvals, break_glass=invoked)


def _read_again(policy: EffectivePolicy, facts: Facts) -> Facts:
    """Without what was read of a role whose group is another one now: its members say nothing about the new group."""
    groups = {(group.role, group.team): group.group_dn for group in role_groups(policy, facts.paths)}
    members = tuple(row for row in facts.role_members if groups.get((row.role, row.team)) == row.group_dn)
    moved = {(row.role, row.team) for row in facts.role_members} - {(row.role, row.team) for row in members}
    people = tuple(
        replace(person, roles=tuple(one for one in person.roles if (one.role, one.team) not in moved))
        for person in facts.people
    )
    return replace(facts, role_members=members, people=people)


def _unread(policy: EffectivePolicy, facts: Facts) -> tuple[str, ...]:
    read = {(row.role, row.team, row.group_dn) for row in facts.role_members}
    missing = (
        group for group in role_groups(policy, facts.paths) if (group.role, group.team, group.group_dn) not in read
    )
    return tuple(f"{one.role} of {one.team}" if one.team is not None else one.role for one in missing)
