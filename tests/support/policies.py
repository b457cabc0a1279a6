"""A small organisation in facts: one policy, six people, and a contribution that everybody may change one thing of.

``build_facts(...)`` is the everyday case (Alice of payments changes the ledger's posting code); named arguments change
it. ``approve`` and ``reject`` make acts under the policy in force.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from gate.policy.effective import EffectivePolicy
from gate.policy.facts import (
    ApprovalFacts,
    CheckFacts,
    ContributorFacts,
    Facts,
    PathFacts,
    PersonFacts,
    RepositoryFacts,
    RoleHeld,
    RoleMembers,
    TrainingHeld,
)
from gate.policy.ownership import role_groups
from gate.policy.registry import build_policy_set

NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
H1, H2 = "1" * 40, "2" * 40

REPOSITORIES = """\
apiVersion: gate/v1
kind: Repositories
repositories:
  - {id: core, url: "https://git.example/core.git", title: Core, protected: [main, "release/*"],
     owning_teams: [platform], mode: enforce}
robots:
  - {name: Renovate, login: renovate, address: bot@renovate.example, sponsor: alice, repositories: [core]}
  - {name: Orphan, login: orphan, sponsor: nobody-here, repositories: [core]}
"""

POLICY = """\
apiVersion: gate/v1
kind: ApprovalPolicy
metadata: {id: baseline, title: Baseline, owners: [change-board]}
applies_to: {repositories: [core], branches: [main, "release/*"]}
identity:
  roles:
    maintainer: {group: "cn={team}-maintainers,ou=groups,dc=ex,dc=com"}
    qa: {group: "cn=qa-approvers,ou=groups,dc=ex,dc=com"}
    security: {group: "cn=appsec,ou=groups,dc=ex,dc=com"}
    change-board: {group: "cn=change-board,ou=groups,dc=ex,dc=com"}
ownership:
  - {paths: ["**"], team: platform}
  - {paths: ["ledger/**"], team: ledger}
  - {paths: ["payments/**"], team: payments}
separation: {exclude: [author, committers, co_authors, pushers], over: all_revisions, unattributed: deny}
binding: {to: head}
approval: {valid_for: 14d, distinct_people: true}
meanings:
  technical-review: {text: I reviewed this change., kind: review}
  independent-verification: {text: I verified this change independently., kind: approval}
  policy-approval: {text: I approve this change of policy., kind: approval}
veto: {roles: [maintainer, qa, security], survives_push: true}
terms:
  inner-source-terms-v3: {title: InnerSource terms, text: I keep to the terms.}
prerequisites:
  - {id: gxp-training, for: [contributors, approvers], training: GXP-101}
  - {id: terms-accepted, for: [contributors], terms: inner-source-terms-v3}
change_request: {pattern: "CHG-[0-9]+", example: CHG-1042}
checks:
  - {name: build, reporters: [ci, ci-backup]}
rules:
  - id: owner-review
    description: A maintainer of every team whose files change.
    when: {cross_team: true}
    require: [{role: maintainer, of: each_owning_team, count: 1, meaning: technical-review}]
    controls: ["SOC2:CC8.1"]
  - id: same-team-review
    description: A maintainer who did not take part.
    when: {cross_team: false}
    require: [{role: maintainer, of: any_owning_team, count: 1, meaning: technical-review}]
  - id: qa-signoff
    description: Posting code is verified by quality.
    when: {paths: ["ledger/posting/**"]}
    require: [{role: qa, count: 1, meaning: independent-verification}]
  - id: policy-change
    description: The board approves changes of policy.
    when: {paths: ["policies/**"]}
    require: [{role: change-board, count: 2, meaning: policy-approval}]
  - id: release-security
    description: Security approves what goes to a release branch.
    when: {branches: ["release/*"]}
    require: [{role: security, count: 1, meaning: technical-review}]
