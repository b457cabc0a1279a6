"""A bare mirror of one registered repository, and what it says of revisions.

The mirror is the only source of git facts (a delivery or hook call is a hint). It holds every branch of
its origin, fetched under a lock file, so any number of processes may share it; objects are never pruned,
so a head that was force-pushed away can still be looked at. All other operations only read: trees that
``merge-tree`` makes go to a scratch object directory. Landings are cut in ``gate/git/landing.py``.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gate.domain.contribution import Commit, GitRevision, LandingStep
from gate.domain.errors import ConflictError, InputError, NotFoundError, UnavailableError
from gate.git.commits import fetch_commits, fetch_patch_id, list_commits
from gate.git.landing import Landed, build_landed, cut_steps
from gate.git.paths import fetch_paths
from gate.git.process import (
    GitProcess,
    build_remote_environment,
    parse_sha,
    redact,
    require_merge_tree,
)

_REF = re.compile(r"refs/[^\x00-\x20\x7f~^:?*\[\\]+")
_LOCK_POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class Mirror:
    """``path`` is the bare git directory, ``url`` where it is fetched from, ``repository`` its id here."""

    path: Path
    url: str
    repository: str
    timeout_s: float = 30.0

    @property
    def git(self) -> GitProcess:
        return GitProcess(git_dir=self.path, timeout_s=self.timeout_s)

    # -- keeping up ---------------------------------------------------------------------------------

    def fetch(self, *extra: str) -> None:
        """Bring all branches up to date; makes the mirror on first use. ``UnavailableError`` on any failure.

        ``extra`` are full refs to fetch as well, such as ``refs/pull/7/head``; one that is not there is a failure.
        """
        more = [f"+{_checked_ref(ref)}:{ref}" for ref in extra]
        with self._locked():
            try:
                if not (self.path / "HEAD").exists():
                    self._create()
                self.git.run(
                    "fetch", "--quiet", "--prune", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance",
                    "--no-recurse-submodules", "gate", "+refs/heads/*:refs/heads/*", *more,
                    extra=build_remote_environment(self.url),
                )
            except UnavailableError as cause:
                raise UnavailableError(
                    f"The mirror of {self.repository} cannot be fetched from {redact(self.url)}: {cause.message}",
                    code=cause.code,
                    remedy="Check the repository's address, the network and the gate's access to it.",
                ) from cause

    def maintain(self) -> None:
        """Pack what many fetches left, when git finds it worth it. Nothing is ever pruned."""
        with self._locked():
            self.git.run("-c", "gc.pruneExpire=never", "-c", "gc.autoDetach=false", "gc", "--auto", "--quiet")

    def _create(self) -> None:
        """Made aside and renamed, so a crash leaves no half mirror; in the object format of the origin."""
        listed = self.git.run("ls-remote", "gate", extra=build_remote_environment(self.url)).out
        name_length = len(listed.split(b"\t", 1)[0])
        kind = "sha256" if name_length == 64 else "sha1"
        with tempfile.TemporaryDirectory(dir=self.path.parent, prefix=f".{self.path.name}-") as scratch:
            made = Path(scratch) / "mirror"
            GitProcess(git_dir=made, timeout_s=self.timeout_s).run(
                "init", "--quiet", "--bare", "--template=", f"--object-format={kind}", "--initial-branch=main"
            )
            made.rename(self.path)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.path.with_name(self.path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _lock(handle, time.monotonic() + self.timeout_s, self.repository)
            yield
        finally:
            os.close(handle)

    # -- facts --------------------------------------------------------------------------------------

    def tip(self, ref: str) -> str | None:
        """The commit a full ref points at, None when there is no such ref."""
        _checked_ref(ref)
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

    # -- landings -----------------------------------------------------------------------------------

    def landing_steps(self, old: str, new: str, approved: Mapping[str, str]) -> tuple[LandingStep, ...]:
        """How a branch moved from ``old`` to ``new``; ``approved`` maps each approved head to its merge base."""
        return cut_steps(self, old, new, approved)

    def merges(self, branch: str, since: datetime) -> tuple[Landed, ...]:
        """What landed on a branch since then by its first-parent chain, oldest first (for ``gate preview``)."""
        tip = self.tip(branch)
        if tip is None:
            raise NotFoundError(f"{self.repository} has no branch {branch}.", code="no-such-branch")
        found = list_commits(
            self.git, "--first-parent", f"--since={int(since.timestamp())}", "--end-of-options", tip
        )
        return tuple(build_landed(commit) for commit in found)

    # -- inside -------------------------------------------------------------------------------------

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


def open_clone(path: Path, repository: str, timeout_s: float = 30.0) -> Mirror:
    """Any clone on this machine, read-only: it is never fetched. ``InputError`` if it is no repository."""
    for git_dir in (path / ".git", path):
        if (git_dir / "HEAD").is_file() and (git_dir / "objects").is_dir():
            return Mirror(git_dir.resolve(), "", repository, timeout_s)
    raise InputError(f"{path} is not a git repository.", code="not-a-repository", field="repo")


def _checked_ref(ref: str) -> str:
    if not _REF.fullmatch(ref) or ".." in ref:
        raise InputError(f"not a full ref: {ref[:200]!r}", code="bad-ref", field="ref")
    return ref


def _lock(handle: int, deadline: float, repository: str) -> None:
    """flock with a deadline: the lock dies with its process, so it can never be left behind."""
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as cause:
            if time.monotonic() >= deadline:
                raise UnavailableError(
                    f"Another process has been fetching {repository} for too long.", code="unreachable"
                ) from cause
            time.sleep(_LOCK_POLL_S)
