"""Facts: everything evaluation may look at, read once and frozen.

Order: 1 the record (one connection), 2 the directory (live, bounded), 3 assembly. A directory that
cannot answer becomes ``directory_error`` in the facts, never an empty answer; policy makes an
error of it. Nothing here decides and nothing here writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from gate.domain.contribution import GitRevision
from gate.domain.errors import UnavailableError
from gate.domain.people import Person, PersonRef, RoleGroup, RoleSnapshot
from gate.policy.effective import EffectivePolicy
from gate.policy.facts import (
    ApprovalFacts,
    BreakGlassFacts,
    CheckFacts,
    ClearanceFacts,
    ContributorFacts,
    DelegationFacts,
    Facts,
    OwedReviewFacts,
    PathFacts,
    PersonFacts,
    RepositoryFacts,
    RoleHeld,
    RoleMembers,
    TrainingHeld,
)
from gate.policy.ownership import role_groups
from gate.policy.separation import find_robot
from gate.store import blobs, commits, contributions, people
from gate.store.approvals import checks
from gate.store.contributions import ContributionRow, ContributorRow, RevisionRow
from gate.store.engine import Source
from gate.store.people import TrainingRow
from gate.workflow.act_facts import read_break_glass, read_clearances, read_delegations, read_owed_reviews
from gate.workflow.approval_facts import read_approvals
from gate.workflow.force import InForce
from gate.workflow.git_record import parse_git
from gate.workflow.parts import Parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """One contribution's facts with what they were gathered under.

    ``vetoed_in``: by log index, the other contribution in which a rejection among the facts was signed. ``outage`` is
    what stands behind ``directory_error``, with its cause for the log.
    """

    row: ContributionRow
    git: GitRevision
    force: InForce
    policy: EffectivePolicy
    facts: Facts
    vetoed_in: Mapping[int, ContributionRow]
    outage: UnavailableError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Recorded:
    """Step 1: what the record holds."""

    row: ContributionRow
    policy: EffectivePolicy
    git: GitRevision
    contributors: tuple[ContributorFacts, ...]
    approvals: tuple[ApprovalFacts, ...]
    checks: tuple[CheckFacts, ...]
    vetoed_in: Mapping[int, ContributionRow]
    clearances: tuple[ClearanceFacts, ...]
    delegations: tuple[DelegationFacts, ...]
    break_glass: BreakGlassFacts | None
    owed_reviews: tuple[OwedReviewFacts, ...]

    @property
    def actors(self) -> set[str]:
        """Everybody whose act, or whose part in one, is among the facts."""
        keys = {one.person for one in self.approvals} | {one.person for one in self.clearances}
        keys |= {key for one in self.delegations for key in (one.giver, one.receiver)}
        if self.break_glass is not None:
            keys |= {self.break_glass.person, *(one.person for one in self.break_glass.cosigners)}
        return keys


@dataclass(slots=True, kw_only=True)
class _Asked:
    """Step 2: what the directory said, or why it could not."""

    people: dict[str, PersonFacts] = field(default_factory=dict)
    members: list[RoleMembers] = field(default_factory=list)
    started_at: datetime | None = None
    outage: UnavailableError | None = None


def gather(parts: Parts, repository: str, number: int, *, also: Iterable[str] = ()) -> Gathered:
    """The facts of a contribution now. ``also`` are person keys to describe besides (a reader, a signer).

    Raises ``NotFoundError`` (no such contribution), ``UnavailableError`` (no policy in force for it).
    """
    force = parts.in_force()
    recorded = _read_record(parts, force, repository, number)
    row, policy = recorded.row, recorded.policy
    paths = tuple(
        PathFacts(path=one.path, old_path=one.old_path, status=one.status, added=one.added, deleted=one.deleted)
        for one in recorded.git.paths
    )
    asked = _ask_directory(parts, policy, recorded, role_groups(policy, paths), tuple(also))
    _add_registers(parts, asked)
    _mark_robots(policy, asked)
    facts = Facts(
        now=parts.clock.now(),
        repository=RepositoryFacts(
            id=repository,
            mode=policy.repository.mode.value,
            owning_teams=policy.repository.owning_teams,
            protected=policy.repository.protected,
            entity=policy.repository.entity,
        ),
        number=number,
        target=row.target,
        head=row.head,
        tree=row.tree,
        merge_base=row.merge_base,
        merges_cleanly=recorded.git.merge_tree is not None,
        draft=row.draft,
        change_request=row.change_request,
        labels=row.labels,
        revision=row.revision,
        policy_epoch=force.epoch,
        policy_digest=policy.digest,
        author=row.author_person,
        paths=paths,
        contributors=recorded.contributors,
        people=tuple(asked.people[key] for key in sorted(asked.people)),
        approvals=recorded.approvals,
        checks=recorded.checks,
        role_members=tuple(asked.members),
        clearances=recorded.clearances,
        delegations=recorded.delegations,
        break_glass=recorded.break_glass,
        owed_reviews=recorded.owed_reviews,
        directory_checked_at=asked.started_at,
        directory_error=asked.outage.message if asked.outage is not None else None,
        max_age_seconds=parts.settings.policy.max_age_seconds,
    )
    return Gathered(
        row=row,
        git=recorded.git,
        force=force,
        policy=policy,
        facts=facts,
        vetoed_in=recorded.vetoed_in,
        outage=asked.outage,
    )


def person_ref(parts: Parts, key: str) -> PersonRef:
    """The reference behind a person's key."""
    directory, _, identifier = key.partition(":")
    return PersonRef(directory=directory, id_attr=parts.settings.directory.id_attr, id=identifier)


