"""``gate demo`` from beginning to end: directory, play (once), server, summary, and waiting for Ctrl-C."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from gate.demo import live, story
from gate.demo.organisation import SUFFIX, build_ldif
from gate.demo.place import Place, choose_port, taken, write_json
from gate.demo.slapd import INSTALL, PrivateSlapd, find_slapd, hash_password_for_slapd
from gate.demo.wiring import configure_hooks, write_settings
from gate.domain.errors import UnavailableError

if TYPE_CHECKING:
    from gate.demo.play import Play

PACK = "evidence-dose-engine.pdf"
LOGINS = (
    ("mara", "maintainer of infusion", "sign {push} and {lacks}; the second is then approved"),
    ("grace", "quality", "sign {push} as quality; after mara's signature the refused push lands"),
    ("noor", "contributor", "see what {push} still lacks, and who can give it"),
    ("marek", "contributor", "{blocked} is blocked: accept the InnerSource terms, and it waits for a review"),
    ("leila", "auditor", "open Evidence: the pack of the quarter, or make one of lab-connect with its bypass"),
)


class _EndedError(BaseException):
    """Somebody asked us to end."""


def run_demo(root: Path, port: int | None) -> None:
    """Plays what was not played yet, serves, and returns when asked to end. Raises ``GateError``."""
    _end_on_signals()
    began = time.monotonic()
    with _until_ended(), taken(root) as place, _directory(place, began) as slapd:
        chosen = choose_port(port)
        write_settings(place, chosen, slapd)
        if place.outcome.exists():
            _tell(began, f"reusing what was played before in {place.root}")
        else:
            _play(place, chosen, began)
        _serve(place, chosen, slapd, began)


@contextlib.contextmanager
def _until_ended() -> Iterator[None]:
    """Being asked to end is no failure, and neither is a reader who closed the pipe we print to."""
    try:
        try:
            yield
        except _EndedError:
            print("\n  Ended everything this demo had started: server, worker, directory.", flush=True)
            print("  What it made is kept: `make demo` starts it again, `make demo-reset` removes it.", flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _play(place: Place, port: int, began: float) -> None:
    _tell(began, "loading the gate")
    from gate.demo.play import staged  # a later start only starts its server

    now = datetime.now(UTC)
    _tell(began, "founding the gate of Aster Medical (fiction): keys, entries 0 and 1, four repositories, hooks")
    with (place.logs / "play.log").open("a") as log, contextlib.redirect_stderr(log), staged(place, port, now) as play:
        _tell(began, "playing 90 days: pushes through the hooks, signatures over HTTP")
        play.tell(now, lambda step: _tell(began, f"  {step}"))
        play.clock.set(datetime.now(UTC))
        _tell(began, "the auditor makes an evidence pack")
        (place.root / PACK).write_bytes(play.make_pack(now))
        outcome = _outcome(play)
    write_json(place.outcome, outcome)


def _serve(place: Place, port: int, slapd: PrivateSlapd | None, began: float) -> None:
    url = f"http://127.0.0.1:{port}"
    configure_hooks(place, tuple(story.BEFORE), url)
    _tell(began, "starting the server")
    with live.served(place, url) as child:
        summary = live.build_summary(place, url, json.loads(place.outcome.read_text(encoding="utf-8")))
        summary["directory"] = live.describe_directory(place, slapd)
        summary["pids"] = _pids(child.pid, slapd)
        write_json(place.summary, summary)
        print(live.render(summary, place.root), flush=True)
        if (code := child.wait()) is not None:
            raise UnavailableError(f"The gate's server ended with {code}.", remedy=f"See {place.logs / 'serve.log'}.")


def _outcome(play: Play) -> dict[str, Any]:
    """What the next start needs to know of the play."""

    def ask(topic: str, revision: int = -1) -> list[str]:
        return [topic.partition("/")[0], play.heads[topic][revision]]

    def name(topic: str) -> str:
        return f"{topic.partition('/')[0]}#{play.number(topic)}"

    names = {"push": name(story.TO_LAND), "lacks": name(story.LACKS_ONE), "blocked": name(story.NO_TERMS)}
    repository, head = ask(story.TO_LAND)
    return {
        "checks": {
            "approved": ask(story.GIVEN),
            "pending": ask(story.TO_LAND),
            "rejected": ask(story.VETOED),
            "stale": ask(story.STALE, 0),
            "blocked": ask(story.NO_TERMS),
        },
        "logins": [{"user": user, "role": role, "try": text.format(**names)} for user, role, text in LOGINS],
        "pack": PACK,
        "push": {"id": names["push"], "repository": repository, "number": play.number(story.TO_LAND), "head": head,
                 "pusher": "mara", "first": "mara", "second": "grace"},
        "repositories": list(story.BEFORE),
        "contributions": {topic: [name(topic), heads[-1]] for topic, heads in play.heads.items()
                          if topic != story.DROPPED},
    }  # fmt: skip


@contextlib.contextmanager
def _directory(place: Place, began: float) -> Iterator[PrivateSlapd | None]:
    """The private slapd, or None where it is not installed; then people come from a file."""
    if find_slapd() is None:
        print(f"  !! slapd is missing ({INSTALL}): people come from a file, read-only, and pages say so.", flush=True)
        yield None
        return
    _tell(began, "starting a private directory (slapd)")
    with PrivateSlapd(place.slapd, build_ldif(hash_password_for_slapd), suffix=SUFFIX) as server:
        yield server


def _pids(serve: int, slapd: PrivateSlapd | None) -> dict[str, int]:
    found = {"demo": os.getpid(), "serve": serve, **live.children(serve)}
    if slapd is not None and slapd.pid is not None:
        found["slapd"] = slapd.pid
    return found


def _end_on_signals() -> None:
    """Also where a shell started us with SIGINT ignored, as it does in the background of a pipe."""
    asked = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def end(number: int, frame: FrameType | None) -> None:
        for one in asked:  # what is being ended is not interrupted
            signal.signal(one, signal.SIG_IGN)
        raise _EndedError

    for one in asked:
        signal.signal(one, end)


def _tell(began: float, what: str) -> None:
    print(f"  {time.monotonic() - began:5.1f} s  {what}", file=sys.stdout, flush=True)
