"""Weakens a policy bit by bit, and tells which weakened versions its own tests would let pass.

Each mutant allows something that the policy refuses: a rule less, a count lower, a role wider, a period longer. What
only makes it stricter is none, nor what changes nothing: a condition taken away widens a rule, and the ceiling of an
override changes nothing that `waives` does not name. Pure; ``Mutant.place`` says where in the file it was weakened.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from gate.policy.document import (
    BreakGlass,
    CarryOver,
    CarryOverAt,
    ChangeRequest,
    Classification,
    Freeze,
    LevelPaths,
    OutOfScope,
    Policy,
    ScopeKind,
)
from gate.policy.mutate_rules import Mutant, instead, weaken_requirement, weaken_rules, without
from gate.policy.source import Place
from gate.policy.suite import passes

_ANYTHING = "(?s:.+)"
_CARRIED = {CarryOver.SAME_TREE: "tree", CarryOver.SAME_DIFF: "diff"}


def find_survivors(policy: Policy, mutants: Iterable[Mutant]) -> tuple[tuple[Mutant, ...], int]:
    """The ``mutants`` that every test of ``policy`` lets pass, and how many mutants there are in all."""
    mutants = tuple(mutants)
    alive = tuple(mutant for mutant in mutants if all(passes(mutant.policy, case) for case in policy.cases))
    return alive, len(mutants)


def weaken(policy: Policy) -> Iterator[Mutant]:
    """Every weakened version, in the order of the sections of a file."""
    yield from _weaken_ownership(policy)
    yield from _weaken_classification(policy)
    yield from _weaken_approval(policy)
    yield from _weaken_veto(policy)
    yield from _weaken_conditions(policy)
    yield from _widen_scope(policy)
    yield from weaken_rules(policy)
    yield from _weaken_freezes(policy)
    yield from _weaken_delegation(policy)
    yield from _weaken_break_glass(policy)


def _weaken_ownership(policy: Policy) -> Iterator[Mutant]:
    for number, entry in enumerate(policy.ownership):
        for at, path in enumerate(entry.paths):
            if path == "**":
                continue
            rest = without(entry.paths, at)
            entries = instead(policy.ownership, number, replace(entry, paths=rest)) if rest else None
            yield Mutant(
                what=f"{entry.team or 'the repository'} no longer owns {path}",
                place=("ownership", number, "paths", at),
                policy=replace(policy, ownership=entries or without(policy.ownership, number)),
            )


def _weaken_classification(policy: Policy) -> Iterator[Mutant]:
    known = policy.classification
    if known is None:
        return
    below = dict(zip(known.levels[1:], known.levels, strict=False))
    if known.default in below:
        yield _classified(policy, replace(known, default=below[known.default]), "everything else", ("default",))
    for number, entry in enumerate(known.paths):
        for at, path in enumerate(entry.paths):
            if entry.level not in below:
                continue
            lower = LevelPaths(level=below[entry.level], paths=(path,))
            rest = without(entry.paths, at)
            entries = instead(known.paths, number, replace(entry, paths=rest)) if rest else without(known.paths, number)
            yield _classified(policy, replace(known, paths=(*entries, lower)), path, ("paths", number, "paths", at))


def _classified(policy: Policy, weaker: Classification, what: str, where: Place) -> Mutant:
    return Mutant(
        what=f"{what} is classified one level lower",
        place=("classification", *where),
        policy=replace(policy, classification=weaker),
    )


def _weaken_approval(policy: Policy) -> Iterator[Mutant]:
    if policy.valid_for is not None:
        yield Mutant(
            what="approvals count twice as long",
            place=("approval", "valid_for"),
            policy=replace(policy, valid_for=2 * policy.valid_for),
        )
    if (looser := loosen(policy.carry_over)) is not None:
        yield Mutant(
            what=f"approvals are carried over to the same {_CARRIED[looser]}",
            place=("approval", "carry_over"),
            policy=replace(policy, carry_over=looser),
        )
    for number, entry in enumerate(policy.carry_over_at):
        if (looser := loosen(entry.carry_over)) is not None:
            weaker = CarryOverAt(level=entry.level, carry_over=looser)
            yield Mutant(
                what=f"approvals of {entry.level} changes are carried over to the same {_CARRIED[looser]}",
                place=("approval", "carry_over_at", entry.level),
                policy=replace(policy, carry_over_at=instead(policy.carry_over_at, number, weaker)),
            )


def loosen(one: CarryOver) -> CarryOver | None:
    """The next looser one; None for the loosest."""
    return next((other for other, known in zip(list(CarryOver)[1:], CarryOver, strict=False) if known is one), None)


def _weaken_veto(policy: Policy) -> Iterator[Mutant]:
    veto, place = policy.veto, ("veto",)
    if veto is None:
        return
    yield Mutant(what="nobody has a veto", place=place, policy=replace(policy, veto=None))
    if veto.survives_push:
        weaker = replace(veto, survives_push=False)
        yield Mutant(
            what="a veto ends with a push", place=(*place, "survives_push"), policy=replace(policy, veto=weaker)
        )
    if len(veto.roles) > 1:
        for at, role in enumerate(veto.roles):
            weaker = replace(veto, roles=without(veto.roles, at))
            yield Mutant(what=f"{role} has no veto", place=(*place, "roles", at), policy=replace(policy, veto=weaker))
    others = tuple(role.name for role in policy.roles if role.name not in veto.cleared_by)
    if others:
        weaker = replace(veto, cleared_by=(*veto.cleared_by, *others))
        yield Mutant(what="any role clears a veto", place=(*place, "cleared_by"), policy=replace(policy, veto=weaker))


def _weaken_conditions(policy: Policy) -> Iterator[Mutant]:
    """Prerequisites, the change request and checks."""
    yield from _weaken_prerequisites(policy)
    if policy.change_request is not None:
        place: Place = ("change_request",)
        yield Mutant(what="no change request is asked for", place=place, policy=replace(policy, change_request=None))
        anything = ChangeRequest(pattern=_ANYTHING, example=policy.change_request.example)
        yield Mutant(
            what="any change request id will do",
            place=(*place, "pattern"),
            policy=replace(policy, change_request=anything),
        )
    reported = [one for case in policy.cases for one in case.facts.checks]
    for number, check in enumerate(policy.checks):
        yield Mutant(
            what=f"the check {check.name} is dropped",
            place=("checks", number),
            policy=replace(policy, checks=without(policy.checks, number)),
        )
        wider = replace(check, reporters=_widen(check.reporters, (one.reporter for one in reported)))
        yield Mutant(
            what=f"anybody may report the check {check.name}",
            place=("checks", number, "reporters"),
            policy=replace(policy, checks=instead(policy.checks, number, wider)),
        )


def _widen(names: tuple[str, ...], others: Iterable[str]) -> tuple[str, ...]:
    """With everybody whom a test brings up, and somebody whom none does."""
    return tuple(dict.fromkeys((*names, *others, "anybody")))


def _widen_scope(policy: Policy) -> Iterator[Mutant]:
    for kind, what in (
        (ScopeKind.SAME_TEAM, "the owning team's changes are"),
        (ScopeKind.ROBOTS, "robots' changes are"),
    ):
        if all(one.kind is not kind for one in policy.out_of_scope):
            more = OutOfScope(id=f"mutant-{kind.value}", kind=kind, because=what)
            yield Mutant(
                what=f"{what} out of scope",
                place=("out_of_scope",),
                policy=replace(policy, out_of_scope=(*policy.out_of_scope, more)),
            )


def _weaken_prerequisites(policy: Policy) -> Iterator[Mutant]:
    for number, one in enumerate(policy.prerequisites):
        place: Place = ("prerequisites", number)
        yield Mutant(
            what=f"the prerequisite {one.id} is dropped",
            place=place,
            policy=replace(policy, prerequisites=without(policy.prerequisites, number)),
        )
        narrower = [
            (f"{subject}", (*place, "for", at), replace(one, subjects=without(one.subjects, at)))
            for at, subject in enumerate(one.subjects)
            if len(one.subjects) > 1
        ]
        narrower += [
            (f"{level} changes", (*place, "at", at), replace(one, at=without(one.at, at)))
            for at, level in enumerate(one.at)
            if len(one.at) > 1
        ]
        for who, where, weaker in narrower:
            yield Mutant(
                what=f"the prerequisite {one.id} is not asked of {who}",
                place=where,
                policy=replace(policy, prerequisites=instead(policy.prerequisites, number, weaker)),
            )


def _weaken_freezes(policy: Policy) -> Iterator[Mutant]:
    for number, one in enumerate(policy.freezes):
        place: Place = ("freezes", number)
        yield Mutant(
            what=f"the freeze {one.id} is dropped",
            place=place,
            policy=replace(policy, freezes=without(policy.freezes, number)),
        )
        half = one.start + (one.end - one.start) / 2
        weaker: list[tuple[str, Place, Freeze]] = [
            ("starts half-way", ("window", "start"), replace(one, start=half)),
            ("ends half-way", ("window", "end"), replace(one, end=half)),
        ]
        for at, level in enumerate(one.levels if len(one.levels) > 1 else ()):
            weaker.append((f"lets {level} changes through", ("at", at), replace(one, levels=without(one.levels, at))))
        for at, branch in enumerate(one.branches if len(one.branches) > 1 else ()):
            branches = without(one.branches, at)
            weaker.append((f"lets changes of {branch} through", ("branches", at), replace(one, branches=branches)))
        if one.exempt is not None:
            for what, key, ask in weaken_requirement(policy, one.exempt):
                weaker.append((f"exempts easier: it {what}", ("exempt", *key), replace(one, exempt=ask)))
        for what, where, changed in weaker:
            yield Mutant(
                what=f"the freeze {one.id} {what}",
                place=(*place, *where),
                policy=replace(policy, freezes=instead(policy.freezes, number, changed)),
            )


def _weaken_delegation(policy: Policy) -> Iterator[Mutant]:
    one = policy.delegation
    if one is None:
        return
    yield Mutant(
        what="roles may be handed over for twice as long",
        place=("delegation", "max_period"),
        policy=replace(policy, delegation=replace(one, max_period=2 * one.max_period)),
    )
    others = tuple(role.name for role in policy.roles if role.name not in one.roles)
    if others:
        yield Mutant(
            what="any role may be handed over",
            place=("delegation", "roles"),
            policy=replace(policy, delegation=replace(one, roles=(*one.roles, *others))),
        )


def _weaken_break_glass(policy: Policy) -> Iterator[Mutant]:
    glass = policy.break_glass
    if glass is None:
        return
    for what, where, weaker in _weaker_glass(policy, glass):
        yield Mutant(
            what=f"an override {what}", place=("break_glass", *where), policy=replace(policy, break_glass=weaker)
        )


def _weaker_glass(policy: Policy, glass: BreakGlass) -> Iterator[tuple[str, Place, BreakGlass]]:
    yield "lasts twice as long", ("valid_for",), replace(glass, valid_for=2 * glass.valid_for)
    yield "takes half the words for a reason", ("reason", "min_chars"), replace(glass, min_chars=glass.min_chars // 2)
    owed = replace(glass.review, within_days=2 * glass.review.within_days)
    yield "owes its review twice as late", ("review", "within"), replace(glass, review=owed)
    given = [case.facts.break_glass.code for case in policy.cases if case.facts.break_glass is not None]
    yield "takes any code", ("reason", "codes"), replace(glass, codes=_widen(glass.codes, given))
    anything = ChangeRequest(pattern=_ANYTHING, example=glass.incident.example)
    yield "takes any incident id", ("reason", "incident", "pattern"), replace(glass, incident=anything)
    for what, key, ask in weaken_requirement(policy, glass.cosign):
        yield f"is co-signed easier: it {what}", ("cosign", *key), replace(glass, cosign=ask)
    waivable = [rule.id for rule in policy.rules]
    waivable += [] if "freeze" in glass.waives else [freeze.id for freeze in policy.freezes]
    for name in waivable:
        if name not in glass.waives:
            never = tuple(one for one in glass.never_waives if one != name)
            more = replace(glass, waives=(*glass.waives, name), never_waives=never)
            yield f"waives {name} too", ("waives",), more
