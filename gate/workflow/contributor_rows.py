"""The people, robots and unattributed addresses of one contribution, as a pack lists them."""

from __future__ import annotations

from gate.evidence.twin import ContributorRow
from gate.policy.record import parse_facts
from gate.policy.registered import Robot
from gate.policy.registry import PolicySet
from gate.store import blobs
from gate.store import contributions as stored
from gate.store.contributions import ContributionRow
from gate.workflow.names import Names
from gate.workflow.parts import Parts


def build_contributors(parts: Parts, policies: PolicySet, row: ContributionRow) -> tuple[ContributorRow, ...]:
    """Names as in the facts of the recorded decision; an address stands for itself when it is nobody's.

    ``policies`` are those that the repository is, or last was, registered by.
    A declared robot is somebody: it stands as ``robot:<name>``, and its sponsor answers for it.
    """
    names = _names_as_decided(parts, row)
    live, robots = Names(parts), _robots(policies, row)
    seen: dict[tuple[str, str | None, str, str], set[int]] = {}
    for one in stored.contributors(parts.engine, row.repository, row.number):
        robot = robots.get((one.part == "pusher", one.address.casefold())) if one.person is None else None
        name = (names.get(one.person) or live.of(one.person)) if one.person else one.address
        person, how = one.person, one.how
        if robot is not None:
            person, name, how = f"robot:{robot.name}", f"{robot.name} (robot, sponsor {robot.sponsor})", "robot"
        seen.setdefault((one.part, person, name, how), set()).add(one.revision)
    return tuple(
        ContributorRow(part=part, person=person, name=name, how=how, revisions=tuple(sorted(revisions)))
        for (part, person, name, how), revisions in seen.items()
    )


def _robots(policies: PolicySet, row: ContributionRow) -> dict[tuple[bool, str], Robot]:
    """Declared robots by (is it a login?, login or address)."""
    effective = policies.policy_for(row.repository, row.target)
    known: dict[tuple[bool, str], Robot] = {}
    for robot in effective.robots if effective else ():
        for is_login, label in ((True, robot.login), (False, robot.address)):
            if label is not None:
                known[is_login, label.casefold()] = robot
    return known


def _names_as_decided(parts: Parts, row: ContributionRow) -> dict[str, str]:
    if row.facts_digest is None:
        return {}
    return {one.id: one.name for one in parse_facts(blobs.load(parts.engine, row.facts_digest)).people}
