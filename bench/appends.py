"""Appends a second, each acknowledged only when durable and covered by a signed checkpoint.

An append is approval-sized: the calling thread builds and DSSE-signs an envelope of about 700 bytes, and
the command holds one projection row and one precondition. 256 clients are 2 processes of 128 threads, as
a web server would run them. The reference is a floor measured in the same run: the raw driver inserting and
committing the same bytes and row in one process, one at a time for one client, in batches as large as there
are clients for many. Standard error is told the number of processes, the rate of every round, and the
processor time of one append with its client (without the database server's), which says on a busy machine
what the rate cannot. ``python -m bench appends`` prints the table.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Engine

from gate.auditlog.entry import EntryKind, Operator, Recorder, RecorderKind, build_statement
from gate.domain.clock import SystemClock
from gate.signing.envelope import build_envelope
from gate.store.engine import migrate, open_engine, writing
from gate.store.ledger import Command, EntryIndex, Ledger, NewEntry, Row
from gate.store.tables import approval
from tests.support.databases import PostgresServer, find_postgres
from tests.support.logs import ACT, LOG, ORIGIN, START

SECONDS = 2.0
ROUNDS = 5
PROCESSES: Final = {1: 1, 256: 2}
Result = dict[str, Any]
Share = tuple[int, float, float]
"""What one process did: appends, seconds, processor seconds."""


def run(rounds: int = ROUNDS) -> list[Result]:
    """One result for each database and number of clients: the median of ``rounds``."""
    results = []
    with tempfile.TemporaryDirectory(prefix="gate-bench-") as folder:
        for clients in (1, 256):
            results.append(_measure("sqlite", clients, rounds, lambda n: f"sqlite:///{folder}/{n}.db", Path(folder)))
        with _postgres() as server:
            for clients in (1, 256):
                if server is not None:
                    results.append(_measure("postgresql", clients, rounds, _fresh(server), Path(folder)))
    return results


def _measure(kind: str, clients: int, rounds: int, url: Callable[[str], str], folder: Path) -> Result:
    ours, floors = [], []
    for number in range(rounds):
        name = f"{kind}-{clients}-{number}"
        place = url(name)
        engine = open_engine(place)
        migrate(engine)
        ours.append(_appends(place, clients, folder / f"{name}.jsonl"))
        floors.append(_floor(engine, clients))
        engine.dispose()
    plural = "client" if clients == 1 else "clients"
    name = f"append {kind} {clients} {plural}"
    _tell(name, clients, ours)
    value, reference = statistics.median(rate for rate, _ in ours), statistics.median(floors)
    return {
        "name": name,
        "value": round(value, 1),
        "unit": "appends/s",
        "reference": round(reference, 1),
        "ratio": round(value / reference, 4),
    }


def _tell(name: str, clients: int, rounds: Sequence[tuple[float, float]]) -> None:
    rates = ", ".join(f"{rate:,.0f}" for rate, _ in rounds)
    busy = statistics.median(busy for _, busy in rounds)
    processes = PROCESSES[clients]
    shape = f"{processes} process(es) of {clients // processes} thread(s) on {os.cpu_count()} cores"
    print(f"{name}: {shape}; {busy:.0f} us of processor each; rounds {rates} /s", file=sys.stderr)


def _appends(url: str, clients: int, checkpoint_file: Path) -> tuple[float, float]:
    """Appends a second, and microseconds of processor time each."""
    context, processes = multiprocessing.get_context("spawn"), PROCESSES[clients]
    start: Barrier = context.Barrier(processes)
    shares: Queue[Share] = context.Queue()
    threads = clients // processes
    workers = [
        context.Process(target=_work, args=(url, checkpoint_file, range(first, first + threads), start, shares))
        for first in range(1, clients + 1, threads)
    ]
    for worker in workers:
        worker.start()
    done, seconds, busy = zip(*(shares.get() for _ in workers), strict=True)
    for worker in workers:
        worker.join()
    return sum(done) / max(seconds), sum(busy) / sum(done) * 1e6


def _work(url: str, checkpoint_file: Path, clients: range, start: Barrier, shares: Queue[Share]) -> None:
    """One process: a thread a client, each appending to its own contribution."""
    engine = open_engine(url)
    ledger = Ledger(engine=engine, log_signer=LOG, origin=ORIGIN, checkpoint_file=checkpoint_file, clock=SystemClock())
    done = dict.fromkeys(clients, 0)
    ready, stop = threading.Barrier(len(clients) + 1), threading.Event()

    def append(client: int) -> None:
        ready.wait()
        while not stop.is_set():
            ledger.append(build_command(client, done[client] + 1))
            done[client] += 1

    threads = [threading.Thread(target=append, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    start.wait()
    began, busy = time.perf_counter(), time.process_time()
    ready.wait()
    stop.wait(SECONDS)
    stop.set()
    for thread in threads:
        thread.join()
    shares.put((sum(done.values()), time.perf_counter() - began, time.process_time() - busy))
    ledger.close()
    engine.dispose()


def build_command(number: int, version: int) -> Command:
    """What one signature costs: an entry of about 700 bytes, a row, a precondition."""
    stream = f"contribution/ledger-core#{number}"
    payload = build_statement(
        EntryKind.APPROVAL,
        (),
        {"result": "APPROVED"},
        stream=stream,
        version=version,
        timestamp=START,
        request_id=f"{number}/{version}",
        recorded_by=Recorder(kind=RecorderKind.PERSON, id="corp:p1"),
        operator=Operator(software="contribution-gate/1"),
    )
    entry = NewEntry(kind="approval", envelope=build_envelope(payload, ACT), stream=stream, version=version)
    row = Row(table=approval, values=_ROW | {"idx": EntryIndex(), "number": number})
    return Command(entries=(entry,), rows=(row,), expects=((stream, version - 1),), key=f"{number}/{version}")


_ROW: dict[str, object] = {
    "repository": "ledger-core",
    "revision": 1,
    "act": "approve",
    "person": "corp:p1",
    "name": "Anna Example",
    "role": "maintainer",
    "team": "ledger",
    "meaning": "code-review",
    "head": "a" * 40,
    "target": "refs/heads/main",
    "policy_digest": bytes(32),
    "signed_at": START,
}


def _floor(engine: Engine, clients: int) -> float:
    """Rows a second with the raw driver and nothing else: same bytes, same durability, batches of ``clients``."""
    is_sqlite = engine.dialect.name == "sqlite"
    envelope = build_command(1, 1).entries[0].envelope
    with writing(engine) as connection:
        connection.exec_driver_sql(f"CREATE TABLE floor_e (i BIGINT PRIMARY KEY, e {'BLOB' if is_sqlite else 'BYTEA'})")
        connection.exec_driver_sql("CREATE TABLE floor_r (i BIGINT PRIMARY KEY, head TEXT)")
    insert_entry, insert_row = "INSERT INTO floor_e VALUES (?, ?)", "INSERT INTO floor_r VALUES (?, ?)"
    if not is_sqlite:
        insert_entry, insert_row = insert_entry.replace("?", "%s"), insert_row.replace("?", "%s")
    raw = engine.raw_connection()
    cursor, size = raw.cursor(), 0
    began = time.perf_counter()
    while (elapsed := time.perf_counter() - began) < SECONDS / 2:
        indexes = range(size, size + clients)
        if is_sqlite:
            cursor.execute("BEGIN IMMEDIATE")
        cursor.executemany(insert_entry, [(index, envelope) for index in indexes])
        cursor.executemany(insert_row, [(index, "a" * 40) for index in indexes])
        raw.commit()
        size += clients
    raw.close()
    return size / elapsed


@contextmanager
def _postgres() -> Iterator[PostgresServer | None]:
    programs = find_postgres()
    if programs is None:
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="gate-pg-"))
    folder.chmod(0o755)
    server = PostgresServer(programs, folder)
    server.initialise()
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


def _fresh(server: PostgresServer) -> Callable[[str], str]:
    return lambda _name: server.url(server.create_database())


if __name__ == "__main__":
    for result in run():
        print(f"{result['name']:32} {result['value']:>10,.1f} /s   floor {result['reference']:>10,.1f} /s")
