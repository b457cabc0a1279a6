"""Proposed files looked over before they come into force: what `gate policy check --directory` finds, and what refuses.

An error that is new with the files refuses them. One that the policies in force have as well is shown and refuses
nothing: whoever mends one thing need not mend every other first, and what is in force answers by it anyway. Groups are
those of the live directory; when it does not answer that is ``UnavailableError``, never an empty group.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gate.domain.errors import InputError, UnavailableError
from gate.domain.words import count_words
from gate.policy.lint import check_policies
from gate.policy.lint_finding import Finding, Severity
from gate.policy.lint_groups import groups_of
from gate.policy.registry import PolicySet
from gate.store import blobs
from gate.workflow.group_check import read_groups
from gate.workflow.parts import Parts

MOST_GROUPS: Final = 1_000
"""A person waits for it; `gate policy check --directory` reads any number."""


def look_over(
    parts: Parts, proposed: PolicySet, files: Mapping[str, bytes], *, with_groups: bool
) -> tuple[Finding, ...]:
    """Every finding, errors first. ``UnavailableError`` when the directory is asked and does not answer."""
    wanted = groups_of(proposed) if with_groups else ()
    groups = read_groups(parts, wanted) if with_groups and len(wanted) <= MOST_GROUPS else None
    return check_policies(proposed, files, groups)


def show_findings(
    parts: Parts, proposed: PolicySet, files: Mapping[str, bytes]
) -> tuple[tuple[Finding, ...], str | None]:
    """For a page: every finding, and why none is about groups where they could not be looked up."""
    number = len(groups_of(proposed))
    if number > MOST_GROUPS:
        why = f"The files name {number:,} groups, too many to look up here; `gate policy check --directory` does."
        return look_over(parts, proposed, files, with_groups=False), why
    try:
        return look_over(parts, proposed, files, with_groups=True), None
    except UnavailableError as problem:
        return look_over(parts, proposed, files, with_groups=False), problem.message


def refuse_errors(
    parts: Parts, proposed: PolicySet, files: Mapping[str, bytes], *, with_groups: bool
) -> tuple[Finding, ...]:
    """All findings. Raises ``InputError`` for the first error that the policies in force do not have as well."""
    findings = look_over(parts, proposed, files, with_groups=with_groups)
    errors = _errors(findings)
    known = _known(parts, with_groups=with_groups) if errors else frozenset()
    new = [one for one in errors if (one.code, one.sentence) not in known]
    if not new:
        return findings
    more = f" There {'is' if len(new) == 2 else 'are'} {count_words(len(new) - 1, 'more error')}." if new[1:] else ""
    first = new[0]
    raise InputError(
        first.sentence,
        code=first.code,
        file=first.file,
        line=first.line,
        remedy=f"{first.remedy}{more} `gate policy check{' --directory' if with_groups else ''}` lists all findings.",
    )


def _errors(findings: tuple[Finding, ...]) -> list[Finding]:
    return [one for one in findings if one.severity is Severity.ERROR]


def _known(parts: Parts, *, with_groups: bool) -> frozenset[tuple[str, str]]:
    """The errors of what is in force, as it is now; none before the first activation."""
    try:
        force = parts.in_force()
    except UnavailableError as problem:
        if problem.code != "no-policy":
            raise
        return frozenset()
    texts = {name: blobs.load(parts.engine, digest) for name, digest in force.files}
    found = look_over(parts, force.policies, texts, with_groups=with_groups)
    return frozenset((one.code, one.sentence) for one in _errors(found))
