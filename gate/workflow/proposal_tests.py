"""The tests inside proposed policies: run when a change is proposed, which is refused where one fails."""

from __future__ import annotations

from typing import Any

from gate.policy.registry import PolicySet
from gate.policy.suite import run_suite
from gate.workflow.proposal_shown import Tested


def run_tests(proposed: PolicySet) -> tuple[Tested, ...]:
    """One result a policy that has tests."""
    return tuple(
        Tested(
            policy=policy.id,
            file=policy.file,
            count=len(policy.cases),
            failures=tuple(
                f"{one.case.name} (line {one.case.line}): {'; '.join(one.differences)}"
                for one in run_suite(policy)
                if not one.passed
            ),
        )
        for policy in proposed.policies
        if policy.cases
    )


def suite_members(proposed: PolicySet) -> list[dict[str, Any]]:
    """What the entry of a proposal says of its tests; all of them passed."""
    return [{"policy": one.id, "file": one.file, "passed": len(one.cases)} for one in proposed.policies if one.cases]
