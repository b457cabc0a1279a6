"""Runs git so that nothing but its arguments decides what it says.

Rules: no system, global or per-user configuration, no replace refs, grafts, mailmap, external diff,
hooks or prompts; only the file, https and ssh transports; every run is bounded in time and in bytes
of output (a cut answer is an error, never a shorter answer); credentials never stand in an argument
list or a message. Leaves the meaning of git's answers to the other modules of this room.
"""

from __future__ import annotations

import base64
import os
import re
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import IO
from urllib.parse import unquote, urlsplit

from gate.domain.errors import InputError, UnavailableError

MERGE_TREE_VERSION = (2, 38)
OUTPUT_LIMIT = 64 * 1024 * 1024
_CHUNK = 1 << 16
_ERROR_LIMIT = 8192
_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_USERINFO = re.compile(r"(?<=://)[^/@\s]+@")

# Merges must come out the same here, in the hook and on a developer's desk: these are git's own defaults.
# attr.tree names the empty tree, so that no .gitattributes of a branch changes how files are merged.
_SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.attributesFile=/dev/null",
    "core.quotePath=true",
    "attr.tree=4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    "merge.renames=true",
    "merge.directoryRenames=conflict",
    "merge.renormalize=false",
    "merge.renameLimit=7000",
    "diff.renames=true",
    "http.followRedirects=false",
    "safe.directory=*",
)


def build_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The whole environment git sees; nothing else of ours is passed on."""
    kept = {name: os.environ[name] for name in ("PATH", "SSH_AUTH_SOCK") if name in os.environ}
    return {
        **kept,
        "HOME": "/nonexistent",
        "XDG_CONFIG_HOME": "/nonexistent",
        "LC_ALL": "C",
        "TZ": "UTC",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_GRAFT_FILE": "/dev/null",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "true",
        "GIT_SSH_COMMAND": "ssh -oBatchMode=yes",
        "GIT_ALLOW_PROTOCOL": "file:https:ssh",
        "GIT_PROTOCOL_FROM_USER": "0",
        **(extra or {}),
    }


def build_remote_environment(url: str) -> dict[str, str]:
    """Configuration of the remote ``gate`` by environment, so that no argument list shows a password."""
    parts = urlsplit(url)
    pairs = [("remote.gate.url", url)]
    if parts.scheme == "https" and parts.password is not None:
        bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        secret = f"{unquote(parts.username or '')}:{unquote(parts.password)}".encode()
        header = f"Authorization: Basic {base64.b64encode(secret).decode('ascii')}"
        pairs = [("remote.gate.url", bare), ("http.extraHeader", header)]
    named = {f"GIT_CONFIG_KEY_{i}": key for i, (key, _) in enumerate(pairs)}
    values = {f"GIT_CONFIG_VALUE_{i}": value for i, (_, value) in enumerate(pairs)}
    return {"GIT_CONFIG_COUNT": str(len(pairs)), **named, **values}


def redact(text: str) -> str:
    """``https://user:secret@host`` becomes ``https://***@host``."""
    return _USERINFO.sub("***@", text)


