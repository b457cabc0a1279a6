"""The checker finds and names every tampering, always ends, and never says more than it knows."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.auditlog.verify import AuditReport, FindingCode, StoredEntry, build_report, check_entries
from tests.support.logs import (
    ACT,
    STRANGER,
    SampleLog,
    fixed_trust,
    peaks_of,
    sample_checkpoints,
    sample_entries,
    sample_entry,
    sample_log,
    sign_head,
)

TRUST = fixed_trust()
SIZE = 300

pytestmark = pytest.mark.req("INV-10", "LOG-04")


@cache
def _clean(every: int) -> SampleLog:
    return sample_log(SIZE, every=every)


def _copy(every: int = 1) -> SampleLog:
    clean = _clean(every)
    return SampleLog(entries=list(clean.entries), checkpoints=list(clean.checkpoints), tiles=dict(clean.tiles))


def _audit(log: SampleLog, *, since: bytes | None = None, tiles: bool = True) -> AuditReport:
    return build_report(
        check_entries(log.entries, log.checkpoints, TRUST, since, read_tile=log.read_tile if tiles else None)
    )


def _named(report: AuditReport) -> set[int]:
    return {finding.index for finding in report.faults if finding.index is not None}


def _replace(log: SampleLog, index: int, **changes: object) -> None:
    log.entries[index] = dataclasses.replace(log.entries[index], **changes)  # type: ignore[arg-type]


def _forge(log: SampleLog, index: int, *, signed: bool = True, fix_leaf: bool = True) -> None:
    """Another text in entry ``index``, as far as the forger's keys go."""
    old = log.entries[index]
    new = sample_entry(index, stream=old.stream, version=old.version, note="forged", signer=ACT if signed else STRANGER)
    _replace(log, index, envelope=new.envelope, leaf_hash=new.leaf_hash if fix_leaf else old.leaf_hash)


def test_clean_log_has_no_faults_and_says_it_is_not_witnessed() -> None:
    report = _audit(_copy())
    assert report.is_clean
    assert not report.is_witnessed
    assert [remark.code for remark in report.remarks] == [FindingCode.SUMMARY, FindingCode.NOT_WITNESSED]
    assert "Not witnessed" in report.remarks[-1].sentence


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, SIZE])
def test_checkpoint_held_outside_witnesses(size: int) -> None:
    log = _copy(every=7)
    since = sign_head(size, peaks_of(log.entries[:size]).root)
    report = _audit(log, since=since)
    assert report.is_clean
    assert report.is_witnessed


def test_empty_checkpoint_witnesses_nothing() -> None:
    report = _audit(_copy(every=16), since=sign_head(0, peaks_of([]).root))
    assert report.is_clean
    assert not report.is_witnessed


def test_empty_log() -> None:
    report = build_report(check_entries([], [], TRUST))
    assert report.is_clean
    assert not report.is_witnessed


@pytest.mark.parametrize("index", [0, 100, 256, SIZE - 1])
@pytest.mark.parametrize("every", [1, 16])
@pytest.mark.parametrize("tiles", [True, False])
@pytest.mark.parametrize(
    ("signed", "fix_leaf"), [(False, False), (False, True), (True, False)], ids=["naive", "leaf fixed", "signed"]
)
def test_changed_envelope_is_named(index: int, every: int, tiles: bool, signed: bool, fix_leaf: bool) -> None:
    log = _copy(every)
    _forge(log, index, signed=signed, fix_leaf=fix_leaf)
    report = _audit(log, tiles=tiles)
    assert _named(report) == {index}


@pytest.mark.parametrize("index", [0, 1, 100, 255, 256, SIZE - 1])
def test_forgery_with_act_key_is_named_by_the_checkpoints_around_it(index: int) -> None:
    log = _copy(every=1)
    _forge(log, index)
    report = _audit(log, tiles=False)
    assert report.counts[FindingCode.ROOT_MISMATCH] == 1
    assert _named(report) == {index}


def test_forgery_with_act_key_between_far_checkpoints_is_named_as_a_range() -> None:
    log = _copy(every=16)
    _forge(log, 100)
    (mismatch,) = [f for f in _audit(log, tiles=False).faults if f.code is FindingCode.ROOT_MISMATCH]
    assert (mismatch.index, mismatch.last) == (96, 111)


