"""The running demo: the real server on the system's clock, what to try, and the end of all it started.

``summary.json`` says the same as the screen, for programs. Every exit code printed was measured a
moment before, by running the line. Children stand in sessions of their own, so that a Ctrl-C reaches
only us; we end them by id, the server before its directory.
"""

from __future__ import annotations

import contextlib
import json
import shlex
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gate.demo.browser import PROXIES
from gate.demo.organisation import find_member
from gate.demo.place import CI, Place, gate_command
from gate.demo.workbench import environment
from gate.domain.errors import UnavailableError

START_SECONDS = 60.0
END_SECONDS = 30.0
PAUSE = 0.1
CHECKS = ("approved", "pending", "rejected", "stale", "blocked")
Outcome = dict[str, Any]


@contextlib.contextmanager
def served(place: Place, url: str) -> Iterator[subprocess.Popen[bytes]]:
    """``gate serve`` as a child, answering. Raises ``UnavailableError`` when it does not come up."""
    command = [*gate_command(), "serve", "--instance", str(place.instance)]
    if (setpriv := shutil.which("setpriv")) is not None:  # it ends with us even when we are killed
        command = [setpriv, "--pdeathsig", "TERM", "--", *command]
    with (place.logs / "serve.log").open("ab") as log:
        child = subprocess.Popen(
            command, env=environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    try:
        _await(child, url, place)
        yield child
    finally:
        end(child)


def end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        child.terminate()
    try:
        child.wait(timeout=END_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def children(pid: int) -> dict[str, int]:
    """The web and worker processes of ``gate serve``, by what they run."""
    try:
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        words = {int(one): Path(f"/proc/{one}/cmdline").read_text() for one in found}
    except OSError:
        return {}
    return {"web" if "gunicorn" in text else "worker": one for one, text in words.items()}


def check_lines(place: Place, url: str, outcome: Outcome) -> list[dict[str, Any]]:
    """The five questions, each asked now: what it exits with is what we print."""
    lines = []
    for name in CHECKS:
        repository, sha = outcome["checks"][name]
        words = [*gate_command(), "check", "--server", url, "--repository", repository, "--sha", sha,
                 "--token-file", str(place.token(CI))]  # fmt: skip
        started = subprocess.Popen(words, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        lines.append((name, shlex.join(words), started))
    return [{"name": name, "command": command, "exit_code": child.wait()} for name, command, child in lines]


def build_summary(place: Place, url: str, outcome: Outcome) -> dict[str, Any]:
    """What ``summary.json`` holds, but for what only the running demo knows."""
    instance, pack = place.instance, place.root / outcome["pack"]
    keys = {name: str(instance / "keys" / f"{name}.pem") for name in ("log", "act", "verdict", "seal")}
    land = outcome["push"]
    push = ["git", "-C", str(place.work(land["repository"])), "push", "origin", f"{land['head']}:refs/heads/main"]
    return {
        "url": url,
        "fiction": "Aster Medical, its people and repositories are fiction.",
        "logins": [_login(one) for one in outcome["logins"]],
        "checks": check_lines(place, url, outcome),
        "pack": str(pack),
        "verify": shlex.join([*gate_command(), "verify", str(pack), "--trust", str(place.trust)]),
        "audit": shlex.join([*gate_command(), "audit", "--instance", str(instance)]),
        "trust": str(place.trust),
        "instance": str(instance),
        "database": str(instance / "gate.sqlite"),
        "repositories": [{"name": one, "path": str(place.bare(one))} for one in outcome["repositories"]],
        "push": {
            **land,
            "command": f"GATE_PUSHER={land['pusher']} {shlex.join(push)}",
            "has_landed": has_landed(place, land["repository"], land["head"]),
        },
        "contributions": outcome["contributions"],
        "token_file": str(place.token(CI)),
        "keys": keys,
    }


def has_landed(place: Place, repository: str, head: str) -> bool:
    """Whether ``head`` is on the main branch of the bare repository already."""
    command = ["git", "-C", str(place.bare(repository)), "merge-base", "--is-ancestor", head, "refs/heads/main"]
    return subprocess.run(command, env=environment(), capture_output=True, check=False).returncode == 0


def describe_directory(place: Place, slapd: Any) -> dict[str, str | None]:
    if slapd is None:
        uri = (place.instance / "people.ldif").as_uri()
        return {"uri": uri, "bind_dn": None, "password_file": None, "ca": None}
    return {
        "uri": slapd.ldaps_uri,
        "bind_dn": slapd.bind_dn,
        "password_file": str(slapd.password_file),
        "ca": str(slapd.ca_file),
    }


def render(summary: dict[str, Any], folder: Path) -> str:
    """The screen: every line can be pasted from any directory."""
    wide = max(len(one["user"]) for one in summary["logins"])
    lines = ["", "=" * 78, "  Contribution Gate is running for Aster Medical. The company is fiction.", "",
             f"  {summary['url']}", "", "Sign in (password in brackets) and try:"]  # fmt: skip
    for one in summary["logins"]:
        lines.append(f"  {one['user']:<{wide}} [{one['password']}]  {one['role']}: {one['try']}")
    lines += ["  Everybody else's password is <login>-demo.", "", "Ask as CI does (exit code first):"]
    lines += [f"  {one['exit_code']}  # {one['name']}\n     {one['command']}" for one in summary["checks"]]
    push = summary["push"]
    then = f"refused now, lands after {push['first']} and {push['second']} have signed it:"
    lines += [
        "",
        f"Push {push['id']} to main: {'has landed, and would change nothing:' if push['has_landed'] else then}",
        f"     {push['command']}",
        "",
        f"An evidence pack:\n     {summary['pack']}\nVerify it, offline:\n     {summary['verify']}",
        "",
        f"Check the whole record (`make demo-tamper` breaks it; then this exits 1):\n     {summary['audit']}",
        "",
        f"DEMO: insecure, data in {folder}, make demo-reset. Ctrl-C ends everything.",
    ]
    return "\n".join(lines)


def _login(one: dict[str, str]) -> dict[str, str]:
    who = find_member(one["user"])
    return {"user": who.login, "password": who.password, "name": who.name, "role": one["role"], "try": one["try"]}


def _await(child: subprocess.Popen[bytes], url: str, place: Place) -> None:
    opener = urllib.request.build_opener(PROXIES)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and child.poll() is None:
        with contextlib.suppress(OSError), opener.open(f"{url}/health", timeout=5) as answer:
            json.load(answer)
            return
        time.sleep(PAUSE)
    told = (place.logs / "serve.log").read_text(errors="replace")[-1000:]
    raise UnavailableError(f"The gate's server did not come up. {told}".strip())
