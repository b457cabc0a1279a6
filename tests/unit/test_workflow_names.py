"""Names that steps read out of what people type: change requests, and targets of contribution branches."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.domain.contribution import Mode
from gate.policy.registered import Repository
from gate.workflow.change_request import find_change_request
from gate.workflow.receive import is_protected, split_contrib


def repository(*protected: str) -> Repository:
    return Repository(
        id="ledger-core",
        url="x",
        title="Ledger",
        description="",
        protected=protected,
        owning_teams=("ledger",),
        mode=Mode.ENFORCE,
    )


@pytest.mark.req("RCV-01")
@pytest.mark.parametrize(
    ("ref", "found"),
    [
        ("refs/heads/contrib/main/fix", ("refs/heads/main", "fix")),
        ("refs/heads/contrib/main/a/b", ("refs/heads/main", "a/b")),
        ("refs/heads/contrib/release/1/fix", ("refs/heads/release/1", "fix")),
        ("refs/heads/contrib/release/1/hot/fix", ("refs/heads/release/1/hot", "fix")),
        ("refs/heads/contrib/main", None),
        ("refs/heads/contrib/mainly/fix", None),
        ("refs/heads/main", None),
        ("refs/tags/contrib/main/fix", None),
    ],
)
def test_the_target_is_the_longest_protected_branch_that_fits(ref: str, found: tuple[str, str] | None) -> None:
    assert split_contrib(repository("main", "release/1", "release/1/hot"), ref) == found


@pytest.mark.req("RCV-01")
def test_only_branches_are_protected() -> None:
    entry = repository("main", "release/*")
    assert is_protected(entry, "refs/heads/main")
    assert is_protected(entry, "refs/heads/release/2")
    assert not is_protected(entry, "refs/tags/main")
    assert not is_protected(entry, "refs/heads/contrib/main/x")


@pytest.mark.req("POL-03")
@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (("CHG-1042-retry-limit",), "CHG-1042"),
        (("fix", "Retry (CHG-7): twice"), "CHG-7"),
        (("CHG-1 and CHG-2",), "CHG-1"),
        (("XCHG-7", "CHG-x", "chg-7"), None),
        ((), None),
    ],
)
def test_a_change_request_is_found_whole_in_branch_title_or_subject(texts: tuple[str, ...], found: str | None) -> None:
    assert find_change_request(["CHG-[0-9]+"], texts) == found
    assert find_change_request([], texts) is None


@pytest.mark.req("POL-03")
@given(text=st.text(max_size=200))
def test_whatever_is_found_matches_every_pattern(text: str) -> None:
    found = find_change_request(["[A-Z]+-[0-9]+", ".{3,9}"], [text])
    assert found is None or (re.fullmatch("[A-Z]+-[0-9]+", found) and 3 <= len(found) <= 9 and found in text)
