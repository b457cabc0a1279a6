"""Tiles, checkpoints, receipts and the trust file: written, read back, and refused when wrong."""

from __future__ import annotations

import json
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.auditlog.checkpoint import Checkpoint, build_checkpoint, parse_checkpoint, verify_checkpoint
from gate.auditlog.merkle import EMPTY_ROOT, Peaks, build_inclusion, hash_leaf
from gate.auditlog.proof import HEADER, build_receipt, parse_receipt, verify_receipt
from gate.auditlog.tiles import (
    MAX_ENTRY,
    TileCoordinate,
    build_node_reader,
    encode_bundle,
    list_tiles,
    parse_bundle,
    parse_tile_path,
    tile_root,
)
from gate.auditlog.trust import Trust, build_trust_file, parse_trust
from gate.domain.errors import InputError, VerificationError
from gate.signing.api import public_key_of
from gate.signing.note import build_note
from tests.support.logs import ACT, LOG, ORIGIN, STRANGER, fixed_signer, fixed_trust, sample_tiles

pytestmark = pytest.mark.req("LOG-01")

KEYS = (public_key_of(LOG),)
ENTRIES = [b"%d" % index for index in range(300)]
LEAVES = [hash_leaf(entry) for entry in ENTRIES]
ROOT = Peaks().extend(LEAVES)[0].root
NOTE = build_checkpoint(Checkpoint(origin=ORIGIN, size=300, root=ROOT), LOG)


# Tiles


@pytest.mark.parametrize(
    ("coordinate", "path"),
    [
        (TileCoordinate(level=0, n=0), "tile/0/000"),
        (TileCoordinate(level=0, n=1234067), "tile/0/x001/x234/067"),
        (TileCoordinate(level=3, n=1000, width=8), "tile/3/x001/000.p/8"),
        (TileCoordinate(level=None, n=999, width=255), "tile/entries/999.p/255"),
    ],
)
def test_tile_paths(coordinate: TileCoordinate, path: str) -> None:
    assert coordinate.path == path
    assert parse_tile_path(path) == coordinate


@given(level=st.none() | st.integers(0, 7), n=st.integers(0, 2**54), width=st.integers(1, 256))
def test_tile_paths_round_trip(level: int | None, n: int, width: int) -> None:
    coordinate = TileCoordinate(level=level, n=n, width=width)
    assert parse_tile_path(coordinate.path) == coordinate


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile/0/0",
        "tile/0/0000",
        "tile/0/x000/001",
        "tile/00/000",
        "tile/8/000",
        "tile/-1/000",
        "tile/0/x001/x234/067/",
        "tile/0/001.p/0",
        "tile/0/001.p/256",
        "tile/0/001.p/08",
        "tile/0/001.p/300",
        "tile/0/001\n",
        "tile/0/../001",
        "/tile/0/001",
        "tile/0/٠٠١",
        "tile/0/" + "x999/" * 9 + "999",
    ],
)
def test_bad_tile_paths(path: str) -> None:
    with pytest.raises(InputError):
        parse_tile_path(path)


@given(st.text("tilenrs/x.p0129", max_size=70))
def test_tile_path_only_input_error_escapes(path: str) -> None:
    try:
        assert parse_tile_path(path).path == path
    except InputError:
        return


def test_tiles_of_a_tree() -> None:
    assert list(list_tiles(0)) == []
    assert [tile.path for tile in list_tiles(70_000)][-4:] == [
        "tile/0/273.p/112",
        "tile/1/000",
        "tile/1/001.p/17",
        "tile/2/000.p/1",
    ]
    assert len(list(list_tiles(70_000))) == 274 + 2 + 1


def test_tile_too_short_is_refused() -> None:
    with pytest.raises(VerificationError):
        tile_root(bytes(31))
    read = build_node_reader(lambda _level, _n: bytes(64))
    with pytest.raises(VerificationError):
        build_inclusion(read, 2, 4)


@given(st.lists(st.binary(max_size=300), max_size=256))
def test_bundles_round_trip(entries: list[bytes]) -> None:
    assert parse_bundle(encode_bundle(entries)) == tuple(entries)


