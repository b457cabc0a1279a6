"""One file of kind RepositoryLayer: shape to ``Layer``, checked against the policy it extends.

Roles, meanings, terms and levels are the policy's: a layer declares none. Its names are new, so nothing of the policy
is replaced. Raises only ``InputError``, with file, line and what to write instead.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from gate.policy.document import CarryOver, LevelPaths, Policy, Rule
from gate.policy.layer_document import Layer, Tightened
from gate.policy.layer_shape import LayerShape
from gate.policy.layers import build_tested
from gate.policy.parse import read_checks, read_owners, read_prerequisites, read_rules
from gate.policy.read import (
    check_declared,
    check_values,
    read_change_request,
    read_duration,
    read_globs,
    read_path_patterns,
)
from gate.policy.read_cases import read_cases
from gate.policy.sections import ANY_FREEZE, NAMED, read_freezes
from gate.policy.shape_errors import shape_of
from gate.policy.source import Place, Source


def extended_by(source: Source) -> str:
    """The id of the policy that a layer extends."""
    return shape_of(LayerShape, source).metadata.extends


def read_layer(source: Source, policy: Policy) -> Layer:
    """A layer on ``policy`` from an already parsed file."""
    found = shape_of(LayerShape, source)
    check_values(source)
    _check_new_names(source, found, policy)
    meanings = [meaning.id for meaning in policy.meanings]
    layer = Layer(
        file=source.name,
        id=found.metadata.id,
        title=found.metadata.title,
        extends=found.metadata.extends,
        owners=tuple(found.metadata.owners),
        repositories=read_globs(source, ("applies_to", "repositories"), found.applies_to.repositories),
        branches=read_globs(source, ("applies_to", "branches"), found.applies_to.branches),
        rules=_read_rules(source, found, policy),
        tighten=tuple(_read_tighten(source, found, policy)),
        valid_for=read_duration(source, ("approval", "valid_for"), found.approval.valid_for),
        carry_over=CarryOver(found.approval.carry_over) if found.approval.carry_over is not None else None,
        ownership=tuple(read_owners(source, number, entry) for number, entry in enumerate(found.ownership)),
        raised=tuple(_read_raised(source, found, policy)),
        prerequisites=read_prerequisites(source, found, policy.terms, policy.classification),
        checks=read_checks(source, found),
        freezes=read_freezes(source, found, policy.roles, meanings, policy.classification),
        veto_roles=_read_veto(source, found, policy),
        change_request=read_change_request(source, ("change_request",), found.change_request),
        never_waives=_read_never_waives(source, found, policy),
    )
    return replace(layer, cases=read_cases(source, found.fixtures, found.tests, build_tested(policy, layer)))


def _read_rules(source: Source, found: LayerShape, policy: Policy) -> tuple[Rule, ...]:
    rules = read_rules(source, found, policy.roles, policy.meanings, policy.classification)
    return tuple(replace(rule, layer=found.metadata.id) for rule in rules)


def _check_new_names(source: Source, found: LayerShape, policy: Policy) -> None:
    """Those of one kind in the layer itself are told apart where they are read, and so are its kinds."""
    taken = {
        *(rule.id for rule in policy.rules),
        *(freeze.id for freeze in policy.freezes),
        *(scope.id for scope in policy.out_of_scope),
        *(one.id for one in policy.prerequisites),
        *(check.name for check in policy.checks),
    }
    for section, key, _ in NAMED:
        _refuse_taken(source, section, key, [getattr(one, key) for one in getattr(found, section)], taken)


def _refuse_taken(source: Source, section: str, key: str, names: Iterable[str], taken: Iterable[str]) -> None:
    known = set(taken)
    for number, name in enumerate(names):
        if name in known:
            raise source.error(
                (section, number, key),
                f"`{name}` is taken: a layer adds, it does not replace.",
                "Give it another name; to ask more people of a rule of the policy, write `tighten`.",
            )


def _read_tighten(source: Source, found: LayerShape, policy: Policy) -> Iterable[Tightened]:
    rules = {rule.id: rule for rule in policy.rules}
    for number, one in enumerate(found.tighten):
        place: Place = ("tighten", number)
        check_declared(source, (*place, "rule"), "rule", one.rule, rules)
        asked = len(rules[one.rule].require)
        if one.require > asked:
            raise source.error(
                (*place, "require"),
                f"`require` of the rule `{one.rule}` has {asked} {'entry' if asked == 1 else 'entries'}.",
                f"Write {' or '.join(str(at) for at in range(1, asked + 1))}; the first is 1.",
            )
        yield Tightened(rule=one.rule, number=one.require - 1, count=one.count)


def _read_raised(source: Source, found: LayerShape, policy: Policy) -> Iterable[LevelPaths]:
    if found.classification is None:
        return
    levels = policy.classification.levels if policy.classification is not None else ()
    for number, entry in enumerate(found.classification.paths):
        place: Place = ("classification", "paths", number)
        check_declared(source, (*place, "level"), "level", entry.level, levels)
        yield LevelPaths(level=entry.level, paths=read_path_patterns(source, (*place, "paths"), entry.paths))


def _read_veto(source: Source, found: LayerShape, policy: Policy) -> tuple[str, ...]:
    roles = found.veto.roles if found.veto is not None else []
    for number, name in enumerate(roles):
        check_declared(source, ("veto", "roles", number), "role", name, (role.name for role in policy.roles))
    return tuple(roles)


def _read_never_waives(source: Source, found: LayerShape, policy: Policy) -> tuple[str, ...]:
    if found.break_glass is None:
        return ()
    if policy.break_glass is None:
        raise source.error(
            ("break_glass",), f"The policy {policy.id} has no break-glass, so nothing is waived.", "Remove it."
        )
    known = [*(rule.id for rule in policy.rules), *(freeze.id for freeze in policy.freezes), ANY_FREEZE]
    for number, name in enumerate(found.break_glass.never_waives):
        check_declared(source, ("break_glass", "never_waives", number), "rule or freeze", name, known)
    return tuple(found.break_glass.never_waives)
