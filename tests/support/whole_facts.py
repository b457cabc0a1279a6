"""Contributions on which everything happens, under policies of the whole language (``whole_policies``).

People approve, exempt, clear, hand over, co-sign and review on the forge, most of them validly: nearly everything that
could be signed is signed, and the tests take away from it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from operator import attrgetter
from typing import Any

from hypothesis import strategies as st

from gate.policy.effective import EffectivePolicy
from gate.policy.facts import (
    ApprovalFacts,
    BreakGlassFacts,
    CheckFacts,
    ClearanceFacts,
    ContributorFacts,
    CosignFacts,
    DelegationFacts,
    Facts,
    OwedReviewFacts,
    PathFacts,
    PersonFacts,
    RepositoryFacts,
    TrainingHeld,
)
from tests.support.policies import H1, H2, NOW, contributor, members, person

DURING_FREEZE = datetime(2026, 9, 30, 12, 0, tzinfo=UTC)

COURSES = ("GXP-101", "SEC-1", "EAR")


def _person(login: str, team: str | None, *roles: str, **changes: Any) -> PersonFacts:
    trained = tuple(TrainingHeld(code=code, as_of=date(2026, 6, 1), source="register") for code in COURSES)
    return person(login, team, *roles, **{"trainings": trained, "entity": "bank", "department": team, **changes})


STAFF = (
    _person("alice", "payments"),
    _person("bob", "ledger", "maintainer:ledger"),
    _person("carl", "ledger"),
    _person("dana", "quality", "qa"),
    _person("ivan", "ledger", "maintainer:ledger", "qa"),
    _person("pat", "platform", "maintainer:platform"),
    _person("paula", "payments", "maintainer:payments", "security"),
    _person("sam", "risk", "security"),
    _person("liz", "board", "change-board"),
    _person("lou", "board", "change-board", "qa"),
    _person("mia", "sre", "incident-commander"),
    _person("eve", "quality"),
    _person("bot", "payments", robot=True, sponsor="corp:alice"),
)
SIGNERS = tuple(one for one in STAFF if one.roles)
MEANINGS = {
    "maintainer": ("technical-review", "human-review"),
    "qa": ("independent-verification", "human-review"),
    "security": ("technical-review",),
    "change-board": ("policy-approval", "technical-review"),
}
DELEGATED = (("dana", "eve", "qa", None), ("bob", "carl", "maintainer", "ledger"), ("ivan", "dana", "qa", None))
PATHS = ["ledger/posting/a.py", "ledger/b.py", "payments/c.py", "docs/d.md", "policies/e.yaml", "src/x.py"]


def act(who: str, role: str, team: str | None, meaning: str, index: int, **changes: Any) -> ApprovalFacts:
    base = ApprovalFacts(
        index=index,
        act="approve",
        person=f"corp:{who}",
        name=who.capitalize(),
        role=role,
        team=team,
        meaning=meaning,
        head=H2,
        target="refs/heads/main",
        policy_digest="",
        signed_at=NOW - timedelta(hours=1),
    )
    return replace(base, **changes)


def everything(first: int = 200) -> list[ApprovalFacts]:
    """Everybody signs as everything they are or were handed, and whoever may exempts from the freeze."""
    found = [
        act(one.login, held.role, held.team, meaning, 0)
        for one in SIGNERS
        for held in one.roles
        for meaning in MEANINGS.get(held.role, ())
    ]
    for giver, receiver, role, team in DELEGATED:
        found += [act(receiver, role, team, meaning, 0, on_behalf_of=f"corp:{giver}") for meaning in MEANINGS[role]]
    found += [
        act(who, "change-board", None, "freeze-exemption", 0, freeze="quarter-close") for who in ("liz", "lou", "liz")
    ]
    return [replace(one, index=first + at) for at, one in enumerate(found)]


@st.composite
def rejections(draw: st.DrawFn, now: datetime, by: tuple[PersonFacts, ...] = STAFF) -> ApprovalFacts:
    """Somebody rejects, in a role of theirs or not, signed or on the forge; its log index is free in ``everything``."""
    one = draw(st.sampled_from(by))
    held = [(each.role, each.team) for each in one.roles]
    role, team = draw(st.sampled_from([*held, ("change-board", None), ("qa", None)]))
    return act(
        one.login,
        role,
        team,
        MEANINGS.get(role, ("technical-review",))[0],
        draw(st.integers(400, 499) | st.integers(100, 199)),
        act="reject",
        kind=draw(st.sampled_from(["signature", "signature", "forge-review"])),
        head=draw(st.sampled_from([H2, H2, H1])),
        signed_at=now - timedelta(minutes=30),
    )


# --- contributions


@st.composite
def contributions(draw: st.DrawFn, policy: EffectivePolicy, is_rejected: bool | None = None) -> Facts:
    """Facts under ``policy`` with nearly everything that people could sign; the tests take away from it."""
    now = draw(st.sampled_from([NOW, NOW, DURING_FREEZE]))
    is_rejected = draw(_RARE) if is_rejected is None else is_rejected
    rejected = draw(st.lists(rejections(now), min_size=1, max_size=2, unique_by=_INDEX)) if is_rejected else []
    approvals = _acts(draw, policy, now)
    contributors = _contributors(draw)
    facts = Facts(
        now=now,
        repository=RepositoryFacts(
            id="core", mode="enforce", owning_teams=("platform",), protected=("main",), entity="bank"
        ),
        number=1,
        target="refs/heads/main",
        head=H2,
        tree="3" * 40,
        merge_base="4" * 40,
        merges_cleanly=True,
        change_request=draw(st.sampled_from(["CHG-7"] * 7 + [None])),
        revision=2,
        policy_epoch=1,
        policy_digest=policy.digest,
        author=contributors[0].person,
        contributors=contributors,
        paths=_paths(draw),
        people=_people(draw, now),
        approvals=tuple(sorted([*approvals, *(bind(one, policy) for one in rejected)], key=lambda one: one.index)),
        checks=tuple(_check(draw, now, reporter) for reporter in ("ci", "backup")),
        labels=draw(st.sampled_from([(), (), ("Security",), ("docs", "security"), None])),
        clearances=_clearances(draw, rejected, now),
        delegations=_delegations(draw, now),
        break_glass=_glass(draw, policy, now) if draw(st.booleans()) else None,
        owed_reviews=(OwedReviewFacts(index=3, number=7, due_at=now - timedelta(days=1)),) if draw(_SELDOM) else (),
        directory_checked_at=now - timedelta(seconds=10),
    )
    return replace(facts, role_members=members(policy, facts))


_ANY = st.integers(0, len(everything()) - 1)
_INDEX = attrgetter("index")
_RARE = st.sampled_from([False, False, True])
_SELDOM = st.sampled_from([False] * 15 + [True])


def bind(one: ApprovalFacts, policy: EffectivePolicy) -> ApprovalFacts:
    return replace(one, policy_digest=policy.digest)


def under(policy: EffectivePolicy, facts: Facts) -> Facts:
    """The same facts as they would be under ``policy``: its digest everywhere, its groups read."""
    glass = facts.break_glass
    facts = replace(
        facts,
        policy_digest=policy.digest,
        approvals=tuple(bind(one, policy) for one in facts.approvals),
        break_glass=replace(glass, policy_digest=policy.digest) if glass is not None else None,
    )
    return replace(facts, role_members=members(policy, facts))


def _acts(draw: st.DrawFn, policy: EffectivePolicy, now: datetime) -> list[ApprovalFacts]:
    """Most of them valid; a few stale, old, expired, carried, or reviews on the forge."""
    found = [replace(bind(one, policy), signed_at=now - timedelta(hours=1)) for one in everything()]
    changes: list[dict[str, Any]] = [
        {"head": H1},
        {"signed_at": now - timedelta(days=13)},
        {"signed_at": now - timedelta(days=14)},
        {"expires_at": now},
        {"carried_from": H1, "carried_by": "same_tree"},
        {"carried_from": H1, "carried_by": "same_diff"},
        {"kind": "forge-review"},
    ]
    for at, change in draw(st.lists(st.tuples(_ANY, st.sampled_from(changes)), max_size=6)):
        found[at] = replace(found[at], **change)
    return found


def _contributors(draw: st.DrawFn) -> tuple[ContributorFacts, ...]:
    opener = draw(st.sampled_from(["alice", "alice", "carl", "bot"]))
    found = [contributor(opener), contributor(opener, "pusher", address=opener)]
    for login in draw(st.lists(st.sampled_from([one.login for one in STAFF]), max_size=2)):
        part = draw(st.sampled_from(["author", "committer", "co-author", "pusher", "shared"]))
        found.append(contributor(login, part, revisions=(draw(st.integers(1, 2)),)))
    return tuple(found)


def _paths(draw: st.DrawFn) -> tuple[PathFacts, ...]:
    names = draw(st.lists(st.sampled_from(PATHS), min_size=1, max_size=2, unique=True))
    old = draw(st.sampled_from([None, None, None, *PATHS]))
    added = draw(st.sampled_from([4, 4, 900, None]))
    first = PathFacts(path=names[0], old_path=old, status="R" if old else "M", added=added, deleted=1)
    return (first, *(PathFacts(path=name, added=1, deleted=1) for name in names[1:]))


def _people(draw: st.DrawFn, now: datetime) -> tuple[PersonFacts, ...]:
    """All as they should be, but for two at most."""
    found = list(STAFF)
    for at in draw(st.lists(st.integers(0, len(STAFF) - 1), max_size=2)):
        found[at] = replace(found[at], **draw(st.sampled_from(_faults(found[at], now))))
    return tuple(found)


def _faults(one: PersonFacts, now: datetime) -> list[dict[str, Any]]:
    return [
        {"state": "disabled"},
        {"trainings": one.trainings[:1]},
        {"trainings": tuple(replace(each, valid_until=now + timedelta(hours=1)) for each in one.trainings)},
        {"entity": "vendor"},
        {"entity": None},
        {"terms": ()},
        {"roles": one.roles[:1]},
    ]


def _check(draw: st.DrawFn, now: datetime, reporter: str) -> CheckFacts:
    return CheckFacts(
        name="build",
        head=H2,
        outcome=draw(st.sampled_from(["success"] * 9 + ["failure"])),
        reporter=reporter,
        reporter_person=draw(st.sampled_from([None, None, "corp:alice", "corp:dana"])),
        reported_at=now - timedelta(minutes=draw(st.integers(1, 3))),
    )


def _clearances(draw: st.DrawFn, rejected: list[ApprovalFacts], now: datetime) -> tuple[ClearanceFacts, ...]:
    found: list[ClearanceFacts] = []
    for veto in rejected:
        who = draw(st.sampled_from(["liz", "liz", "lou", "sam"]))
        found.append(
            ClearanceFacts(
                index=600 + len(found),
                veto=veto.index,
                person=f"corp:{who}",
                name=who.capitalize(),
                role="change-board",
                signed_at=now,
            )
        )
    return tuple(found)


def _delegations(draw: st.DrawFn, now: datetime) -> tuple[DelegationFacts, ...]:
    """The ones that ``everything`` signs under, and some at random: circles, and ones that are over."""
    logins = st.sampled_from(["dana", "eve", "ivan", "bob", "carl", "lou"])
    places = st.sampled_from([("qa", None), ("maintainer", "ledger")])
    more = draw(st.lists(st.tuples(logins, logins, places), max_size=2))
    rows = [*DELEGATED, *((giver, receiver, *place) for giver, receiver, place in more)]
    return tuple(
        DelegationFacts(
            index=20 + at,
            giver=f"corp:{giver}",
            receiver=f"corp:{receiver}",
            role=role,
            team=team,
            starts_at=now - timedelta(days=2),
            ends_at=now + draw(st.sampled_from([timedelta(days=5)] * 7 + [timedelta(minutes=-1), timedelta(days=30)])),
        )
        for at, (giver, receiver, role, team) in enumerate(rows)
    )


_COSIGNERS = [("ivan", "ledger"), ("bob", "ledger"), ("pat", "platform"), ("paula", "payments")]


def _glass(draw: st.DrawFn, policy: EffectivePolicy, now: datetime) -> BreakGlassFacts:
    who = draw(st.lists(st.sampled_from(_COSIGNERS), max_size=3, unique=True))
    cosigners = tuple(
        CosignFacts(
            index=51 + at,
            person=f"corp:{login}",
            name=login.capitalize(),
            role="maintainer",
            team=team,
            signed_at=now - timedelta(minutes=20),
        )
        for at, (login, team) in enumerate(who)
    )
    return BreakGlassFacts(
        index=50,
        person=draw(st.sampled_from(["corp:mia"] * 9 + ["corp:sam"])),
        name="Mia",
        role="incident-commander",
        code="outage",
        incident=draw(st.sampled_from(["INC-77"] * 9 + ["no"])),
        reason_chars=40,
        head=draw(st.sampled_from([H2] * 9 + [H1])),
        target="refs/heads/main",
        policy_digest=policy.digest,
        invoked_at=now - draw(st.sampled_from([timedelta(minutes=30)] * 9 + [timedelta(hours=5)])),
        cosigners=cosigners,
    )
