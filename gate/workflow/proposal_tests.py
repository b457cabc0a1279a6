"""The tests inside proposed policies: run when a change is proposed, which is refused where one fails."""

from __future__ import annotations

from typing import Any

from gate.policy.coverage import examine, suites_of
from gate.policy.registry import PolicySet
from gate.workflow.proposal_shown import Tested


def run_tests(found: PolicySet, digests: tuple[tuple[str, str], ...]) -> tuple[Tested, ...]:
    """One result a file that has tests. ``digests`` are the names and hex SHA-256 of all files."""
    return tuple(
        Tested(
            policy=one.policy.id,
            file=one.policy.file,
            count=len(one.results),
            failures=tuple(
                f"{tried.case.name} (line {tried.case.line}): {'; '.join(tried.differences)}"
                for tried in one.results
                if not tried.passed
            ),
        )
        for one in examine(found, digests)
        if one.results
    )


def suite_members(proposed: PolicySet) -> list[dict[str, Any]]:
    """What the entry of a proposal says of its tests; all of them passed."""
    suites = (policy for policy, _ in suites_of(proposed))
    return [{"policy": one.id, "file": one.file, "passed": len(one.cases)} for one in suites if one.cases]
