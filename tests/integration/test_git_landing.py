"""The first-parent chain of a protected branch, cut into landing steps on real repositories."""

from __future__ import annotations

from pathlib import Path

import pytest

from gate.domain.contribution import LandingStep, StepKind
from gate.git.mirror import Mirror
from tests.support.repos import make_repo

MAIN = "refs/heads/main"


class Ground:
    """A repository, its base commit, and an approved head ``head`` of two commits beside a moved tip."""

    def __init__(self, path: Path) -> None:
        self.repo = make_repo(path / "origin.git", bare=True)
        self.base = self.repo.commit({"a": "1\n", "b": "1\n"}, "base", branch=MAIN)
        self.mid = self.repo.commit({"x": "1\n"}, "x", parents=[self.base])
        self.head = self.repo.commit({"y": "    1\n"}, "y", parents=[self.mid])
        self.tip = self.repo.commit({"a": "2\n"}, "elsewhere", parents=[self.base])
        self.approved = {self.head: self.base}
        self.path = path / "mirror.git"

    def cut(self, old: str, new: str, approved: dict[str, str] | None = None) -> tuple[LandingStep, ...]:
        for place, sha in enumerate((old, new, self.head, *(approved or {}), *(approved or {}).values())):
            self.repo.git("update-ref", f"refs/heads/keep/{place}", sha)
        mirror = Mirror(self.path, str(self.repo.path), "app")
        mirror.fetch()
        steps = mirror.landing_steps(old, new, self.approved if approved is None else approved)
        assert_exactly_once(mirror, old, new, steps)
        return steps


def assert_exactly_once(mirror: Mirror, old: str, new: str, steps: tuple[LandingStep, ...]) -> None:
    """Every first-parent commit belongs to one step, and the steps join up."""
    covered = [sha for step in steps for sha in step.commits]
    assert len(covered) == len(set(covered)) == mirror.first_parent_count(old, new)
    if not steps:
        assert old == new
        return
    befores = [step.before for step in steps]
    afters = [step.after for step in steps]
    assert befores == [old, *afters[:-1]]
    assert afters[-1] == new


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    return Ground(tmp_path)


def kinds(steps: tuple[LandingStep, ...]) -> list[StepKind]:
    return [step.kind for step in steps]


@pytest.mark.req("LND-01", "LND-04", "INV-13")
def test_a_fast_forward_of_two_commits_is_one_step(ground: Ground) -> None:
    (step,) = ground.cut(ground.base, ground.head)
    assert (step.kind, step.head, step.commits) == (StepKind.FAST_FORWARD, ground.head, (ground.mid, ground.head))


@pytest.mark.req("LND-01", "LND-04", "INV-13")
def test_an_exact_merge_is_one_step(ground: Ground) -> None:
    merged = ground.repo.merge(ground.tip, ground.head)
    (step,) = ground.cut(ground.tip, merged)
    assert (step.kind, step.head, step.commits) == (StepKind.MERGE, ground.head, (merged,))


@pytest.mark.req("LND-02", "LND-04")
def test_an_evil_merge_and_an_octopus_are_unexplained(ground: Ground) -> None:
    evil = ground.repo.merge(ground.tip, ground.head, {"y": "    1\nevil\n"})
    (step,) = ground.cut(ground.tip, evil)
    assert (step.kind, step.head) == (StepKind.UNEXPLAINED, None)
    assert "tree" in step.detail
    tree = ground.repo.git("rev-parse", f"{evil}^{{tree}}")
    octopus = ground.repo.commit({}, "all", parents=[ground.tip, ground.head, ground.mid], tree=tree)
    (step,) = ground.cut(ground.tip, octopus)
    assert step.kind is StepKind.UNEXPLAINED
    assert "3 parents" in step.detail


@pytest.mark.req("LND-02", "LND-04")
def test_a_merge_the_wrong_way_round_is_unexplained(ground: Ground) -> None:
    swapped = ground.repo.merge(ground.head, ground.tip)
    steps = ground.cut(ground.tip, swapped)
    assert kinds(steps) == [StepKind.UNEXPLAINED] * 3
    assert "does not run through" in steps[0].detail


@pytest.mark.req("LND-02", "LND-04")
def test_an_extra_commit_on_top_is_unexplained_and_the_rest_is_not(ground: Ground) -> None:
    extra = ground.repo.commit({"z": "1"}, parents=[ground.head])
    assert kinds(ground.cut(ground.base, extra)) == [StepKind.FAST_FORWARD, StepKind.UNEXPLAINED]