def test_forgery_with_act_key_between_far_checkpoints_is_named_by_its_tile() -> None:
    log = _copy(every=16)
    _forge(log, 100)
    report = _audit(log)
    assert _named(report) == {100}
    assert FindingCode.ROOT_MISMATCH not in report.counts  # The tile's tree is the one that was signed.
    assert any("the tiles" in remark.sentence for remark in report.remarks)


def test_second_forgery_after_the_first_is_placed_too() -> None:
    log = _copy(every=16)
    _forge(log, 20)
    _forge(log, 200)
    assert _named(_audit(log)) == {20, 200}


def test_changed_leaf_hash_and_later_forgery_are_both_named() -> None:
    log = _copy(every=1)
    _replace(log, 20, leaf_hash=bytes(32))
    _forge(log, 290)  # Beyond the only full tile.
    assert _named(_audit(log)) == {20, 290}


def test_every_wrong_entry_is_named() -> None:
    log = _copy(every=16)
    for index in (3, 4, 77, 299):
        _forge(log, index, fix_leaf=False)
    assert _named(_audit(log, tiles=False)) == {3, 4, 77, 299}


@pytest.mark.parametrize("index", [0, 5, 100, 257, SIZE - 1])
@pytest.mark.parametrize("tiles", [True, False])
def test_removed_entry_is_named(index: int, tiles: bool) -> None:
    log = _copy(every=16)
    del log.entries[index]
    report = _audit(log, tiles=tiles)
    assert index in _named(report)
    assert (FindingCode.TRUNCATED if index == SIZE - 1 else FindingCode.MISSING) in report.counts


def test_removed_entry_known_to_a_tile_does_not_hide_what_follows() -> None:
    log = _copy(every=16)
    del log.entries[100]
    _forge(log, 270)  # List position: entry 271.
    report = _audit(log)
    assert {100} <= _named(report)
    assert FindingCode.ROOT_MISMATCH in report.counts


@pytest.mark.parametrize("index", [1, 5, 100, 256])
def test_removed_and_closed_up_is_found(index: int) -> None:
    """Later entries renumbered so that no index is missing."""
    log = _copy(every=1)
    log.entries = [
        dataclasses.replace(entry, index=at) for at, entry in enumerate(log.entries[:index] + log.entries[index + 1 :])
    ]
    report = _audit(log, tiles=False)
    assert FindingCode.TRUNCATED in report.counts
    assert index in _named(report)


@pytest.mark.parametrize(("first", "second"), [(3, 4), (0, 299), (10, 256)])
def test_swapped_entries_are_found(first: int, second: int) -> None:
    log = _copy(every=1)
    one, two = log.entries[first], log.entries[second]
    log.entries[first] = dataclasses.replace(two, index=first)
    log.entries[second] = dataclasses.replace(one, index=second)
    assert first in _named(_audit(log, tiles=False))


def test_rows_in_wrong_order_are_named() -> None:
    log = _copy(every=16)
    log.entries[10], log.entries[11] = log.entries[11], log.entries[10]
    report = _audit(log)
    assert report.counts[FindingCode.OUT_OF_ORDER] == 1
    assert 10 in _named(report)


def test_repeated_entry_is_named() -> None:
    log = _copy()
    log.entries.insert(51, log.entries[50])
    report = _audit(log)
    assert report.counts == {FindingCode.OUT_OF_ORDER: 1}
    assert _named(report) == {50}


def test_replayed_entry_is_named_by_its_stream() -> None:
    log = _copy(every=1)
    log.entries.append(dataclasses.replace(log.entries[50], index=SIZE))
    log.checkpoints.append((SIZE + 1, sign_head(SIZE + 1, peaks_of(log.entries).root)))
    report = _audit(log)
    assert report.counts == {FindingCode.STREAM_GAP: 1}
    assert _named(report) == {SIZE}


@pytest.mark.parametrize("kept", [0, 1, 100, SIZE - 1])
def test_truncation_is_found_by_stored_checkpoints(kept: int) -> None:
    log = _copy(every=1)
    del log.entries[kept:]
    report = _audit(log, tiles=False)
    assert report.counts == {FindingCode.TRUNCATED: 1}
    assert [(f.index, f.last) for f in report.faults] == [(kept, SIZE - 1)]


