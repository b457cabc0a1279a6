"""Many writers: threads, processes, a lost lock, a poisoned batch. No fork, no gap, no loss."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, select

from gate.auditlog.merkle import Peaks
from gate.domain.clock import SystemClock
from gate.domain.errors import ConflictError, GateError, InputError
from gate.store.command import Command, Receipt
from gate.store.fence import Fence
from gate.store.tables import approval
from gate.store.tree import load_head
from gate.store.witnessed import CheckpointFile
from gate.store.writer import Item, Writer
from tests.support.databases import TestDatabase
from tests.support.ledgers import (
    approval_command,
    approval_row,
    build_ledger,
    check_log,
    leaves_of,
    new_entry,
    open_ledger,
    plain_command,
)
from tests.support.logs import LOG, ORIGIN

WRITER = [sys.executable, "-m", "tests.support.writer_process"]


def build_writer(engine: Engine, file: Path) -> Writer:
    fence = Fence(CheckpointFile(file))
    return Writer(engine=engine, signer=LOG, origin=ORIGIN, fence=fence, clock=SystemClock())


def write(writer: Writer, *commands: Command) -> list[Receipt | GateError]:
    return writer.write([Item(command=command, leaves=leaves_of(command)) for command in commands])


@pytest.mark.req("LOG-03", "INV-06")
def test_threads_share_commits_without_gap_or_loss(engine: Engine, database: TestDatabase) -> None:
    with open_ledger(engine, database) as ledger:

        def work(number: int) -> list[int]:
            return [ledger.append(approval_command(number, version)).indexes[0] for version in range(1, 26)]

        with ThreadPoolExecutor(16) as pool:
            indexes = [index for found in pool.map(work, range(1, 17)) for index in found]
        assert sorted(indexes) == list(range(400))
        assert check_log(ledger) == 400
        assert len(ledger.read.checkpoints()) < 400
    with engine.connect() as connection:
        assert sorted(connection.execute(select(approval.c.idx)).scalars()) == sorted(indexes)


@pytest.mark.req("LOG-03")
def test_one_of_two_racing_for_a_version_wins(engine: Engine, database: TestDatabase) -> None:
    with open_ledger(engine, database) as ledger:
        start = threading.Barrier(8)

        def race(person: int) -> bool:
            command = approval_command(1, 1, person=f"corp:p{person}")
            start.wait()
            try:
                ledger.append(command)
            except ConflictError:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(race, range(8))) == 1
        assert check_log(ledger) == 1


@pytest.mark.req("LOG-03")
def test_three_processes_never_fork_the_log(engine: Engine, database: TestDatabase) -> None:
    streams = [f"hints/source-{process}" for process in range(3)]
    command = [*WRITER, database.url, str(database.checkpoint_file)]
    processes = [
        subprocess.Popen([*command, stream, "120"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for stream in streams
    ]
    acknowledged: list[int] = []
    for process in processes:
        output, errors = process.communicate(timeout=90)
        assert process.returncode == 0, errors
        acknowledged += [int(line.split()[0]) for line in output.splitlines()]
    assert sorted(acknowledged) == list(range(360))
    with open_ledger(engine, database) as ledger:
        assert check_log(ledger) == 360


def test_a_batch_holds_conflicts_repeats_and_successes(engine: Engine, database: TestDatabase) -> None:
    writer = build_writer(engine, database.checkpoint_file)
    outcomes = write(
        writer,
        plain_command("gate", 1, key="a"),
        plain_command("gate", 1, key="b"),
        plain_command("gate", 2, key="c"),
        plain_command("gate", 1, key="a"),
        Command(entries=(new_entry("people", 1),), policy_epoch=0),
        plain_command("policy", 1),
        Command(entries=(new_entry("people", 2),), policy_epoch=0),
    )
    first, stale, second, repeat, decided, activated, late = outcomes
    assert isinstance(first, Receipt)
    assert isinstance(stale, ConflictError)
    assert isinstance(second, Receipt)
    assert isinstance(repeat, Receipt)
    assert (repeat.repeated, repeat.indexes) == (True, (0,))
    assert isinstance(decided, Receipt)
    assert isinstance(activated, Receipt)
    assert isinstance(late, ConflictError)
    assert late.code == "policy-moved"
    assert (first.size, first.checkpoint) == (4, activated.checkpoint)


@pytest.mark.req("INV-06")
@pytest.mark.parametrize("place", [0, 7, 15])
def test_only_the_poison_item_of_a_batch_fails(engine: Engine, database: TestDatabase, place: int) -> None:
    writer = build_writer(engine, database.checkpoint_file)
    write(writer, Command(entries=(new_entry("gate", 1),), rows=(approval_row(99, idx=7_000),)))
    commands = [approval_command(number, 1) for number in range(1, 17)]
    commands[place] = approval_command(place + 1, 1, idx=7_000)
    unstorable = approval_command(50, 1, name=object())
    outcomes = write(writer, *commands, unstorable)
    failed = [position for position, outcome in enumerate(outcomes) if not isinstance(outcome, Receipt)]
    assert failed == [place, 16]
    assert isinstance(outcomes[place], ConflictError)
    assert isinstance(outcomes[16], InputError)
    with open_ledger(engine, database) as ledger:
        assert check_log(ledger) == 16


@pytest.mark.req("LOG-03")
def test_a_lost_lock_is_caught_by_the_primary_key(
    engine: Engine, database: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutation: no lock at all, the head read beside the transaction, another writer commits in between."""
    ours = build_writer(engine, database.checkpoint_file)
    theirs = build_writer(engine, database.folder / "theirs.jsonl")
    write(ours, plain_command("gate", 1))
    intrude = _once(lambda: write(theirs, plain_command("people", 1)))

    def read_without_lock(_connection: Connection, *, lock: bool = False) -> Peaks:
        with engine.connect() as beside:
            found = load_head(beside)
        intrude()
        return found

    monkeypatch.setattr("gate.store.writer.writing", Engine.begin)
    monkeypatch.setattr("gate.store.writer.load_head", read_without_lock)
    (outcome,) = write(ours, plain_command("packs", 1))
    assert isinstance(outcome, ConflictError)
    assert outcome.code == "contradicts-record"
    with open_ledger(engine, database) as ledger:
        assert [entry.stream for entry in ledger.read.entries()] == ["gate", "people"]
        assert check_log(ledger) == 2


def test_a_ledger_from_before_a_fork_is_refused(
    engine: Engine, database: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = build_ledger(engine, database.checkpoint_file)
    monkeypatch.setattr("os.getpid", lambda: -1)
    with pytest.raises(GateError) as refused:
        ledger.append(plain_command("gate", 1))
    assert refused.value.code == "misconfigured"
    with pytest.raises(GateError) as refused, engine.connect():
        pass
    assert refused.value.code == "misconfigured"


def _once(action: Callable[[], object]) -> Callable[[], None]:
    pending = [action]

    def run() -> None:
        if pending:
            pending.pop()()

    return run