@pytest.mark.req("LND-01", "LND-04")
def test_several_landings_in_one_push(ground: Ground) -> None:
    repo = ground.repo
    other = repo.commit({"o": "1\n"}, parents=[ground.base])
    stacked = repo.commit({"s": "1\n"}, parents=[ground.head])
    merged = repo.merge(stacked, other)
    direct = repo.commit({"d": "1\n"}, parents=[merged])
    approved = {ground.head: ground.base, stacked: ground.base, other: ground.base}
    steps = ground.cut(ground.base, direct, approved)
    assert kinds(steps) == [
        StepKind.FAST_FORWARD,
        StepKind.FAST_FORWARD,
        StepKind.MERGE,
        StepKind.UNEXPLAINED,
    ]
    assert [step.head for step in steps] == [ground.head, stacked, other, None]


@pytest.mark.req("LND-04")
def test_a_stack_of_which_only_the_top_was_approved_is_one_step(ground: Ground) -> None:
    stacked = ground.repo.commit({"s": "1\n"}, parents=[ground.head])
    (step,) = ground.cut(ground.base, stacked, {stacked: ground.base})
    assert (step.kind, len(step.commits)) == (StepKind.FAST_FORWARD, 3)


@pytest.mark.req("LND-02", "LND-04")
def test_a_head_approved_against_another_history_explains_nothing(ground: Ground) -> None:
    approved = {ground.head: ground.repo.commit({"r": "1"}, parents=[])}
    assert kinds(ground.cut(ground.base, ground.head, approved)) == [StepKind.UNEXPLAINED] * 2
    merged = ground.repo.merge(ground.tip, ground.head)
    (step,) = ground.cut(ground.tip, merged, approved)
    assert "another history" in step.detail


@pytest.mark.req("LND-04")
def test_a_squash_is_recognised_and_said_to_be_one(ground: Ground) -> None:
    tree = ground.repo.git("merge-tree", "--write-tree", ground.tip, ground.head)
    squash = ground.repo.commit({}, "squashed", parents=[ground.tip], tree=tree)
    (step,) = ground.cut(ground.tip, squash)
    assert (step.kind, step.head) == (StepKind.SQUASH, ground.head)
    evil = ground.repo.commit({"y": "evil\n"}, "squashed", parents=[squash])
    flat = ground.repo.commit({}, "s", parents=[ground.tip], tree=ground.repo.git("rev-parse", f"{evil}^{{tree}}"))
    assert kinds(ground.cut(ground.tip, flat)) == [StepKind.UNEXPLAINED]


@pytest.mark.req("LND-04")
def test_an_empty_commit_is_not_a_squash_of_what_is_already_in(ground: Ground) -> None:
    tree = ground.repo.git("rev-parse", f"{ground.head}^{{tree}}")
    empty = ground.repo.commit({}, "empty", parents=[ground.head], tree=tree)
    assert kinds(ground.cut(ground.head, empty)) == [StepKind.UNEXPLAINED]


@pytest.mark.req("LND-04")
def test_a_rebase_is_recognised_and_said_to_be_one(ground: Ground) -> None:
    one = ground.repo.commit({"x": "1\n"}, "x again", parents=[ground.tip])
    two = ground.repo.commit({"y": "    1\n"}, "y again", parents=[one])
    (step,) = ground.cut(ground.tip, two)
    assert (step.kind, step.head, step.commits) == (StepKind.REBASE, ground.head, (one, two))


@pytest.mark.req("LND-04")
def test_white_space_that_patch_ids_ignore_is_not_a_rebase(ground: Ground) -> None:
    one = ground.repo.commit({"x": "1\n"}, "x again", parents=[ground.tip])
    two = ground.repo.commit({"y": "1\n"}, "y, indented otherwise", parents=[one])
    assert kinds(ground.cut(ground.tip, two)) == [StepKind.UNEXPLAINED] * 2


@pytest.mark.req("LND-04", "INV-11")
def test_rewinds_and_rewritten_histories_are_unexplained(ground: Ground) -> None:
    (step,) = ground.cut(ground.head, ground.base)
    assert (step.kind, step.commits, step.after) == (StepKind.UNEXPLAINED, (), ground.base)
    steps = ground.cut(ground.tip, ground.head)
    assert kinds(steps) == [StepKind.UNEXPLAINED] * 2
    assert ground.cut(ground.tip, ground.tip) == ()


@pytest.mark.req("LND-04", "AUD-05")
def test_a_direct_push_is_found_by_walking_the_branch(ground: Ground) -> None:
    direct = ground.repo.commit({"d": "1\n"}, parents=[ground.base])
    (step,) = ground.cut(ground.base, direct)
    assert (step.kind, step.commits, step.head) == (StepKind.UNEXPLAINED, (direct,), None)
    unknown = {"0" * 40: "1" * 40}
    mirror = Mirror(ground.path, str(ground.repo.path), "app")
    assert kinds(mirror.landing_steps(ground.base, direct, unknown)) == [StepKind.UNEXPLAINED]
