"""Waiting for a shared commit: turns are passed on, also past a caller that gave up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from gate.domain.errors import UnavailableError
from gate.store.ledger import Ledger
from gate.store.writer import Item, Outcome, Writer
from tests.support.databases import TestDatabase
from tests.support.ledgers import open_ledger, plain_command


@pytest.mark.req("INV-06", "LOG-02")
def test_a_caller_that_gives_up_does_not_hold_up_the_others(
    sqlite_database: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everybody queues behind a held commit; the callers in the middle give up; the rest get their receipts."""
    gave_up, held, go_on = threading.Semaphore(0), threading.Event(), threading.Event()
    honest = Writer.write

    def hold(self: Writer, batch: list[Item], join: Callable[[], Sequence[Item]]) -> list[Outcome]:
        held.set()
        go_on.wait()
        return honest(self, batch, join)

    monkeypatch.setattr(Writer, "write", hold)
    engine = sqlite_database.migrated()

    def patient(ledger: Ledger, stream: str) -> int:
        return ledger.append(plain_command(stream, 1)).indexes[0]

    def hasty(ledger: Ledger, stream: str) -> str:
        try:
            ledger.append(plain_command(stream, 1), deadline_seconds=0.0)
        except UnavailableError as error:
            return error.code
        finally:
            gave_up.release()
        return "served"

    with open_ledger(engine, sqlite_database) as ledger, ThreadPoolExecutor(16) as pool:
        first = pool.submit(patient, ledger, "hints/first")
        held.wait()
        some = [pool.submit(patient, ledger, f"hints/p{number}") for number in range(4)]
        others = [pool.submit(hasty, ledger, f"hints/h{number}") for number in range(4)]
        last = [pool.submit(patient, ledger, f"hints/q{number}") for number in range(4)]
        for _ in others:
            gave_up.acquire()
        go_on.set()
        assert first.result() == 0
        assert {future.result() for future in others} == {"unreachable"}
        assert len({future.result() for future in (*some, *last)}) == 8
        assert ledger.read.head().size == 13
    engine.dispose()


@pytest.mark.req("INV-06", "LOG-02")
def test_a_caller_that_gives_up_on_many_does_not_hold_up_the_others(
    sqlite_database: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, go_on = threading.Event(), threading.Event()
    honest = Writer.write

    def hold(self: Writer, batch: list[Item], join: Callable[[], Sequence[Item]]) -> list[Outcome]:
        held.set()
        go_on.wait()
        return honest(self, batch, join)

    monkeypatch.setattr(Writer, "write", hold)
    engine = sqlite_database.migrated()
    with open_ledger(engine, sqlite_database) as ledger, ThreadPoolExecutor(2) as pool:
        first = pool.submit(ledger.append, plain_command("hints/first", 1))
        held.wait()
        many = [plain_command(f"hints/h{number}", 1) for number in range(4)]
        outcomes = ledger.append_all(many, deadline_seconds=0.0)
        assert [getattr(one, "code", None) for one in outcomes] == ["unreachable"] * 4
        last = pool.submit(ledger.append, plain_command("hints/last", 1))
        go_on.set()
        assert first.result().indexes == (0,)
        assert last.result().size == ledger.read.head().size == 6
    engine.dispose()