@pytest.mark.parametrize("kept", [0, 1, 100, SIZE - 1])
def test_older_copy_put_back_is_found_only_with_a_checkpoint_held_outside(kept: int) -> None:
    log = _copy(every=1)
    since = log.checkpoints[-1][1]
    del log.entries[kept:]
    del log.checkpoints[kept:]
    assert _audit(log, tiles=False).is_clean
    report = _audit(log, since=since, tiles=False)
    assert report.counts == {FindingCode.TRUNCATED: 1}
    assert not report.is_witnessed
    assert "held outside" in report.faults[0].sentence


def test_history_rewritten_with_all_keys_is_found_only_with_a_checkpoint_held_outside() -> None:
    log = sample_log(40, seed="rewritten")
    since = sign_head(30, peaks_of(_clean(1).entries[:30]).root)
    assert _audit(log).is_clean
    report = _audit(log, since=since)
    assert report.counts == {FindingCode.REWRITTEN: 1}
    assert not report.is_witnessed


def test_forked_checkpoint_is_found_and_does_not_hide_the_rest() -> None:
    log = _copy(every=10)
    other = sample_entries(50, seed="other")
    log.checkpoints[4] = (50, sign_head(50, peaks_of(other).root))
    report = _audit(log)
    assert report.counts == {FindingCode.FORKED: 1}


@pytest.mark.parametrize(
    "note",
    [
        b"",
        b"junk",
        sign_head(50, bytes(32), signer=STRANGER),
        sample_checkpoints(sample_entries(49), 49)[0][1],
    ],
    ids=["empty", "junk", "stranger", "other size"],
)
def test_bad_stored_checkpoint_is_found(note: bytes) -> None:
    log = _copy(every=10)
    log.checkpoints[4] = (50, note)
    assert _audit(log).counts == {FindingCode.BAD_CHECKPOINT: 1}


@pytest.mark.parametrize("since", [b"", b"junk", sign_head(50, bytes(32), signer=STRANGER)])
def test_bad_checkpoint_held_outside_is_a_fault(since: bytes) -> None:
    report = _audit(_copy(), since=since)
    assert report.counts == {FindingCode.BAD_SINCE: 1}
    assert not report.is_witnessed


def test_uncovered_entries_are_named() -> None:
    log = _copy(every=10)
    log.checkpoints.pop()
    report = _audit(log)
    assert report.counts == {FindingCode.UNCOVERED: 1}
    assert [(f.index, f.last) for f in report.faults] == [(290, 299)]


@pytest.mark.parametrize(
    "changes", [{"kind": "approval"}, {"stream": "packs"}, {"version": 77}], ids=["kind", "stream", "version"]
)
def test_changed_column_is_named(changes: dict[str, object]) -> None:
    log = _copy()
    _replace(log, 123, **changes)
    report = _audit(log)
    assert report.counts == {FindingCode.COLUMN_MISMATCH: 1}
    assert _named(report) == {123}


def test_stream_gap_is_named() -> None:
    entries = sample_entries(10)
    entries.append(sample_entry(10, stream="packs", version=2))
    log = SampleLog(entries=entries, checkpoints=sample_checkpoints(entries, 1))
    report = _audit(log)
    assert report.counts == {FindingCode.STREAM_GAP: 1}
    assert _named(report) == {10}


@pytest.mark.parametrize("slot", [0, 100, 255])
def test_flipped_bit_in_a_tile_is_named(slot: int) -> None:
    log = _copy(every=1)
    tile = bytearray(log.tiles[0, 0])
    tile[slot * 32] ^= 1
    log.tiles[0, 0] = bytes(tile)
    report = _audit(log)
    assert report.counts == {FindingCode.TILE_MISMATCH: 1}
    assert _named(report) == {slot}
    assert any("the entries' bytes" in remark.sentence for remark in report.remarks)


