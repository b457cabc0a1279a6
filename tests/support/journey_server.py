"""A journey's world served by ``gate serve`` as users run it, and people who use it with nothing but HTTP.

The processes are one group of their own, so that a test can end all of them at once by its id and nothing else.
"""

from __future__ import annotations

import html
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import requests
from werkzeug.serving import WSGIRequestHandler, make_server

from gate.web import create_web
from gate.workflow.parts import Parts
from tests.support.directory_ldif import PASSWORD
from tests.support.journey import REPOSITORY, World

_HIDDEN = re.compile(r'<input type="hidden"\s+name="([^"]+)"\s+value="([^"]*)"')
STARTING_SECONDS = 60.0


@dataclass
class Served:
    """``gate serve`` on loopback. ``start`` may be repeated after ``kill``; everything printed goes to ``log``."""

    world: World
    port: int
    log: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-m", "gate.cli.main", "serve", "--instance", str(self.world.instance)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--port", str(self.port), "--workers", "2"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until = time.monotonic() + STARTING_SECONDS
        while not self.answers():
            assert self.process.poll() is None, self.log.read_text(errors="replace")
            assert time.monotonic() < until, self.log.read_text(errors="replace")
            time.sleep(0.1)

    def answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/sign-in", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def pids(self) -> tuple[int, ...]:
        """Every process of the group."""
        assert self.process is not None
        found = []
        for place in Path("/proc").iterdir():
            if place.name.isdigit():
                try:
                    if os.getpgid(int(place.name)) == self.process.pid:
                        found.append(int(place.name))
                except ProcessLookupError:
                    continue
        return tuple(found)

    def kill(self) -> None:
        """SIGKILL to all of them at the same moment, as a power cut would."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=30)

    def stop(self) -> int:
        """End it the ordinary way; returns its exit code."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(timeout=60)


@contextmanager
def served(world: World, port: int, log: Path) -> Iterator[Served]:
    server = Served(world=world, port=port, log=log)
    try:
        server.start()
        yield server
    finally:
        if server.process is not None and server.process.poll() is None:
            server.kill()


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:
        """The gate writes its own line."""


@contextmanager
def served_here(world: World) -> Iterator[str]:
    """The world's web room, with the world's own clock. Yields the address."""
    with served_parts(world.parts) as url:
        yield url


@contextmanager
def served_parts(parts: Parts) -> Iterator[str]:
    """A web room served by threads of this process. Yields the address."""
    server = make_server("127.0.0.1", 0, create_web(parts), threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, name="gate", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(timeout=10)
        server.server_close()


@dataclass
class Signer:
    """A person with a browser that knows no JavaScript."""

    server: Served
    login: str
    password: str = PASSWORD
    browser: requests.Session = field(default_factory=requests.Session)

    def sign_in(self) -> requests.Response:
        fields = self.hidden(self.browser.get(f"{self.server.url}/sign-in", timeout=30))
        form = {**fields, "login": self.login, "password": self.password}
        return self.browser.post(f"{self.server.url}/sign-in", data=form, timeout=30, allow_redirects=False)

    def place(self, number: int, act: str = "approve") -> str:
        return f"{self.server.url}/contributions/{REPOSITORY}/{number}/{act}"

    def open_form(self, number: int, act: str = "approve") -> requests.Response:
        return self.browser.get(self.place(number, act), timeout=30)

    def send_form(self, number: int, fields: dict[str, str], act: str = "approve") -> requests.Response:
        form = {**fields, "reason": "As agreed.", "password": self.password}
        return self.browser.post(self.place(number, act), data=form, timeout=30, allow_redirects=False)

    @staticmethod
    def hidden(page: requests.Response) -> dict[str, str]:
        """The hidden fields of the page's own form (the sign-out form of the frame has the same token)."""
        assert page.status_code == 200, page.text
        return {name: html.unescape(value) for name, value in _HIDDEN.findall(page.text)}


def receipt_index(answer: requests.Response) -> int:
    """The index of the receipt a signature was answered with."""
    assert answer.status_code == 303, answer.text
    found = re.search(r"/receipts/(\d+)", answer.headers["Location"])
    assert found is not None
    return int(found[1])
