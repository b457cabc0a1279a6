"""``gate serve`` and ``gate worker``: the web processes and the worker beside them.

``serve`` starts both as children and stops both: a worker that dies is started again after a pause,
web processes that die end the command, so that whoever watches it notices.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

import click
import structlog

from gate.cli.instance import instance_option, open_parts, open_settings

IDLE_SECONDS = 0.5
RESTART_SECONDS = 2.0


@click.command()
@instance_option
@click.option("--port", type=int, help="Instead of server.port; 0 picks a free one.")
@click.option("--workers", type=int, help="Web processes, instead of server.workers.")
def serve(instance: Path, port: int | None, workers: int | None) -> None:
    """Run the web processes and the worker until interrupted."""
    settings = open_settings(instance)
    environment = {**os.environ, "GATE_INSTANCE": str(instance.absolute())}
    server = settings.server
    bind = f"{server.host}:{server.port if port is None else port}"
    web = [
        *(sys.executable, "-m", "gunicorn", "--bind", bind, "--worker-class", "gthread"),
        *("--workers", str(workers or server.workers), "--threads", str(server.threads), "--no-control-socket"),
        *("--config", "python:gate.cli.gunicorn"),
        *("--graceful-timeout", "10", "gate.app:create_app()"),
    ]
    _supervise(web, [sys.executable, "-m", "gate.cli.main", "worker"], environment)


@click.command()
@instance_option
@click.option("--once", is_flag=True, help="Do what is due now, then end.")
def worker(instance: Path, once: bool) -> None:
    """Do slow and timed work: renew decisions, find landings, make packs."""
    from gate.workflow.work import Worker  # `serve` only watches, and needs none of it

    log = structlog.get_logger("gate.worker")
    parts = open_parts(instance)
    stop = _Stop()
    own = Worker(parts, lambda what, problem: log.warning("not done", what=what, problem=problem))
    try:
        while not stop.asked:
            done = own.round()
            if once:
                break
            if not done:
                stop.wait(IDLE_SECONDS)
    finally:
        parts.ledger.close()


class _Stop:
    """Ends a loop at the first SIGTERM or SIGINT."""

    def __init__(self) -> None:
        self.asked = False
        signal.signal(signal.SIGTERM, self._ask)
        signal.signal(signal.SIGINT, self._ask)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.asked = True

    def wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self.asked and time.monotonic() < until:
            time.sleep(0.05)


def _supervise(web: list[str], worker_command: list[str], environment: dict[str, str]) -> None:
    stop = _Stop()
    serving = subprocess.Popen(web, env=environment)
    working = subprocess.Popen(worker_command, env=environment)
    try:
        while not stop.asked and serving.poll() is None:
            if working.poll() is not None:
                click.echo(f"gate: the worker ended with {working.returncode}; starting it again.", err=True)
                stop.wait(RESTART_SECONDS)
                working = subprocess.Popen(worker_command, env=environment)
            stop.wait(IDLE_SECONDS)
    finally:
        for child in (serving, working):
            if child.poll() is None:
                child.terminate()
        for child in (serving, working):
            child.wait(timeout=15)
    if not stop.asked:
        sys.exit(serving.returncode or 3)
