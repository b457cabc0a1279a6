"""Rules and what they ask, weakened: the first half of ``mutate.py``.

A slot is made `shared` only where another slot can be open at the same time: alone, it makes no difference.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

from gate.policy.document import Of, Policy, Requirement, Rule
from gate.policy.source import Place

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """A weakened version of a policy: ``what`` is a half-sentence, "the rule qa is dropped"."""

    what: str
    place: Place
    policy: Policy


def without(items: tuple[T, ...], number: int) -> tuple[T, ...]:
    return items[:number] + items[number + 1 :]


def instead(items: tuple[T, ...], number: int, one: T) -> tuple[T, ...]:
    return (*items[:number], one, *items[number + 1 :])


def weaken_rules(policy: Policy) -> Iterator[Mutant]:
    for number, rule in enumerate(policy.rules):
        place: Place = ("rules", number)
        if len(policy.rules) > 1:
            yield Mutant(
                what=f"the rule {rule.id} is dropped",
                place=place,
                policy=replace(policy, rules=without(policy.rules, number)),
            )
        for what, where, weaker in (*_weaken_when(rule), *_weaken_require(policy, number)):
            yield Mutant(
                what=f"the rule {rule.id} {what}",
                place=(*place, *where),
                policy=replace(policy, rules=instead(policy.rules, number, weaker)),
            )


def _weaken_when(rule: Rule) -> Iterator[tuple[str, Place, Rule]]:
    """A `when` that holds for less. The last of a list stays: without it the rule is as good as dropped."""
    when = rule.when
    if len(when.paths) > 1:
        for at, path in enumerate(when.paths):
            changed = replace(when, paths=without(when.paths, at))
            yield f"no longer applies to {path}", ("when", "paths", at), replace(rule, when=changed)
    if len(when.branches) > 1:
        for at, branch in enumerate(when.branches):
            changed = replace(when, branches=without(when.branches, at))
            yield f"no longer applies to {branch}", ("when", "branches", at), replace(rule, when=changed)
    if len(when.levels) > 1:
        for at, level in enumerate(when.levels):
            changed = replace(when, levels=without(when.levels, at))
            yield f"no longer applies to {level}", ("when", "classification", at), replace(rule, when=changed)
    if len(when.author_kinds) > 1:
        for at, kind in enumerate(when.author_kinds):
            changed = replace(when, author_kinds=without(when.author_kinds, at))
            yield f"no longer applies to {kind}", ("when", "author_kind", at), replace(rule, when=changed)
    if len(when.labels) > 1:
        for at, label in enumerate(when.labels):
            changed = replace(when, labels=without(when.labels, at))
            yield f"no longer applies to {label}", ("when", "labels", at), replace(rule, when=changed)
    if when.lines_over is not None:
        changed = replace(when, lines_over=2 * when.lines_over + 1)
        yield f"applies above {changed.lines_over} lines only", ("when", "lines_over"), replace(rule, when=changed)
    if when.files_over is not None:
        changed = replace(when, files_over=2 * when.files_over + 1)
        yield f"applies above {changed.files_over} files only", ("when", "files_over"), replace(rule, when=changed)


def _weaken_require(policy: Policy, number: int) -> Iterator[tuple[str, Place, Rule]]:
    rule = policy.rules[number]
    for at, ask in enumerate(rule.require):
        place: Place = ("require", at)
        if len(rule.require) > 1:
            yield f"no longer asks for {ask.role}", place, replace(rule, require=without(rule.require, at))
        for what, key, weaker in weaken_requirement(policy, ask):
            yield what, (*place, *key), replace(rule, require=instead(rule.require, at, weaker))
        if not ask.forge_review:
            weaker = replace(ask, forge_review=True)
            yield (
                f"takes a review on the forge for a {ask.role}",
                (*place, "forge_review"),
                replace(rule, require=instead(rule.require, at, weaker)),
            )
        if not ask.is_shared and _may_meet_another(policy, rule, at):
            weaker = replace(ask, is_shared=True)
            yield (
                f"counts a {ask.role} who fills another slot too",
                place,
                replace(rule, require=instead(rule.require, at, weaker)),
            )


def weaken_requirement(policy: Policy, ask: Requirement) -> Iterator[tuple[str, Place, Requirement]]:
    """A requirement of a rule, a freeze's exemption or a co-signature that asks for less."""
    if ask.count > 1:
        yield f"asks for {ask.count - 1} instead of {ask.count}", ("count",), replace(ask, count=ask.count - 1)
    others = tuple(role.name for role in policy.roles if role.name not in ask.roles)
    if others:
        roles = (*ask.roles, *others)
        is_per_team = any(policy.role(name).is_per_team for name in roles)
        of = ask.of or (Of.ANY_OWNING_TEAM if is_per_team else None)
        key: Place = ("role",) if len(ask.roles) == 1 else ("any_role",)
        yield f"takes any role for {ask.role}", key, replace(ask, roles=roles, of=of)
    if ask.of is Of.EACH_OWNING_TEAM:
        yield "asks any owning team instead of each", ("of",), replace(ask, of=Of.ANY_OWNING_TEAM)
    if ask.expr is not None:
        yield f"takes a {ask.role} whatever `expr` says", ("expr",), replace(ask, expr=None)


def _may_meet_another(policy: Policy, rule: Rule, at: int) -> bool:
    """Whether a slot that is not this requirement's own can be open together with it."""
    if len(rule.require) > 1 or rule.require[at].of is Of.EACH_OWNING_TEAM:
        return True
    return any(
        other is not rule and _can_apply_together(rule, other) and not all(ask.is_shared for ask in other.require)
        for other in policy.rules
    )


def _can_apply_together(one: Rule, other: Rule) -> bool:
    """Told from what a change has exactly one of: being cross-team or not, and its level."""
    teams = {one.when.cross_team, other.when.cross_team}
    levels = set(one.when.levels) & set(other.when.levels)
    return teams != {True, False} and bool(levels or not one.when.levels or not other.when.levels)
