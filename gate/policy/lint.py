"""What well-formed files still say wrongly: rules that never apply, entries that never match, groups nobody is in.

``check_policies`` returns findings and raises nothing. An *error* is something written that can have no effect, or a
rule that nobody can satisfy; a *warning* is what is probably not meant. Follows `approval-policy.md` §6 ("Lint as
errors"). Duplicate and undeclared names are refused when the files are read. Path patterns are ``lint_paths.py``'s,
groups ``lint_groups.py``'s, facts that nobody records ``lint_sources.py``'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gate.policy.document import Policy, Rule, ScopeKind
from gate.policy.facts import RoleMembers
from gate.policy.layer_document import Layer
from gate.policy.layers import apply_layers
from gate.policy.lint_finding import Finding, Severity, build_finding
from gate.policy.lint_groups import check_groups
from gate.policy.lint_paths import check_classification, check_ownership, find_levels
from gate.policy.lint_sources import check_sources
from gate.policy.paths import globs_overlap, matches_any
from gate.policy.registered import Repository
from gate.policy.registry import PolicySet
from gate.policy.source import Place, Source, parse_source


def check_policies(
    found: PolicySet, files: Mapping[str, str | bytes], groups: tuple[RoleMembers, ...] | None = None
) -> tuple[Finding, ...]:
    """Findings by file and line. ``groups`` as the live directory has them; None: it was not asked."""
    sources = {name: parse_source(name, text) for name, text in files.items()}
    findings: list[Finding] = []
    for policy in found.policies:
        source = sources[policy.file]
        findings += [*check_ownership(policy, source), *check_classification(policy, source)]
        findings += _check_reach(policy, policy.rules, source, _protected(found, policy))
        findings += _check_use(found, policy, source)
        findings += check_sources(policy.rules, policy.prerequisites, _covered(found, policy), source)
    for layer in found.layers:
        findings += _check_layer(found, layer, sources[layer.file])
    if groups is not None:
        findings += check_groups(found, sources, groups)
    return tuple(sorted(dict.fromkeys(findings), key=lambda one: (one.severity, one.file, one.line, one.sentence)))


def _protected(found: PolicySet, one: Policy | Layer) -> tuple[str, ...]:
    """The protected branches (names or globs) that ``one`` applies to."""
    return tuple(
        branch
        for repository in found.registry.repositories
        if matches_any(one.repositories, repository.id)
        for branch in repository.protected
        if any(globs_overlap(glob, branch) for glob in one.branches)
    )


def _covered(found: PolicySet, one: Policy | Layer) -> tuple[Repository, ...]:
    return tuple(entry for entry in found.registry.repositories if matches_any(one.repositories, entry.id))


def _check_reach(
    policy: Policy, rules: tuple[Rule, ...], source: Source, protected: tuple[str, ...]
) -> Iterator[Finding]:
    """Rules that no contribution can meet. ``policy`` says what else holds, ``rules`` stand in ``source``."""
    same_team = next((one for one in policy.out_of_scope if one.kind is ScopeKind.SAME_TEAM), None)
    levels = find_levels(policy.classification) if policy.classification is not None else frozenset[str]()
    for number, rule in enumerate(rules):
        place: Place = ("rules", number, "when")
        if rule.when.cross_team is False and same_team is not None:
            yield _unreachable(
                source,
                (*place, "cross_team"),
                rule,
                f"`{same_team.id}` puts every contribution of the owning team out of scope",
                "Remove one of the two.",
            )
        if rule.when.levels and not levels & set(rule.when.levels):
            reached = ", ".join(sorted(levels))
            yield _unreachable(
                source,
                (*place, "classification"),
                rule,
                f"no path is ever {' or '.join(rule.when.levels)}; paths are {reached}",
                "Name a level that paths have, or classify some.",
            )
        yield from _check_branches(policy, rule, source, place, protected)


def _check_branches(
    policy: Policy, rule: Rule, source: Source, place: Place, protected: tuple[str, ...]
) -> Iterator[Finding]:
    meets = [
        any(globs_overlap(glob, one) for one in policy.branches)
        and (not protected or any(globs_overlap(glob, one) for one in protected))
        for glob in rule.when.branches
    ]
    remedy = f"It applies to {', '.join(policy.branches)}; protected there: {', '.join(protected) or 'nothing'}."
    if meets and not any(meets):
        branches = " or ".join(rule.when.branches)
        yield _unreachable(
            source, (*place, "branches"), rule, f"no protected branch of the policy is {branches}", remedy
        )
        return
    for number, (glob, does) in enumerate(zip(rule.when.branches, meets, strict=True)):
        if not does:
            yield build_finding(
                source,
                (*place, "branches", number),
                Severity.WARNING,
                "idle-branch",
                f"No protected branch of the policy is `{glob}`.",
                remedy,
            )


def _unreachable(source: Source, place: Place, rule: Rule, because: str, remedy: str) -> Finding:
    sentence = f"The rule `{rule.id}` never applies: {because}."
    return build_finding(source, place, Severity.ERROR, "unreachable-rule", sentence, remedy)


def _check_use(found: PolicySet, one: Policy | Layer, source: Source) -> Iterator[Finding]:
    if not _protected(found, one):
        yield build_finding(
            source,
            ("applies_to",),
            Severity.WARNING,
            "applies-nowhere",
            f"`{one.id}` applies to no protected branch of a registered repository.",
            "Register the repository, or correct `applies_to`.",
        )


def _check_layer(found: PolicySet, layer: Layer, source: Source) -> Iterator[Finding]:
    base = found.policy(layer.extends)
    if base is None:
        return
    merged = apply_layers(base, [layer])
    branches = tuple(one for one in _protected(found, layer) if one in _protected(found, base))
    yield from _check_use(found, layer, source)
    yield from check_sources(layer.rules, layer.prerequisites, _covered(found, layer), source)
    yield from _check_reach(merged, layer.rules, source, branches)
    rules = {rule.id: rule for rule in base.rules}
    for number, one in enumerate(layer.tighten):
        asked = rules[one.rule].require[one.number].count
        if one.count <= asked:
            yield build_finding(
                source,
                ("tighten", number, "count"),
                Severity.WARNING,
                "idle-tighten",
                f"The rule `{one.rule}` of {base.id} asks {asked} already.",
                "Ask more, or remove it.",
            )
    if base.valid_for is not None and layer.valid_for is not None and layer.valid_for >= base.valid_for:
        yield build_finding(
            source,
            ("approval", "valid_for"),
            Severity.WARNING,
            "idle-tighten",
            f"Approvals under {base.id} do not live longer anyway.",
            "Write a shorter time, or remove it.",
        )
    if layer.carry_over is not None and (merged.carry_over, merged.carry_over_at) == (
        base.carry_over,
        base.carry_over_at,
    ):
        yield build_finding(
            source,
            ("approval", "carry_over"),
            Severity.WARNING,
            "idle-tighten",
            f"Approvals under {base.id} are not carried over further anyway.",
            "Write a stricter one, or remove it.",
        )
    if layer.never_waives and merged.break_glass is not None and not merged.break_glass.waives:
        yield build_finding(
            source,
            ("break_glass", "never_waives"),
            Severity.WARNING,
            "idle-break-glass",
            f"With this layer the break-glass of {base.id} waives nothing.",
            "That may be meant: nobody can use it here.",
        )
