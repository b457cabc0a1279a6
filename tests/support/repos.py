"""Builds real git repositories for tests: every commit made by git itself, with fixed people and times."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ANNA = ("Anna Ek", "anna@north.example")
BO = ("Bo Lind", "bo@south.example")
START = 1_767_225_600  # 2026-01-01T00:00:00Z

Files = Mapping[str, str | bytes | None]


def clean_environment(**extra: str) -> dict[str, str]:
    """An environment in which only the test's own configuration counts."""
    return {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/nonexistent",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
        **extra,
    }


@dataclass
class Repo:
    """A git directory (bare or with a work tree) and a clock that advances one minute a commit."""

    path: Path
    ticks: int = 0
    environment: dict[str, str] = field(default_factory=dict)

    def git(self, *args: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> str:
        """Run git and return its output; a failure fails the test with git's words."""
        done = self.try_git(*args, stdin=stdin, env=env)
        assert done.returncode == 0, f"git {' '.join(args)}: {done.stderr.decode('utf-8', 'replace')}"
        return done.stdout.decode("utf-8", "surrogateescape").strip()

    def try_git(
        self, *args: str, stdin: bytes = b"", env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            ["git", *args],
            cwd=self.path,
            input=stdin,
            capture_output=True,
            timeout=60,
            check=False,
            env=clean_environment(**{**self.environment, **(env or {})}),
        )

    def commit(
        self,
        files: Files,
        message: str = "work",
        *,
        parents: Sequence[str] | None = None,
        author: tuple[str, str] = ANNA,
        committer: tuple[str, str] | None = None,
        branch: str | None = None,
        tree: str | None = None,
    ) -> str:
        """A commit of ``files`` (None removes) over its first parent; the default parent is ``branch``'s tip."""
        if parents is None:
            tip = self.tip(branch or "refs/heads/main")
            parents = (tip,) if tip else ()
        made_tree = tree or self.tree(files, parents[0] if parents else None)
        sha = self.raw_commit(made_tree, parents, message, author, committer or author)
        if branch is not None:
            self.git("update-ref", branch, sha)
        return sha

    def raw_commit(
        self, tree: str, parents: Sequence[str], message: str, author: tuple[str, str], committer: tuple[str, str]
    ) -> str:
        self.ticks += 1
        at = f"{START + 60 * self.ticks} +0000"
        names = {
            "GIT_AUTHOR_NAME": author[0],
            "GIT_AUTHOR_EMAIL": author[1],
            "GIT_AUTHOR_DATE": at,
            "GIT_COMMITTER_NAME": committer[0],
            "GIT_COMMITTER_EMAIL": committer[1],
            "GIT_COMMITTER_DATE": at,
        }
        given = [part for parent in parents for part in ("-p", parent)]
        return self.git("commit-tree", tree, *given, stdin=message.encode(), env=names)

    def tree(self, files: Files, over: str | None = None) -> str:
        """The tree of ``over`` with ``files`` changed. Keys may be ``mode:path`` (``120000:link``)."""
        index = {"GIT_INDEX_FILE": str(self.git_dir / "test-index")}
        self.git("read-tree", *([over] if over else ["--empty"]), env=index)
        for name, content in files.items():
            mode, path = name.split(":", 1) if name[:6].isdigit() and name[6:7] == ":" else ("100644", name)
            if content is None:
                line = f"0 {'0' * 40}\t{path}\0"
            elif mode == "160000":
                line = f"{mode} {_text(content)}\t{path}\0"
            else:
                line = f"{mode} {self.blob(content)}\t{path}\0"
            self.git("update-index", "-z", "--index-info", stdin=line.encode("utf-8", "surrogateescape"), env=index)
        return self.git("write-tree", env=index)

    def blob(self, content: str | bytes) -> str:
        raw = content if isinstance(content, bytes) else content.encode()
        return self.git("hash-object", "-w", "--stdin", stdin=raw)

    def merge(
        self, tip: str, head: str, files: Files | None = None, *, message: str = "merge", branch: str = ""
    ) -> str:
        """The exact merge of two commits; with ``files`` an evil one."""
        tree = self.git("merge-tree", "--write-tree", tip, head).splitlines()[0]
        if files:
            tree = self.tree(files, tree)
        sha = self.raw_commit(tree, (tip, head), message, ANNA, ANNA)
        if branch:
            self.git("update-ref", branch, sha)
        return sha

    def tip(self, ref: str) -> str | None:
        done = self.try_git("rev-parse", "--verify", "--quiet", ref)
        return done.stdout.decode().strip() or None

    def refs(self) -> str:
        """Every ref and where it points, to prove that none moved."""
        return self.git("for-each-ref", "--format=%(refname) %(objectname)")

    @property
    def git_dir(self) -> Path:
        return self.path / ".git" if (self.path / ".git").is_dir() else self.path


def make_repo(path: Path, *, bare: bool = False, object_format: str = "sha1") -> Repo:
    """An empty repository with branch ``main``."""
    path.mkdir(parents=True)
    repo = Repo(path)
    kind = ["--bare"] if bare else []
    repo.git("init", "--quiet", *kind, "--template=", f"--object-format={object_format}", "--initial-branch=main")
    return repo


def clone_repo(source: Repo, path: Path) -> Repo:
    """A clone with a work tree whose ``origin`` is ``source``."""
    source.git("clone", "--quiet", "--template=", str(source.path), str(path))
    return Repo(path, ticks=1000)


def _text(content: str | bytes) -> str:
    return content if isinstance(content, str) else content.decode()