def test_bundle_bounds() -> None:
    assert parse_bundle(encode_bundle([bytes(MAX_ENTRY)])) == (bytes(MAX_ENTRY),)
    with pytest.raises(InputError):
        encode_bundle([bytes(MAX_ENTRY + 1)])
    with pytest.raises(InputError):
        encode_bundle([b""] * 257)
    with pytest.raises(InputError):
        parse_bundle(bytes(2 * 257))


@given(st.binary(max_size=60))
def test_bundle_only_input_error_escapes(raw: bytes) -> None:
    try:
        assert encode_bundle(parse_bundle(raw)) == raw
    except InputError:
        return


# Checkpoints


def test_checkpoint_text() -> None:
    checkpoint = Checkpoint(origin=ORIGIN, size=0, root=EMPTY_ROOT)
    assert checkpoint.text == f"{ORIGIN}\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
    note = build_checkpoint(checkpoint, LOG)
    assert parse_checkpoint(note) == verify_checkpoint(note, ORIGIN, KEYS) == checkpoint


def test_cosigned_checkpoint() -> None:
    witness = fixed_signer("witness.example", 9)
    note = build_checkpoint(Checkpoint(origin=ORIGIN, size=300, root=ROOT), LOG, witness)
    assert verify_checkpoint(note, ORIGIN, KEYS).size == 300
    with pytest.raises(VerificationError):  # A witness alone does not make a checkpoint.
        verify_checkpoint(build_checkpoint(Checkpoint(origin=ORIGIN, size=1, root=ROOT), witness), ORIGIN, KEYS)


def test_checkpoint_of_another_log() -> None:
    other = Checkpoint(origin="other.example", size=300, root=ROOT)
    with pytest.raises(VerificationError):
        verify_checkpoint(build_checkpoint(other, LOG), ORIGIN, KEYS)
    with pytest.raises(VerificationError):
        verify_checkpoint(NOTE, "other.example", KEYS)
    with pytest.raises(VerificationError):  # A key of this gate, but not the log's.
        verify_checkpoint(build_checkpoint(parse_checkpoint(NOTE), ACT), ORIGIN, [public_key_of(ACT)])


_ROOT_LINE = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="


@pytest.mark.parametrize(
    "text",
    [
        f"{ORIGIN}\n0\n",
        f"{ORIGIN}\n0\n{_ROOT_LINE}\nextension\n",
        f"{ORIGIN}\n00\n{_ROOT_LINE}\n",
        f"{ORIGIN}\n+1\n{_ROOT_LINE}\n",
        f"{ORIGIN}\n-1\n{_ROOT_LINE}\n",
        f"{ORIGIN}\n1_0\n{_ROOT_LINE}\n",
        f"{ORIGIN}\n٣\n{_ROOT_LINE}\n",
        f"{ORIGIN}\n9999999999999999999\n{_ROOT_LINE}\n",
        f"{ORIGIN}\n1\n{_ROOT_LINE[:-1]}\n",
        f"{ORIGIN}\n1\nAAAA\n",
        f"{ORIGIN}\n0\n{'A' * 43}=\n",
        f"\n1\n{_ROOT_LINE}\n",
        f"a b\n1\n{_ROOT_LINE}\n",
    ],
)
def test_bad_checkpoint_texts_even_if_signed(text: str) -> None:
    with pytest.raises(InputError):
        verify_checkpoint(build_note(text, LOG), ORIGIN, KEYS)


@given(st.binary(max_size=80) | st.text(f"{ORIGIN}\n0123—= ", max_size=60).map(str.encode))
def test_checkpoint_only_our_errors_escape(raw: bytes) -> None:
    with pytest.raises((InputError, VerificationError)):
        verify_checkpoint(raw, ORIGIN, KEYS)


# Receipts


@cache
def _receipt(index: int, *, extra: bytes | None = None) -> bytes:
    tiles = sample_tiles(LEAVES) | {(0, 1): b"".join(LEAVES[256:])}
    tiles[1, 0] = tile_root(tiles[0, 0])
    hashes = build_inclusion(build_node_reader(lambda level, n: tiles[level, n]), index, 300)
    return build_receipt(index, hashes, NOTE, extra=extra)


