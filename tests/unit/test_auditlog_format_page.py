"""``docs/formats.md`` shows what the code writes, and names every kind and finding."""

from __future__ import annotations

import pytest

from gate.auditlog.entry import EntryKind
from gate.auditlog.finding import FindingCode
from tests.vectors.make_examples import PAGE, build_examples, list_examples, render_page

pytestmark = pytest.mark.req("LOG-01")


def test_examples_are_current() -> None:
    page = PAGE.read_text("utf-8")
    assert sorted(list_examples(page)) == sorted(build_examples())
    assert render_page(page) == page


@pytest.mark.parametrize("name", [*EntryKind, *FindingCode])
def test_every_kind_and_finding_is_described(name: str) -> None:
    assert f"`{name}`" in PAGE.read_text("utf-8")
