"""The tests inside proposed policies: run when a change is proposed, which is refused where one fails."""

from __future__ import annotations

from typing import Any

from gate.domain.errors import InputError
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


def refuse_failing(proposed: PolicySet) -> None:
    """Raises ``InputError`` with file and line of the first test that fails."""
    for policy in proposed.policies:
        for one in run_suite(policy):
            if not one.passed:
                raise InputError(
                    f"The test {one.case.name!r} fails: {'; '.join(one.differences)}.",
                    file=policy.file,
                    line=one.case.line,
                    remedy="A policy whose tests fail cannot be proposed. Mend the policy or the test.",
                )


def suite_members(proposed: PolicySet) -> list[dict[str, Any]]:
    """What the entry of a proposal says of its tests; all of them passed."""
    return [{"policy": one.id, "file": one.file, "passed": len(one.cases)} for one in proposed.policies if one.cases]