@pytest.mark.parametrize("index", [0, 1, 255, 256, 299])
@pytest.mark.parametrize("extra", [None, b"", b"hint"])
def test_receipts(index: int, extra: bytes | None) -> None:
    raw = _receipt(index, extra=extra)
    assert verify_receipt(raw, LEAVES[index], ORIGIN, KEYS) == (index, parse_checkpoint(NOTE))
    receipt = parse_receipt(raw)
    assert receipt.extra == extra
    assert build_receipt(receipt.index, receipt.hashes, receipt.checkpoint, extra=receipt.extra) == raw


def test_receipt_of_another_entry_index_or_log() -> None:
    raw = _receipt(7)
    for wrong, leaf, origin, keys in (
        (raw, LEAVES[8], ORIGIN, KEYS),
        (raw.replace(b"index 7\n", b"index 6\n"), LEAVES[7], ORIGIN, KEYS),
        (raw.replace(b"index 7\n", b"index 300\n"), LEAVES[7], ORIGIN, KEYS),
        (raw, LEAVES[7], "other.example", KEYS),
        (raw, LEAVES[7], ORIGIN, (public_key_of(STRANGER),)),
    ):
        with pytest.raises(VerificationError):
            verify_receipt(wrong, leaf, origin, keys)


@pytest.mark.parametrize(
    "change",
    [
        (HEADER.encode(), b"c2sp.org/tlog-proof@v2"),
        (b"index 7\n", b""),
        (b"index 7\n", b"index 07\n"),
        (b"index 7\n", b"index 7\nindex 7\n"),
        (b"index 7\n", b"index 7\nAAAA\n"),
        (b"index 7\n", b"index 7\n" + b"A" * 43 + b"=\n" * 64),
        (b"index 7\n", b"index 7\n\n"),
        (b"index 7\n", b"extra *\nindex 7\n"),
        (b"index 7\n", b"index \xff\n"),
        (b"\n\n", b"\n"),
        (NOTE, b""),
    ],
    ids=lambda change: repr(change[1][:20]),
)
def test_malformed_receipts(change: tuple[bytes, bytes]) -> None:
    with pytest.raises(InputError):
        parse_receipt(_receipt(7).replace(*change, 1))


@given(at=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_any_flipped_bit_in_a_receipt_is_refused(at: int, bit: int) -> None:
    raw = bytearray(_receipt(7))
    raw[at % len(raw)] ^= 1 << bit
    with pytest.raises((InputError, VerificationError)):
        verify_receipt(bytes(raw), LEAVES[7], ORIGIN, KEYS)


@given(st.binary(max_size=80) | st.text("index extra0A=\n—", max_size=60).map(lambda t: f"{HEADER}\n{t}".encode()))
def test_receipt_only_our_errors_escape(raw: bytes) -> None:
    with pytest.raises((InputError, VerificationError)):
        verify_receipt(raw, LEAVES[0], ORIGIN, KEYS)


# The trust file


def test_trust_round_trips() -> None:
    trust = fixed_trust()
    raw = build_trust_file(trust)
    assert parse_trust(raw) == trust
    assert parse_trust(json.dumps({**json.loads(raw), "later": [1]}).encode()) == trust


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "gate-trust/v2"},
        {"format": None},
        {"origin": ""},
        {"origin": 1},
        {"origin": "other.example"},
        {"log": []},
        {"act": []},
        {"verdict": []},
        {"act": "text"},
        {"act": [1]},
        {"act": ["junk"]},
        {"act": [KEYS[0].vkey] * 65},
        {"log": [public_key_of(ACT).vkey]},
        {"seal": ["not a certificate"]},
        {"seal": ["-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]},
        {"witnesses": [None]},
    ],
    ids=lambda changes: repr(changes)[:40],
)
def test_bad_trust_files(changes: dict[str, object]) -> None:
    with pytest.raises(InputError):
        parse_trust(json.dumps({**json.loads(build_trust_file(fixed_trust())), **changes}).encode())


def test_trust_without_keys_cannot_be_made() -> None:
    with pytest.raises(InputError):
        Trust(origin=ORIGIN, log=KEYS, act=(), verdict=())


@given(st.binary(max_size=100))
def test_trust_only_input_error_escapes(raw: bytes) -> None:
    with pytest.raises(InputError):
        parse_trust(raw)
