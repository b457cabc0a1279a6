"""A bare mirror of one registered repository: kept up to date, and asked how its branches moved.

The mirror is the only source of git facts (a delivery or hook call is a hint). It holds every branch of
its origin, fetched under a lock file, so any number of processes may share it; objects are never pruned,
so a head that was force-pushed away can still be looked at. What it says of revisions is in
``gate/git/history.py``; landings are cut in ``gate/git/landing.py``.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gate.domain.contribution import LandingStep
from gate.domain.errors import InputError, NotFoundError, UnavailableError
from gate.git.commits import list_commits
from gate.git.history import History, parse_ref
from gate.git.landing import Landed, build_landed, cut_steps
from gate.git.process import GitProcess, build_remote_environment, redact

_LOCK_POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class Mirror(History):
    """A bare mirror at ``path``, fetched from ``url``, which may hold credentials."""

    def fetch(self, *extra: str) -> None:
        """Bring all branches up to date; makes the mirror on first use. ``UnavailableError`` on any failure.

        ``extra`` are full refs to fetch as well, such as ``refs/pull/7/head``; one that is not there is a failure.
        """
        more = [f"+{parse_ref(ref)}:{ref}" for ref in extra]
        with self._locked():
            try:
                if not (self.path / "HEAD").exists():
                    self._create()
                self.git.run(
                    "fetch",
                    "--quiet",
                    "--prune",
                    "--no-tags",
                    "--no-write-fetch-head",
                    "--no-auto-maintenance",
                    "--no-recurse-submodules",
                    "gate",
                    "+refs/heads/*:refs/heads/*",
                    *more,
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

    def landing_steps(self, old: str, new: str, approved: Mapping[str, str]) -> tuple[LandingStep, ...]:
        """How a branch moved from ``old`` to ``new``; ``approved`` maps each approved head to its merge base."""
        return cut_steps(self, old, new, approved)

    def merges(self, branch: str, since: datetime | None, newest: int | None = None) -> tuple[Landed, ...]:
        """What landed on a branch since then by its first-parent chain, oldest first (for ``gate preview``).

        ``since`` None: ever; ``newest``: at most so many, the last ones.
        """
        tip = self.tip(branch)
        if tip is None:
            raise NotFoundError(f"{self.repository} has no branch {branch}.", code="no-such-branch")
        limits = [f"--since={int(since.timestamp())}"] if since is not None else []
        limits += [f"--max-count={newest}"] if newest is not None else []
        asked = ("--first-parent", *limits, "--end-of-options", tip)
        found = list_commits(self.git, *asked)
        return tuple(build_landed(commit) for commit in found)


def open_clone(path: Path, repository: str, timeout_s: float = 30.0) -> Mirror:
    """Any clone on this machine, read-only: it is never fetched. ``InputError`` if it is no repository."""
    for git_dir in (path / ".git", path):
        if (git_dir / "HEAD").is_file() and (git_dir / "objects").is_dir():
            return Mirror(git_dir.resolve(), "", repository, timeout_s)
    raise InputError(f"{path} is not a git repository.", code="not-a-repository", field="repo")


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
