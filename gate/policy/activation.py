"""Who may change the policies themselves: the section ``activation`` of the file of kind Repositories.

While a set of policies with this section is in force, nothing but a proposal by a member of ``propose``, approved by
``count`` other members of ``approve``, brings another set into force (``gate/workflow/propose.py``). The section is
part of what is in force, so taking it out needs the same signatures. It is no part of any effective policy: a changed
board voids no approval of a contribution.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from gate.policy.registry_shape import ActivationShape
from gate.policy.source import Place, Source

_DN: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]*\s*=\s*\S")


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivationRule:
    """``propose`` and ``approve`` are DNs of directory groups; ``meaning`` is the sentence an approval prints."""

    propose: str
    approve: str
    count: int
    meaning: str


def explain_activation(rule: ActivationRule | None) -> tuple[str, ...]:
    """Who changes the policies, in sentences."""
    if rule is None:
        return ("The operator of the gate puts policies in force.",)
    approvers = "one other member" if rule.count == 1 else f"{rule.count} other members"
    return (
        f"A member of {rule.propose} proposes a change of the policies.",
        f"Then {approvers} of {rule.approve} approve{'s' if rule.count == 1 else ''} it, never the proposer.",
        f"An approval says: {rule.meaning}",
    )


def diff_activation(
    before: ActivationRule | None, after: ActivationRule | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The sentences that are taken out, and those that are added."""
    old, new = explain_activation(before), explain_activation(after)
    return tuple(one for one in old if one not in new), tuple(one for one in new if one not in old)


def read_activation(source: Source, found: ActivationShape | None) -> ActivationRule | None:
    """The section as read; None when the file has none. Raises ``InputError`` with file and line."""
    if found is None:
        return None
    return ActivationRule(
        propose=_read_group(source, ("activation", "propose", "group"), found.propose.group),
        approve=_read_group(source, ("activation", "approve", "group"), found.approve.group),
        count=found.approve.count,
        meaning=found.approve.meaning,
    )


def _read_group(source: Source, place: Place, group: str) -> str:
    if re.search(r"[{}]", group):
        raise source.error(place, f"`{group}` holds braces.", "Policies belong to no team: name one group.")
    if _DN.match(group) is None:
        raise source.error(
            place,
            f"`{group}` is not a directory group.",
            'Write its full DN, as "cn=change-board,ou=groups,dc=example,dc=com".',
        )
    return group
