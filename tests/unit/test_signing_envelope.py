"""DSSE envelopes: what verifies, what does not, and that another implementation agrees."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from securesystemslib.dsse import Envelope as OtherEnvelope
from securesystemslib.exceptions import VerificationError as OtherVerificationError
from securesystemslib.signer import SSlibKey  # type: ignore[attr-defined]

from gate.domain.errors import InputError, VerificationError
from gate.keys.files import FileSigner
from gate.signing.api import PublicKey, public_key_of
from gate.signing.envelope import IN_TOTO, MAX_SIGNATURES, build_envelope, pae, parse_envelope, verify_envelope
from tests.support.logs import ACT, LOG, STRANGER, VERDICT

pytestmark = pytest.mark.req("INV-08", "LOG-01")

KEYS = (public_key_of(ACT), public_key_of(VERDICT))
PAYLOAD = b'{"a":"\xc3\xa9"}'


def _changed(raw: bytes, **members: Any) -> bytes:
    return json.dumps({**json.loads(raw), **members}).encode()


def _signature(raw: bytes) -> dict[str, str]:
    signature: dict[str, str] = json.loads(raw)["signatures"][0]
    return signature


def test_pae_is_that_of_the_specification() -> None:
    expected = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    assert pae("http://example.com/HelloWorld", b"hello world") == expected


def test_pae_counts_bytes() -> None:
    assert pae("té", "né".encode()) == "DSSEv1 3 té 3 né".encode()


def test_round_trip() -> None:
    verified = verify_envelope(build_envelope(PAYLOAD, ACT), KEYS)
    assert (verified.payload, verified.payload_type, verified.signed_by) == (PAYLOAD, IN_TOTO, KEYS[:1])


def test_threshold_counts_distinct_keys() -> None:
    both = build_envelope(PAYLOAD, ACT, VERDICT)
    assert verify_envelope(both, KEYS, threshold=2).signed_by == KEYS
    with pytest.raises(VerificationError):
        verify_envelope(build_envelope(PAYLOAD, ACT, ACT), KEYS, threshold=2)
    alias = FileSigner("gate.example/alias", ACT.private)
    with pytest.raises(VerificationError):
        verify_envelope(build_envelope(PAYLOAD, ACT, alias), (KEYS[0], public_key_of(alias)), threshold=2)
    with pytest.raises(ValueError, match="threshold"):
        verify_envelope(both, KEYS, threshold=0)


@pytest.mark.parametrize("keyid", ["", "somebody else", public_key_of(VERDICT).label, None])
def test_keyid_is_only_a_hint(keyid: str | None) -> None:
    raw = build_envelope(PAYLOAD, ACT)
    lying = _changed(raw, signatures=[{**_signature(raw), "keyid": keyid}])
    assert verify_envelope(lying, KEYS).signed_by == KEYS[:1]


def test_keyid_may_be_absent_and_unknown_members_are_ignored() -> None:
    raw = build_envelope(PAYLOAD, ACT)
    bare = _changed(raw, signatures=[{"sig": _signature(raw)["sig"], "webauthn": {}}], more=[1])
    assert verify_envelope(bare, KEYS).payload == PAYLOAD


def test_url_safe_base64_is_read() -> None:
    raw = build_envelope(b"\xfb\xff\xfe" * 9, ACT)
    members = json.loads(raw)
    spelled = members["payload"].translate(str.maketrans("+/", "-_"))
    assert spelled != members["payload"]
    assert verify_envelope(_changed(raw, payload=spelled), KEYS).payload == b"\xfb\xff\xfe" * 9


@pytest.mark.parametrize(
    "members",
    [
        {"payload": base64.b64encode(b"other").decode()},
        {"payloadType": "text/plain"},
        {"signatures": [{"sig": base64.b64encode(bytes(64)).decode()}]},
        {"signatures": [{"sig": ""}]},
    ],
    ids=["payload", "type", "signature", "empty signature"],
)
def test_false_envelopes(members: dict[str, Any]) -> None:
    with pytest.raises(VerificationError):
        verify_envelope(_changed(build_envelope(PAYLOAD, ACT), **members), KEYS)


def test_another_payload_type_is_refused_unless_asked_for() -> None:
    raw = build_envelope(PAYLOAD, ACT, payload_type="text/plain")
    with pytest.raises(VerificationError, match="text/plain"):
        verify_envelope(raw, KEYS)
    assert verify_envelope(raw, KEYS, payload_type="text/plain").payload == PAYLOAD


@pytest.mark.parametrize("signer", [LOG, STRANGER])
def test_stranger_is_refused(signer: Any) -> None:
    with pytest.raises(VerificationError):
        verify_envelope(build_envelope(PAYLOAD, signer), KEYS)


@pytest.mark.parametrize(
    "members",
    [
        {"payload": 1},
        {"payload": "YQ=="[:3]},
        {"payload": "YR=="},
        {"payload": "Y Q=="},
        {"payload": "YQ==\n"},
        {"payloadType": None},
        {"signatures": []},
        {"signatures": {}},
        {"signatures": ["x"]},
        {"signatures": [{"keyid": 1, "sig": ""}]},
        {"signatures": [{"keyid": "x"}]},
        {"signatures": [{"sig": ""}] * (MAX_SIGNATURES + 1)},
    ],
    ids=lambda members: repr(members)[:50],
)
def test_malformed_envelopes(members: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        parse_envelope(_changed(build_envelope(PAYLOAD, ACT), **members))


def test_no_signer_is_refused() -> None:
    with pytest.raises(InputError):
        build_envelope(PAYLOAD)


@given(at=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_any_flipped_bit_is_refused_or_changes_nothing_signed(at: int, bit: int) -> None:
    raw = bytearray(build_envelope(PAYLOAD, ACT))
    raw[at % len(raw)] ^= 1 << bit
    try:
        verified = verify_envelope(bytes(raw), KEYS)
    except (InputError, VerificationError):
        return
    assert verified.payload == PAYLOAD  # Only the unauthenticated key id, or the alphabet, was touched.


_OBJECTS = st.dictionaries(st.text(max_size=12), st.none() | st.text(max_size=9))


@given(st.binary(max_size=100) | _OBJECTS.map(lambda members: json.dumps(members).encode()))
def test_only_our_errors_escape(raw: bytes) -> None:
    with pytest.raises((InputError, VerificationError)):
        verify_envelope(raw, KEYS)


def _other_key(key: PublicKey) -> SSlibKey:
    return SSlibKey(key.label, "ed25519", "ed25519", {"public": key.raw.hex()})


@given(payload=st.binary(max_size=300))
def test_securesystemslib_verifies_ours(payload: bytes) -> None:
    other = OtherEnvelope.from_dict(json.loads(build_envelope(payload, ACT, VERDICT)))
    accepted = other.verify([_other_key(key) for key in KEYS], threshold=2)
    assert set(accepted) == {key.label for key in KEYS}
    assert other.payload == payload
    assert other.pae() == pae(IN_TOTO, payload)


def test_securesystemslib_refuses_what_we_refuse() -> None:
    raw = _changed(build_envelope(PAYLOAD, ACT), payload=base64.b64encode(b"other").decode())
    with pytest.raises(OtherVerificationError):
        OtherEnvelope.from_dict(json.loads(raw)).verify([_other_key(KEYS[0])], threshold=1)


def test_we_verify_what_securesystemslib_wrote() -> None:
    other = OtherEnvelope.from_dict(json.loads(build_envelope(PAYLOAD, ACT)))
    assert verify_envelope(json.dumps(other.to_dict()).encode(), KEYS).payload == PAYLOAD
