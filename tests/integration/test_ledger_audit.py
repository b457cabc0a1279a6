"""The audit: clean when nothing happened, and every tampering behind the gate's back is named."""

from __future__ import annotations

import shutil

import pytest
from sqlalchemy import Connection, Engine, text

from gate.auditlog.entry import EntryKind
from gate.auditlog.merkle import Peaks, hash_leaf
from gate.store.engine import open_engine, writing
from gate.store.ledger import Blob, Command, EntryIndex, Ledger, Row
from gate.store.tables import approval, contribution, revision
from gate.store.triggers import list_guards
from gate.workflow.audit import AuditReport, audit
from tests.support.databases import TestDatabase
from tests.support.ledgers import AT, append_some, approval_command, approval_row, new_entry, open_ledger
from tests.support.logs import fixed_trust
from tests.support.tampering import Tamper, behind_its_back

SIZE = 530
STREAM = "contribution/ledger-core#1"


def run(engine: Engine, database: TestDatabase, since: str | None = None) -> AuditReport:
    return audit(engine, fixed_trust(), since, database.checkpoint_file)


def fill(ledger: Ledger) -> None:
    """Entries 0..505 say nothing, 506..519 open seven contributions, 520..529 are acts: two tiles and an edge."""
    append_some(ledger, 506)
    for number in range(1, 8):
        ledger.append(opening(number, version=4 if number <= 2 else 3))
    for number in range(1, 8):
        ledger.append(approval_command(number, 3))
    decision = Blob(kind="decision", content=b'{"answer":"approved"}')
    facts = Blob(kind="facts", content=b'{"facts":1}')
    said = {
        "repository": "ledger-core",
        "number": 1,
        "head": "a" * 40,
        "targetRef": "refs/heads/main",
        "answer": "approved",
        "decision": {"sha256": decision.sha256.hex()},
        "facts": {"sha256": facts.sha256.hex()},
        "policy": {"epoch": 1},
    }
    values = {
        "repository": "ledger-core", "number": 1, "answer": "approved", "decision_index": EntryIndex(),
        "decision_digest": decision.sha256, "facts_digest": facts.sha256, "policy_epoch": 1, "decided_at": AT,
    }  # fmt: skip
    row = Row(table=contribution, key=("repository", "number"), update=True, values=values)
    entry = new_entry(STREAM, 4, EntryKind.DECISION, **said)
    ledger.append(Command(entries=(entry,), rows=(row,), blobs=(decision, facts)))
    ledger.append(withdrawal(number=2, version=4, taken_back=521))
    append_some(ledger, 1, stream="gate")


def opening(number: int, version: int) -> Command:
    """A contribution and its revision; ``version`` is what its stream will have in the end."""
    stream, place = f"contribution/ledger-core#{number}", {"repository": "ledger-core", "number": number}
    head = {"head": "a" * 40, "tree": "b" * 40, "merge_base": "c" * 40, "revision": 1}
    git, people = Blob(kind="git", content=b'{"revision":{}}'), Blob(kind="attribution", content=b"{}")
    opened = new_entry(
        stream, 1, EntryKind.CONTRIBUTION_OPENED, **place, targetRef="refs/heads/main", topic="fix", draft=False
    )
    made = {"head": "a" * 40, "targetID": "b" * 40, "fromID": "c" * 40, "revision": 1, "targetRef": "refs/heads/main"}
    digests = {"git": {"sha256": git.sha256.hex()}, "attribution": {"sha256": people.sha256.hex()}}
    recorded = new_entry(stream, 2, EntryKind.REVISION_RECORDED, **place, **made, **digests)
    at = {"opened_at": AT, "updated_at": AT}
    rows = (
        Row(table=contribution, values=place | head | at | {
            "target": "refs/heads/main", "topic": "fix", "state": "open", "draft": False, "version": version,
        }),
        Row(table=revision, values=place | head | {
            "target": "refs/heads/main", "git_digest": git.sha256, "recorded_at": AT, "idx": EntryIndex(1),
        }),
    )  # fmt: skip
    return Command(entries=(opened, recorded), rows=rows, blobs=(git, people))


