"""Answers a second of the status route, beside a bare Flask route that returns JSON, on the same server.

What is asked is what CI asks most: a bearer token, one approved head, the signed verdict in the answer. Both run
in gunicorn as ``gate serve`` starts it (gthread), on loopback, with the load of ``wrk``, in turns (A B A B …), so
that other work on the machine meets both. ``python -m bench.status`` prints the lines.

Two rows, because how 16 kept connections fall to two processes is a lottery (all to one, and the other idles) that
moves either side by three: one connection a request, as CI jobs and hooks ask, with the processes and threads of
the settings; and kept connections, as a proxy asks, of one process.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests
from flask import Flask, jsonify

from gate.domain.clock import SystemClock
from gate.settings import load_settings
from tests.support.journey import MAIN, REPOSITORY, open_world

ROUNDS = 5
SECONDS = 3
CLIENTS = 16
START_S = 180.0
ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    name: str
    workers: int
    is_kept: bool


def run(rounds: int = ROUNDS) -> list[dict[str, object]]:
    """A row a case: the median of ``rounds`` for each side. Raises ``RuntimeError`` when it cannot be measured."""
    wrk = shutil.which("wrk")
    if wrk is None:
        raise RuntimeError("wrk is missing; install it with: apt-get install wrk")
    with tempfile.TemporaryDirectory(prefix="gate-bench-") as folder:
        path, token, instance = build_instance(Path(folder))
        server = load_settings(instance, {}).server
        cases = (
            Case(name="status route, a connection each", workers=server.workers, is_kept=False),
            Case(name="status route, kept, one process", workers=1, is_kept=True),
        )
        return [compare(wrk, case, server.threads, instance, path, token, rounds) for case in cases]


def compare(
    wrk: str, case: Case, threads: int, instance: Path, path: str, token: str, rounds: int
) -> dict[str, object]:
    """Ours and the bare route under the same load, in turns."""
    shape, errors = ("--workers", str(case.workers), "--threads", str(threads)), instance.parent / "errors"
    with (
        serving("gate.app:create_app()", shape, instance, errors) as ours,
        serving("bench.status:create_bare()", shape, instance, errors) as bare,
    ):
        urls = (ours + path, bare + path)
        verify_answer(urls[0], token)
        for url in urls:
            measure(wrk, url, token, is_kept=case.is_kept, seconds=1)
        pairs = [tuple(measure(wrk, url, token, is_kept=case.is_kept) for url in urls) for _ in range(rounds)]
    value, reference = (statistics.median(side) for side in zip(*pairs, strict=True))
    return {
        "name": case.name,
        "value": round(value, 1),
        "unit": "answers/s",
        "reference": round(reference, 1),
        "ratio": round(value / reference, 4),
    }


def build_instance(folder: Path) -> tuple[str, str, Path]:
    """A founded gate with one approved contribution: its path in the API, a token, the instance directory."""
    with open_world(folder / "world", clock=SystemClock(), max_age=3600) as world:
        head = world.push("retry", {"src/post.py": "def post(): retry()\n"})
        world.sign("bob")
        world.sign("dana")
        path = f"/api/v1/repositories/{REPOSITORY}/revisions/{head}?target={MAIN}"
        return path, world.token, world.instance


def create_bare() -> Flask:
    """The peer: the smallest useful Flask application."""
    app = Flask("bare")

    @app.get("/api/v1/repositories/<repository>/revisions/<sha>")
    def show(repository: str, sha: str):  # type: ignore[no-untyped-def]
        return jsonify(answer="approved", repository=repository, head=sha)

    return app


@contextmanager
def serving(application: str, shape: tuple[str, ...], instance: Path, errors: Path) -> Iterator[str]:
    """gunicorn as ``gate serve`` starts it, on a free port of loopback; its log lines go to a file."""
    with socket.create_server(("127.0.0.1", 0)) as listener, errors.open("ab") as log:
        descriptor = listener.fileno()
        command = [
            *(sys.executable, "-m", "gunicorn", "--bind", f"fd://{descriptor}", "--worker-class", "gthread"),
            *(*shape, "--no-control-socket", application),
        ]
        environment = {**os.environ, "GATE_INSTANCE": str(instance)}
        process = subprocess.Popen(command, cwd=ROOT, env=environment, pass_fds=(descriptor,), stderr=log, stdout=log)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=20)


def verify_answer(url: str, token: str) -> None:
    """The first answer (the socket listens before the workers are up): what is measured must be what is meant."""
    try:
        body = requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=START_S).json()
    except requests.RequestException as problem:
        raise RuntimeError(f"The server did not answer: {problem}") from problem
    if body.get("answer") != "approved" or not body.get("verdict"):
        raise RuntimeError(f"Not the answer to be measured: {str(body)[:300]}")


def measure(wrk: str, url: str, token: str, *, is_kept: bool, seconds: int = SECONDS) -> float:
    """Requests a second. Every one must have been answered with success."""
    command = [
        *(wrk, "-t", "1", "-c", str(CLIENTS), "-d", f"{seconds}s", "--timeout", "30s"),
        *("-H", f"Authorization: Bearer {token}"),
        *(() if is_kept else ("-H", "Connection: close")),
        url,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60, check=True)
    rate = re.search(r"Requests/sec:\s*([0-9.]+)", done.stdout)
    if rate is None or "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        raise RuntimeError(f"wrk was not answered as it should be: {done.stdout[-400:]}")
    return float(rate[1])


if __name__ == "__main__":
    for row in run():
        print(
            f"{row['name']:36} {row['value']:>10,.1f} {row['unit']}   bare {row['reference']:>10,.1f}   {row['ratio']}"
        )
