"""Plays the story through the public paths, under the demo's own clock.

Pushes are real pushes through the installed hook; hints, questions, sign-in, signatures and the pack go
over HTTP to a gate served in this process on loopback. The one thing called directly is the worker's
round, which in a running gate is a process of its own.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from socketserver import ThreadingMixIn
from typing import Any, assert_never
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from gate.demo.browser import Browser, RefusedError, ask
from gate.demo.clock import DemoClock
from gate.demo.founding import found_gate, install_hooks
from gate.demo.organisation import MEMBERS, TERMS, find_member
from gate.demo.place import CI, Place
from gate.demo.story import BEFORE, BEGIN, FOUNDERS, ROBOT, STORY, Bypass, Drop, Event, Land, Push, Sign
from gate.demo.wiring import configure_hooks
from gate.demo.workbench import Workbench
from gate.web import create_web
from gate.workflow.parts import Parts
from gate.workflow.work import Worker

REPOSITORIES = tuple(BEFORE)
PACK_OF = "dose-engine"
PACK_DAYS = 91
Told = Callable[[str], None]


class _Threaded(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """The gate writes its own line."""


class Play:
    """One telling of the story. ``heads`` holds every head pushed for a topic, in order."""

    def __init__(self, place: Place, clock: DemoClock, parts: Parts, url: str) -> None:
        self.place, self.clock, self.parts, self.url = place, clock, parts, url
        self.heads: dict[str, list[str]] = {}
        self.benches = {one: Workbench(place, one) for one in REPOSITORIES}
        self._token = place.token(CI).read_text().strip()
        self._worker = Worker(parts, _complain)

    def tell(self, now: datetime, told: Told) -> None:
        self._accept_terms(now - timedelta(days=BEGIN - 0.5))
        told("terms accepted")
        events = sorted(STORY, key=lambda one: -one.at)
        for number, event in enumerate(events, 1):
            self.clock.set(now - timedelta(days=event.at))
            self._play(event)
            if number % 10 == 0:
                told(f"{number} of {len(events)} events, {len(self.heads)} contributions")
        self._worker.round()

    def make_pack(self, now: datetime) -> bytes:
        """The auditor asks on the page, the worker draws, the auditor downloads."""
        auditor = Browser(self.url, find_member("leila"))
        first = (now - timedelta(days=PACK_DAYS)).date().isoformat()
        page = auditor.request_pack(PACK_OF, first, now.date().isoformat(), "Internal audit of the quarter")
        self._worker.round()
        return auditor.get(f"{page}/pack.pdf")[1]

    def number(self, topic: str) -> int:
        return int(self._answer(topic)["number"])

    def _answer(self, topic: str) -> dict[str, Any]:
        repository = topic.partition("/")[0]
        path = f"/api/v1/repositories/{repository}/revisions/{self.heads[topic][-1]}?target=refs/heads/main"
        return ask(self.url, self._token, path)

    def _accept_terms(self, at: datetime) -> None:
        self.clock.set(at)
        for one in MEMBERS:
            if one.accepts_terms and not one.is_disabled:
                Browser(self.url, one).accept_terms(TERMS)
        self._worker.round()

    def _play(self, event: Event) -> None:
        match event:
            case Push():
                self._push(event)
            case Sign():
                Browser(self.url, find_member(event.by)).sign(
                    event.topic.partition("/")[0], self.number(event.topic), event.act, event.reason
                )
                self._expect(event.topic, event.then)
            case Land():
                self._land(event)
            case Drop():
                repository, _, topic = event.topic.partition("/")
                self.benches[repository].push(f":refs/heads/contrib/main/{topic}", event.by)
            case Bypass():
                self._bypass(event)
            case _:
                assert_never(event)

    def _push(self, event: Push) -> None:
        repository, _, topic = event.topic.partition("/")
        bench, earlier = self.benches[repository], self.heads.setdefault(event.topic, [])
        if earlier:
            bench.checkout(earlier[-1])
        else:
            bench.start_from_main()
        message = f"{event.title}\n" + (f"\nCo-authored-by: {_identity(event.co_author)}\n" if event.co_author else "")
        text = f"# {event.title}, revision {len(earlier) + 1}\n"
        files = {path: text for path in (event.path, event.also) if path}
        head = bench.commit(files, message, event.author or _identity(event.by), self.clock.now())
        earlier.append(head)
        bench.push(f"HEAD:refs/heads/contrib/main/{topic}", event.by)
        self._expect(event.topic, event.then)

    def _land(self, event: Land) -> None:
        bench, head = self.benches[event.topic.partition("/")[0]], self.heads[event.topic][-1]
        if event.is_merge:
            bench.merge(head, f"Merge {event.topic}", _identity(event.by), self.clock.now())
        else:
            bench.checkout(head)
        bench.push("HEAD:refs/heads/main", event.by)

    def _bypass(self, event: Bypass) -> None:
        bench = self.benches[event.repository]
        bench.start_from_main()
        bench.commit({event.path: f"# {event.title}\n"}, event.title, _identity(event.by), self.clock.now())
        with bench.without_hook():
            bench.push("HEAD:refs/heads/main", event.by)
        self._worker.round()

    def _expect(self, topic: str, wanted: str) -> None:
        answer = self._answer(topic)
        if answer.get("answer") != wanted:
            raise RefusedError(f"{topic} should be {wanted} now, but: {answer}")


@contextlib.contextmanager
def staged(place: Place, port: int, now: datetime) -> Iterator[Play]:
    """A founded gate under the demo's clock, served on ``port`` of loopback, with repositories and hooks."""
    clock = DemoClock(now - timedelta(days=BEGIN))
    parts = found_gate(place, clock)
    try:
        url = _prepare(place, parts, port, now)
        with _served(parts, port):
            play = Play(place, clock, parts, url)
            Worker(parts, _complain).round()  # the branches are enrolled as they stand
            yield play
    finally:
        parts.ledger.close()
    configure_hooks(place, REPOSITORIES, url)


def _prepare(place: Place, parts: Parts, port: int, now: datetime) -> str:
    """Repositories as they were before the gate, and the hook in each. The gate's address."""
    before = now - timedelta(days=400)
    for one, files in BEFORE.items():
        Workbench(place, one).found(files, _identity(FOUNDERS[one]), before)
    install_hooks(place, parts)
    url = f"http://127.0.0.1:{port}"
    configure_hooks(place, REPOSITORIES, url, timedelta(days=BEGIN + 1))
    return url


@contextlib.contextmanager
def _served(parts: Parts, port: int) -> Iterator[None]:
    server = make_server("127.0.0.1", port, create_web(parts), _Threaded, _Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join(timeout=10)
        server.server_close()


def _identity(login: str) -> str:
    if login == ROBOT:
        return f"Dependency updates <{ROBOT}@aster.example>"
    who = find_member(login)
    return f"{who.name} <{who.mail}>"


def _complain(what: str, problem: str) -> None:
    raise RefusedError(f"The worker could not do {what}: {problem}")
