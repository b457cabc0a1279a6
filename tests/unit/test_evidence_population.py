"""The population as CSV: complete, and harmless in a spreadsheet."""

from __future__ import annotations

import csv
import dataclasses
import io
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.evidence.pack import build_pack
from gate.evidence.population import COLUMNS, render_population
from gate.evidence.twin import UntouchedRow
from tests.support.pack_story import play
from tests.support.packs import REPOSITORY

PACK = build_pack(play(5))

pytestmark = pytest.mark.req("AUD-04")


def rows(data: bytes) -> list[dict[str, str]]:
    text = data.decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def with_title(value: str) -> bytes:
    sheet = PACK.contributions[0]
    assert sheet.title is not None
    changed = dataclasses.replace(sheet, title=dataclasses.replace(sheet.title, value=value))
    return render_population(dataclasses.replace(PACK, contributions=(changed, *PACK.contributions[1:])))


def test_one_row_a_contribution_in_order() -> None:
    found = rows(render_population(PACK))
    assert [row["number"] for row in found] == ["1", "2", "3", "4", "5"]
    assert tuple(found[0]) == COLUMNS
    assert found[0]["signers"] == "Anna Lindqvist (maintainer); Jörg Weiß (quality)"


def test_untouched_ones_are_in_it() -> None:
    row = UntouchedRow(repository=REPOSITORY, number=0, state="closed", index=1)
    found = rows(render_population(dataclasses.replace(PACK, untouched=(row,))))
    assert (found[0]["number"], found[0]["state"], len(found)) == ("0", "closed", 6)


def test_begins_with_a_byte_order_mark_and_ends_lines_as_rfc_4180_says() -> None:
    data = render_population(PACK)
    assert data.startswith(b"\xef\xbb\xbf")
    assert data.count(b"\r\n") == 6


@pytest.mark.parametrize(
    "title",
    [
        "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "\u00a0=1", "＝1", "－1", "＠x",
        '=HYPERLINK("x")', "\x00=1",
    ],
)  # fmt: skip
def test_formula_is_not_one(title: str) -> None:
    assert is_safe(rows(with_title(title))[0]["title"])


@given(st.text(max_size=30))
def test_no_cell_is_ever_a_formula_or_breaks_its_row(title: str) -> None:
    found = rows(with_title(title))
    assert len(found) == 5
    assert all(is_safe(value) for row in found for value in row.values())


def is_safe(cell: str) -> bool:
    start = unicodedata.normalize("NFKC", cell).lstrip()[:1]
    return start not in ("=", "+", "-", "@") and cell[:1] not in ("\t", "\r", "\n")
