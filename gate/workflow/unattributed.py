"""Addresses and logins on open contributions that are nobody's, and how to mend each: contributors, and reviewers on a
forge."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from gate.store import contributions, forge_reviews
from gate.workflow.parts import Parts

_WHY = {
    "ambiguous": ("more than one person of the directory has it", "Leave it with one person in the directory."),
    "malformed": ("it is no address", "Amend the commit with a proper address (git config user.email)."),
    "login": (
        "the git server calls the pusher so, and the directory has no such login",
        "Give the person this login in the directory, or declare the robot in repositories.yaml.",
    ),
    "reviewer": (
        "a forge calls a reviewer so, and the directory has no such login: the review counts for nothing",
        "Give the person this login in the directory; they review again.",
    ),
}
_NOBODY = (
    "nobody in the directory has it",
    "Add it as mail or alias to the person's directory entry, or declare the robot in repositories.yaml.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unattributed:
    """One identity that is nobody's; ``where`` lists contribution and part."""

    address: str
    why: str
    mend: str
    where: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def unattributed(parts: Parts) -> tuple[Unattributed, ...]:
    """Every such identity that no robot is declared for, by address."""
    robots = _robots(parts)
    found: dict[tuple[str, str], dict[str, None]] = {}
    for row in contributions.unattributed(parts.engine):
        if row.address.casefold() not in robots:
            found.setdefault((row.address, row.how), {})[f"{row.repository}#{row.number} ({row.part})"] = None
    for review in forge_reviews.unattributed(parts.engine):
        if review.login.casefold() not in robots:
            place = f"{review.repository}#{review.number} (reviewer on {review.forge})"
            found.setdefault((review.login, "reviewer"), {})[place] = None
    return tuple(
        Unattributed(address=address, why=_WHY.get(how, _NOBODY)[0], mend=_WHY.get(how, _NOBODY)[1], where=tuple(where))
        for (address, how), where in sorted(found.items())
    )


def _robots(parts: Parts) -> set[str]:
    declared = parts.in_force().policies.registry.robots
    return {known.casefold() for robot in declared for known in (robot.login, robot.address) if known}