def _read_record(parts: Parts, force: InForce, repository: str, number: int) -> _Recorded:
    now = parts.clock.now()
    with parts.engine.connect() as connection:
        row = contributions.load(connection, repository, number)
        policy = force.policy_for(repository, row.target)
        revisions = contributions.revisions(connection, repository, number)
        latest = revisions[-1]
        git = parse_git(blobs.load(connection, latest.git_digest))
        others = numbers_sharing(connection, repository, number)
        shared = [one for other in others for one in contributions.contributors(connection, repository, other)]
        approvals, vetoed_in = read_approvals(connection, row, policy, others)
        return _Recorded(
            row=row,
            policy=policy,
            git=git,
            contributors=(
                *_contributors(contributions.contributors(connection, repository, number)),
                *_shared(shared),
                *_unsaid_pushers(connection, repository, revisions),
            ),
            approvals=approvals,
            vetoed_in=vetoed_in,
            checks=tuple(
                CheckFacts(
                    name=one.name,
                    head=one.head,
                    outcome=one.outcome,
                    reporter=one.reporter,
                    reporter_person=one.reporter_person,
                    reported_at=one.reported_at,
                )
                for one in checks(connection, repository, row.head)
            ),
            clearances=read_clearances(connection, row),
            delegations=read_delegations(connection, row, now),
            break_glass=read_break_glass(connection, row),
            owed_reviews=read_owed_reviews(connection, row),
        )


def numbers_sharing(source: Source, repository: str, number: int) -> tuple[int, ...]:
    """Other contributions of the repository that share a commit or patch with this one, whatever became of them."""
    held = commits.commits(source, repository, number)
    patches = (one.patch_id for one in held if one.patch_id)
    sharing = commits.sharing(source, repository, (one.sha for one in held), patches, other_than=number)
    return tuple(sorted({one.number for one in sharing}))


def _contributors(rows: Iterable[ContributorRow]) -> tuple[ContributorFacts, ...]:
    """One fact an identity and part, with the revisions it was seen in."""
    found: dict[tuple[str, str, str | None, str], set[int]] = {}
    for row in rows:
        found.setdefault((row.part, row.address, row.person, row.how), set()).add(row.revision)
    return tuple(
        ContributorFacts(part=part, address=address, person=person, how=how, revisions=tuple(sorted(revisions)))
        for (part, address, person, how), revisions in sorted(found.items(), key=lambda item: str(item[0]))
    )


def _shared(rows: Iterable[ContributorRow]) -> tuple[ContributorFacts, ...]:
    """Contributors of other contributions that share a commit or patch: INV-03."""
    return tuple(replace(one, part="shared", revisions=()) for one in _contributors(rows) if one.person is not None)


