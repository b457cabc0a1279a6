"""Who is behind the addresses of a clone: a directory asked once for all of it, or the addresses themselves.

For ``gate preview`` only. With a directory, people, teams and roles are as of today. Without one every address
is taken for a person of no known team, and every role for one that enough people hold: then the preview tells
about addresses, owners, rules and change requests, and nothing about who could sign. What a register would say
(terms, trainings, clearances) is taken as given in both, without a directory also that everybody belongs to the legal
entity that owns the repository; the report says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from gate.directory.api import Directory
from gate.domain.errors import UnavailableError
from gate.domain.people import AddressHow, AddressMatch, Person, PersonRef, PersonState, RoleGroup
from gate.policy.document import Requirement
from gate.policy.effective import EffectivePolicy
from gate.policy.facts import PersonFacts, RoleHeld, RoleMembers, TrainingHeld

ASSUMED = "assumed"
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """``matches`` by address, ``people`` by key, ``members`` by (role, team); ``is_live``: a directory was asked."""

    matches: Mapping[str, AddressMatch]
    people: Mapping[str, PersonFacts]
    members: Mapping[tuple[str, str | None], RoleMembers]
    is_live: bool


def load_roster(
    directory: Directory, policy: EffectivePolicy, addresses: Sequence[str], groups: Iterable[RoleGroup], today: date
) -> Roster:
    """Asks the directory for every address, group and sponsor once. ``UnavailableError`` when it cannot answer."""
    matches = directory.people_by_addresses(addresses) if addresses else {}
    people = {one.person.key: _facts(one.person) for one in matches.values() if one.person is not None}
    members: dict[tuple[str, str | None], RoleMembers] = {}
    for group in groups:
        members[group.role, group.team] = _load_members(directory, group, people)
    for robot in policy.robots:
        sponsor = directory.person_by_login(robot.sponsor)
        if sponsor is not None:
            people.setdefault(sponsor.key, _facts(sponsor))
    given = {key: _given(policy, person, today) for key, person in people.items()}
    return Roster(matches=matches, people=given, members=members, is_live=True)


def build_roster(policy: EffectivePolicy, addresses: Iterable[str], groups: Iterable[RoleGroup], today: date) -> Roster:
    """No directory: each address is a person, sponsors exist, and every role has as many holders as could be asked."""
    matches = {address: _assumed_match(address) for address in addresses}
    people: dict[str, PersonFacts] = {}
    for match in matches.values():
        if match.person is not None:
            people[match.person.key] = _facts(match.person)
    for robot in policy.robots:
        people[f"{ASSUMED}:{robot.sponsor}"] = _assumed(robot.sponsor)
    members: dict[tuple[str, str | None], RoleMembers] = {}
    for group in groups:
        held = [_holder(group, number) for number in range(_most_asked(policy, group.role))]
        people.update((one.id, one) for one in held)
        members[group.role, group.team] = RoleMembers(
            role=group.role, team=group.team, group_dn=group.group_dn, members=tuple(one.id for one in held)
        )
    ours = policy.repository.entity
    given = {key: _given(policy, replace(person, entity=ours), today) for key, person in people.items()}
    return Roster(matches=matches, people=given, members=members, is_live=False)


def admit_all(policy: EffectivePolicy) -> EffectivePolicy:
    """Where nobody knows the approvers, ``expr`` cannot refuse one."""

    def admit(asked: Requirement) -> Requirement:
        return replace(asked, expr=None)

    rules = tuple(replace(rule, require=tuple(admit(one) for one in rule.require)) for rule in policy.policy.rules)
    freezes = tuple(
        replace(one, exempt=admit(one.exempt)) if one.exempt is not None else one for one in policy.policy.freezes
    )
    return replace(policy, policy=replace(policy.policy, rules=rules, freezes=freezes))


def _load_members(directory: Directory, group: RoleGroup, people: dict[str, PersonFacts]) -> RoleMembers:
    """As in ``gather``: a group that is missing is an error of its own role, an outage is everybody's."""
    plain = RoleMembers(role=group.role, team=group.team, group_dn=group.group_dn)
    try:
        members = directory.members(group)
    except UnavailableError as problem:
        if problem.code == "unreachable":
            raise
        return replace(plain, error=problem.message)
    held = RoleHeld(role=group.role, team=group.team, via=(group.group_dn,))
    for member in members:
        known = people.get(member.key) or _facts(member)
        people[member.key] = replace(known, roles=(*known.roles, held))
    return replace(plain, members=tuple(member.key for member in members))


def _facts(person: Person) -> PersonFacts:
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


def _given(policy: EffectivePolicy, person: PersonFacts, today: date) -> PersonFacts:
    """Terms accepted, trainings done, clearances held: registers are not read here, and all can be mended."""
    asked = {code for one in policy.policy.prerequisites for code in (one.training, one.clearance)}
    courses = sorted(code for code in asked if code is not None)
    return replace(
        person,
        terms=tuple(sorted(terms.id for terms in policy.policy.terms)),
        trainings=tuple(TrainingHeld(code=code, as_of=today, source=ASSUMED) for code in courses),
    )


def _assumed_match(address: str) -> AddressMatch:
    """An address that is none can be nobody's, whatever a directory says."""
    name, at, host = address.partition("@")
    if not (name and at and host) or "@" in host or any(char.isspace() or not char.isprintable() for char in address):
        return AddressMatch(address=address, how=AddressHow.MALFORMED)
    person = Person(
        ref=PersonRef(directory=ASSUMED, id_attr="address", id=address),
        login=address,
        dn="",
        name=address,
        state=PersonState.ACTIVE,
        fetched_at=_NEVER,
    )
    return AddressMatch(address=address, how=AddressHow.MAIL, person=person)


def _assumed(login: str) -> PersonFacts:
    return PersonFacts(id=f"{ASSUMED}:{login}", login=login, name=login, state=PersonState.ACTIVE.value)


def _holder(group: RoleGroup, number: int) -> PersonFacts:
    who = f"{group.role} of {group.team}" if group.team is not None else group.role
    held = RoleHeld(role=group.role, team=group.team, via=(group.group_dn,))
    return replace(_assumed(f"{who} {number + 1}"), roles=(held,))


def _most_asked(policy: EffectivePolicy, role: str) -> int:
    """Enough for every rule and freeze at once; one for a role that only a veto or a break-glass names."""
    asked = [one for rule in policy.policy.rules for one in rule.require]
    asked += [freeze.exempt for freeze in policy.policy.freezes if freeze.exempt is not None]
    return max(1, sum(one.count for one in asked if role in one.roles))
