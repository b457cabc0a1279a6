"""A policy and the layers a repository puts on it, as one policy. A layer adds and tightens; it cannot weaken.

By construction, not by comparing files: lists are joined, counts take the larger, lifetimes the shorter number, owners
are added beside those who own a path. What the addition could loosen indirectly is held by three rules of evaluation:
added owners make nobody an insider and stand in for nobody (``ownership.py``); a raised path counts at its own level
too (``Classification.raised``); rules of layers allow nothing where no rule of the policy applies (``rules.py``).
Follows `approval-policy.md` §6 ("Layers"). Reading the files is ``read_layer.py``'s.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from gate.policy.document import BreakGlass, CarryOver, Classification, Freeze, Policy, Rule, Veto
from gate.policy.layer_document import Layer, Tightened
from gate.policy.sections import ANY_FREEZE


def apply_layers(policy: Policy, layers: Iterable[Layer]) -> Policy:
    """``policy`` with every layer on it. Their order changes the order of reasons, never an answer."""
    for layer in layers:
        policy = _apply(policy, layer)
    return policy


def build_tested(policy: Policy, layer: Layer) -> Policy:
    """What the tests of a layer's file are about: the policy with this layer alone, where the layer applies."""
    return replace(
        _apply(policy, layer),
        file=layer.file,
        id=layer.id,
        title=layer.title,
        owners=layer.owners,
        repositories=layer.repositories,
        branches=layer.branches,
        cases=layer.cases,
    )


def _apply(policy: Policy, layer: Layer) -> Policy:
    return replace(
        policy,
        rules=(*(_tighten(rule, layer.tighten) for rule in policy.rules), *layer.rules),
        valid_for=_shorter(policy.valid_for, layer.valid_for),
        **_tighten_carry_over(policy, layer.carry_over),
        added_ownership=(*policy.added_ownership, *layer.ownership),
        classification=_raise(policy.classification, layer),
        prerequisites=(*policy.prerequisites, *layer.prerequisites),
        checks=(*policy.checks, *layer.checks),
        freezes=(*policy.freezes, *layer.freezes),
        veto=_add_veto(policy.veto, layer.veto_roles),
        added_change_requests=(
            *policy.added_change_requests,
            *([layer.change_request] if layer.change_request is not None else []),
        ),
        break_glass=_lower_ceiling(policy.break_glass, layer, policy.freezes),
        layers=(*policy.layers, layer.id),
    )


def _tighten(rule: Rule, asked: tuple[Tightened, ...]) -> Rule:
    require = list(rule.require)
    for one in asked:
        if one.rule == rule.id:
            require[one.number] = replace(require[one.number], count=max(require[one.number].count, one.count))
    return replace(rule, require=tuple(require))


def _shorter(one: timedelta | None, other: timedelta | None) -> timedelta | None:
    return min((age for age in (one, other) if age is not None), default=None)


def _tighten_carry_over(policy: Policy, most: CarryOver | None) -> dict[str, Any]:
    """The stricter of the two, everywhere; a level that then says what all others do is not told apart any more."""
    if most is None:
        return {}
    carry_over = _stricter(policy.carry_over, most)
    at = (replace(one, carry_over=_stricter(one.carry_over, most)) for one in policy.carry_over_at)
    return {"carry_over": carry_over, "carry_over_at": tuple(one for one in at if one.carry_over is not carry_over)}


def _stricter(one: CarryOver, other: CarryOver) -> CarryOver:
    return min(one, other, key=tuple(CarryOver).index)


def _raise(classification: Classification | None, layer: Layer) -> Classification | None:
    if classification is None:
        return None
    return replace(classification, raised=(*classification.raised, *layer.raised))


def _add_veto(veto: Veto | None, roles: tuple[str, ...]) -> Veto | None:
    if not roles:
        return veto
    if veto is None:
        return Veto(roles=roles, survives_push=True)
    return replace(veto, roles=tuple(dict.fromkeys((*veto.roles, *roles))))


def _lower_ceiling(found: BreakGlass | None, layer: Layer, freezes: tuple[Freeze, ...]) -> BreakGlass | None:
    """The names leave ``waives``, too; ``freeze`` there becomes the freezes that may still be waived."""
    if found is None or not layer.never_waives:
        return found
    held = {*layer.never_waives, *([one.id for one in freezes] if ANY_FREEZE in layer.never_waives else [])}
    waives = list(found.waives)
    if ANY_FREEZE in waives and held & {one.id for one in freezes}:
        waives = [*(name for name in waives if name != ANY_FREEZE), *(one.id for one in freezes)]
    return replace(
        found,
        waives=tuple(name for name in dict.fromkeys(waives) if name not in held),
        never_waives=tuple(dict.fromkeys((*found.never_waives, *layer.never_waives))),
    )
