"""Findings about facts that nobody would record: what a policy asks about and has no source in a repository.

Such a rule or prerequisite is well-formed and answers *error* for ever, because a fact that nobody recorded is never
taken for an empty one. Which fact comes from where is the table in ``docs/policy.md`` ("Every fact and its source").
"""

from __future__ import annotations

from collections.abc import Iterator

from gate.policy.document import Prerequisite, Rule
from gate.policy.expressions import is_named
from gate.policy.lint_finding import Finding, Severity, build_finding
from gate.policy.registered import Repository
from gate.policy.source import Place, Source

_LABELS = "Labels come with deliveries of a forge: connect it and write `hook: github` or `gitea`, or ask for `paths`."
_FORGE = "Connect the forge and write `hook: github` or `gitea`, or remove `forge_review`: then it takes a signature."
_ENTITY = "Add `entity:` to it in repositories.yaml."


def check_sources(
    rules: tuple[Rule, ...], prerequisites: tuple[Prerequisite, ...], covered: tuple[Repository, ...], source: Source
) -> Iterator[Finding]:
    """``rules`` and ``prerequisites`` as they stand in ``source``; ``covered`` are the repositories they are for."""
    for number, rule in enumerate(rules):
        place: Place = ("rules", number, "when")
        if rule.when.labels:
            yield from _without_labels(source, (*place, "labels"), rule, covered)
        if rule.when.expr is not None and is_named("change.labels", rule.when.expr):
            yield from _without_labels(source, (*place, "expr"), rule, covered)
        for at, need in enumerate(rule.require):
            if need.forge_review:
                yield from _without_forge(source, ("rules", number, "require", at, "forge_review"), rule, covered)
        if rule.when.cross_entity is not None:
            asks = f"The rule `{rule.id}` asks for legal entities"
            yield from _without_entity(source, (*place, "cross_entity"), asks, covered)
    for number, one in enumerate(prerequisites):
        if one.entities:
            asks = f"The prerequisite `{one.id}` asks for legal entities"
            yield from _without_entity(source, ("prerequisites", number, "entities"), asks, covered)


def _without_labels(source: Source, place: Place, rule: Rule, covered: tuple[Repository, ...]) -> Iterator[Finding]:
    silent = ", ".join(one.id for one in covered if one.hook == "git")
    if silent:
        yield _no_source(
            source, place, f"The rule `{rule.id}` asks for labels, and nobody reports those of {silent}.", _LABELS
        )


def _without_forge(source: Source, place: Place, rule: Rule, covered: tuple[Repository, ...]) -> Iterator[Finding]:
    """Where nobody reports reviews a signature is needed: no error of the answer, but of a file that says otherwise."""
    silent = [one.id for one in covered if one.hook == "git"]
    if silent:
        severity = Severity.ERROR if len(silent) == len(covered) else Severity.WARNING
        said = f"The rule `{rule.id}` takes reviews on a forge, and nobody reports those of {', '.join(silent)}."
        yield build_finding(source, place, severity, "no-source", said, _FORGE)


def _without_entity(source: Source, place: Place, asks: str, covered: tuple[Repository, ...]) -> Iterator[Finding]:
    unknown = ", ".join(one.id for one in covered if one.entity is None)
    if unknown:
        yield _no_source(source, place, f"{asks}, and it is not said which one owns {unknown}.", _ENTITY)


def _no_source(source: Source, place: Place, sentence: str, remedy: str) -> Finding:
    said = f"{sentence} Where it is asked, the answer is error."
    return build_finding(source, place, Severity.ERROR, "no-source", said, remedy)
