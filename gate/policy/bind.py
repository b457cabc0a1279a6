"""A case completed for one version of a policy: digests, members of roles, and as what people sign.

The members of a role are those of `people` who hold it. Who does not say as what they sign, signs as everything they
hold, with every meaning asked of that; who holds nothing claims every role that is asked, and must be refused. So a
case can be tried on a weakened policy (``mutate.py``), and people do there whatever that policy lets them.
"""

from __future__ import annotations

from dataclasses import replace

from gate.domain.contribution import Mode
from gate.policy.cases import Case, Signing
from gate.policy.document import Policy, Requirement
from gate.policy.effective import EffectivePolicy, build_effective
from gate.policy.facts import ApprovalFacts, BreakGlassFacts, CosignFacts, Facts, RoleMembers
from gate.policy.ownership import find_owned, role_groups
from gate.policy.registered import Repository, Robot

FIRST_SIGNATURE = 1_000
_COSIGN = 103_000


def bind(policy: Policy, case: Case) -> tuple[EffectivePolicy, Facts]:
    """The policy in force for the case's repository, and the facts as they would stand under it."""
    effective = build_effective(policy, _repository(case), _robots(case))
    names = {person.id: person.name for person in case.facts.people}
    signatures: list[ApprovalFacts] = []
    for signing in case.signings:
        for role, team, meaning in _ways(effective, case, signing):
            signatures.append(
                ApprovalFacts(
                    index=FIRST_SIGNATURE + len(signatures),
                    act="approve",
                    person=signing.person,
                    name=names[signing.person],
                    role=role,
                    team=team,
                    meaning=meaning,
                    head=signing.head,
                    target=signing.target,
                    policy_digest="0" * 64 if signing.under_earlier_policy else effective.digest,
                    signed_at=signing.signed_at,
                    expires_at=signing.expires_at,
                    carried_from=signing.carried_from,
                    carried_by=signing.carried_by,
                    on_behalf_of=signing.on_behalf_of,
                    kind=signing.kind,
                    freeze=signing.freeze,
                )
            )
    vetoes = tuple(replace(veto, policy_digest=effective.digest) for veto in case.facts.approvals)
    facts = replace(
        case.facts,
        policy_digest=effective.digest,
        approvals=(*signatures, *vetoes),
        break_glass=_break_glass(effective, case, names),
    )
    return effective, replace(facts, role_members=_members(effective, facts))


def _repository(case: Case) -> Repository:
    one = case.facts.repository
    return Repository(
        id=one.id,
        url="",
        title=one.id,
        description="",
        protected=one.protected,
        owning_teams=one.owning_teams,
        mode=Mode(one.mode),
        entity=one.entity,
    )


def _robots(case: Case) -> tuple[Robot, ...]:
    """Every robot of the scene that has a sponsor, as ``repositories.yaml`` would declare it."""
    return tuple(
        Robot(name=one.name, login=one.login, sponsor=one.sponsor)
        for one in case.facts.people
        if one.robot and one.sponsor is not None
    )


def _members(effective: EffectivePolicy, facts: Facts) -> tuple[RoleMembers, ...]:
    return tuple(
        RoleMembers(
            role=group.role,
            team=group.team,
            group_dn=group.group_dn,
            members=tuple(
                one.id
                for one in facts.people
                if any((held.role, held.team) == (group.role, group.team) for held in one.roles)
            ),
        )
        for group in role_groups(effective, facts.paths)
    )


def _ways(effective: EffectivePolicy, case: Case, signing: Signing) -> list[tuple[str, str | None, str]]:
    """As what somebody signs: (role, team, meaning), each of which becomes a signature."""
    asked = _asked(effective.policy, signing)
    if signing.role is not None:
        meanings = [ask.meaning for ask in asked if signing.role in ask.roles] or [effective.policy.meanings[0].id]
        found = [(signing.role, signing.team, meaning) for meaning in meanings]
    else:
        found = _held(effective, case, signing.person, asked) or _claimed(effective, case, asked)
    if signing.meaning is not None:
        found = [(role, team, signing.meaning) for role, team, _ in found]
    return list(dict.fromkeys(found))


def _asked(policy: Policy, signing: Signing) -> list[Requirement]:
    if signing.freeze is not None:
        return [one.exempt for one in policy.freezes if one.id == signing.freeze and one.exempt is not None]
    return [ask for rule in policy.rules for ask in rule.require]


def _held(
    effective: EffectivePolicy, case: Case, person: str, asked: list[Requirement]
) -> list[tuple[str, str | None, str]]:
    held = next(one.roles for one in case.facts.people if one.id == person)
    return [(one.role, one.team, ask.meaning) for one in held for ask in asked if one.role in ask.roles]


def _claimed(effective: EffectivePolicy, case: Case, asked: list[Requirement]) -> list[tuple[str, str | None, str]]:
    teams = find_owned(effective, case.facts.paths).teams
    return [
        (role, team, ask.meaning)
        for ask in asked
        for role in ask.roles
        for team in (teams if effective.policy.role(role).is_per_team else (None,))
    ]


def _break_glass(effective: EffectivePolicy, case: Case, names: dict[str, str]) -> BreakGlassFacts | None:
    glass, declared = case.facts.break_glass, effective.policy.break_glass
    if glass is None or declared is None:
        return glass
    cosigners: list[CosignFacts] = []
    for person in case.cosigners:
        asked = [declared.cosign]
        for role, team, _ in _held(effective, case, person, asked) or _claimed(effective, case, asked):
            cosigners.append(
                CosignFacts(
                    index=_COSIGN + len(cosigners),
                    person=person,
                    name=names[person],
                    role=role,
                    team=team,
                    signed_at=glass.invoked_at,
                )
            )
    return replace(glass, policy_digest=effective.digest, cosigners=tuple(cosigners))
