"""Keys and signed notes as C2SP writes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.domain.errors import InputError, VerificationError
from gate.signing.api import PublicKey, parse_vkey, public_key_of
from gate.signing.armour import encode_base64
from gate.signing.note import MAX_NOTE, MAX_NOTE_SIGNATURES, build_note, parse_note, verify_note
from tests.support.logs import ACT, LOG, STRANGER, fixed_signer

pytestmark = pytest.mark.req("LOG-01")

KEY = public_key_of(LOG)
TEXT = "first line\n\nthird line: é\n"


def test_vkey_round_trips() -> None:
    assert parse_vkey(KEY.vkey) == KEY
    assert KEY.vkey.startswith(f"{KEY.label}+")
    assert KEY.label == f"gate.example+{KEY.key_id.hex()}"


def test_vkey_of_the_specification() -> None:
    """The key id hashes name, newline, type and key: an example published with the format."""
    key = parse_vkey("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    assert key.name == "PeterNeumann"
    note = (
        "If you think cryptography is the answer to your problem,\n"
        "then you don't know what your problem is.\n"
        "\n"
        "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
    )
    assert verify_note(note.encode(), [key]).signed_by == (key,)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name+00000000",
        f"+{KEY.key_id.hex()}+{KEY.vkey.rsplit('+', 1)[1]}",
        KEY.vkey.replace("gate.example", "gate.invalid"),
        KEY.vkey.replace("gate.example", "gate example"),
        KEY.vkey + "\n",
        KEY.vkey[:-4],
        KEY.vkey.replace(KEY.key_id.hex(), KEY.key_id.hex().upper()),
        KEY.label + "+" + encode_base64(b"\x04" + KEY.raw),
        KEY.label + "+" + encode_base64(b"\x01" + KEY.raw + b"\x00"),
        KEY.label + "+====",
    ],
)
def test_bad_vkeys(text: str) -> None:
    with pytest.raises(InputError):
        parse_vkey(text)


@given(st.text(max_size=80))
def test_vkey_only_input_error_escapes(text: str) -> None:
    with pytest.raises(InputError):
        parse_vkey(text)


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=70))
def test_odd_keys_and_signatures_raise_only_our_errors(raw: bytes, signature: bytes) -> None:
    with pytest.raises((InputError, VerificationError)):
        PublicKey("name", raw).verify(b"message", signature)


def test_round_trip_with_text_that_looks_like_a_note() -> None:
    inner = build_note(TEXT, ACT).decode()
    raw = build_note(inner, LOG)
    assert verify_note(raw, [KEY]).text == inner
    with pytest.raises(VerificationError):  # The inner signature is text, not a signature.
        verify_note(raw, [public_key_of(ACT)])


def test_unknown_keys_are_ignored_and_signers_listed_once() -> None:
    witness = fixed_signer("witness.example", 9)
    raw = build_note(TEXT, witness, LOG, LOG)
    assert verify_note(raw, [KEY]).signed_by == (KEY,)
    assert set(verify_note(raw, [KEY, public_key_of(witness)]).signed_by) == {KEY, public_key_of(witness)}


def test_note_without_a_known_key_is_refused() -> None:
    with pytest.raises(VerificationError):
        verify_note(build_note(TEXT, STRANGER), [KEY])
    with pytest.raises(VerificationError):
        verify_note(build_note(TEXT, LOG), [])


def test_known_key_that_fails_is_fatal() -> None:
    good = build_note(TEXT, LOG)
    false = f"— {LOG.name} {encode_base64(LOG.key_id + bytes(64))}\n".encode()
    with pytest.raises(VerificationError):
        verify_note(good + false, [KEY])


def test_same_name_with_another_key_is_unknown() -> None:
    impostor = fixed_signer(LOG.name, 5)
    assert verify_note(build_note(TEXT, impostor, LOG), [KEY]).signed_by == (KEY,)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"text\n",
        b"text\n\n",
        b"text\n\nno dash\n",
        b"text\n\n\xe2\x80\x94 name\n",
        b"text\n\n\xe2\x80\x94 name AAAA\n",
        b"text\n\n\xe2\x80\x94  AAAAAAAA\n",
        b"text\n\n\xe2\x80\x94 na+me AAAAAAAA\n",
        b"text\n\n\xe2\x80\x94 name AAAAAAAA",
        b"text\n\n- name AAAAAAAA\n",
        b"text\n\n\xe2\x80\x94 name AAAAAAAB=\n",
        b"te\x00xt\n\n\xe2\x80\x94 name AAAAAAAA\n",
        b"te\rxt\n\n\xe2\x80\x94 name AAAAAAAA\n",
        b"te\xffxt\n\n\xe2\x80\x94 name AAAAAAAA\n",
        b"a\n\n" + b"\xe2\x80\x94 name AAAAAAAA\n" * (MAX_NOTE_SIGNATURES + 1),
        b"a" * MAX_NOTE + b"\n\n\xe2\x80\x94 name AAAAAAAA\n",
    ],
    ids=lambda raw: repr(raw[:30]),
)
def test_malformed_notes(raw: bytes) -> None:
    with pytest.raises(InputError):
        parse_note(raw)


def test_parses_form_only() -> None:
    note = parse_note(b"text\n\n\xe2\x80\x94 name AAAAAAA=\n")
    assert note.text == "text\n"
    assert [(line.name, line.key_id, line.signature) for line in note.signatures] == [("name", bytes(4), bytes(1))]


@pytest.mark.parametrize("text", ["", "no newline", "control \x07\n", "tab\t\n"])
def test_unsignable_text(text: str) -> None:
    with pytest.raises(InputError):
        build_note(text, LOG)


def test_no_signer_is_refused() -> None:
    with pytest.raises(InputError):
        build_note(TEXT)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\u00a0b", "x" * 256])
def test_bad_key_names(name: str) -> None:
    with pytest.raises(InputError):
        PublicKey(name, KEY.raw)


@given(at=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_any_flipped_bit_is_refused(at: int, bit: int) -> None:
    raw = bytearray(build_note(TEXT, LOG))
    raw[at % len(raw)] ^= 1 << bit
    with pytest.raises((InputError, VerificationError)):
        verify_note(bytes(raw), [KEY])


@given(st.binary(max_size=100) | st.text("a\n— =A+", max_size=40).map(str.encode))
def test_only_our_errors_escape(raw: bytes) -> None:
    with pytest.raises((InputError, VerificationError)):
        verify_note(raw, [KEY])
