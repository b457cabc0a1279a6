"""The words that are signed, and the digest that binds them to what was shown (INV-04)."""

from __future__ import annotations

import base64
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.domain.approval import Act
from gate.domain.errors import InputError
from gate.workflow.statement import Seen, build_statement_text, parse_seen, text_digest

hexes = st.text("0123456789abcdef", min_size=40, max_size=64)
indexes = st.lists(st.integers(0, 2**53 - 1), max_size=5, unique=True).map(lambda found: tuple(sorted(found)))
seens = st.builds(
    Seen,
    act=st.sampled_from([one.value for one in Act]),
    head=hexes,
    target=st.just("refs/heads/main"),
    policy=hexes,
    statement=hexes,
    counted=indexes,
    standing=indexes,
)
FACTS = {
    "act": Act.APPROVE,
    "printed_name": "Bob Lind",
    "role": "maintainer",
    "team": "ledger",
    "meaning_text": "I reviewed it.",
    "repository": "ledger-core",
    "number": 7,
    "head": "a" * 40,
    "tree": "b" * 40,
    "target": "refs/heads/main",
    "merge_base": "c" * 40,
    "change_request": "CHG-1",
    "policy_id": "base",
    "policy_digest": "d" * 64,
    "supersedes": None,
}


@pytest.mark.req("INV-04")
@given(seen=seens)
def test_a_form_comes_back_as_it_went_out(seen: Seen) -> None:
    back = parse_seen(seen.token)
    assert back == seen
    assert back.digest == seen.digest


@pytest.mark.req("INV-04")
@given(seen=seens, other=seens)
def test_forms_that_differ_anywhere_have_other_digests(seen: Seen, other: Seen) -> None:
    for one in fields(Seen):
        changed = replace(seen, **{one.name: getattr(other, one.name)})
        assert (changed.digest == seen.digest) == (changed == seen)


@pytest.mark.req("INV-04")
@given(raw=st.one_of(st.binary(max_size=80), seens.map(lambda seen: seen.raw[:-1])))
def test_what_no_form_of_ours_holds_is_refused_by_type(raw: bytes) -> None:
    with pytest.raises(InputError):
        parse_seen(base64.urlsafe_b64encode(raw).decode())


@pytest.mark.req("INV-04")
@given(text=st.text(max_size=60))
def test_any_text_in_place_of_a_form_is_refused_by_type(text: str) -> None:
    with pytest.raises(InputError):
        parse_seen(text)


@pytest.mark.req("INV-04", "INV-05")
@pytest.mark.parametrize("name", sorted(set(FACTS) - {"supersedes"}))
def test_every_fact_of_a_statement_changes_its_words(name: str) -> None:
    changed = {**FACTS, name: Act.REJECT if name == "act" else 8 if name == "number" else "other"}
    assert text_digest(build_statement_text(**changed)) != text_digest(build_statement_text(**FACTS))  # type: ignore[arg-type]


@pytest.mark.req("INV-05")
def test_a_statement_says_who_what_and_that_the_gate_vouches() -> None:
    assert build_statement_text(**FACTS) == (  # type: ignore[arg-type]
        "I, Bob Lind, acting as maintainer of ledger:\n"
        "I approve contribution ledger-core#7 to refs/heads/main.\n"
        f"Head commit: {'a' * 40}\nHead tree: {'b' * 40}\nMerge base: {'c' * 40}\n"
        f"Change request: CHG-1\nPolicy: base at sha256 {'d' * 64}\nMeaning: I reviewed it.\n"
        "The gate vouches for my identity by directory password in a live session.\n"
    )