def withdrawal(*, number: int, version: int, taken_back: int) -> Command:
    genuine = approval_command(number, version)
    stream = genuine.entries[0].stream
    said = {
        "result": "WITHDRAWN",
        "meaning": "code-review",
        "reviewer": {"id": "corp:p1", "displayName": "Anna Example", "role": "maintainer", "team": "ledger"},
        "repository": "ledger-core",
        "number": number,
        "revision": 1,
        "head": "a" * 40,
        "targetRef": "refs/heads/main",
        "policy": {"digest": {"sha256": "00" * 32}},
        "supersedes": taken_back,
        "expiresAt": None,
    }
    mark = Row(table=approval, key=("idx",), update=True, values={"idx": taken_back, "withdrawn_by": EntryIndex()})
    rows = (approval_row(number, act="withdraw", supersedes=taken_back), mark)
    return Command(entries=(new_entry(stream, version, EntryKind.APPROVAL, **said),), rows=rows)


@pytest.fixture
def filled(engine: Engine, database: TestDatabase) -> Engine:
    with open_ledger(engine, database) as ledger:
        fill(ledger)
        assert ledger.read.head().size == SIZE
    return engine


def sql(statement: str, **values: object) -> Tamper:
    return lambda connection: connection.execute(text(statement), values)


def forge_envelope(connection: Connection) -> None:
    """Another entry in the place of 300, with the leaf hash that fits."""
    envelope = new_entry("repository/ledger-core", 301, result="APPROVED").envelope
    connection.execute(
        text("UPDATE log_entry SET envelope = :envelope, leaf_hash = :leaf WHERE idx = 300"),
        {"envelope": envelope, "leaf": hash_leaf(envelope)},
    )


def swap(connection: Connection) -> None:
    for old, new in ((300, -1), (301, 300), (-1, 301)):
        connection.execute(text("UPDATE log_entry SET idx = :new WHERE idx = :old"), {"old": old, "new": new})


def truncate(connection: Connection) -> None:
    """Cut the tail, and the rows and checkpoints that would betray it."""
    connection.execute(text("DELETE FROM log_entry WHERE idx >= 525"))
    connection.execute(text("DELETE FROM approval WHERE idx >= 525"))
    connection.execute(text("DELETE FROM contribution"))
    connection.execute(text("UPDATE approval SET withdrawn_by = NULL"))
    connection.execute(text("DELETE FROM log_checkpoint WHERE size > 525"))


MATRIX: dict[str, tuple[Tamper, set[str], int | None]] = {
    "envelope": (sql("UPDATE log_entry SET envelope = :raw WHERE idx = 300", raw=b"{}"), {"leaf-mismatch"}, 300),
    "envelope and leaf": (forge_envelope, {"tile-mismatch"}, 300),
    "leaf hash": (sql("UPDATE log_entry SET leaf_hash = :raw WHERE idx = 300", raw=bytes(32)), {"leaf-mismatch"}, 300),
    "kind": (sql("UPDATE log_entry SET kind = 'genesis' WHERE idx = 300"), {"column-mismatch"}, 300),
    "deleted row": (sql("DELETE FROM log_entry WHERE idx = 300"), {"missing"}, 300),
    "deleted row at the edge": (sql("DELETE FROM log_entry WHERE idx = 518"), {"missing"}, 518),
    "swapped rows": (swap, {"tile-mismatch"}, 300),
    "truncated tail": (truncate, {"rolled-back", "head-mismatch"}, 525),
    "tile": (sql("UPDATE log_tile SET hashes = :raw WHERE n = 1", raw=bytes(8192)), {"tile-mismatch"}, 256),
    "tile root": (sql("UPDATE log_tile SET root = :raw WHERE n = 1", raw=bytes(32)), {"tile-root"}, 256),
    "deleted tile": (sql("DELETE FROM log_tile WHERE n = 0"), {"tile-missing"}, None),
    "peaks": (sql("UPDATE log_head SET peaks = :raw", raw=bytes(96)), {"head-mismatch"}, None),
    "head size": (sql("UPDATE log_head SET size = size - 1"), {"head-mismatch", "rolled-back"}, None),
    "checkpoint note": (
        sql("UPDATE log_checkpoint SET note = replace(note, 'gate.example', 'gate.example2') WHERE size = 521"),
        {"bad-checkpoint"},
        None,
    ),
    "blob": (
        sql("UPDATE blob SET bytes = :raw WHERE kind = 'decision'", raw=b'{"answer":"x"}'),
        {"blob-mismatch"},
        None,
    ),
    "approval's person": (sql("UPDATE approval SET person = 'corp:p9' WHERE idx = 520"), {"projection-mismatch"}, 520),
    "approval's head": (sql("UPDATE approval SET head = 'f' WHERE idx = 522"), {"projection-mismatch"}, 522),
    "approval's digest": (
        sql("UPDATE approval SET policy_digest = :raw WHERE idx = 522", raw=b"1" * 32),
        {"projection-mismatch"},
        522,
    ),
    "approval moved to another entry": (
        sql("UPDATE approval SET idx = 10 WHERE idx = 520"),
        {"projection-mismatch", "projection-missing"},
        520,
    ),
    "approval deleted": (sql("DELETE FROM approval WHERE idx = 523"), {"projection-missing"}, 523),
    "withdrawal undone": (sql("UPDATE approval SET withdrawn_by = NULL"), {"projection-mismatch"}, 521),
    "approval suppressed": (
        sql("UPDATE approval SET withdrawn_by = 529 WHERE idx = 520"),
        {"projection-mismatch"},
        520,
    ),
    "decision": (sql("UPDATE contribution SET answer = 'overridden'"), {"projection-mismatch"}, 527),
    "decision's digest": (
        sql("UPDATE contribution SET decision_digest = :raw", raw=b"1" * 32),
        {"projection-mismatch"},
        527,
    ),
    "decided head": (sql("UPDATE contribution SET head = 'f'"), {"projection-mismatch"}, 527),
}


