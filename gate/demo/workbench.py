"""The developers' side: clones, commits with dates of the story, pushes through the installed hook.

The pusher is what the git server says (``GATE_PUSHER``), never git configuration. A push whose news
could not be delivered in time is followed by a flush of the spool, as on a real server.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from gate.demo.browser import RefusedError
from gate.demo.place import Place
from gate.domain.errors import UnavailableError


class Workbench:
    """One repository: the bare one on the git server, and one clone that everybody shares here."""

    def __init__(self, place: Place, repository: str) -> None:
        self.repository = repository
        self.bare = place.bare(repository)
        self.work = place.work(repository)

    def found(self, files: Mapping[str, str], author: str, at: datetime) -> None:
        """The repository as it was before the gate came."""
        self.bare.parent.mkdir(parents=True, exist_ok=True)
        run("git", "init", "-q", "--bare", "-b", "main", str(self.bare))
        run("git", "clone", "-q", str(self.bare), str(self.work))
        self.commit(files, "First", author, at)
        self.git("push", "-q", "origin", "HEAD:refs/heads/main")

    def start_from_main(self) -> None:
        self.git("fetch", "-q", "origin")
        self.git("checkout", "-q", "--detach", "origin/main")

    def commit(self, files: Mapping[str, str], message: str, author: str, at: datetime) -> str:
        """A commit on what is checked out; ``author`` as ``Name <address>``. Returns its id."""
        for name, text in files.items():
            path = self.work / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message, identity=author, at=at)
        return self.head()

    def merge(self, head: str, message: str, author: str, at: datetime) -> str:
        self.start_from_main()
        self.git("merge", "-q", "--no-ff", "-m", message, head, identity=author, at=at)
        return self.head()

    def checkout(self, commit: str) -> None:
        self.git("checkout", "-q", "--detach", commit)

    def head(self) -> str:
        return self.git("rev-parse", "HEAD")

    def push(self, refspec: str, pusher: str) -> None:
        """Raises ``RefusedError`` with the hook's words."""
        done = self._git(("push", "-q", "origin", refspec), {"GATE_PUSHER": pusher})
        if done.returncode:
            raise RefusedError(f"{pusher} cannot push {refspec} to {self.repository}: {done.stderr}")
        if any((self.bare / "gate-spool").glob("*.json")):
            self._flush()

    @contextmanager
    def without_hook(self) -> Iterator[None]:
        """The hook switched off, as an administrator of the git server could."""
        hooks = [self.bare / "hooks" / name for name in ("pre-receive", "post-receive")]
        for hook in hooks:
            hook.chmod(0o644)
        try:
            yield
        finally:
            for hook in hooks:
                hook.chmod(0o755)

    def git(self, *words: str, identity: str = "", at: datetime | None = None) -> str:
        done = self._git(words, _identity(identity, at))
        if done.returncode:
            raise UnavailableError(f"git {' '.join(words)} in {self.work}: {done.stderr}")
        return done.stdout.strip()

    def _git(self, words: tuple[str, ...], extra: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        command = ["git", "-C", str(self.work), *words]
        return subprocess.run(command, env=environment(extra), capture_output=True, text=True, check=False)

    def _flush(self) -> None:
        program, config = self.bare / "gate-hook.py", self.bare / "gate-hook.json"
        run(sys.executable, "-I", str(program), "flush", "--config", str(config))


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """For programs of the play: nobody's git configuration, no variable of git or of a gate from outside."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "GATE_"))}
    quiet = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_TERMINAL_PROMPT": "0"}
    return kept | quiet | {"GIT_ADVICE": "0"} | dict(extra or {})


def run(*words: str) -> None:
    """Run to the end; ``UnavailableError`` with what it said when it fails."""
    done = subprocess.run(words, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise UnavailableError(f"{' '.join(words)}: {done.stderr or done.stdout}")


def _identity(author: str, at: datetime | None) -> dict[str, str]:
    if not author or at is None:
        return {}
    name, _, address = author.rstrip(">").partition(" <")
    when = at.isoformat()
    return {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in
            (("NAME", name), ("EMAIL", address), ("DATE", when))}  # fmt: skip
