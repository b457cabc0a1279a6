"""Cuts the first-parent chain of a protected branch into landing steps.

Follows "Landing" of the product page: a step is a fast-forward to an approved head, or a merge of exactly
(tip, approved head) whose tree is that of ``git merge-tree``. A squash or a rebase is recognised by its
tree (for a rebase also by its patch ids) and said to be one. Every commit belongs to exactly one step;
what nothing explains is a step of its own. Says what happened; whether it was allowed is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from gate.domain.contribution import Commit, LandingStep, StepKind
from gate.domain.errors import ConflictError
from gate.git.commits import fetch_commits, fetch_patch_ids, list_commits
from gate.git.history import History


@dataclass(frozen=True, slots=True, kw_only=True)
class Landed:
    """One first-parent commit of a branch: ``before`` it moved (None: root), and the ``head`` that came in."""

    sha: str
    before: str | None
    head: str
    kind: StepKind
    subject: str
    at: datetime


def build_landed(commit: Commit) -> Landed:
    """A merge brings its last parent in; anything else brings itself."""
    is_merge = len(commit.parents) > 1
    return Landed(
        sha=commit.sha,
        before=commit.parents[0] if commit.parents else None,
        head=commit.parents[-1] if is_merge else commit.sha,
        kind=StepKind.MERGE if is_merge else StepKind.FAST_FORWARD,
        subject=commit.subject,
        at=commit.committed_at,
    )


def cut_steps(history: History, old: str, new: str, approved: Mapping[str, str]) -> tuple[LandingStep, ...]:
    """The steps from ``old`` to ``new``, oldest first; a rewritten history is unexplained throughout."""
    try:
        chain = history.chain(old, new)
    except ConflictError as error:
        return tuple(_rewritten(history, old, new, error.message))
    known = {head: base for head, base in approved.items() if history.has(head) and history.has(base)}
    return tuple(_Cutter(history, old, chain, known).steps())


def _rewritten(history: History, old: str, new: str, why: str) -> Iterator[LandingStep]:
    """One step a commit that is new on the branch; a plain rewind has no commit, but is a step all the same."""
    fresh = list_commits(history.git, "--first-parent", "--end-of-options", new, f"^{old}")
    if not fresh:
        yield LandingStep(kind=StepKind.UNEXPLAINED, before=old, after=new, commits=(), detail=why)
    before = old
    for commit in fresh:
        yield LandingStep(kind=StepKind.UNEXPLAINED, before=before, after=commit.sha, commits=(commit.sha,), detail=why)
        before = commit.sha


class _Cutter:
    """Walks one chain. At each commit: exact merge, else nearest fast-forward, else rebase, squash, unexplained."""

    def __init__(self, history: History, old: str, chain: tuple[Commit, ...], approved: Mapping[str, str]) -> None:
        self.history = history
        self.old = old
        self.chain = chain
        self.approved = approved
        self._trees: dict[tuple[str, str], str | None] = {}
        self._fits: dict[tuple[str, str], bool] = {}

    def steps(self) -> Iterator[LandingStep]:
        at = 0
        start = self.old
        while at < len(self.chain):
            step = (
                self._merge(at, start)
                or self._fast_forward(at, start)
                or self._rebase(at, start)
                or self._squash(at, start)
                or self._unexplained(at, start)
            )
            yield step
            at += len(step.commits)
            start = step.after

    def _merge(self, at: int, start: str) -> LandingStep | None:
        commit = self.chain[at]
        if len(commit.parents) != 2 or commit.parents[1] not in self.approved:
            return None
        head = commit.parents[1]
        if not self._rests_on(head, start) or commit.tree != self._merged(start, head):
            return None
        return self._step(StepKind.MERGE, at, 1, start, head, "merge of exactly the tip and the approved head")

    def _fast_forward(self, at: int, start: str) -> LandingStep | None:
        for end in range(at, len(self.chain)):
            head = self.chain[end].sha
            if head in self.approved and self._rests_on(head, start):
                return self._step(StepKind.FAST_FORWARD, at, end - at + 1, start, head, "the approved head itself")
        return None

    def _rebase(self, at: int, start: str) -> LandingStep | None:
        for head in self._candidates(start):
            wanted = self._patches(head)
            length = len(wanted)
            run = self.chain[at : at + length]
            if length < 2 or len(run) < length or any(len(commit.parents) != 1 for commit in run):
                continue
            same = tuple(self._chain_patches.get(commit.sha) for commit in run) == wanted
            # Patch ids ignore white space, so the tree must agree too.
            if same and run[-1].tree == self._merged(start, head):
                return self._step(StepKind.REBASE, at, length, start, head, "same patches and same tree, new commits")
        return None

    def _squash(self, at: int, start: str) -> LandingStep | None:
        commit = self.chain[at]
        if len(commit.parents) != 1:
            return None
        for head in self._candidates(start):
            if commit.tree == self._merged(start, head):
                return self._step(StepKind.SQUASH, at, 1, start, head, "one new commit with the tree of the merge")
        return None

    def _unexplained(self, at: int, start: str) -> LandingStep:
        commit = self.chain[at]
        return self._step(StepKind.UNEXPLAINED, at, 1, start, None, self._why_not(commit, start))

    def _why_not(self, commit: Commit, start: str) -> str:
        if len(commit.parents) > 2:
            return f"a merge of {len(commit.parents)} parents"
        heads = [parent for parent in commit.parents[1:] if parent in self.approved]
        if heads and not self._rests_on(heads[0], start):
            return "the approved head was approved against another history of the branch"
        if heads:
            return "merges an approved head, but its tree is not that of the merge"
        return "no approved head explains it"

    def _step(self, kind: StepKind, at: int, length: int, start: str, head: str | None, detail: str) -> LandingStep:
        covered = tuple(commit.sha for commit in self.chain[at : at + length])
        return LandingStep(kind=kind, before=start, after=covered[-1], commits=covered, head=head, detail=detail)

    def _candidates(self, start: str) -> Iterator[str]:
        """Approved heads that could still come in; one that is already in would explain an empty commit."""
        for head in self.approved:
            if self._rests_on(head, start) and not self.history.is_ancestor(head, start):
                yield head

    def _rests_on(self, head: str, start: str) -> bool:
        key = (self.approved[head], start)
        if key not in self._fits:
            self._fits[key] = self.history.is_ancestor(*key)
        return self._fits[key]

    def _merged(self, start: str, head: str) -> str | None:
        key = (start, head)
        if key not in self._trees:
            self._trees[key] = self.history.merge_tree(start, head)
        return self._trees[key]

    def _patches(self, head: str) -> tuple[str, ...]:
        commits = fetch_commits(self.history.git, "--end-of-options", head, f"^{self.approved[head]}")
        return tuple(commit.patch_id for commit in commits if commit.patch_id is not None)

    @cached_property
    def _chain_patches(self) -> dict[str, str]:
        return fetch_patch_ids(self.history.git, [commit.sha for commit in self.chain if len(commit.parents) == 1])
