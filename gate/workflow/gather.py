"""Facts: everything evaluation may look at, read once and frozen.

Order: 1 the record (``recorded.py``, one moment), 2 the directory (live, bounded) and the registers, 3 assembly. A
directory that cannot answer becomes ``directory_error`` in the facts, never an empty answer; policy makes an
error of it. Nothing here decides and nothing here writes.

A ``Reading`` may be of many contributions, which share what was asked for one of them. What is recorded about each is
fenced by its stream's version and the policy epoch when a decision is appended, and by that of ``people`` where
somebody signed for somebody; the directory was asked after ``directory_checked_at``. It lives as long as one batch of
decisions, and no longer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from gate.directory.remembered import RememberedDirectory
from gate.domain.contribution import GitRevision
from gate.domain.errors import UnavailableError
from gate.domain.people import Person, PersonRef, RoleGroup, RoleSnapshot
from gate.policy.effective import EffectivePolicy
from gate.policy.facts import (
    Facts,
    PathFacts,
    PersonFacts,
    RepositoryFacts,
    RoleHeld,
    RoleMembers,
    TrainingHeld,
)
from gate.policy.ownership import role_groups
from gate.policy.separation import find_robot
from gate.store import blobs, commits, people
from gate.store.contributions import ContributionRow
from gate.store.engine import Source, snapshot
from gate.store.fetch import Place
from gate.store.people import TrainingRow
from gate.workflow.force import InForce
from gate.workflow.git_record import parse_git
from gate.workflow.parts import Parts
from gate.workflow.recorded import Recorded, Records


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """One contribution's facts with what they were gathered under.

    ``vetoed_in`` and ``people_version`` are those of what is recorded. ``outage`` is what stands behind
    ``directory_error``, with its cause for the log.
    """

    row: ContributionRow
    git: GitRevision
    force: InForce
    policy: EffectivePolicy
    facts: Facts
    vetoed_in: Mapping[int, ContributionRow]
    people_version: int
    outage: UnavailableError | None = None


@dataclass(slots=True, kw_only=True)
class _Asked:
    """Step 2: what the directory said, or why it could not."""

    people: dict[str, PersonFacts] = field(default_factory=dict)
    members: tuple[RoleMembers, ...] = ()
    outage: UnavailableError | None = None


def gather(parts: Parts, repository: str, number: int, *, also: Iterable[str] = ()) -> Gathered:
    """The facts of one contribution now; see ``Reading``."""
    place = Place(repository, number)
    return Reading(parts, (place,), also=also).gather(place)


class Reading:
    """One reading of record, directory and registers. ``also`` are person keys to describe besides (a reader).

    Raises ``UnavailableError`` (nothing is in force).
    """

    def __init__(self, parts: Parts, places: Sequence[Place], *, also: Iterable[str] = ()) -> None:
        self._parts = parts
        self._force = parts.in_force()
        self._since = parts.clock.now()
        self._also = frozenset(also)
        with snapshot(parts.engine) as connection:
            self._records = Records(connection, places, self._since)
        self._directory = RememberedDirectory(live=parts.directory)
        self._outage: UnavailableError | None = None
        self._policies: dict[tuple[str, str], EffectivePolicy] = {}
        self._holders: dict[tuple[RoleGroup, ...], _Asked] = {}
        self._registers: dict[str, tuple[tuple[TrainingHeld, ...], tuple[str, ...]]] = {}

    def gather(self, place: Place) -> Gathered:
        """Raises ``NotFoundError`` (no such contribution), ``UnavailableError`` (no policy in force for it)."""
        row = self._records.row(place)
        policy = self._policy(row)
        recorded = self._records.build(row, policy)
        git = parse_git(blobs.load(self._parts.engine, recorded.git_digest))
        paths = tuple(
            PathFacts(path=one.path, old_path=one.old_path, status=one.status, added=one.added, deleted=one.deleted)
            for one in git.paths
        )
        asked = self._ask_directory(policy, role_groups(policy, paths), recorded.people | self._also)
        facts = self._build(policy, recorded, git, paths, asked)
        return Gathered(
            row=row,
            git=git,
            force=self._force,
            policy=policy,
            facts=facts,
            vetoed_in=recorded.vetoed_in,
            people_version=recorded.people_version,
            outage=asked.outage,
        )

    def _policy(self, row: ContributionRow) -> EffectivePolicy:
        where = (row.repository, row.target)
        if where not in self._policies:
            self._policies[where] = self._force.policy_for(*where)
        return self._policies[where]

    def _build(
        self,
        policy: EffectivePolicy,
        recorded: Recorded,
        git: GitRevision,
        paths: tuple[PathFacts, ...],
        asked: _Asked,
    ) -> Facts:
        row = recorded.row
        return Facts(
            now=self._parts.clock.now(),
            repository=RepositoryFacts(
                id=row.repository,
                mode=policy.repository.mode.value,
                owning_teams=policy.repository.owning_teams,
                protected=policy.repository.protected,
                entity=policy.repository.entity,
            ),
            number=row.number,
            target=row.target,
            head=row.head,
            tree=row.tree,
            merge_base=row.merge_base,
            merges_cleanly=git.merge_tree is not None,
            draft=row.draft,
            change_request=row.change_request,
            labels=row.labels,
            revision=row.revision,
            policy_epoch=self._force.epoch,
            policy_digest=policy.digest,
            author=row.author_person,
            paths=paths,
            contributors=recorded.contributors,
            people=tuple(asked.people[key] for key in sorted(asked.people)),
            approvals=recorded.approvals,
            checks=recorded.checks,
            role_members=asked.members,
            clearances=recorded.clearances,
            delegations=recorded.delegations,
            break_glass=recorded.break_glass,
            owed_reviews=recorded.owed_reviews,
            directory_checked_at=self._since if asked.outage is None else None,
            directory_error=asked.outage.message if asked.outage is not None else None,
            max_age_seconds=self._parts.settings.policy.max_age_seconds,
        )

    def _ask_directory(self, policy: EffectivePolicy, groups: tuple[RoleGroup, ...], keys: set[str]) -> _Asked:
        if self._outage is not None:
            return _Asked(outage=self._outage)
        try:
            holders = self._ask_holders(groups)
            refs = [person_ref(self._parts, key) for key in sorted(keys)]
            asked = self._directory.snapshots(refs, readable_groups(holders.members))
            sponsors = [self._directory.person_by_login(robot.sponsor) for robot in policy.robots]
        except UnavailableError as problem:
            # Away for one is away for all of the batch, which must not wait for it again and again.
            self._outage = problem if problem.code == "unreachable" else None
            return _Asked(outage=problem)
        found = {one.key: _bare(one) for one in sponsors if one is not None} | holders.people
        found |= {key: _person(snapshot) for key, snapshot in asked.items()}
        return _Asked(people=_with_robots(policy, self._described(found)), members=holders.members)

    def _ask_holders(self, groups: tuple[RoleGroup, ...]) -> _Asked:
        """Who holds the roles, and in which of these groups each of them was seen."""
        if groups not in self._holders:
            found: dict[str, PersonFacts] = {}
            members = tuple(_members(self._directory, group, found) for group in groups)
            self._holders[groups] = _Asked(people=found, members=members)
        return self._holders[groups]

    def _described(self, found: dict[str, PersonFacts]) -> dict[str, PersonFacts]:
        """The same people with trainings and accepted terms, from the registers the gate keeps."""
        self._read_registers([key for key in sorted(found) if key not in self._registers])
        for key, person in found.items():
            trainings, terms = self._registers[key]
            if trainings or terms:
                found[key] = replace(person, trainings=trainings, terms=terms)
        return found

    def _read_registers(self, keys: Sequence[str]) -> None:
        if not keys:
            return
        trainings: dict[str, list[TrainingHeld]] = {key: [] for key in keys}
        terms: dict[str, list[str]] = {key: [] for key in keys}
        with snapshot(self._parts.engine) as connection:
            for held in people.trainings(connection, keys):
                trainings[held.person].append(_training(held))
            for accepted in people.terms(connection, keys):
                terms[accepted.person].append(accepted.terms)
        self._registers |= {key: (tuple(trainings[key]), tuple(sorted(terms[key]))) for key in keys}


def numbers_sharing(source: Source, repository: str, number: int) -> tuple[int, ...]:
    """Other contributions of the repository that share a commit or patch with this one, whatever became of them."""
    place = Place(repository, number)
    return commits.sharing_each(source, (place,))[place]


def person_ref(parts: Parts, key: str) -> PersonRef:
    """The reference behind a person's key."""
    directory, _, identifier = key.partition(":")
    return PersonRef(directory=directory, id_attr=parts.settings.directory.id_attr, id=identifier)


