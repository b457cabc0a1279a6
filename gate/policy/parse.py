"""One policy file: text to ``Policy``, or ``InputError`` with file, line and what to write instead.

After the shape (``shape.py``) this checks what only the whole file can tell: names declared once and declared at all,
roles per team asked per team, patterns that compile, a catch-all owner, and that nobody left out a kind of
contributor. Pure: takes name and text.
"""

from __future__ import annotations

import re
from dataclasses import replace

from gate.domain.approval import MeaningKind
from gate.policy import shape as shapes
from gate.policy.document import (
    REPOSITORY_TEAMS,
    AuthorKind,
    CarryOver,
    Check,
    Classification,
    Meaning,
    OutOfScope,
    Ownership,
    Policy,
    Prerequisite,
    Requirement,
    Role,
    Rule,
    ScopeKind,
    Subject,
    Terms,
    Veto,
    When,
)
from gate.policy.expressions import Scope
from gate.policy.layer_shape import LayerShape
from gate.policy.read import (
    check_declared,
    check_expression_text,
    check_unique,
    check_values,
    read_change_request,
    read_duration,
    read_globs,
    read_path_patterns,
    read_requirement,
)
from gate.policy.read_cases import read_cases
from gate.policy.sections import (
    read_break_glass,
    read_carry_over,
    read_classification,
    read_delegation,
    read_freezes,
    read_levels,
)
from gate.policy.shape_errors import shape_of
from gate.policy.source import Place, Source, parse_source

ALL_PARTS = ("author", "committers", "co_authors", "pushers")
_TEAM = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,62}")


def parse_policy(name: str, text: str | bytes) -> Policy:
    """``text`` of the file ``name`` as a policy. Raises only ``InputError``."""
    return read_policy(parse_source(name, text))


def read_policy(source: Source) -> Policy:
    """A policy from an already parsed file of kind ApprovalPolicy."""
    found = shape_of(shapes.PolicyShape, source)
    check_values(source)
    _check_separation(source, found)
    roles = _read_roles(source, found)
    meanings = tuple(Meaning(id=id, text=one.text, kind=MeaningKind(one.kind)) for id, one in found.meanings.items())
    terms = tuple(Terms(id=id, title=one.title, text=one.text) for id, one in found.terms.items())
    classification = read_classification(source, found.classification)
    rules = read_rules(source, found, roles, meanings, classification)
    _check_not_only_expressions(source, rules)
    freezes = read_freezes(source, found, roles, found.meanings, classification)
    policy = Policy(
        file=source.name,
        id=found.metadata.id,
        title=found.metadata.title,
        owners=tuple(found.metadata.owners),
        repositories=read_globs(source, ("applies_to", "repositories"), found.applies_to.repositories),
        branches=read_globs(source, ("applies_to", "branches"), found.applies_to.branches),
        roles=roles,
        ownership=_read_ownership(source, found),
        meanings=meanings,
        rules=rules,
        valid_for=read_duration(source, ("approval", "valid_for"), found.approval.valid_for),
        veto=_read_veto(source, found, roles),
        terms=terms,
        prerequisites=read_prerequisites(source, found, terms, classification),
        change_request=read_change_request(source, ("change_request",), found.change_request),
        checks=read_checks(source, found),
        out_of_scope=_read_out_of_scope(source, found),
        classification=classification,
        carry_over=CarryOver(found.approval.carry_over),
        carry_over_at=read_carry_over(source, found.approval, classification),
        freezes=freezes,
        delegation=read_delegation(source, found.delegation, roles),
        break_glass=read_break_glass(source, found.break_glass, roles, found.meanings, rules, freezes),
    )
    return replace(policy, cases=read_cases(source, found.fixtures, found.tests, policy))


def _check_separation(source: Source, found: shapes.PolicyShape) -> None:
    if found.separation is None:
        return
    for part in ALL_PARTS:
        if part not in found.separation.exclude:
            raise source.error(
                ("separation", "exclude"),
                f"`{part}` is left out: they could approve their own work.",
                f"Write [{', '.join(ALL_PARTS)}], or leave `separation` out: it means the same.",
            )


