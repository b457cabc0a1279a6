"""The small organisation of ``policies`` with freezes, delegation and break-glass, and what uses them.

Mia of the incident team may break the glass; Eve of quality holds no role and is who roles are handed to.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from gate.policy.decision import Decision
from gate.policy.evaluate import evaluate
from gate.policy.facts import ApprovalFacts, BreakGlassFacts, CosignFacts, DelegationFacts, Facts, OwedReviewFacts
from tests.support.policies import H2, NOW, POLICY, STAFF, approve, build_facts, build_policy, person

FREEZES = """\
freezes:
  - {id: quarter-close, window: {start: "2026-06-28T18:00", end: "2026-07-03T06:00", tz: Europe/Berlin},
     because: The books are closed., branches: [main],
     exempt: {role: change-board, count: 2, meaning: policy-approval}}
  - {id: release-week, window: {start: "2026-07-10T00:00", end: "2026-07-17T00:00", tz: UTC}, because: A release.}
"""
DELEGATION = "delegation: {roles: [maintainer, qa], max_period: 21d}\n"
BREAK_GLASS = """\
break_glass:
  invoker: {role: incident-commander}
  cosign: {role: maintainer, of: any_owning_team, count: 1, meaning: technical-review}
  reason: {codes: [outage, security-fix], incident: {pattern: "INC-[0-9]+", example: INC-7}, min_chars: 30}
  waives: [qa-signoff, freeze]
  never_waives: [policy-change]
  valid_for: 4h
  review: {role: qa, independent_of: [author, contributors, invoker], within: 2bd, meaning: independent-verification}
"""
BASE = POLICY.replace(
    "    change-board: {group",
    '    incident-commander: {group: "cn=ic,ou=groups,dc=ex,dc=com"}\n    change-board: {group',
)
EXCEPTIONAL = build_policy(BASE + DELEGATION + BREAK_GLASS)
FROZEN = build_policy(BASE + FREEZES + DELEGATION + BREAK_GLASS)
PEOPLE = (*STAFF, person("mia", "sre", "incident-commander"), person("eve", "quality"))


def staff_with(login: str, **changes: Any) -> tuple[Any, ...]:
    return tuple(replace(one, **changes) if one.login == login else one for one in PEOPLE)


def facts(*approvals: ApprovalFacts, policy: Any = EXCEPTIONAL, **changes: Any) -> Facts:
    """The everyday case under ``policy``; the approvals and the invocation are rebound to it."""
    bound = tuple(
        replace(one, policy_digest=policy.digest) if one.policy_digest != "0" * 64 else one for one in approvals
    )
    glass = changes.get("break_glass")
    if glass is not None and glass.policy_digest != "0" * 64:
        changes["break_glass"] = replace(glass, policy_digest=policy.digest)
    return build_facts(**{"policy": policy, "staff": PEOPLE, "approvals": bound, **changes})


def decide(*approvals: ApprovalFacts, policy: Any = EXCEPTIONAL, **changes: Any) -> Decision:
    return evaluate(policy, facts(*approvals, policy=policy, **changes))


def exempt(login: str, index: int, **changes: Any) -> ApprovalFacts:
    return approve(login, "change-board", index=index, **{"freeze": "quarter-close", **changes})


def hand_over(
    giver: str = "dana", receiver: str = "eve", role: str = "qa", *, index: int = 5, **changes: Any
) -> DelegationFacts:
    name, _, team = role.partition(":")
    base = DelegationFacts(
        index=index,
        giver=f"corp:{giver}",
        receiver=f"corp:{receiver}",
        role=name,
        team=team or None,
        starts_at=NOW - timedelta(days=2),
        ends_at=NOW + timedelta(days=5),
    )
    return replace(base, **changes)


def sign_for(giver: str, login: str = "eve", role: str = "qa", *, index: int = 20, **changes: Any) -> ApprovalFacts:
    return approve(login, role, index=index, on_behalf_of=f"corp:{giver}", **changes)


def cosign(login: str = "ivan", role: str = "maintainer:ledger", *, index: int = 51, **changes: Any) -> CosignFacts:
    name, _, team = role.partition(":")
    base = CosignFacts(
        index=index,
        person=f"corp:{login}",
        name=login.capitalize(),
        role=name,
        team=team or None,
        signed_at=NOW - timedelta(minutes=20),
    )
    return replace(base, **changes)


def invoke(*cosigners: CosignFacts, **changes: Any) -> BreakGlassFacts:
    """Mia's invocation half an hour ago, co-signed by Ivan unless others are given."""
    base = BreakGlassFacts(
        index=50,
        person="corp:mia",
        name="Mia",
        role="incident-commander",
        code="outage",
        incident="INC-77",
        reason_chars=40,
        head=H2,
        target="refs/heads/main",
        policy_digest=EXCEPTIONAL.digest,
        invoked_at=NOW - timedelta(minutes=30),
        cosigners=cosigners or (cosign(),),
    )
    return replace(base, **changes)


def owe(due_at: datetime) -> OwedReviewFacts:
    return OwedReviewFacts(index=40, number=7, due_at=due_at)