def readable_groups(members: Iterable[RoleMembers]) -> tuple[RoleGroup, ...]:
    """The groups that exist and could be read. The others are errors of their own roles, nobody else's."""
    return tuple(RoleGroup(role=one.role, team=one.team, group_dn=one.group_dn) for one in members if one.error is None)


def _members(directory: RememberedDirectory, group: RoleGroup, found: dict[str, PersonFacts]) -> RoleMembers:
    """Who holds a role now. A group that is missing or too big is that group's error, an outage is everybody's."""
    plain = RoleMembers(role=group.role, team=group.team, group_dn=group.group_dn)
    try:
        members = directory.members(group)
    except UnavailableError as problem:
        if problem.code == "unreachable":
            raise
        return replace(plain, error=problem.message)
    for member in members:
        known = found.get(member.key) or _bare(member)
        held = RoleHeld(role=group.role, team=group.team, via=(group.group_dn,))
        if all((one.role, one.team) != (group.role, group.team) for one in known.roles):
            known = replace(known, roles=(*known.roles, held))
        found[member.key] = known
    return replace(plain, members=tuple(member.key for member in members))


def _bare(person: Person) -> PersonFacts:
    return PersonFacts(
        id=person.key,
        login=person.login,
        name=person.name,
        state=person.state.value,
        state_reasons=person.reasons,
        team=person.team,
        entity=person.entity,
        department=person.department,
    )


def _person(snapshot: RoleSnapshot) -> PersonFacts:
    roles = tuple(
        RoleHeld(role=one.role, team=one.team, via=tuple(group.dn for group in one.via) or (one.group.dn,))
        for one in snapshot.grants
    )
    return replace(_bare(snapshot.person), roles=roles)


def _with_robots(policy: EffectivePolicy, found: dict[str, PersonFacts]) -> dict[str, PersonFacts]:
    """A declared robot may have an account and be put in a group: still it never approves."""
    for key, person in found.items():
        declared = find_robot(policy, person)
        if declared is not None:
            found[key] = replace(person, robot=True, sponsor=declared.sponsor)
    return found


def _training(row: TrainingRow) -> TrainingHeld:
    as_of = date.fromisoformat(row.as_of)
    return TrainingHeld(code=row.code, valid_until=row.valid_until, as_of=as_of, source=row.source)
