"""One landing as facts for the policy: what git knows of it, and what ``gate preview`` takes as given.

Decided as of the time it landed. Taken as given: it merges cleanly (it did land), its reported checks succeeded, it had
no labels, what a robot wrote was pushed by that robot's login, and what the forge itself committed on the branch is a
squash of commits that the gate would have seen. Nothing is ever taken as signed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Final

from gate.domain.contribution import Commit
from gate.git.survey import LandedChange
from gate.policy.effective import EffectivePolicy
from gate.policy.facts import CheckFacts, ContributorFacts, Facts, PathFacts, RepositoryFacts, RoleMembers
from gate.policy.ownership import role_groups
from gate.policy.registered import Robot
from gate.workflow.attribute import attribute_commits
from gate.workflow.change_request import find_change_request
from gate.workflow.preview_people import Roster

FORGE_COMMITTER: Final = "noreply@github.com"
"""Whom GitHub names as committer of what it squashes, rebases or edits itself."""


def build_facts(
    policy: EffectivePolicy, change: LandedChange, roster: Roster, target: str, number: int, latest: datetime
) -> Facts:
    """The facts of one landing, as the gate would have gathered them before any signature; none is of the future."""
    now = min(change.landed.at, latest)
    paths = changed_paths(change)
    contributors = _contributors(policy, change, roster)
    members = tuple(roster.members[group.role, group.team] for group in role_groups(policy, paths))
    return Facts(
        now=now,
        repository=RepositoryFacts(
            id=policy.repository.id,
            mode=policy.repository.mode.value,
            owning_teams=policy.repository.owning_teams,
            protected=policy.repository.protected,
            entity=policy.repository.entity,
        ),
        number=number,
        target=target,
        head=change.landed.head,
        tree="",
        merge_base=change.landed.before or "",
        merges_cleanly=True,
        change_request=_change_request(policy, change),
        labels=labels_of(policy),
        revision=1,
        policy_epoch=0,
        policy_digest=policy.digest,
        author=_author(policy, contributors, roster),
        paths=paths,
        contributors=contributors,
        people=tuple(roster.people[key] for key in sorted(_concerned(policy, contributors, members, roster))),
        checks=tuple(_checks(policy, change.landed.head, now)),
        role_members=members,
        directory_checked_at=now,
    )


def changed_paths(change: LandedChange) -> tuple[PathFacts, ...]:
    return tuple(
        PathFacts(path=one.path, old_path=one.old_path, status=one.status, added=one.added, deleted=one.deleted)
        for one in change.paths
    )


def labels_of(policy: EffectivePolicy) -> tuple[str, ...] | None:
    """None where nobody would report any, as the gate has it."""
    return None if policy.repository.hook == "git" else ()


def is_committed_by_forge(change: LandedChange) -> bool:
    """Of a single commit only: a merge commit is not among the commits that it brings."""
    return any(
        one.sha == change.landed.sha and one.committer.address.strip().casefold() == FORGE_COMMITTER
        for one in change.commits
    )


def claiming_commits(change: LandedChange) -> tuple[Commit, ...]:
    """The commits whose addresses count: a squash has no committer but its author."""
    if not is_committed_by_forge(change):
        return change.commits
    return tuple(replace(one, committer=one.author) if one.sha == change.landed.sha else one for one in change.commits)


def _contributors(policy: EffectivePolicy, change: LandedChange, roster: Roster) -> tuple[ContributorFacts, ...]:
    """Who the commits name, and for what a robot wrote the push by its login, which git cannot show."""
    found = tuple(
        ContributorFacts(
            part=one.part, address=one.address, person=one.person, how=one.how, revisions=(1,), commits=one.commits
        )
        for one in attribute_commits(claiming_commits(change), roster.matches)
    )
    robots = robots_by_address(policy)
    if not roster.is_live:
        found = tuple(replace(one, person=None, how="nobody") if one.address in robots else one for one in found)
    authors = [one for one in found if one.part == "author"]
    behind = [robots[one.address] for one in authors if one.address in robots]
    is_robots = all(one.person is None or one.address in robots for one in authors)
    login = behind[0].login if behind and is_robots else None
    if login is None:
        return found
    return (*found, ContributorFacts(part="pusher", address=login, person=None, how="login", revisions=(1,)))


def _author(policy: EffectivePolicy, contributors: Iterable[ContributorFacts], roster: Roster) -> str | None:
    """Who is taken to have opened it: the first known author, or the sponsor of a robot that cannot push itself."""
    authors = [one for one in contributors if one.part == "author"]
    known = next((one.person for one in authors if one.person is not None), None)
    robot = next((robots_by_address(policy).get(one.address) for one in authors), None)
    if known is not None or robot is None or robot.login is not None:
        return known
    wanted = robot.sponsor.strip().casefold()
    return next((key for key, one in sorted(roster.people.items()) if one.login.strip().casefold() == wanted), None)


def _concerned(
    policy: EffectivePolicy,
    contributors: Iterable[ContributorFacts],
    members: Iterable[RoleMembers],
    roster: Roster,
) -> set[str]:
    sponsors = {robot.sponsor.strip().casefold() for robot in policy.robots}
    keys = {one.person for one in contributors if one.person is not None}
    keys |= {key for one in members for key in one.members}
    if sponsors:
        keys |= {key for key, person in roster.people.items() if person.login.strip().casefold() in sponsors}
    return keys


def _change_request(policy: EffectivePolicy, change: LandedChange) -> str | None:
    patterns = [one.pattern for one in policy.change_requests]
    return find_change_request(patterns, (change.landed.subject, *(commit.subject for commit in change.commits)))


def _checks(policy: EffectivePolicy, head: str, now: datetime) -> Iterable[CheckFacts]:
    for check in policy.policy.checks:
        yield CheckFacts(name=check.name, head=head, outcome="success", reporter=check.reporters[0], reported_at=now)


def robots_by_address(policy: EffectivePolicy) -> dict[str, Robot]:
    """The declared robots that commits can be known by."""
    return {one.address.strip().casefold(): one for one in policy.robots if one.address is not None}
