"""One append: what is written, what is refused, and what comes back, on both databases."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Engine, func, select, text

from gate.auditlog.proof import verify_receipt
from gate.domain.errors import ConflictError, InputError, UnavailableError
from gate.signing.api import public_key_of
from gate.store import approvals, blobs, outbox
from gate.store.engine import writing
from gate.store.ledger import Blob, Command, EntryIndex, FreeText, Job, Ledger, NewEntry, Receipt, Row
from gate.store.tables import approval, blob, branch_tip, log_checkpoint, log_entry
from tests.support.databases import TestDatabase
from tests.support.ledgers import (
    AT,
    append_some,
    approval_command,
    approval_row,
    check_log,
    new_entry,
    open_ledger,
    plain_command,
)
from tests.support.logs import LOG, ORIGIN


@pytest.fixture
def ledger(engine: Engine, database: TestDatabase) -> Iterator[Ledger]:
    with open_ledger(engine, database) as opened:
        yield opened


def count(engine: Engine, table: object) -> int:
    with engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]


@pytest.mark.req("INV-06", "LOG-01")
def test_entry_row_blob_text_and_job_commit_together(ledger: Ledger, engine: Engine) -> None:
    typed = FreeText(value="because it is safe", salt=bytes(32), about="approval")
    command = Command(
        entries=(new_entry("contribution/ledger-core#7", 1),),
        rows=(approval_row(7),),
        blobs=(Blob(kind="facts", content=b"{}"),),
        free_texts=(typed,),
        jobs=(Job(kind="publish", payload={"index": EntryIndex(), "to": "forge"}, not_before=AT),),
        expects=(("contribution/ledger-core#7", 0),),
    )
    receipt = ledger.append(command)
    assert receipt.indexes == (0,)
    assert not receipt.repeated
    (standing,) = approvals.standing(engine, "ledger-core", 7)
    assert (standing.idx, standing.signed_at, standing.policy_digest) == (0, AT, bytes(32))
    assert blobs.load(engine, command.blobs[0].sha256) == b"{}"
    found = blobs.text_of(engine, typed.commitment)
    assert found is not None
    assert found.value == "because it is safe"
    (job,) = outbox.claim(engine, AT, lease=timedelta(seconds=30))
    assert job.content == {"index": 0, "to": "forge"}


@pytest.mark.req("INV-06", "INV-08")
def test_the_receipt_is_covered_by_a_stored_checkpoint(ledger: Ledger) -> None:
    append_some(ledger, 700)
    command = plain_command("gate", 1)
    receipt = ledger.append(command)
    assert ledger.read.checkpoint(receipt.size) == receipt.checkpoint
    entry = ledger.read.entry(700)
    assert entry.envelope == command.entries[0].envelope
    proof = ledger.read.receipt(700).encode()
    index, checkpoint = verify_receipt(proof, entry.leaf_hash, ORIGIN, [public_key_of(LOG)])
    assert (index, checkpoint.size) == (700, 701)


@pytest.mark.req("INV-06")
def test_a_stale_stream_is_refused_and_nothing_is_written(ledger: Ledger, engine: Engine) -> None:
    ledger.append(approval_command(7, 1))
    with pytest.raises(ConflictError) as refused:
        ledger.append(approval_command(7, 1))
    assert refused.value.details == {"stream": "contribution/ledger-core#7", "expected": 0, "actual": 1}
    assert (count(engine, log_entry), count(engine, approval), check_log(ledger)) == (1, 1, 1)


@pytest.mark.req("INV-02", "POL-04")
def test_a_moved_policy_epoch_is_refused(ledger: Ledger) -> None:
    ledger.append(plain_command("policy", 1))
    decided = Command(entries=(new_entry("gate", 1),), policy_epoch=0)
    with pytest.raises(ConflictError) as refused:
        ledger.append(decided)
    assert refused.value.code == "policy-moved"
    ledger.append(Command(entries=(new_entry("gate", 1),), policy_epoch=1))


def test_an_expected_stream_without_an_entry_in_it_is_held_to_too(ledger: Ledger) -> None:
    ledger.append(plain_command("people", 1))
    with pytest.raises(ConflictError):
        ledger.append(Command(entries=(new_entry("gate", 1),), expects=(("people", 0),)))


def test_a_gap_in_a_stream_is_refused(ledger: Ledger) -> None:
    with pytest.raises(ConflictError):
        ledger.append(plain_command("gate", 2))


@pytest.mark.req("LOG-02")
def test_the_same_key_again_changes_nothing(ledger: Ledger, engine: Engine) -> None:
    entries = (new_entry("gate", 1), new_entry("gate", 2))
    first = ledger.append(Command(entries=entries, rows=(approval_row(7),), key="sign-1"))
    ledger.append(plain_command("people", 1))
    again = ledger.append(Command(entries=entries, rows=(approval_row(7),), key="sign-1"))
    assert again.repeated
    assert again.indexes == first.indexes == (0, 1)
    assert again.checkpoint == ledger.read.checkpoint()
    assert count(engine, approval) == 1


def test_part_of_a_key_recorded_before_is_refused(ledger: Ledger) -> None:
    ledger.append(Command(entries=(new_entry("gate", 1),), key="k"))
    with pytest.raises(ConflictError) as refused:
        ledger.append(Command(entries=(new_entry("gate", 2), new_entry("gate", 3)), key="k"))
    assert refused.value.code == "partly-recorded"


def test_upsert_and_update_change_the_one_row(ledger: Ledger, engine: Engine) -> None:
    key = ("repository", "branch")
    place = {"repository": "ledger-core", "branch": "refs/heads/main"}
    for version, tip in enumerate(("a" * 40, "b" * 40), start=1):
        row = Row(table=branch_tip, key=key, values=place | {"tip": tip, "idx": EntryIndex()})
        ledger.append(Command(entries=(new_entry("repository/ledger-core", version),), rows=(row,)))
    moved = Row(table=branch_tip, key=key, update=True, values=place | {"tip": "c" * 40})
    ledger.append(Command(entries=(new_entry("repository/ledger-core", 3),), rows=(moved,)))
    with engine.connect() as connection:
        assert connection.execute(select(branch_tip)).all() == [("ledger-core", "refs/heads/main", "c" * 40, 1)]


def test_rows_of_one_key_keep_their_order_across_shapes(ledger: Ledger, engine: Engine) -> None:
    place = {"repository": "ledger-core", "branch": "refs/heads/main"}
    key = ("repository", "branch")
    rows = (
        Row(table=branch_tip, key=key, values=place | {"tip": "a" * 40, "idx": EntryIndex()}),
        Row(table=branch_tip, key=key, update=True, values=place | {"tip": "b" * 40}),
        Row(table=branch_tip, key=key, values=place | {"tip": "c" * 40, "idx": EntryIndex()}),
    )
    ledger.append(Command(entries=(new_entry("repository/ledger-core", 1),), rows=rows))
    with engine.connect() as connection:
        assert connection.execute(select(branch_tip.c.tip)).scalars().all() == ["c" * 40]


@pytest.mark.req("INV-06")
def test_an_update_that_finds_no_row_refuses_the_whole_command(ledger: Ledger, engine: Engine) -> None:
    lost = Row(table=approval, key=("idx",), update=True, values={"idx": 99, "withdrawn_by": EntryIndex()})
    with pytest.raises(ConflictError) as refused:
        ledger.append(Command(entries=(new_entry("gate", 1),), rows=(lost,)))
    assert refused.value.code == "contradicts-record"
    assert count(engine, log_entry) == 0


@pytest.mark.parametrize(
    "values", [{"name": object()}, {"name": "\ud800"}, {"revision": 2**70}], ids=["object", "surrogate", "huge"]
)
def test_a_value_that_cannot_be_stored_is_the_callers_error(
    ledger: Ledger, engine: Engine, values: dict[str, object]
) -> None:
    with pytest.raises(InputError) as refused:
        ledger.append(Command(entries=(new_entry("gate", 1),), rows=(approval_row(7, **values),)))  # type: ignore[arg-type]
    assert refused.value.code == "unrecordable"
    assert count(engine, log_entry) == 0
    ledger.append(plain_command("gate", 1))


@pytest.mark.parametrize("name", ["\x00", "x" * 256], ids=["nul", "long"])
def test_what_only_postgresql_refuses_is_the_callers_error_too(postgres_database: TestDatabase, name: str) -> None:
    engine = postgres_database.migrated()
    with open_ledger(engine, postgres_database) as ledger, pytest.raises(InputError) as refused:
        ledger.append(Command(entries=(new_entry("gate", 1),), rows=(approval_row(7, name=name),)))
    assert refused.value.code == "unrecordable"
    engine.dispose()


def test_a_naive_time_cannot_be_recorded(ledger: Ledger) -> None:
    with pytest.raises(InputError):
        ledger.append(
            Command(entries=(new_entry("gate", 1),), rows=(approval_row(7, signed_at=AT.replace(tzinfo=None)),))
        )


def test_an_envelope_that_no_log_takes_is_refused_before_the_queue(ledger: Ledger) -> None:
    large = NewEntry(kind="genesis", envelope=bytes(65_536), stream="gate", version=1)
    with pytest.raises(InputError, match="65535"):
        ledger.append(Command(entries=(large,)))


def test_a_command_without_an_entry_is_refused(ledger: Ledger) -> None:
    with pytest.raises(InputError) as refused:
        ledger.append(Command(entries=(), rows=(approval_row(7),)))
    assert refused.value.code == "no-entry"


@pytest.mark.req("INV-06", "LOG-02")
def test_many_are_recorded_together_and_refused_alone(ledger: Ledger, engine: Engine) -> None:
    append_some(ledger, 1)
    many = [approval_command(7, 1), plain_command("hints/x", 9), approval_command(8, 1), plain_command("hints/y", 1)]
    first, refused, third, last = ledger.append_all(many)
    assert isinstance(refused, ConflictError)
    found = [one.indexes for one in (first, third, last) if isinstance(one, Receipt)]
    assert found == [(1,), (2,), (3,)]
    assert [one.idx for number in (7, 8) for one in approvals.standing(engine, "ledger-core", number)] == [1, 2]
    assert check_log(ledger) == 4
    assert ledger.append_all(()) == ()
    with pytest.raises(InputError):
        ledger.append_all([plain_command("hints/z", 1), Command(entries=())])
    assert check_log(ledger) == 4


def test_blobs_are_kept_once(ledger: Ledger, engine: Engine) -> None:
    same = Blob(kind="facts", content=b"same")
    for version in (1, 2):
        ledger.append(Command(entries=(new_entry("gate", version),), blobs=(same, same)))
    assert count(engine, blob) == 1


@pytest.mark.req("LOG-05")
def test_a_text_can_be_erased_and_the_log_still_holds(ledger: Ledger, engine: Engine) -> None:
    typed = FreeText(value="my name is Anna", salt=os.urandom(32), about="approval")
    ledger.append(Command(entries=(new_entry("gate", 1),), free_texts=(typed,)))
    assert blobs.erase_text(engine, typed.commitment)
    assert blobs.text_of(engine, typed.commitment) is None
    assert not blobs.erase_text(engine, typed.commitment)
    assert check_log(ledger) == 1


@pytest.mark.req("INV-06")
def test_an_outage_acknowledges_nothing_and_heals(ledger: Ledger, engine: Engine) -> None:
    append_some(ledger, 3)
    with writing(engine) as connection:
        connection.execute(text("ALTER TABLE log_checkpoint RENAME TO hidden"))
    with pytest.raises(UnavailableError) as refused:
        ledger.append(plain_command("gate", 1, key="k"))
    assert refused.value.code == "unreachable"
    with writing(engine) as connection:
        connection.execute(text("ALTER TABLE hidden RENAME TO log_checkpoint"))
    assert ledger.append(plain_command("gate", 1, key="k")).indexes == (3,)
    assert check_log(ledger) == 4


def test_a_closed_ledger_refuses(engine: Engine, database: TestDatabase) -> None:
    with open_ledger(engine, database) as ledger:
        append_some(ledger, 1)
    with pytest.raises(UnavailableError) as refused:
        append_some(ledger, 1)
    assert refused.value.code == "closed"


@pytest.mark.req("LOG-02")
def test_every_checkpoint_is_in_the_file_too(ledger: Ledger, engine: Engine, database: TestDatabase) -> None:
    for version in range(1, 6):
        ledger.append(plain_command("gate", version))
    (month,) = database.folder.glob("checkpoints-*.jsonl")
    written = [json.loads(line) for line in month.read_text().splitlines()]
    with engine.connect() as connection:
        stored = connection.execute(select(log_checkpoint).order_by(log_checkpoint.c.size)).all()
    assert [(line["size"], line["note"]) for line in written] == [tuple(row) for row in stored]
    witnessed = ledger.latest_witnessed()
    assert witnessed is not None
    assert witnessed.size == 5
