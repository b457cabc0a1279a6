"""A bare repository with the real hook installed, a clone that pushes to it, and a stub of the gate's API."""

from __future__ import annotations

import importlib.util
import json
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import parse_qs, urlsplit

from gate.git.install import install_hook
from tests.support.repos import Repo, clone_repo, make_repo
from tests.support.verdicts import ORIGIN, VerdictKey, build_statement, make_key, push_option, sign_statement, trust

HOOK = Path(__file__).resolve().parents[2] / "gate" / "standalone" / "hook.py"
MAIN = "refs/heads/main"
RELEASE = "refs/heads/release/1"
NO_SERVER = "http://127.0.0.1:9"


@dataclass(frozen=True)
class Pushed:
    """What came of one push: exit code and everything the pusher read."""

    code: int
    said: str


@dataclass
class Ground:
    """``server`` is the git server's repository, ``work`` a developer's clone."""

    root: Path
    server: Repo
    work: Repo
    key: VerdictKey
    base: str
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def verdict_dir(self) -> Path:
        return self.root / "verdicts"

    @property
    def spool(self) -> Path:
        return self.root / "spool"

    def configure(self, **changes: Any) -> None:
        """Install the hook with this configuration."""
        install_hook(self.server.path, {**self.config(), **changes}, HOOK)

    def config(self) -> dict[str, Any]:
        return {
            "format": "gate-hook/v1",
            "repository": "app",
            "server": NO_SERVER,
            "token_file": None,
            "trust_file": str(self.root / "trust.json"),
            "origin": ORIGIN,
            "protected": [MAIN, "refs/heads/release/*"],
            "mode": "enforce",
            "verdict_dir": str(self.verdict_dir),
            "spool": str(self.spool),
            "pusher_env": ["GATE_PUSHER", "GL_USERNAME", "REMOTE_USER"],
            "clock_skew_seconds": 0,
        }

    def verdict(self, head: str, merge_base: str | None = None, target: str = MAIN, **changes: Any) -> dict[str, Any]:
        """A signed verdict for one of the clone's commits."""
        key = changes.pop("key", self.key)
        tree = changes.pop("tree", None) or self.work.git("rev-parse", f"{head}^{{tree}}")
        given = {"repository": "app", **changes}
        statement = build_statement(head=head, tree=tree, merge_base=merge_base or self.base, target=target, **given)
        return sign_statement(statement, key)

    def push(self, *specs: str, verdicts: tuple[Any, ...] = (), env: Mapping[str, str] | None = None) -> Pushed:
        options = [word for verdict in verdicts for word in ("-o", push_option(verdict))]
        done = self.work.try_git("push", *options, "origin", *specs, env={**self.environment, **(env or {})})
        return Pushed(done.returncode, done.stderr.decode("utf-8", "replace").replace("remote: ", ""))

    def refused(self, *specs: str, verdicts: tuple[Any, ...] = (), env: Mapping[str, str] | None = None) -> str:
        """Push, and insist that it was refused by the hook and that no ref moved."""
        before = self.server.refs()
        pushed = self.push(*specs, verdicts=verdicts, env=env)
        assert pushed.code != 0, pushed.said
        assert "pre-receive hook declined" in pushed.said, pushed.said
        assert self.server.refs() == before
        return " ".join(pushed.said.split())

    def accepted(self, *specs: str, verdicts: tuple[Any, ...] = (), env: Mapping[str, str] | None = None) -> str:
        """Push, and insist that it went through."""
        pushed = self.push(*specs, verdicts=verdicts, env=env)
        assert pushed.code == 0, pushed.said
        return " ".join(pushed.said.split())

    def hints(self) -> list[dict[str, Any]]:
        """What waits in the spool, oldest first."""
        return [json.loads(path.read_bytes()) for path in sorted(self.spool.glob("*.json"))]


def make_ground(root: Path, **changes: Any) -> Ground:
    """``main`` with one commit, ``release/1`` at the same one, and the hook in mode enforce."""
    server = make_repo(root / "server.git", bare=True)
    base = server.commit({"a": "1\n", "b": "1\n"}, "base", branch=MAIN)
    server.git("update-ref", RELEASE, base)
    ground = Ground(root, server, clone_repo(server, root / "work"), make_key(), base)
    ground.verdict_dir.mkdir()
    (root / "trust.json").write_text(json.dumps(trust(ground.key)))
    ground.configure(**changes)
    return ground


@dataclass
class Stub:
    """A gate's API on loopback that answers what a test tells it, and remembers what it was asked."""

    url: str
    verdicts: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, Any] = field(default_factory=dict)
    revisions: dict[str, Any] = field(default_factory=dict)
    hint_status: int = 202
    hints: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    tokens: list[str | None] = field(default_factory=list)
    hang: threading.Event | None = None


@contextmanager
def run_stub() -> Iterator[Stub]:
    """Serves until the block ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    stub = Stub(f"http://127.0.0.1:{server.server_address[1]}")
    server.stub = stub  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield stub
    finally:
        if stub.hang is not None:
            stub.hang.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        stub = self._stub()
        parts = urlsplit(self.path)
        last = parts.path.rsplit("/", 1)[1]
        if last == "verdicts":
            wanted = parse_qs(parts.query)["sha"]
            self._answer(
                200,
                {
                    "verdicts": {sha: stub.verdicts.get(sha) for sha in wanted},
                    "answers": {sha: stub.answers[sha] for sha in wanted if sha in stub.answers},
                },
            )
        elif last in stub.revisions:
            self._answer(200, stub.revisions[last])
        else:
            self._answer(404, {"title": "Not found", "detail": "unknown revision"})

    def do_POST(self) -> None:
        stub = self._stub()
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if 200 <= stub.hint_status < 300:
            stub.hints.append(json.loads(body))
        self._answer(stub.hint_status, {"title": "told so", "detail": f"status {stub.hint_status} wanted"})

    def _stub(self) -> Stub:
        stub: Stub = self.server.stub  # type: ignore[attr-defined]
        stub.asked.append(f"{self.command} {self.path}")
        stub.tokens.append(self.headers["Authorization"])
        if stub.hang is not None:
            stub.hang.wait(30)
        return stub

    def _answer(self, status: int, told: dict[str, Any]) -> None:
        body = json.dumps(told).encode()
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


def load_hook() -> ModuleType:
    """The hook as a module of its own, for what no push can bring about."""
    spec = importlib.util.spec_from_file_location("gate_hook_under_test", HOOK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