@pytest.mark.req("LOG-04")
def test_an_untouched_log_is_clean_and_says_that_nobody_witnessed_it(filled: Engine, database: TestDatabase) -> None:
    report = run(filled, database)
    assert [finding for finding in report.findings if finding.is_fault] == []
    assert report.ok
    assert not report.is_witnessed
    assert "not-witnessed" in {finding.code for finding in report.findings}


@pytest.mark.req("LOG-04", "INV-10")
@pytest.mark.parametrize("case", MATRIX)
def test_tampering_is_named(filled: Engine, database: TestDatabase, case: str) -> None:
    tamper, codes, index = MATRIX[case]
    behind_its_back(filled, tamper)
    report = run(filled, database)
    assert not report.ok
    faults = [finding for finding in report.findings if finding.is_fault]
    assert codes <= {finding.code for finding in faults}
    if index is not None:
        named = [finding for finding in faults if finding.code in codes]
        assert index in {finding.index for finding in named}
    assert all(finding.sentence.endswith((".", "]")) for finding in faults)


@pytest.mark.req("LOG-04", "INV-10")
def test_an_older_database_put_back_is_found_with_since(database: TestDatabase) -> None:
    engine = database.migrated()
    with open_ledger(engine, database) as ledger:
        append_some(ledger, 10)
        saved = ledger.read.checkpoint()
        append_some(ledger, 5)
        newer = ledger.read.checkpoint()
    assert run(engine, database, saved).is_witnessed
    behind_its_back(engine, _cut_to_ten)
    database.forget_checkpoints()
    assert audit(engine, fixed_trust()).ok
    report = audit(engine, fixed_trust(), newer)
    assert not report.ok
    assert ("truncated", 10) in {(finding.code, finding.index) for finding in report.findings}
    engine.dispose()


def _cut_to_ten(connection: Connection) -> None:
    """As an older copy would look: entries, checkpoints and head of ten."""
    leaves = connection.execute(text("SELECT leaf_hash FROM log_entry WHERE idx < 10 ORDER BY idx")).scalars().all()
    connection.execute(text("DELETE FROM log_entry WHERE idx >= 10"))
    connection.execute(text("DELETE FROM log_checkpoint WHERE size > 10"))
    peaks, _ = Peaks().extend(leaves)
    connection.execute(text("UPDATE log_head SET size = 10, peaks = :peaks"), {"peaks": peaks.to_bytes()})


@pytest.mark.req("LOG-04")
def test_missing_guards_are_found(filled: Engine, database: TestDatabase) -> None:
    on = "" if database.kind == "sqlite" else " ON blob"
    name = next(name for name in list_guards(database.kind) if name.startswith("guard_blob"))
    with writing(filled) as connection:
        connection.execute(text(f"DROP TRIGGER {name}{on}"))
    assert "guard-missing" in {finding.code for finding in run(filled, database).findings}


@pytest.mark.req("LOG-04")
def test_a_copied_sqlite_file_audits_alone(sqlite_database: TestDatabase) -> None:
    engine = sqlite_database.migrated()
    with open_ledger(engine, sqlite_database) as ledger:
        append_some(ledger, 3)
    engine.dispose()
    copy = sqlite_database.folder / "copy.db"
    shutil.copy(sqlite_database.folder / "gate.db", copy)
    opened = open_engine(f"sqlite:///{copy}")
    assert run(opened, sqlite_database).ok
    opened.dispose()
