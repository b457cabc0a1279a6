"""What git says of one repository on this disk: tips, revisions, ancestors, merges. Reads only.

Every question is a bounded number of git processes whatever the number of commits, and nothing is written:
trees that ``merge-tree`` makes go to a scratch object directory. Unknown ids are ``NotFoundError``, malformed
ones ``InputError``, and what git cannot tell is ``UnavailableError``, never an empty answer.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gate.domain.contribution import Commit, GitRevision
from gate.domain.errors import ConflictError, InputError, NotFoundError
from gate.git.commits import fetch_commits, fetch_patch_id, list_commits
from gate.git.paths import fetch_paths
from gate.git.process import GitProcess, parse_sha, require_merge_tree
from gate.git.proof import fetch_diff_sha256

_REF = re.compile(r"refs/[^\x00-\x20\x7f~^:?*\[\\]+")


@dataclass(frozen=True, slots=True)
class History:
    """``path`` is a git directory, ``url`` where it came from, ``repository`` its id here."""

    path: Path
    url: str
    repository: str
    timeout_s: float = 30.0

    @property
    def git(self) -> GitProcess:
        return GitProcess(git_dir=self.path, timeout_s=self.timeout_s)

    def tip(self, ref: str) -> str | None:
        """The commit a full ref points at, None when there is no such ref."""
        parse_ref(ref)
        answer = self.git.run("show-ref", "--verify", "--hash", "--quiet", "--", ref, ok=(0, 1))
        if answer.code == 1:
            return None
        return self.git.run("show-ref", "--verify", "--hash", "--", ref).out.decode("ascii").strip()

    def branches(self) -> tuple[str, ...]:
        """Every branch as a full ref, sorted."""
        listed = self.git.run("for-each-ref", "--format=%(refname)", "refs/heads/").out
        return tuple(sorted(listed.decode("utf-8", "backslashreplace").splitlines()))

    def has(self, sha: str) -> bool:
        """Is this commit in the mirror?"""
        return self._type(parse_sha(sha)) == "commit"

    def revision(self, head: str, target: str) -> GitRevision:
        """Everything git says of ``head`` against the branch ``target``. ``NotFoundError`` if either is unknown."""
        tip = self.tip(target)
        if tip is None:
            raise NotFoundError(f"{self.repository} has no branch {target}.", code="no-such-branch")
        return self.revision_at(head, target, tip)

    def revision_at(self, head: str, target: str, target_tip: str) -> GitRevision:
        """The same against a given tip, as it was when something landed."""
        base = self.merge_base(target_tip, head)
        if base is None:
            raise InputError(
                f"{head} shares no history with {target}.",
                code="unrelated-histories",
                remedy=f"Start the branch from {target}.",
            )
        return GitRevision(
            head=head,
            tree=self.tree(head),
            target=target,
            target_tip=target_tip,
            merge_base=base,
            merge_tree=self.merge_tree(target_tip, head),
            commits=self.commits(base, head),
            paths=fetch_paths(self.git, base, head),
            patch_id=fetch_patch_id(self.git, base, head),
            diff_sha256=fetch_diff_sha256(self.git, base, head),
        )

    def tree(self, sha: str) -> str:
        """The tree of a commit."""
        self._require(sha)
        words = self.git.run("rev-parse", "--verify", "--quiet", f"{sha}^{{tree}}").out.split()
        return words[0].decode("ascii")

    def merge_base(self, one: str, other: str) -> str | None:
        """Git's best common ancestor, None for unrelated histories."""
        self._require(one, other)
        words = self.git.run("merge-base", one, other, ok=(0, 1)).out.split()
        return words[0].decode("ascii") if words else None

    def is_ancestor(self, ancestor: str, descendant: str) -> bool:
        """True also when both are the same commit."""
        self._require(ancestor, descendant)
        return self.git.run("merge-base", "--is-ancestor", ancestor, descendant, ok=(0, 1)).code == 0

    def commits(self, old: str | None, new: str) -> tuple[Commit, ...]:
        """All commits of ``old..new`` over every parent (of ``new``'s whole history without ``old``), oldest first."""
        return fetch_commits(self.git, *self._range(old, new))

    def first_parents(self, old: str | None, new: str) -> tuple[str, ...]:
        """The first-parent commits after ``old`` up to ``new``, oldest first.

        ``ConflictError`` (``history-rewritten``) when the first-parent chain of ``new`` does not run through ``old``.
        """
        return tuple(commit.sha for commit in self.chain(old, new))

    def first_parent_count(self, old: str | None, new: str) -> int:
        """What ``git rev-list --first-parent --count`` says, as an auditor would ask it."""
        answer = self.git.run("rev-list", "--first-parent", "--count", *self._range(old, new))
        return int(answer.out)

    def chain(self, old: str | None, new: str) -> tuple[Commit, ...]:
        """``first_parents`` with each commit's tree, parents and people (no patch ids)."""
        found = list_commits(self.git, "--first-parent", *self._range(old, new))
        joined = found[0].parents[:1] == (old,) if found else old == new
        if old is not None and not joined:
            raise ConflictError(
                f"The first-parent history of {new} does not run through {old}: it was rewritten.",
                code="history-rewritten",
                remedy="Find who moved the branch, and record why.",
            )
        return found

    def merge_tree(self, tip: str, head: str) -> str | None:
        """The tree of ``git merge-tree --write-tree tip head``, None when it conflicts."""
        require_merge_tree()
        self._require(tip, head)
        with self._scratch_objects() as extra:
            answer = self.git.run("merge-tree", "--write-tree", "--no-messages", tip, head, ok=(0, 1), extra=extra)
        return answer.out.split(b"\n", 1)[0].decode("ascii") if answer.code == 0 else None

    def _range(self, old: str | None, new: str) -> tuple[str, ...]:
        self._require(*((new,) if old is None else (old, new)))
        return ("--end-of-options", new) if old is None else ("--end-of-options", new, f"^{old}")

    def _require(self, *shas: str) -> None:
        for sha in shas:
            if not self.has(sha):
                raise NotFoundError(
                    f"{self.repository} has no commit {sha}.",
                    code="no-such-commit",
                    remedy="Push it to the repository the gate mirrors.",
                )

    def _type(self, sha: str) -> str:
        if not (self.path / "objects").is_dir():
            return "missing"
        answer = self.git.run("cat-file", "--batch-check=%(objecttype)", stdin=f"{sha}\n".encode("ascii"))
        return answer.out.decode("ascii").split()[-1]

    @contextmanager
    def _scratch_objects(self) -> Iterator[dict[str, str]]:
        scratch = tempfile.mkdtemp(prefix="gate-objects-")
        try:
            yield {
                "GIT_OBJECT_DIRECTORY": scratch,
                "GIT_ALTERNATE_OBJECT_DIRECTORIES": str((self.path / "objects").resolve()),
            }
        finally:
            shutil.rmtree(scratch)


def parse_ref(ref: str) -> str:
    """A full ref that git could have, or ``InputError``."""
    if not _REF.fullmatch(ref) or ".." in ref:
        raise InputError(f"not a full ref: {ref[:200]!r}", code="bad-ref", field="ref")
    return ref
