"""Crashes: whatever was acknowledged is in the log, the log has no gap, every stored checkpoint recomputes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Engine

from gate.domain.errors import UnavailableError
from gate.store.engine import open_engine
from gate.workflow.audit import audit
from tests.support.databases import PostgresServer, TestDatabase
from tests.support.ledgers import append_some, check_log, open_ledger, plain_command
from tests.support.logs import fixed_trust

WRITER = [sys.executable, "-m", "tests.support.writer_process"]
KILLS = 4


def start_writer(database: TestDatabase, stream: str) -> subprocess.Popen[str]:
    command = [*WRITER, database.url, str(database.checkpoint_file), stream, "0"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, bufsize=1)


def read_acks(process: subprocess.Popen[str], count: int) -> list[tuple[int, int]]:
    """Wait for ``count`` acknowledgements: the kill then falls somewhere into the next append."""
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(count)]
    return [parse_ack(line) for line in lines]


def read_rest(process: subprocess.Popen[str]) -> list[tuple[int, int]]:
    """What it still said before it died; a line that was cut is no acknowledgement."""
    assert process.stdout is not None
    with process.stdout as output:
        return [parse_ack(line) for line in output if line.endswith("\n")]


def parse_ack(line: str) -> tuple[int, int]:
    index, version = line.split()
    return int(index), int(version)


def check_acks(engine: Engine, database: TestDatabase, acks: dict[str, list[tuple[int, int]]]) -> None:
    with open_ledger(engine, database) as ledger:
        check_log(ledger)
        for stream, pairs in acks.items():
            for index, version in pairs:
                entry = ledger.read.entry(index)
                assert (entry.stream, entry.version) == (stream, version)
    report = audit(engine, fixed_trust(), None, database.checkpoint_file)
    assert [finding for finding in report.findings if finding.is_fault] == []


@pytest.mark.req("LOG-02", "INV-06")
@pytest.mark.timeout(240)
def test_killed_writers_lose_nothing_acknowledged(engine: Engine, database: TestDatabase) -> None:
    """Two writers side by side; one is killed again and again while the other goes on."""
    acks: dict[str, list[tuple[int, int]]] = {"hints/a": [], "hints/b": []}
    steady = start_writer(database, "hints/b")
    try:
        for kill in range(KILLS):
            victim = start_writer(database, "hints/a")
            acks["hints/a"] += read_acks(victim, 20 + 7 * kill)
            victim.send_signal(signal.SIGKILL)
            acks["hints/a"] += read_rest(victim)
            victim.wait()
    finally:
        steady.kill()
    acks["hints/b"] += read_rest(steady)
    steady.wait()
    assert len(acks["hints/a"]) >= 20 * KILLS
    assert acks["hints/b"]
    check_acks(engine, database, acks)


@pytest.mark.req("LOG-02")
def test_postgresql_stopped_at_once_loses_nothing_acknowledged(
    postgres_server: PostgresServer, postgres_database: TestDatabase
) -> None:
    engine = postgres_database.migrated()
    engine.dispose()
    writer = start_writer(postgres_database, "hints/a")
    acks = read_acks(writer, 30)
    try:
        postgres_server.stop(signal.SIGQUIT)
        acks += read_rest(writer)
        assert writer.wait(timeout=60) != 0
    finally:
        postgres_server.start()
    check_acks(engine, postgres_database, {"hints/a": acks})
    with open_ledger(engine, postgres_database) as ledger:
        append_some(ledger, 3)
        check_log(ledger)
    engine.dispose()


@pytest.mark.req("LOG-03", "INV-10")
def test_an_older_sqlite_file_put_back_is_not_signed_again(sqlite_database: TestDatabase) -> None:
    older = sqlite_database.folder / "older.db"
    engine = sqlite_database.migrated()
    with open_ledger(engine, sqlite_database) as ledger:
        append_some(ledger, 10)
    engine.dispose()
    shutil.copy(sqlite_database.folder / "gate.db", older)
    engine = sqlite_database.open()
    with open_ledger(engine, sqlite_database) as ledger:
        append_some(ledger, 5)
    engine.dispose()
    _put_back(older, sqlite_database)
    engine = sqlite_database.open()
    with open_ledger(engine, sqlite_database) as ledger:
        for _ in range(2):
            with pytest.raises(UnavailableError) as refused:
                ledger.append(plain_command("gate", 1))
            assert refused.value.code == "rolled-back"
            assert (refused.value.details["size"], refused.value.details["signed"]) == (10, 15)
        assert ledger.read.head().size == 10
    report = audit(engine, fixed_trust(), None, sqlite_database.checkpoint_file)
    assert ("rolled-back", 10) in {(finding.code, finding.index) for finding in report.findings}
    engine.dispose()


@pytest.mark.req("LOG-03", "INV-10")
@pytest.mark.parametrize("others", [5, 9], ids=["same size", "grown past it"])
def test_another_history_is_not_signed_on(sqlite_database: TestDatabase, tmp_path: Path, others: int) -> None:
    """The database of another gate with the same keys: as long or longer, but not what was signed here."""
    engine = sqlite_database.migrated()
    with open_ledger(engine, sqlite_database) as ledger:
        append_some(ledger, 5)
    engine.dispose()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    foreign = TestDatabase("sqlite", f"sqlite:///{elsewhere / 'gate.db'}", elsewhere)
    engine = foreign.migrated()
    with open_ledger(engine, foreign) as ledger:
        append_some(ledger, others, stream="people")
    engine.dispose()
    _put_back(elsewhere / "gate.db", sqlite_database)
    engine = sqlite_database.open()
    with open_ledger(engine, sqlite_database) as ledger, pytest.raises(UnavailableError) as refused:
        ledger.append(plain_command("gate", 1))
    assert refused.value.code == "rolled-back"
    engine.dispose()


@pytest.mark.req("LOG-03")
def test_a_running_ledger_notices_the_file_put_back_under_it(sqlite_database: TestDatabase) -> None:
    engine = sqlite_database.migrated()
    with open_ledger(engine, sqlite_database) as ledger:
        append_some(ledger, 4)
        engine.dispose()
        older = sqlite_database.folder / "older.db"
        shutil.copy(sqlite_database.folder / "gate.db", older)
        append_some(ledger, 4)
        engine.dispose()
        _put_back(older, sqlite_database)
        with pytest.raises(UnavailableError) as refused:
            append_some(ledger, 1)
        assert refused.value.code == "rolled-back"
    engine.dispose()


@pytest.mark.req("LOG-03")
def test_a_checkpoint_by_another_process_fences_too(sqlite_database: TestDatabase) -> None:
    engine = sqlite_database.migrated()
    with open_ledger(engine, sqlite_database) as ledger:
        append_some(ledger, 2)
        engine.dispose()
        older = sqlite_database.folder / "older.db"
        shutil.copy(sqlite_database.folder / "gate.db", older)
        other = open_engine(sqlite_database.url)
        with open_ledger(other, sqlite_database) as theirs:
            append_some(theirs, 3)
        other.dispose()
        _put_back(older, sqlite_database)
        with pytest.raises(UnavailableError) as refused:
            append_some(ledger, 1)
        assert refused.value.code == "rolled-back"
    engine.dispose()


def _put_back(older: Path, database: TestDatabase) -> None:
    for suffix in ("-wal", "-shm"):
        (database.folder / f"gate.db{suffix}").unlink(missing_ok=True)
    replacement = database.folder / "gate.db.new"
    shutil.copy(older, replacement)
    os.replace(replacement, database.folder / "gate.db")  # noqa: PTH105 - one atomic step, as a restore would