"""

MEANINGS = {"qa": "independent-verification", "change-board": "policy-approval"}


def build_policy(text: str = POLICY, repositories: str = REPOSITORIES, branch: str = "main") -> EffectivePolicy:
    found = build_policy_set({"policy.yaml": text, "repositories.yaml": repositories}).policy_for("core", branch)
    assert found is not None
    return found


EFFECTIVE = build_policy()


def person(login: str, team: str | None, *roles: str, **changes: Any) -> PersonFacts:
    """``roles`` are ``qa`` or ``maintainer:ledger``. Trained and with terms accepted, unless ``changes`` say so."""
    held = tuple(RoleHeld(role=role.partition(":")[0], team=role.partition(":")[2] or None) for role in roles)
    trained = (TrainingHeld(code="GXP-101", as_of=date(2026, 6, 1), source="register"),)
    base = PersonFacts(
        id=f"corp:{login}",
        login=login,
        name=login.capitalize(),
        state="active",
        team=team,
        roles=held,
        trainings=trained,
        terms=("inner-source-terms-v3",),
    )
    return replace(base, **changes)


STAFF = (
    person("alice", "payments"),
    person("bob", "ledger", "maintainer:ledger"),
    person("carl", "ledger"),
    person("dana", "quality", "qa"),
    person("ivan", "ledger", "maintainer:ledger", "qa"),
    person("pat", "platform", "maintainer:platform"),
    person("paula", "payments", "maintainer:payments"),
    person("sam", "risk", "security"),
    person("liz", "board", "change-board"),
    person("lou", "board", "change-board"),
)


def contributor(login: str | None, part: str = "author", **changes: Any) -> ContributorFacts:
    base = ContributorFacts(
        part=part,
        address=f"{login}@ex.com",
        person=f"corp:{login}" if login else None,
        how="login" if part == "pusher" else "mail",
        revisions=(1,),
    )
    return replace(base, **changes)


def approve(
    login: str, role: str, *, index: int = 10, policy: EffectivePolicy = EFFECTIVE, **changes: Any
) -> ApprovalFacts:
    name, _, team = role.partition(":")
    base = ApprovalFacts(
        index=index,
        act="approve",
        person=f"corp:{login}",
        name=login.capitalize(),
        role=name,
        team=team or None,
        meaning=MEANINGS.get(name, "technical-review"),
        head=H2,
        target="refs/heads/main",
        policy_digest=policy.digest,
        signed_at=NOW - timedelta(hours=1),
        expires_at=None,
    )
    return replace(base, **changes)


def reject(login: str, role: str, **changes: Any) -> ApprovalFacts:
    return approve(login, role, **{"act": "reject", "index": 90, **changes})


def paths(*names: str) -> tuple[PathFacts, ...]:
    """``old -> new`` is a rename."""
    found = []
    for name in names:
        old, arrow, new = name.partition(" -> ")
        found.append(PathFacts(path=new, old_path=old, status="R") if arrow else PathFacts(path=name))
    return tuple(found)


def build_check(**changes: Any) -> CheckFacts:
    base = CheckFacts(name="build", head=H2, outcome="success", reporter="ci", reported_at=NOW - timedelta(minutes=5))
    return replace(base, **changes)


def build_facts(
    *, policy: EffectivePolicy = EFFECTIVE, staff: tuple[PersonFacts, ...] = STAFF, **changes: Any
) -> Facts:
    """The everyday case; ``role_members`` follow from the staff and what the change needs."""
    base = Facts(
        now=NOW,
        repository=RepositoryFacts(
            id="core", mode="enforce", owning_teams=("platform",), protected=("main", "release/*")
        ),
        number=1,
        target="refs/heads/main",
        head=H2,
        tree="3" * 40,
        merge_base="4" * 40,
        merges_cleanly=True,
        change_request="CHG-7",
        revision=2,
        policy_epoch=1,
        policy_digest=policy.digest,
        author="corp:alice",
        paths=paths("ledger/posting/a.py"),
        contributors=(contributor("alice"), contributor("alice", "pusher")),
        people=staff,
        checks=(build_check(),),
        directory_checked_at=NOW - timedelta(seconds=10),
    )
    facts = replace(base, **changes)
    if "role_members" not in changes:
        facts = replace(facts, role_members=members(policy, facts))
    return facts


def members(policy: EffectivePolicy, facts: Facts) -> tuple[RoleMembers, ...]:
    return tuple(
        RoleMembers(
            role=group.role,
            team=group.team,
            group_dn=group.group_dn,
            members=tuple(
                one.id
                for one in facts.people
                if any(held.role == group.role and held.team == group.team for held in one.roles)
            ),
        )
        for group in role_groups(policy, facts.paths)
    )
