"""What people do in a scene of a test file: sign, exempt, reject, clear, hand over, break the glass; and checks.

A signature was given an hour ago, a veto half an hour ago, unless the scene says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from gate.policy import facts as snapshots
from gate.policy import shape_tests as shapes
from gate.policy.cases import Signing
from gate.policy.paths import branch_name
from gate.policy.read import check_declared
from gate.policy.read_scene import SceneReader
from gate.policy.source import Place

# Log indexes: approvals come before vetoes (``bind.py``), so that a veto is the last word of its giver.
_OWED, _DELEGATION, _VETO, _CLEARANCE, _BREAK_GLASS = 200, 500, 100_000, 101_000, 102_000


def read_signings(scene: SceneReader, facts: snapshots.Facts) -> Iterable[Signing]:
    for at, one in enumerate(scene.shape.approvals):
        place = (*scene.place("approvals"), at)
        role, team = scene.role(one.role, (*place, "as")) if one.role is not None else (None, None)
        if one.on_behalf_of is not None:
            scene.known(one.on_behalf_of, (*place, "for"))
            role, team = (role, team) if role else _delegated(scene, facts, one, place)
        if one.meaning is not None:
            check_declared(
                scene.source, (*place, "meaning"), "meaning", one.meaning, (each.id for each in scene.policy.meanings)
            )
        yield Signing(
            person=scene.known(one.by, (*place, "by")),
            role=role,
            team=team,
            meaning=one.meaning,
            head=one.head or scene.head,
            target=f"refs/heads/{branch_name(one.target)}" if one.target else facts.target,
            signed_at=scene.instant(one.at, (*place, "at"), timedelta(hours=1)),
            expires_at=scene.instant(one.expires, (*place, "expires")) if one.expires else None,
            on_behalf_of=one.on_behalf_of,
            kind=one.kind,
            carried_from=one.carried_from,
            carried_by=one.carried_by,
            under_earlier_policy=one.policy == "earlier",
        )


def _delegated(
    scene: SceneReader, facts: snapshots.Facts, one: shapes.SceneApprovalShape, place: Place
) -> tuple[str, str | None]:
    for given in facts.delegations:
        if (given.giver, given.receiver) == (one.on_behalf_of, one.by):
            return given.role, given.team
    raise scene.source.error(
        (*place, "for"),
        f"{one.by} signs for {one.on_behalf_of}, and no delegation says as what.",
        "Add it to `delegations`, or write `as: <role>` to try it without one.",
    )


def read_exemptions(scene: SceneReader) -> Iterable[Signing]:
    for at, one in enumerate(scene.shape.exemptions):
        place = (*scene.place("exemptions"), at)
        check_declared(
            scene.source, (*place, "freeze"), "freeze", one.freeze, (freeze.id for freeze in scene.policy.freezes)
        )
        yield Signing(
            person=scene.known(one.by, (*place, "by")),
            head=one.head or scene.head,
            target=f"refs/heads/{branch_name(scene.target)}",
            signed_at=scene.instant(one.at, (*place, "at"), timedelta(hours=1)),
            freeze=one.freeze,
        )


def read_vetoes(scene: SceneReader) -> tuple[snapshots.ApprovalFacts, ...]:
    found = []
    for at, one in enumerate(scene.shape.vetoes):
        place = (*scene.place("vetoes"), at)
        scene.known(one.by, (*place, "by"))
        role, team = scene.role(one.role, (*place, "as")) if one.role else _veto_role(scene, one, place)
        found.append(
            snapshots.ApprovalFacts(
                index=_VETO + at,
                act="reject",
                person=one.by,
                name=scene.name_of(one.by),
                role=role,
                team=team,
                meaning=scene.policy.meanings[0].id,
                head=one.head or scene.head,
                target=f"refs/heads/{branch_name(scene.target)}",
                policy_digest="",
                signed_at=scene.instant(one.at, (*place, "at"), timedelta(minutes=30)),
            )
        )
    return tuple(found)


def _veto_role(scene: SceneReader, one: shapes.SceneVetoShape, place: Place) -> tuple[str, str | None]:
    held = [scene.role(text, place) for text in scene.shape.people[one.by].roles]
    vetoing = scene.policy.veto.roles if scene.policy.veto is not None else ()
    chosen = next((role for role in held if role[0] in vetoing), held[0] if held else None)
    if chosen is None:
        raise scene.source.error(place, f"{one.by} holds no role to reject in.", "Write `as: <role>`.")
    return chosen


def read_clearances(
    scene: SceneReader, vetoes: tuple[snapshots.ApprovalFacts, ...]
) -> Iterable[snapshots.ClearanceFacts]:
    for at, one in enumerate(scene.shape.clearances):
        place = (*scene.place("clearances"), at)
        given = next((veto.index for veto in vetoes if veto.person == one.veto_of), None)
        if given is None:
            raise scene.source.error(
                (*place, "veto_of"), f"`{one.veto_of}` gives no veto here.", "Name somebody of `vetoes`."
            )
        role, team = scene.role(one.role, (*place, "as"))
        yield snapshots.ClearanceFacts(
            index=_CLEARANCE + at,
            veto=given,
            person=scene.known(one.by, (*place, "by")),
            name=scene.name_of(one.by),
            role=role,
            team=team,
            signed_at=scene.now - timedelta(minutes=15),
        )


def read_delegations(scene: SceneReader) -> tuple[snapshots.DelegationFacts, ...]:
    found = []
    for at, one in enumerate(scene.shape.delegations):
        place = (*scene.place("delegations"), at)
        role, team = scene.role(one.role, (*place, "role"))
        until = scene.instant(one.until, (*place, "until"))
        day_before = min(scene.now, until) - timedelta(days=1)
        found.append(
            snapshots.DelegationFacts(
                index=_DELEGATION + at,
                giver=scene.known(one.giver, (*place, "from")),
                receiver=scene.known(one.receiver, (*place, "to")),
                role=role,
                team=team,
                starts_at=scene.parse(one.starts, (*place, "starts")) if one.starts else day_before,
                ends_at=until,
            )
        )
    return tuple(found)


def read_break_glass(scene: SceneReader) -> snapshots.BreakGlassFacts | None:
    one, declared = scene.shape.break_glass, scene.policy.break_glass
    if one is None:
        return None
    place = scene.place("break_glass")
    if declared is None:
        raise scene.source.error(place, "The policy has no `break_glass`.", "Add it, or remove it from the test.")
    for at, id in enumerate(one.cosigned_by):
        scene.known(id, (*place, "cosigned_by", at))
    return snapshots.BreakGlassFacts(
        index=_BREAK_GLASS,
        person=scene.known(one.by, (*place, "by")),
        name=scene.name_of(one.by),
        role=declared.invoker,
        code=one.code,
        incident=one.incident,
        reason_chars=len(one.reason),
        head=one.head or scene.head,
        target=f"refs/heads/{branch_name(scene.target)}",
        policy_digest="",
        invoked_at=scene.instant(one.at, (*place, "at"), timedelta(minutes=10)),
    )


def read_owed(scene: SceneReader) -> Iterable[snapshots.OwedReviewFacts]:
    for at, one in enumerate(scene.shape.owed_reviews):
        due = scene.instant(one.due, (*scene.place("owed_reviews"), at, "due"))
        yield snapshots.OwedReviewFacts(index=_OWED + at, number=one.number, due_at=due)


def read_checks(scene: SceneReader) -> Iterable[snapshots.CheckFacts]:
    for at, one in enumerate(scene.shape.checks):
        person = scene.known(one.person, (*scene.place("checks"), at, "person")) if one.person else None
        yield snapshots.CheckFacts(
            name=one.name,
            head=one.head or scene.head,
            outcome=one.outcome,
            reporter=one.reporter,
            reporter_person=person,
            reported_at=scene.now - timedelta(minutes=5),
        )
