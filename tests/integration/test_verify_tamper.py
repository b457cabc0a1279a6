"""The tamper matrix: one changed byte anywhere, a cut, anything appended, and the verifier says 1 and names it."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import pytest

from gate.standalone import verify
from tests.support.pack_story import sealed, usual_pack, usual_twin
from tests.support.packs import trust_document

TRUST = verify.Trust(json.dumps(trust_document()).encode())
CRYPTO = verify.Crypto()

pytestmark = pytest.mark.req("AUD-03")


def check(pdf: bytes) -> verify.Report:
    return verify.check_pack(pdf, TRUST, CRYPTO)


def unsigned_range(pdf: bytes) -> tuple[int, int]:
    """The bytes the seal does not cover, by the file's own /ByteRange."""
    match = re.search(rb"/ByteRange \[0 +(\d+) +(\d+) ", pdf)
    assert match is not None
    return int(match.group(1)), int(match.group(2))


def changed(pdf: bytes, place: int, value: int) -> bytes:
    return pdf[:place] + bytes([value]) + pdf[place + 1 :]


def test_good_pack_is_right() -> None:
    report = check(usual_pack())
    assert report.wrong == []
    assert report.exit_code == 0


def test_every_byte_outside_the_signed_range() -> None:
    pdf = usual_pack()
    start, end = unsigned_range(pdf)
    assert end - start > 8000
    accepted = [place for place in range(start, end) if check(changed(pdf, place, pdf[place] ^ 1)).exit_code != 1]
    assert accepted == []


def test_every_other_digit_outside_the_signed_range() -> None:
    """Not only neighbours: upper case, white space and every other digit, at seeded places."""
    pdf, draw = usual_pack(), random.Random(20261122)
    start, end = unsigned_range(pdf)
    places = draw.sample(range(start, end), 300)
    for place in places:
        for value in b"0123456789abcdefABCDEF \n>":
            if value != pdf[place]:
                assert check(changed(pdf, place, value)).exit_code == 1, (place, value)


def test_a_thousand_bytes_inside_the_signed_range() -> None:
    pdf, draw = usual_pack(), random.Random(1)
    start, end = unsigned_range(pdf)
    inside = [*range(start), *range(end, len(pdf))]
    for place in draw.sample(inside, 1000):
        assert check(changed(pdf, place, pdf[place] ^ draw.randint(1, 255))).exit_code == 1, place


def test_every_byte_of_the_signature_dictionary() -> None:
    """The part of the signed range that says what the range is."""
    pdf = usual_pack()
    start, end = unsigned_range(pdf)
    for place in [*range(start - 320, start), *range(end, end + 40)]:
        for bit in (1, 2, 16, 128):
            assert check(changed(pdf, place, pdf[place] ^ bit)).exit_code == 1, place


@pytest.mark.parametrize("cut", [1, 2, 6, 100, 5000, 100_000])
def test_cut_end(cut: int) -> None:
    report = check(usual_pack()[:-cut])
    assert report.exit_code == 1
    assert report.wrong[0][0] == "seal"


@pytest.mark.parametrize("keep", [0, 1, 400, 5000])
def test_nearly_all_cut(keep: int) -> None:
    assert check(usual_pack()[:keep]).exit_code == 1


@pytest.mark.parametrize("more", [b"\n", b"\0", b" ", b"%%EOF\n", b"0" * 8192])
def test_appended(more: bytes) -> None:
    report = check(usual_pack() + more)
    assert report.wrong == [("seal", f"{len(more)} bytes were appended after sealing")]


def test_put_in_front() -> None:
    assert check(b"%" + usual_pack()).exit_code == 1


def test_incremental_update() -> None:
    """An overlay as PDF editors write it: the old seal still verifies over the old bytes."""
    pdf = usual_pack()
    start = int(pdf[pdf.rindex(b"startxref") :].split()[1])
    update = b"5 0 obj\n<< /Length 0 >>\nstream\n\nendstream\nendobj\n"
    table = b"xref\n5 1\n%010d 00000 n \ntrailer\n<< /Size 6 /Root 1 0 R /Prev %d >>\nstartxref\n%d\n%%%%EOF\n"
    forged = pdf + update + table % (len(pdf), start, len(pdf) + len(update))
    assert check(forged).wrong[0][0] == "seal"


def test_seal_taken_off() -> None:
    pdf = usual_pack()
    start, end = unsigned_range(pdf)
    assert check(pdf[:start] + b"<" + b"0" * (end - start - 2) + b">" + pdf[end:]).exit_code == 1


def test_sealed_again_with_another_key() -> None:
    report = check(sealed(usual_twin(), key="mallory"))
    assert report.wrong == [("seal", "it is not made by a seal certificate of the trust file")]


def test_signature_of_another_file() -> None:
    """A seal cut out of one good pack and put on another."""
    pdf, other = usual_pack(), sealed(usual_twin(8))
    start, end = unsigned_range(pdf)
    there, till = unsigned_range(other)
    report = check(other[:there] + pdf[start:end] + other[till:])
    assert report.wrong == [("seal", "the file was changed after it was sealed")]


def test_other_programs_agree_on_appended_bytes(tmp_path: Path) -> None:
    """Both ways of checking: by cryptography and by the openssl program."""
    slow = verify.Crypto(force_openssl=True)
    pdf = usual_pack()
    verify.verify_seal(pdf, TRUST.seal, slow)
    start, _ = unsigned_range(pdf)
    with pytest.raises(verify.Wrong):
        verify.verify_seal(changed(pdf, start - 400, pdf[start - 400] ^ 1), TRUST.seal, slow)
    key = TRUST.log[0]
    assert not slow.ed25519(key.public, bytes(64), b"x")
