"""Servers on loopback that do wrong, and a forwarder that listens in. Each counts and records."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

START_TLS_ACCEPTED = bytes.fromhex("300c02010178070a010004000400")
START_TLS_REFUSED = bytes.fromhex("300c02010178070a010204000400")
BIND_ACCEPTED = bytes.fromhex("300c02010161070a010004000400")
TICK = 0.1

Answer = Callable[["HostileServer", socket.socket], None]


class HostileServer:
    """Accepts on a free port and lets ``answer`` treat each connection in a thread of its own."""

    def __init__(self, answer: Answer, host: str = "127.0.0.1") -> None:
        self._answer = answer
        self._socket = socket.create_server((host, 0))
        self._connections: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._changed = threading.Condition()
        self.host = host
        self.received = b""
        self.closing = threading.Event()

    @property
    def port(self) -> int:
        return int(self._socket.getsockname()[1])

    @property
    def accepted(self) -> int:
        return len(self._connections)

    def await_accepted(self, number: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.accepted >= number, timeout=10)

    def read(self, connection: socket.socket) -> bytes:
        """What the client sends next; empty at its end."""
        try:
            data = connection.recv(65536)
        except OSError:
            data = b""
        self.received += data
        return data

    def run(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            with self._changed:
                self._connections.append(connection)
                self._threads.append(thread)
                self._changed.notify_all()
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError):
            self._answer(self, connection)

    def close(self) -> None:
        self.closing.set()
        _shut(self._socket)
        for connection in self._connections:
            _shut(connection)
        for thread in self._threads:
            thread.join(timeout=10)


@contextmanager
def hostile_server(answer: Answer, host: str = "127.0.0.1") -> Iterator[HostileServer]:
    server = HostileServer(answer, host)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join(timeout=10)


def stay_silent(server: HostileServer, connection: socket.socket) -> None:
    while server.read(connection):
        pass


def hang_up(server: HostileServer, connection: socket.socket) -> None:
    _shut(connection)


def accept_tls_then_silence(server: HostileServer, connection: socket.socket) -> None:
    server.read(connection)
    connection.sendall(START_TLS_ACCEPTED)
    stay_silent(server, connection)


def accept_tls_then_dribble(server: HostileServer, connection: socket.socket) -> None:
    server.read(connection)
    connection.sendall(START_TLS_ACCEPTED)
    dribble(server, connection)


def refuse_tls(server: HostileServer, connection: socket.socket) -> None:
    """A stripping middleman: no TLS here, but every password is welcome."""
    server.read(connection)
    connection.sendall(START_TLS_REFUSED)
    while server.read(connection):
        connection.sendall(BIND_ACCEPTED)


def welcome_in_clear(server: HostileServer, connection: socket.socket) -> None:
    while server.read(connection):
        connection.sendall(BIND_ACCEPTED)


def dribble(server: HostileServer, connection: socket.socket) -> None:
    """A TLS record that never becomes whole: one octet at a time, each before any timeout."""
    server.read(connection)
    connection.sendall(bytes.fromhex("1603034000"))
    while not server.closing.wait(TICK):
        connection.sendall(b"\x02")


def forward_to(port: int) -> Answer:
    """Passes everything on and records what the client sent."""

    def answer(server: HostileServer, connection: socket.socket) -> None:
        with socket.create_connection(("127.0.0.1", port)) as upstream:
            back = threading.Thread(target=_pump, args=(upstream, connection), daemon=True)
            back.start()
            while data := server.read(connection):
                upstream.sendall(data)
            _shut(upstream)
            back.join(timeout=10)

    return answer


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