def _unsaid_pushers(source: Source, repository: str, revisions: Iterable[RevisionRow]) -> tuple[ContributorFacts, ...]:
    """Heads of which nobody said who pushed them (CI does not know, a delivery was lost): INV-01, INV-03.

    Addresses in commits are claims; without the git server's word anybody may stand behind them. Whoever
    tells it later mends this.
    """
    told = {one.head for one in revisions if one.pusher_login is not None}
    unsaid: dict[str, list[int]] = {}
    for one in revisions:
        if one.head not in told:
            unsaid.setdefault(one.head, []).append(one.revision)
    return tuple(
        ContributorFacts(
            part="pusher", address="Whoever pushed it", person=None, how="unsaid", revisions=tuple(numbers)
        )
        for head, numbers in unsaid.items()
        if not any(other.pusher_person for other in contributions.with_revision(source, repository, head))
    )


def _ask_directory(
    parts: Parts, policy: EffectivePolicy, recorded: _Recorded, groups: tuple[RoleGroup, ...], also: tuple[str, ...]
) -> _Asked:
    asked = _Asked(started_at=parts.directory.remembered_since or parts.clock.now())
    keys = {one.person for one in recorded.contributors if one.person}
    keys |= recorded.actors | set(also)
    keys |= {recorded.row.author_person} if recorded.row.author_person else set()
    try:
        asked.members = [_members(parts, group, asked) for group in groups]
        refs = [person_ref(parts, key) for key in sorted(keys)]
        for key, snapshot in parts.directory.snapshots(refs, readable_groups(asked.members)).items():
            asked.people[key] = _person(snapshot)
        for robot in policy.robots:
            sponsor = parts.directory.person_by_login(robot.sponsor)
            if sponsor is not None and sponsor.key not in asked.people:
                asked.people[sponsor.key] = _bare(sponsor)
    except UnavailableError as outage:
        asked.outage, asked.started_at = outage, None
    return asked


def readable_groups(members: Iterable[RoleMembers]) -> tuple[RoleGroup, ...]:
    """The groups that exist and could be read. The others are errors of their own roles, nobody else's."""
    return tuple(RoleGroup(role=one.role, team=one.team, group_dn=one.group_dn) for one in members if one.error is None)


def _members(parts: Parts, group: RoleGroup, asked: _Asked) -> RoleMembers:
    """Who holds a role now. A group that is missing or too big is that group's error, an outage is everybody's."""
    plain = RoleMembers(role=group.role, team=group.team, group_dn=group.group_dn)
    try:
        members = parts.directory.members(group)
    except UnavailableError as problem:
        if problem.code == "unreachable":
            raise
        return replace(plain, error=problem.message)
    for member in members:
        known = asked.people.get(member.key) or _bare(member)
        held = RoleHeld(role=group.role, team=group.team, via=(group.group_dn,))
        if all((one.role, one.team) != (group.role, group.team) for one in known.roles):
            known = replace(known, roles=(*known.roles, held))
        asked.people[member.key] = known
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


def _add_registers(parts: Parts, asked: _Asked) -> None:
    """Trainings and accepted terms, from the registers the gate keeps."""
    keys = sorted(asked.people)
    with parts.engine.connect() as connection:
        trainings = people.trainings(connection, keys)
        terms = people.terms(connection, keys)
    for key in keys:
        asked.people[key] = replace(
            asked.people[key],
            trainings=tuple(_training(one) for one in trainings if one.person == key),
            terms=tuple(sorted(one.terms for one in terms if one.person == key)),
        )


def _training(row: TrainingRow) -> TrainingHeld:
    as_of = date.fromisoformat(row.as_of)
    return TrainingHeld(code=row.code, valid_until=row.valid_until, as_of=as_of, source=row.source)


def _mark_robots(policy: EffectivePolicy, asked: _Asked) -> None:
    """A declared robot may have an account and be put in a group: still it never approves."""
    for key, person in asked.people.items():
        declared = find_robot(policy, person)
        if declared is not None:
            asked.people[key] = replace(person, robot=True, sponsor=declared.sponsor)