def _read_roles(source: Source, found: shapes.PolicyShape) -> tuple[Role, ...]:
    for name, role in found.identity.roles.items():
        place: Place = ("identity", "roles", name, "group")
        if re.search(r"[{}]", role.group.replace("{team}", "")):
            raise source.error(
                place,
                f"`{role.group}` holds braces other than {{team}}.",
                "Write {team} where the name of the owning team belongs, and no other braces.",
            )
        if re.match(r"[A-Za-z][A-Za-z0-9-]*\s*=\s*\S", role.group) is None:
            raise source.error(
                place,
                f"`{role.group}` is not a directory group.",
                'Write its full DN, as "cn=qa,ou=groups,dc=example,dc=com".',
            )
    return tuple(Role(name=name, group=role.group) for name, role in found.identity.roles.items())


def _read_ownership(source: Source, found: shapes.PolicyShape) -> tuple[Ownership, ...]:
    entries = []
    for number, entry in enumerate(found.ownership):
        owners = read_owners(source, number, entry)
        if "**" in owners.paths and number > 0:
            raise source.error(
                ("ownership", number),
                "A catch-all (`**`) below other entries takes every path from them: the last match wins.",
                "Make it the first entry.",
            )
        entries.append(owners)
    if "**" not in entries[0].paths:
        raise source.error(
            ("ownership",),
            "There is no catch-all: some paths would belong to nobody.",
            'Start the list with {paths: ["**"], team: "{repository}"}.',
        )
    return tuple(entries)


def read_owners(source: Source, number: int, entry: shapes.OwnershipShape) -> Ownership:
    """One entry of ``ownership``."""
    place: Place = ("ownership", number)
    if entry.team != REPOSITORY_TEAMS and _TEAM.fullmatch(entry.team) is None:
        raise source.error(
            (*place, "team"),
            f"`{entry.team}` is not a team.",
            'Write a team\'s name, or "{repository}" for the owning teams of repositories.yaml.',
        )
    paths = read_path_patterns(source, (*place, "paths"), entry.paths)
    return Ownership(paths=paths, team=None if entry.team == REPOSITORY_TEAMS else entry.team)


def read_rules(
    source: Source,
    found: shapes.PolicyShape | LayerShape,
    roles: tuple[Role, ...],
    meanings: tuple[Meaning, ...],
    classification: Classification | None,
) -> tuple[Rule, ...]:
    check_unique(source, "rule", "rules", "id", (rule.id for rule in found.rules))
    rules = []
    for number, rule in enumerate(found.rules):
        place: Place = ("rules", number)
        when = When(
            cross_team=rule.when.cross_team,
            paths=read_path_patterns(source, (*place, "when", "paths"), rule.when.paths or ()),
            branches=read_globs(source, (*place, "when", "branches"), rule.when.branches or ()),
            levels=read_levels(
                source, (*place, "when", "classification"), rule.when.classification or (), classification
            ),
            author_kinds=tuple(AuthorKind(kind) for kind in rule.when.author_kind or ()),
            labels=tuple(rule.when.labels or ()),
            lines_over=rule.when.lines_over,
            files_over=rule.when.files_over,
            cross_entity=rule.when.cross_entity,
            expr=rule.when.expr,
        )
        if rule.when.expr is not None:
            check_expression_text(source, (*place, "when", "expr"), Scope.WHEN, rule.when.expr)
        require = tuple(
            read_requirement(source, (*place, "require", at), one, roles, [meaning.id for meaning in meanings])
            for at, one in enumerate(rule.require)
        )
        for at, one in enumerate(require):
            _check_forge_review(source, (*place, "require", at, "forge_review"), one, meanings)
        rules.append(
            Rule(id=rule.id, description=rule.description, when=when, require=require, controls=tuple(rule.controls))
        )
    return tuple(rules)