@pytest.mark.parametrize("change", [lambda tile: tile[:-1], lambda tile: tile + bytes(32), lambda tile: tile[:32]])
def test_tile_of_wrong_size_is_found(change: Callable[[bytes], bytes]) -> None:
    log = _copy()
    log.tiles[0, 0] = change(log.tiles[0, 0])
    assert _audit(log).counts == {FindingCode.TILE_MISMATCH: 1}


def test_missing_tile_is_found() -> None:
    log = _copy()
    del log.tiles[0, 0]
    assert _audit(log).counts == {FindingCode.TILE_MISSING: 1}


@pytest.mark.parametrize("change", ["size", "peaks"])
def test_changed_head_row_is_found(change: str) -> None:
    log = _copy()
    head = log.head
    head = dataclasses.replace(head, size=SIZE - 1) if change == "size" else dataclasses.replace(head, peaks=b"")
    report = build_report(check_entries(log.entries, log.checkpoints, TRUST, head=head))
    assert report.counts == {FindingCode.HEAD_MISMATCH: 1}
    clean = build_report(check_entries(log.entries, log.checkpoints, TRUST, head=log.head))
    assert clean.is_clean


def test_entry_too_large_is_named() -> None:
    log = _copy()
    _replace(log, 9, envelope=log.entries[9].envelope + b" " * 65_536)
    assert _named(_audit(log)) == {9}


def test_huge_gap_ends() -> None:
    log = _copy()
    log.entries[-1] = dataclasses.replace(log.entries[-1], index=2**60)
    report = _audit(log)
    assert FindingCode.MISSING in report.counts
    assert SIZE - 1 in _named(report)


def test_report_counts_all_and_lists_few() -> None:
    log = _copy()
    for index in range(SIZE):
        _replace(log, index, kind="approval")
    report = build_report(check_entries(log.entries, log.checkpoints, TRUST), max_listed=5)
    assert report.counts == {FindingCode.COLUMN_MISMATCH: SIZE}
    assert len(report.faults) == 5
    assert report.remarks[-1].code is FindingCode.NOT_WITNESSED


def _flip(raw: bytes, at: int, bit: int) -> bytes:
    changed = bytearray(raw)
    changed[at % len(raw)] ^= 1 << bit
    return bytes(changed)


@given(
    index=st.integers(0, SIZE - 1),
    what=st.sampled_from(["envelope", "leaf_hash"]),
    at=st.integers(0, 2000),
    bit=st.integers(0, 7),
    every=st.sampled_from([1, 16, SIZE]),
)
def test_any_flipped_bit_in_a_row_is_named(index: int, what: str, at: int, bit: int, every: int) -> None:
    log = _copy(every)
    _replace(log, index, **{what: _flip(getattr(log.entries[index], what), at, bit)})
    assert index in _named(_audit(log, tiles=False))


@given(which=st.integers(0, 9), at=st.integers(0, 300), bit=st.integers(0, 7))
def test_any_flipped_bit_in_a_checkpoint_is_found(which: int, at: int, bit: int) -> None:
    log = _copy(every=10)
    size, note = log.checkpoints[which]
    log.checkpoints[which] = (size, _flip(note, at, bit))
    assert not _audit(log, tiles=False).is_clean


@given(
    entries=st.lists(
        st.builds(
            StoredEntry,
            index=st.integers(-5, 20),
            leaf_hash=st.binary(max_size=40),
            envelope=st.one_of(st.binary(max_size=60), st.sampled_from([e.envelope for e in sample_entries(3)])),
            kind=st.text(max_size=5),
            stream=st.text(max_size=5),
            version=st.integers(-2, 5),
        ),
        max_size=8,
    ),
    checkpoints=st.lists(st.tuples(st.integers(-3, 20), st.binary(max_size=80)), max_size=5),
    since=st.none() | st.binary(max_size=80),
)
def test_garbage_never_raises_and_never_passes(
    entries: list[StoredEntry], checkpoints: list[tuple[int, bytes]], since: bytes | None
) -> None:
    report = build_report(check_entries(entries, checkpoints, TRUST, since))
    assert not report.is_witnessed
    assert report.is_clean == (not entries and not checkpoints and since is None)


def test_variants_do_not_share_state() -> None:
    log = _copy()
    before = copy.deepcopy(log)
    _audit(log)
    assert log == before
