"""The drawn pack, read back by other programs: poppler, qpdf, a PDF/A validator, pypdf."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import io
import json
import re
import shutil
import subprocess
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import page
import pypdf
import pytest

from gate.domain.errors import InputError, UnavailableError
from gate.evidence.codec import parse_twin, twin_bytes
from gate.evidence.pack import build_pack
from gate.evidence.twin import EvidencePack
from gate.pdf.engine import Element, Paper, Style
from gate.pdf.fonts import load_face
from gate.pdf.render import render_pack
from gate.pdf.seal import seal
from tests.support.pack_story import PEOPLE, SEALED_AT, Story, free_text, play, sealed, usual_pack, usual_twin
from tests.support.packs import ORIGIN, seal_pair

NASTY = (
    ("Zoë \u202etxet\u202c Override", "bidi", "maintainer"),
    ("Zero\u200bWidth", "zero", "quality"),
    ("𠮷野家 \U0001f600", "cjk", "security"),
    ("Null\x00Bell\x07", "ctrl", "maintainer"),
    ("(par\\en) <tag> & Tj ET", "escape", "maintainer"),
)


@pytest.fixture(scope="module")
def tool() -> Callable[..., str]:
    """Runs a program on a file; skips with the line that installs it."""

    def run(*command: object, codes: tuple[int, ...] = (0,)) -> str:
        if shutil.which(str(command[0])) is None:
            pytest.skip(f"{command[0]} is missing: apt-get install -y poppler-utils qpdf")
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode in codes, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.fixture
def pack_file(tmp_path: Path) -> Path:
    path = tmp_path / "pack.pdf"
    path.write_bytes(usual_pack())
    return path


@cache
def odd_twin() -> bytes:
    """Names in many scripts, hostile ones, a title of 200 characters, words without a break, 40 signatures."""
    story = Story()
    story.begin()
    story.contribute("Every script", signers=(*PEOPLE, *NASTY))
    story.contribute("A very long title that goes on and on " * 5 + "until two hundred.", signers=PEOPLE[:2])
    story.contribute("W" * 200, signers=PEOPLE[:1])
    story.contribute(
        "Forty signatures", signers=tuple((f"Signer Number {n}", f"s{n}", "maintainer") for n in range(40))
    )
    return twin_bytes(build_pack(story.inputs()))


@cache
def odd_text() -> str:
    reader = pypdf.PdfReader(io.BytesIO(render_pack(odd_twin())))
    return "\n".join(item.extract_text() for item in reader.pages)


# ------------------------------------------------------------------ other programs


@pytest.mark.req("AUD-02")
def test_pdfsig_says_valid_and_total_document_signed(pack_file: Path, tool: Callable[..., str]) -> None:
    said = tool("pdfsig", pack_file)
    assert "Signature Validation: Signature is Valid." in said
    assert "Total document signed" in said
    assert said.count("Signature #") == 1
    assert "ETSI.CAdES.detached" in said
    assert "Oct 01 2026 12:00:00" in said


@pytest.mark.req("AUD-02")
def test_pdfdetach_gives_the_twin(pack_file: Path, tool: Callable[..., str]) -> None:
    tool("pdfdetach", "-saveall", "-o", pack_file.parent, pack_file)
    assert (pack_file.parent / "evidence.json").read_bytes() == usual_twin()
    files = {path.name for path in pack_file.parent.iterdir()}
    assert files == {"pack.pdf", "evidence.json", "checkpoint.txt", "verify.py", "trust.json", "policy-1-ledger.yaml",
                     "policy-2-ledger.yaml"}  # fmt: skip


@pytest.mark.req("AUD-02")
def test_syntax_is_clean(pack_file: Path, tool: Callable[..., str]) -> None:
    assert "No syntax or stream encoding errors found" in tool("qpdf", "--check", pack_file)


@pytest.mark.req("AUD-01")
def test_sealed_pack_is_pdf_a_3u() -> None:
    for pdf in (usual_pack(), sealed(odd_twin())):
        report = page.validate_pdf_bytes(pdf, profile="pdfa-3u")
        assert [(item.rule_id, item.message) for item in report.failures] == []


@pytest.mark.req("AUD-01")
def test_every_font_is_embedded(pack_file: Path, tool: Callable[..., str]) -> None:
    rows = tool("pdffonts", pack_file).splitlines()[2:]
    assert rows
    assert all(re.search(r" yes yes yes +\d+ +0$", row) for row in rows)


@pytest.mark.req("AUD-01")
def test_text_says_what_the_twin_says(pack_file: Path, tool: Callable[..., str]) -> None:
    text = tool("pdftotext", "-layout", pack_file, "-")
    pack = parse_twin(usual_twin())
    for words in expected_words(pack):
        assert words in text, words
    pages = text.count("\f")
    assert f"Page {pages} of {pages}" in text


def expected_words(pack: EvidencePack) -> list[str]:
    sheet = pack.contributions[1]
    signature = sheet.signatures[0]
    branch = pack.completeness[0]
    assert sheet.decision is not None
    return [
        "Evidence pack", pack.organisation, pack.pack, ORIGIN, pack.as_of.root,
        hashlib.sha256(usual_twin()).hexdigest(),
        "git counts", f"{branch.from_commit}..{branch.to_commit}", branch.landings[0].commits[0],
        "Policy in force without a signed change (first activation)", "Landed by break-glass override",
        "Register of contributions", "ledger-core#7", "CHG-1002", sheet.revisions[0].head, sheet.revisions[0].tree,
        signature.name, signature.meaning.text, signature.record, signature.dn, sheet.decision.sha256,
        "2026-07-01 09:24:00 UTC", "role: maintainer, team: ledger, count: 2", "What this pack does not prove",
        "How to verify this pack", "verify.py PACK.pdf --trust trust.json",
    ]  # fmt: skip


# ------------------------------------------------------------------ determinism, seal


@pytest.mark.req("AUD-01")
def test_same_twin_same_bytes() -> None:
    assert render_pack(usual_twin()) == render_pack(usual_twin())


def test_same_bytes_in_another_process(tmp_path: Path) -> None:
    (tmp_path / "twin").write_bytes(usual_twin())
    program = (
        "import sys, hashlib; from gate.pdf.render import render_pack;"
        "print(hashlib.sha256(render_pack(open(sys.argv[1], 'rb').read())).hexdigest())"
    )
    import os
    import sys

    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / "twin")],
            capture_output=True, text=True, check=True, timeout=60, env={**os.environ, "PYTHONHASHSEED": seed},
        )  # fmt: skip
        assert done.stdout.strip() == hashlib.sha256(render_pack(usual_twin())).hexdigest()


@pytest.mark.req("AUD-02")
def test_sealing_changes_nothing_but_the_place_of_the_seal() -> None:
    """So a pack can be drawn again from its twin and compared."""
    plain = render_pack(usual_twin())
    done = seal(plain, *seal_pair(), SEALED_AT)
    assert len(done) == len(plain)
    differing = [place for place in range(len(plain)) if plain[place] != done[place]]
    assert differing[-1] - differing[0] < 9000


def test_sealing_works_where_an_event_loop_runs() -> None:
    """A browser test, or an asynchronous server, leaves one running in the thread."""
    plain = render_pack(usual_twin())

    async def inside() -> bytes:
        return seal(plain, *seal_pair(), SEALED_AT)

    with ThreadPoolExecutor(max_workers=1) as other:
        assert len(other.submit(lambda: asyncio.run(inside())).result()) == len(plain)


def test_seal_refuses_what_it_cannot_do() -> None:
    key, certificate = seal_pair()
    plain = render_pack(usual_twin())
    with pytest.raises(UnavailableError, match="does not belong"):
        seal(plain, seal_pair("other")[0], certificate, SEALED_AT)
    with pytest.raises(UnavailableError, match="cannot be read"):
        seal(plain, b"nothing", certificate, SEALED_AT)
    for pdf in (b"", b"%PDF-1.7", seal(plain, key, certificate, SEALED_AT)):
        with pytest.raises(InputError, match="no place for a seal"):
            seal(pdf, key, certificate, SEALED_AT)


def test_twin_that_is_none_is_not_drawn() -> None:
    with pytest.raises(InputError):
        render_pack(b"{}")


# ------------------------------------------------------------------ names, long things, layout


@pytest.mark.req("AUD-01")
@pytest.mark.parametrize("name", ["Élodie Garçon", "Jörg Weiß", "Νίκος Παπαδόπουλος", "Дмитрий Щукин"])
def test_names_are_in_the_text_layer(name: str) -> None:
    assert name in odd_text()


def test_right_to_left_names_read_back_in_order(tmp_path: Path, tool: Callable[..., str]) -> None:
    """Poppler turns what is drawn right to left into logical order again; Arabic forms normalise to their letters."""
    path = tmp_path / "odd.pdf"
    path.write_bytes(render_pack(odd_twin()))
    text = unicodedata.normalize("NFKC", tool("pdftotext", "-layout", path, "-"))
    plain = re.sub("[\u202a-\u202e]", "", text)
    for name in ("محمد عبد الله", "שרה כהן", "अनुष्का शर्मा", "สมชาย ใจดี"):
        assert f"Approved: {unicodedata.normalize('NFKC', name)}" in plain, name


@pytest.mark.parametrize("shown", ["⟨U+202E⟩", "⟨U+200B⟩", "⟨U+0000⟩", "⟨U+0007⟩", "⟨U+20BB7⟩"])
def test_what_cannot_be_drawn_is_shown_as_its_code(shown: str) -> None:
    assert shown in odd_text()


def test_text_is_not_taken_for_operators() -> None:
    assert r"(par\en) <tag> & Tj ET" in odd_text()


def test_nothing_long_is_lost() -> None:
    text = odd_text()
    assert "until two hundred." in text
    assert "".join(text.split()).count("W" * 200) >= 1
    assert all(f"Approved: Signer Number {number}" in text for number in range(40))


def test_no_two_lines_of_text_overlap(tmp_path: Path, tool: Callable[..., str]) -> None:
    """By the boxes poppler finds: no word's box lies on another's."""
    path = tmp_path / "odd.pdf"
    path.write_bytes(render_pack(odd_twin()))
    for number, words in enumerate(word_boxes(tool("pdftotext", "-bbox", path, "-")), 1):
        for place, first in enumerate(words):
            for second in words[place + 1 :]:
                assert not is_on(first, second), (number, first, second)


Box = tuple[float, float, float, float, str]


def word_boxes(said: str) -> list[list[Box]]:
    pattern = re.compile(r'<word xMin="(.*?)" yMin="(.*?)" xMax="(.*?)" yMax="(.*?)">(.*?)</word>')
    pages = []
    for part in said.split("<page ")[1:]:
        pages.append([(float(a), float(b), float(c), float(d), w) for a, b, c, d, w in pattern.findall(part)])
    return pages


def is_on(first: Box, second: Box) -> bool:
    """Boxes hold ascenders and descenders: more than half a line's height and a point's width must be shared."""
    wide = min(first[2], second[2]) - max(first[0], second[0])
    high = min(first[3], second[3]) - max(first[1], second[1])
    return wide > 1 and high > 0.5 * min(first[3] - first[1], second[3] - second[1])


def test_everything_is_on_the_page(tmp_path: Path, tool: Callable[..., str]) -> None:
    path = tmp_path / "odd.pdf"
    path.write_bytes(render_pack(odd_twin()))
    for words in word_boxes(tool("pdftotext", "-bbox", path, "-")):
        assert all(left > 40 and right < 556 and top > 0 and bottom < 842 for left, top, right, bottom, _ in words)


@pytest.mark.req("AUD-01")
def test_more_characters_than_one_font_subset_holds_read_back() -> None:
    """256 codes a subset: the same lines before, across and after the end of the first one."""
    letters = [chr(code) for code in range(0xA1, 0x250) if chr(code).isalpha() and load_face("sans").has(chr(code))]
    lines = ["".join(letters[start : start + 20]) for start in range(0, len(letters), 10)]
    paper = Paper(SEALED_AT)
    for place, line in enumerate([*lines, *lines]):
        if place % 60 == 0:
            paper.new_page()
        paper.text(60, 780 - 12 * (place % 60), line, Style("sans", 8, 10), Element.P)
    pages = pypdf.PdfReader(io.BytesIO(paper.finish("t", "t", ()))).pages
    drawn = [line for page in pages for line in page.extract_text().splitlines() if line]
    assert len(set(letters)) > 256
    assert drawn == [*lines, *lines]


@pytest.mark.req("AUD-01")
def test_links_jump_to_their_sheets() -> None:
    reader = pypdf.PdfReader(io.BytesIO(usual_pack()))
    places = {page.indirect_reference: page for page in reader.pages if page.indirect_reference}
    links = [link.get_object() for page in reader.pages for link in page.get("/Annots", ())]
    sheets = [link for link in links if "#" in str(link.get("/Contents"))]
    assert len(sheets) == len(parse_twin(usual_twin()).contributions)
    for link in sheets:
        target = places[link["/Dest"][0].indirect_reference]
        assert str(link["/Contents"]) in target.extract_text().splitlines()


def test_bookmarks_are_nested() -> None:
    """No level has more than 200 siblings."""
    reader = pypdf.PdfReader(io.BytesIO(render_pack(many_twin())))

    def widths(items: list[object]) -> list[int]:
        own = sum(not isinstance(item, list) for item in items)
        return [own, *(width for item in items if isinstance(item, list) for width in widths(item))]

    assert max(widths(list(reader.outline))) <= 200
    assert sum(widths(list(reader.outline))) > 210


@cache
def many_twin() -> bytes:
    story = Story()
    story.begin()
    for number in range(210):
        story.contribute(f"Change {number}")
    return twin_bytes(build_pack(story.inputs()))


@pytest.mark.req("AUD-01")
def test_pack_without_anything_is_still_a_pack() -> None:
    inputs = play(1)
    empty = dataclasses.replace(inputs, contributions=(), entries=inputs.entries[:2])
    landings = dataclasses.replace(inputs.branches[0], landings=(), first_parent_count=0)
    pdf = render_pack(twin_bytes(build_pack(dataclasses.replace(empty, branches=(landings,)))))
    text = "\n".join(item.extract_text() for item in pypdf.PdfReader(io.BytesIO(pdf)).pages)
    assert "Nothing happened to any contribution in the period." in text


def test_erased_text_is_said_to_be_erased() -> None:
    document = json.loads(usual_twin())
    for sheet in document["contributions"]:
        sheet["title"]["value"] = sheet["title"]["salt"] = None
    from gate.signing.canonical import canonical

    pdf = render_pack(canonical(document))
    assert "(title erased)" in pypdf.PdfReader(io.BytesIO(pdf)).pages[5].extract_text()


def test_missing_font_is_an_outage_with_the_line_that_mends_it(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError) as caught:
        load_face("sans", (tmp_path,))
    assert caught.value.code == "misconfigured"
    assert "apt-get install -y fonts-noto-core fonts-dejavu-core" in caught.value.remedy


def test_free_text_is_what_was_committed() -> None:
    """The support's commitments are the product's form: SHA-256(salt || text)."""
    text = free_text("why")
    assert text.commitment == hashlib.sha256(bytes.fromhex(text.salt or "") + b"why").hexdigest()
