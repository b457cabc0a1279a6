"""The tools on other machines: where a token goes, and what becomes of trouble on the way (INV-01, INV-13)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from gate.standalone import check
from tests.support.hooked import load_hook, make_ground, run_stub

HEAD = "a" * 40
TOPIC = "refs/heads/contrib/main/topic"


@contextmanager
def serving(answer: bytes, seen: list[str]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers.get("Authorization", ""))
            self.wfile.write(answer)
            self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing on the test's output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def ask(url: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setenv("GATE_TOKEN", "gate_secret")
    monkeypatch.setenv("no_proxy", "*")
    return check.main(["--server", url, "--repository", "app", "--sha", HEAD])


@pytest.mark.req("SEC-01", "INV-01")
def test_a_redirect_takes_the_token_nowhere_and_is_no_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere: list[str] = []
    body = b'{"format":"gate-answer/v1","answer":"approved","head":"' + HEAD.encode() + b'"}'
    yes = b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    with serving(yes, elsewhere) as other:
        moved = f"HTTP/1.0 302 Found\r\nLocation: {other}/\r\nContent-Length: 0\r\n\r\n".encode()
        with serving(moved, []) as url:
            assert ask(url, monkeypatch) == 3
    assert elsewhere == []


@pytest.mark.req("INV-01")
@pytest.mark.parametrize(
    "answer",
    [
        b"nonsense\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 1000\r\n\r\n{",
        b'HTTP/1.0 200 OK\r\nContent-Length: 32\r\n\r\n{"answer":"pending","reasons":[1]',
        b'HTTP/1.0 503 No\r\nContent-Length: 33\r\n\r\n{"answer":"error","reasons":["x"]}',
    ],
)
def test_an_answer_that_cannot_be_read_is_could_not_decide(answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(answer, []) as url:
        assert ask(url, monkeypatch) == 3


@pytest.mark.req("INV-13")
def test_a_long_push_asks_the_server_in_lines_that_servers_accept(tmp_path: Path) -> None:
    ground = make_ground(tmp_path)
    with run_stub() as stub:
        ground.configure(server=stub.url)
        config = load_hook().load_config(str(ground.server.path / "gate-hook.json"))
        hook = load_hook()
        heads = [f"{number:064x}" for number in range(120)]
        stub.verdicts = {}
        gather = hook.Server(config).add_verdicts_for(hook.Verdicts(config, {}), "refs/heads/" + "b" * 240)
        gather(heads)
        asked = [line for line in stub.asked if "/verdicts?" in line]
    assert max(len(line) for line in asked) < 4094 - len(" HTTP/1.1\r\n")
    assert sum(line.count("sha=") for line in asked) == len(heads)


@pytest.mark.req("RCV-02")
def test_a_hint_that_lost_a_race_keeps_its_place(tmp_path: Path) -> None:
    ground = make_ground(tmp_path)
    with run_stub() as stub:
        ground.configure(server=stub.url)
        stub.hint_status = 409
        head = ground.work.commit({"one": "1\n"}, "one", parents=[ground.base])
        assert "spooled" in ground.accepted(f"{head}:{TOPIC}")
        assert len(ground.hints()) == 1


@pytest.mark.req("ASK-02", "GND-06")
@pytest.mark.parametrize(
    "server", ["http://gate.example.com", "http://10.0.0.1:80", "ftp://127.0.0.1", "https://", "gate"]
)
def test_the_token_is_sent_in_clear_to_nobody_but_this_machine(server: str) -> None:
    with pytest.raises(check.UsageError):
        check.base_url(server)


@pytest.mark.parametrize(
    "server", ["https://gate.example.com/", "http://127.0.0.1:1", "http://localhost", "http://[::1]:9"]
)
def test_servers_that_may_be_asked(server: str) -> None:
    assert check.base_url(server) == server.rstrip("/")