def parse_sha(text: str) -> str:
    """A full git object id in lower-case hex, or ``InputError``."""
    if not _SHA.fullmatch(text):
        raise InputError(f"not a full git object id: {text[:80]!r}", code="bad-object-id", field="sha")
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Exit code, standard output and (shortened, redacted) standard error of one run."""

    code: int
    out: bytes
    err: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GitProcess:
    """Runs git on one git directory. ``timeout_s`` bounds each run, ``limit`` its output in bytes."""

    git_dir: Path
    timeout_s: float = 30.0
    limit: int = OUTPUT_LIMIT
    environment: Mapping[str, str] = field(default_factory=dict)

    def run(
        self,
        *args: str,
        stdin: bytes = b"",
        ok: Sequence[int] = (0,),
        extra: Mapping[str, str] | None = None,
    ) -> Answer:
        """Run ``git <args>``; any exit code not in ``ok`` is ``UnavailableError``."""
        return self.pipe((args,), stdin=stdin, ok=ok, extra=extra)

    def pipe(
        self,
        commands: Sequence[Sequence[str]],
        *,
        stdin: bytes = b"",
        ok: Sequence[int] = (0,),
        extra: Mapping[str, str] | None = None,
    ) -> Answer:
        """Run several git commands joined by pipes; the answer is the last one's."""
        deadline = time.monotonic() + self.timeout_s
        started: list[subprocess.Popen[bytes]] = []
        with tempfile.TemporaryFile() as errors, tempfile.TemporaryFile() as given:
            given.write(stdin)
            given.seek(0)
            try:
                source: IO[bytes] = given
                for command in commands:
                    started.append(self._start(command, source, errors, extra))
                    if source is not given:
                        source.close()
                    source = _output_of(started[-1])
                out = self._read(source, deadline, commands[-1][0])
                codes = [_wait(process, deadline) for process in started]
            except subprocess.TimeoutExpired as cause:
                raise _too_slow(commands[0][0], self.timeout_s) from cause
            finally:
                _end(started)
            answer = Answer(code=codes[-1], out=out, err=_read_errors(errors))
        if codes[-1] not in ok or any(codes[:-1]):
            raise failure(commands[0][0], answer)
        return answer

    def _start(
        self, command: Sequence[str], source: IO[bytes], errors: IO[bytes], extra: Mapping[str, str] | None
    ) -> subprocess.Popen[bytes]:
        settings = [part for setting in _SETTINGS for part in ("-c", setting)]
        words = ["git", f"--git-dir={self.git_dir}", "--no-pager", *settings, *command]
        environment = build_environment({**self.environment, **(extra or {})})
        where = self.git_dir if self.git_dir.is_dir() else Path("/")
        try:
            return subprocess.Popen(
                words,
                stdin=source,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment,
                cwd=where,
                start_new_session=True,
            )
        except OSError as cause:
            raise UnavailableError(
                f"git could not be started: {cause.strerror}", code="misconfigured", remedy="Install git 2.38 or newer."
            ) from cause

    def _read(self, source: IO[bytes], deadline: float, name: str) -> bytes:
        chunks: list[bytes] = []
        size = 0
        with selectors.DefaultSelector() as selector:
            selector.register(source, selectors.EVENT_READ)
            while True:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise _too_slow(name, self.timeout_s)
                chunk = os.read(source.fileno(), _CHUNK)
                if not chunk:
                    return b"".join(chunks)
                chunks.append(chunk)
                size += len(chunk)
                if size > self.limit:
                    raise truncated(f"git {name} answered with more than {self.limit} bytes")


def failure(name: str, answer: Answer) -> UnavailableError:
    """What a failed run means, with the last line git wrote."""
    lines = [line for line in answer.err.splitlines() if line.strip()]
    told = lines[-1] if lines else f"exit code {answer.code}"
    return UnavailableError(f"git {name} failed: {told}", code="unreachable", exit_code=answer.code)


def truncated(message: str) -> UnavailableError:
    """Too much to read whole; a part of it would be a lie."""
    return UnavailableError(message, code="truncated", remedy="Split the change, or raise the limit.")


def require_merge_tree() -> None:
    """``UnavailableError`` (misconfigured) naming the version needed when git is too old."""
    version = git_version()
    if version < MERGE_TREE_VERSION:
        raise UnavailableError(
            f"git {'.'.join(map(str, version))} cannot compute merges without a work tree",
            code="misconfigured",
            remedy="Install git 2.38 or newer on this host.",
        )


@lru_cache(maxsize=1)
def git_version() -> tuple[int, ...]:
    """``(2, 39, 5)``; read once per process."""
    answer = GitProcess(git_dir=Path("/nonexistent")).run("version")
    return parse_version(answer.out.decode("ascii", "replace"))


def parse_version(text: str) -> tuple[int, ...]:
    """Numbers of ``git version 2.39.5 (Apple Git-154)``; ``UnavailableError`` if there are none."""
    found = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", text)
    if found is None:
        raise UnavailableError(f"cannot read the version of git: {text[:80]!r}", code="misconfigured")
    return tuple(int(part) for part in found.groups(default="0"))


def _output_of(process: subprocess.Popen[bytes]) -> IO[bytes]:
    if process.stdout is None:
        raise UnavailableError("git gave no output pipe", code="misconfigured")
    return process.stdout


def _wait(process: subprocess.Popen[bytes], deadline: float) -> int:
    return process.wait(timeout=max(0.1, deadline - time.monotonic()))


def _end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Ends what still runs, with its children (each has a session of its own), and reaps it."""
    for process in processes:
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _read_errors(errors: IO[bytes]) -> str:
    errors.seek(0)
    return redact(errors.read(_ERROR_LIMIT).decode("utf-8", "replace"))


def _too_slow(name: str, timeout_s: float) -> UnavailableError:
    return UnavailableError(f"git {name} did not finish within {timeout_s:g} s", code="unreachable")
