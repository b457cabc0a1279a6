"""What somebody would write who wants a policy to mean less than it reads, or the gate to stop."""

from __future__ import annotations

import pytest

from gate.domain.errors import InputError
from gate.policy.parse import parse_policy
from tests.support.policies import POLICY

REVIEW = "text: I reviewed this change."


def refused(text: str) -> InputError:
    with pytest.raises(InputError) as caught:
        parse_policy("p.yaml", text)
    return caught.value


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


@pytest.mark.req("POL-05")
@pytest.mark.parametrize(
    "escape", ["\\0", "\\e", "\\x7f", "\\x85", "\\u200b", "\\u202e", "\\u2066", "\\ufeff", "\\ud800"]
)
def test_what_people_sign_holds_nothing_that_cannot_be_seen(escape: str) -> None:
    text = POLICY.replace(REVIEW, f'text: "I did not {escape}review this."')
    error = refused(text)
    assert error.line == line_of(text, "I did not")
    assert "cannot be seen" in error.message


@pytest.mark.req("POL-05")
@pytest.mark.parametrize("character", ["\u202e", "\u2066", "\u200b", "\x7f", "\ufeff"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_nor_does_a_comment_so_that_the_page_shows_what_is_read(character: str, start: str) -> None:
    assert refused(f"{start}# nothing {character}to see\n{POLICY}").line == 1
    assert "cannot be seen" in refused(f"{start}{POLICY}\n# nothing {character}to see\n").message


@pytest.mark.req("POL-05")
def test_nor_does_a_key() -> None:
    assert "U+202E" in refused(POLICY + '\n"ru\\u202eles": []\n').message


@pytest.mark.req("POL-05")
@pytest.mark.parametrize(
    "words", ["Geprüft\u00a0und\u202ffreigegeben", "审查过了", "راجعت هذا", "Looks good 👍🏽", '"One\\ttab"']
)
def test_words_of_every_language_stay(words: str) -> None:
    assert parse_policy("p.yaml", POLICY.replace(REVIEW, f"text: {words}")).id == "baseline"


@pytest.mark.req("POL-05")
@pytest.mark.parametrize("escape", ["\\Uffffffff", "\\U00110000", "\\U80000000"])
def test_an_escape_beyond_all_characters_is_an_error_of_the_file(escape: str) -> None:
    assert refused(POLICY.replace(REVIEW, f'text: "{escape}"')).line