def _check_forge_review(source: Source, place: Place, one: Requirement, meanings: tuple[Meaning, ...]) -> None:
    """Nobody who reviews on a forge is shown a sentence: what they say there is a review, whatever it is taken for."""
    kind = next(meaning.kind for meaning in meanings if meaning.id == one.meaning)
    if one.forge_review and kind is not MeaningKind.REVIEW:
        raise source.error(
            place,
            f"`{one.meaning}` is of kind {kind.value}, and on a forge people only review.",
            "Ask for a meaning of kind review, or remove `forge_review`: then it takes a signature.",
        )


def _check_not_only_expressions(source: Source, rules: tuple[Rule, ...]) -> None:
    """An expression narrows what other rules leave; where it stands in every rule, it would decide who is asked."""
    if all(rule.when.expr is not None for rule in rules):
        raise source.error(
            ("rules", 0, "when", "expr"),
            "Every rule has `expr` in its `when`, so whether anybody is asked would hang on expressions alone.",
            "Add a rule without one.",
        )


def _read_veto(source: Source, found: shapes.PolicyShape, roles: tuple[Role, ...]) -> Veto | None:
    if found.veto is None:
        return None
    for key, names in (("roles", found.veto.roles), ("cleared_by", found.veto.cleared_by)):
        for number, name in enumerate(names):
            check_declared(source, ("veto", key, number), "role", name, (role.name for role in roles))
    return Veto(
        roles=tuple(found.veto.roles),
        survives_push=found.veto.survives_push,
        cleared_by=tuple(found.veto.cleared_by),
    )


def read_prerequisites(
    source: Source,
    found: shapes.PolicyShape | LayerShape,
    terms: tuple[Terms, ...],
    classification: Classification | None,
) -> tuple[Prerequisite, ...]:
    check_unique(source, "prerequisite", "prerequisites", "id", (one.id for one in found.prerequisites))
    read = []
    for number, one in enumerate(found.prerequisites):
        place: Place = ("prerequisites", number)
        if sum(kind is not None for kind in (one.terms, one.training, one.clearance, one.entities)) != 1:
            raise source.error(
                place,
                f"The prerequisite `{one.id}` needs exactly one of `terms`, `training`, `clearance` and `entities`.",
                "Write `terms: <id of terms below>`, `training: <course code>`, `clearance: <code>` or "
                "`entities: [[<theirs>, <ours>]]`.",
            )
        if one.terms is not None:
            check_declared(source, (*place, "terms"), "terms", one.terms, (each.id for each in terms))
        read.append(
            Prerequisite(
                id=one.id,
                subjects=tuple(Subject(subject) for subject in dict.fromkeys(one.subjects)),
                terms=one.terms,
                training=one.training,
                clearance=one.clearance,
                entities=tuple((pair[0], pair[1]) for pair in one.entities or ()),
                at=read_levels(source, (*place, "at"), one.at, classification),
            )
        )
    return tuple(read)


def read_checks(source: Source, found: shapes.PolicyShape | LayerShape) -> tuple[Check, ...]:
    check_unique(source, "check", "checks", "name", (check.name for check in found.checks))
    return tuple(Check(name=check.name, reporters=tuple(check.reporters)) for check in found.checks)


def _read_out_of_scope(source: Source, found: shapes.PolicyShape) -> tuple[OutOfScope, ...]:
    check_unique(source, "out-of-scope rule", "out_of_scope", "id", (one.id for one in found.out_of_scope))
    entries = []
    for number, one in enumerate(found.out_of_scope):
        if (one.when.cross_team is None) == (one.when.robots is None):
            raise source.error(
                ("out_of_scope", number, "when"),
                "Exactly one of cross_team and robots belongs here.",
                "Write {cross_team: false} or {robots: true}.",
            )
        kind = ScopeKind.ROBOTS if one.when.robots else ScopeKind.SAME_TEAM
        entries.append(OutOfScope(id=one.id, kind=kind, because=one.because))
    names = [rule.id for rule in found.rules]
    for number, entry in enumerate(entries):
        if entry.id in names:
            raise source.error(
                ("out_of_scope", number, "id"),
                f"`{entry.id}` is also the name of a rule.",
                "Give one of them another name.",
            )
    return tuple(entries)
