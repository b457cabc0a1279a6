"""Two readers of YAML, one meaning: what libyaml reads fast is what the strict parser reads, values and lines."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.domain.errors import InputError
from gate.policy import source_fast
from gate.policy.registry import build_policy_set
from gate.policy.source import MAX_DEPTH, Source, _plain, _read_cached, _read_strictly, parse_source
from gate.policy.source_fast import read_plain
from tests.support.policies import POLICY, REPOSITORIES

ROOT = Path(__file__).parents[2]
SHIPPED = sorted([*ROOT.glob("policies/**/*.yaml"), *ROOT.glob("gate/demo/policies/*.yaml")])


def strictly(text: str) -> Source | None:
    try:
        return _read_strictly("x.yaml", text)
    except InputError:
        return None


@pytest.mark.req("POL-05")
@pytest.mark.parametrize("text", [POLICY, REPOSITORIES, *(path.read_text() for path in SHIPPED)])
def test_everyday_files_are_read_fast_and_alike(text: str) -> None:
    found, strict = read_plain(text, _plain, MAX_DEPTH), strictly(text)
    assert strict is not None
    assert found is not None, "it would take ten times as long"
    assert found == (strict.value, strict.lines)


@pytest.mark.req("POL-05")
@pytest.mark.parametrize(
    "text",
    [
        "a: &x 1\n",
        "a: *x\n",
        "a: !!str 1\n",
        "!x a: 1\n",
        "a: 1\na: 2\n",
        "[a, b]: 1\n",
        "a: 1\n---\nb: 1\n",
        "",
        "# nothing\n",
        "%YAML 1.1\n---\na: 1\n",
        "a: [1\n",
        "a: \x07\n",
        'a: "\\ud800"\n',
        "a: b\u2028c\n",
        "a: b\x85c\n",
        "a: 1\r\nb: 2\r\n",
        "\ufeffa: 1\n",
        "a: " + "[" * 40 + "]" * 40 + "\n",
        "a:\n\tb: 1\n",
    ],
)
def test_what_is_unusual_is_left_to_the_strict_parser(text: str) -> None:
    found = read_plain(text, _plain, MAX_DEPTH)
    strict = strictly(text)
    assert found is None or (strict is not None and found == (strict.value, strict.lines))


PUT = st.text(alphabet=" :{}[]&*!|>-'\"\n#x,?@%=~.\u00a0", max_size=2)
WORDS = st.sampled_from(
    [
        "a",
        "no",
        "on",
        "~",
        "null",
        "1",
        "-1",
        "1.5",
        "0x1",
        "true",
        "'b'",
        '"c d"',
        "a:b",
        "x#y",
        "é",
        "",
        "|",
        ">-",
        "?",
    ]
)
LINES = st.lists(
    st.tuples(
        st.sampled_from(["", "  ", "    ", "- ", "  - ", "- - "]),
        st.sampled_from(["a: ", "b: ", "c:", "'d': ", '"e":', "- ", "", "? ", "[", "{", "a: [", "b: {x: "]),
        WORDS,
        st.sampled_from(["", "", "", "]", "}", ", y]", ", y: z}", " # note", "  "]),
    ).map("".join),
    max_size=8,
)


@pytest.mark.req("POL-05")
@given(LINES.map("\n".join))
def test_the_fast_reader_never_reads_what_the_strict_one_refuses_or_reads_otherwise(text: str) -> None:
    found = read_plain(text, _plain, MAX_DEPTH)
    if found is not None:
        strict = strictly(text)
        assert strict is not None
        assert found == (strict.value, strict.lines)


@pytest.mark.req("POL-05")
@given(
    st.integers(0, len(POLICY) - 1), st.text(alphabet=" :{}[]&*!|>-'\"\n#x,?@%=~.\u00a0", max_size=2), st.integers(0, 3)
)
def test_damaged_files_are_read_alike(at: int, put: str, cut: int) -> None:
    text = POLICY[max(0, at - 300) : at] + put + POLICY[at + cut : at + 300]
    found = read_plain(text, _plain, MAX_DEPTH)
    if found is not None:
        strict = strictly(text)
        assert strict is not None
        assert found == (strict.value, strict.lines)


@pytest.mark.req("POL-05")
def test_without_libyaml_everything_is_read_strictly(monkeypatch: pytest.MonkeyPatch) -> None:
    fast = parse_source("x.yaml", POLICY)
    _read_cached.cache_clear()
    monkeypatch.setattr(source_fast, "_PARSER", None)
    assert parse_source("x.yaml", POLICY) == fast
    _read_cached.cache_clear()


@pytest.mark.req("POL-05")
def test_the_same_text_is_read_once_and_stays_as_it_was_read() -> None:
    files: dict[str, str | bytes] = {"policy.yaml": POLICY, "repositories.yaml": REPOSITORIES}
    once = parse_source("policy.yaml", POLICY)
    before = deepcopy(once.value)
    assert build_policy_set(files) == build_policy_set(files)
    assert once.value == before
    assert parse_source("policy.yaml", POLICY.encode()) is once
    assert parse_source("other.yaml", POLICY).name == "other.yaml"
    assert parse_source("policy.yaml", POLICY + "# more") is not once
