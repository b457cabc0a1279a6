"""`fixtures` and `tests` of a file to cases, or ``InputError`` with file, line and what to write instead.

Everybody who signs is among `people`, every role and team is written out, every instant is UTC. A fixture that nothing
uses is read all the same. Somebody waits while tests are run, so how much they may come to is bounded here, in steps
that follow from the file alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from gate.policy import facts as snapshots
from gate.policy import read_acts as acts
from gate.policy import shape_tests as shapes
from gate.policy.cases import Case
from gate.policy.decision import Answer
from gate.policy.document import Policy
from gate.policy.paths import branch_name
from gate.policy.read import check_unique
from gate.policy.read_scene import SceneReader
from gate.policy.scenes import merge_scene
from gate.policy.source import Place, Source

MOST_STEPS: Final = 250_000
"""Of all tests of one file together: some seconds."""
_TOO_MANY: Final = (
    (
        f"Up to here, fixtures and tests come to more than {MOST_STEPS:,} steps, and somebody waits for them. "
        "A test counts its people, its changed files and for each signature all that the rules require; once more for "
        "each prerequisite, check and freeze."
    ),
    "Make the tests smaller, or split the policy into several.",
)


def read_cases(
    source: Source, fixtures: Mapping[str, shapes.SceneShape], tests: list[shapes.TestShape], policy: Policy
) -> tuple[Case, ...]:
    """All tests of one file, in its order. ``policy`` is what they are about."""
    check_unique(source, "test", "tests", "name", (one.name for one in tests))
    probes = [shapes.TestShape(name=name, expect="error", fixture=name) for name in fixtures]
    places: list[Place] = [("fixtures", name) for name in fixtures] + [
        ("tests", number) for number in range(len(tests))
    ]
    cases, steps = [], 0
    for one, place in zip((*probes, *tests), places, strict=True):
        case = _read_case(SceneReader(source, policy, merge_scene(source, fixtures, one, place)), one, place)
        steps += count_steps(policy, case)
        if steps > MOST_STEPS:
            raise source.error(place, *_TOO_MANY)
        cases.append(case)
    return tuple(cases[len(probes) :])


def count_steps(policy: Policy, case: Case) -> int:
    """What running one test costs, told from the file."""
    asked = sum(len(one.roles) for rule in policy.rules for one in rule.require)
    again = len(policy.prerequisites) + len(policy.checks) + len(policy.freezes)
    signed = 1 + len(case.signings) + len(case.cosigners)
    return (len(case.facts.paths) + len(case.facts.people) + signed * (asked + again)) * (1 + again)


def _read_case(scene: SceneReader, test: shapes.TestShape, place: Place) -> Case:
    facts = _read_facts(scene)
    glass = scene.shape.break_glass
    return Case(
        name=test.name,
        line=scene.source.line_of(place),
        facts=facts,
        signings=(*acts.read_signings(scene, facts), *acts.read_exemptions(scene)),
        cosigners=tuple(glass.cosigned_by) if glass is not None else (),
        expect=Answer(test.expect),
        unmet=frozenset(test.unmet) if test.unmet is not None else None,
        level=test.level,
        until=scene.parse(test.until, (*place, "until")) if test.until is not None else None,
        review_due=scene.parse(test.review_due, (*place, "review_due")) if test.review_due is not None else None,
    )


def _read_facts(scene: SceneReader) -> snapshots.Facts:
    change, directory = scene.change, scene.shape.directory or shapes.SceneDirectoryShape()
    people = tuple(scene.read_person(id, one) for id, one in scene.shape.people.items())
    read = scene.instant(directory.read, (*scene.place("directory"), "read"), timedelta(seconds=10))
    delegations = acts.read_delegations(scene)
    vetoes = acts.read_vetoes(scene)
    return snapshots.Facts(
        now=scene.now,
        repository=scene.read_repository(),
        number=1,
        target=f"refs/heads/{branch_name(scene.target)}",
        head=scene.head,
        tree="tree",
        merge_base="base",
        merges_cleanly=not change.conflicts,
        draft=change.draft,
        change_request=change.change_request,
        revision=1,
        policy_epoch=1,
        policy_digest="",
        author=scene.read_author(),
        paths=scene.read_paths(),
        contributors=tuple(scene.read_contributors()),
        people=people,
        approvals=vetoes,
        checks=tuple(acts.read_checks(scene)),
        labels=tuple(change.labels) if change.labels is not None else None,
        clearances=tuple(acts.read_clearances(scene, vetoes)),
        delegations=delegations,
        break_glass=acts.read_break_glass(scene),
        owed_reviews=tuple(acts.read_owed(scene)),
        directory_checked_at=None if directory.error is not None else read,
        directory_error=directory.error,
    )
