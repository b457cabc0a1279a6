"""Answers a second of the status route, beside a bare Flask route that returns JSON, on the same server.

What is asked is what CI asks most: a bearer token, one approved head, the signed verdict in the answer. Both run
in gunicorn as ``gate serve`` starts it (gthread, same workers and threads), on loopback, with the load of ``wrk``,
in turns (A B A B …), so that other work on the machine meets both. ``python -m bench.status`` prints the line.
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
from pathlib import Path

import requests
from flask import Flask, jsonify

from gate.domain.clock import SystemClock
from gate.settings import load_settings
from tests.support.journey import MAIN, REPOSITORY, open_world

ROUNDS = 5
SECONDS = 4
CLIENTS = 16
START_S = 180.0
ROOT = Path(__file__).resolve().parents[1]


def run(rounds: int = ROUNDS) -> list[dict[str, object]]:
    """One row: the median of ``rounds`` for each side. Raises ``RuntimeError`` when it cannot be measured."""
    wrk = shutil.which("wrk")
    if wrk is None:
        raise RuntimeError("wrk is missing; install it with: apt-get install wrk")
    with tempfile.TemporaryDirectory(prefix="gate-bench-") as folder:
        path, token, instance = build_instance(Path(folder))
        server = load_settings(instance, {}).server
        shape = ("--workers", str(server.workers), "--threads", str(server.threads))
        errors = Path(folder) / "errors"
        with (
            serving("gate.app:create_app()", shape, instance, errors) as ours,
            serving("bench.status:create_bare()", shape, instance, errors) as bare,
        ):
            verify_answer(ours + path, token)
            measure(wrk, ours + path, token, seconds=1)
            measure(wrk, bare + path, token, seconds=1)
            pairs = [(measure(wrk, ours + path, token), measure(wrk, bare + path, token)) for _ in range(rounds)]
    value, reference = (statistics.median(side) for side in zip(*pairs, strict=True))
    return [
        {
            "name": "status route, approved with verdict",
            "value": round(value, 1),
            "unit": "answers/s",
            "reference": round(reference, 1),
            "ratio": round(value / reference, 4),
        }
    ]


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
            *(*shape, "--no-control-socket", "--access-logfile", os.devnull, application),
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


def measure(wrk: str, url: str, token: str, seconds: int = SECONDS) -> float:
    """Requests a second. Every one must have been answered with success."""
    command = [
        wrk,
        "-t",
        "1",
        "-c",
        str(CLIENTS),
        "-d",
        f"{seconds}s",
        "--timeout",
        "30s",
        "-H",
        f"Authorization: Bearer {token}",
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
