"""Weakens a layer bit by bit: what ``mutate.py`` does to a policy, for what a layer adds to one.

Its rules, prerequisites, checks and freezes are weakened as those of a policy; all else is taken off or back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from gate.policy.coverage import place_in_layer
from gate.policy.document import Policy
from gate.policy.layer_document import Layer
from gate.policy.layers import build_tested
from gate.policy.mutate import loosen, weaken
from gate.policy.mutate_rules import Mutant, instead, without
from gate.policy.source import Place

_LISTED = ("rules", "prerequisites", "checks", "freezes")


def weaken_layer(base: Policy, layer: Layer) -> Iterator[Mutant]:
    """Every weakened version of ``base`` with ``layer`` on it that still is ``base`` at least."""
    whole = build_tested(base, layer)
    for mutant in weaken(whole):
        section, *rest = mutant.place
        if section in _LISTED and isinstance(rest[0], int) and rest[0] >= len(getattr(base, str(section))):
            yield replace(mutant, place=place_in_layer(base, mutant.place))
    for what, place, weaker in _weaker(layer):
        found = build_tested(base, weaker)
        if found != whole:
            yield Mutant(what=what, place=place, policy=found)


def _weaker(layer: Layer) -> Iterator[tuple[str, Place, Layer]]:
    for at, one in enumerate(layer.tighten):
        less = replace(one, count=one.count - 1)
        what = f"the rule {one.rule} is tightened to {less.count} instead of {one.count}"
        yield what, ("tighten", at, "count"), replace(layer, tighten=instead(layer.tighten, at, less))
    if layer.valid_for is not None:
        weaker = replace(layer, valid_for=2 * layer.valid_for)
        yield "approvals count twice as long", ("approval", "valid_for"), weaker
    if layer.carry_over is not None:
        weaker = replace(layer, carry_over=loosen(layer.carry_over))
        yield "approvals are carried over further", ("approval", "carry_over"), weaker
    for at, owners in enumerate(layer.ownership):
        for number, path in enumerate(owners.paths):
            rest = without(owners.paths, number)
            entries = (
                instead(layer.ownership, at, replace(owners, paths=rest)) if rest else without(layer.ownership, at)
            )
            what = f"{owners.team or 'the repository'} no longer owns {path} besides"
            yield what, ("ownership", at, "paths", number), replace(layer, ownership=entries)
    for at, raised in enumerate(layer.raised):
        for number, path in enumerate(raised.paths):
            rest = without(raised.paths, number)
            levels = instead(layer.raised, at, replace(raised, paths=rest)) if rest else without(layer.raised, at)
            place: Place = ("classification", "paths", at, "paths", number)
            yield f"{path} is no longer {raised.level}", place, replace(layer, raised=levels)
    for at, role in enumerate(layer.veto_roles):
        weaker = replace(layer, veto_roles=without(layer.veto_roles, at))
        yield f"{role} has no veto", ("veto", "roles", at), weaker
    if layer.change_request is not None:
        yield "its change request is not asked for", ("change_request",), replace(layer, change_request=None)
    for at, name in enumerate(layer.never_waives):
        weaker = replace(layer, never_waives=without(layer.never_waives, at))
        yield f"an override may waive {name} again", ("break_glass", "never_waives", at), weaker
