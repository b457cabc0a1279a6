"""Checks, terms and trainings: what a contribution needs besides signatures (POL-03)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import cast

import pytest

from gate.domain.errors import ConflictError, InputError, NotFoundError, NotPermittedError, NotSignedInError
from gate.store import people
from gate.store.auditlog import AuditLog
from gate.workflow import checks, registers, session, terms, tokens
from gate.workflow.parts import Parts
from gate.workflow.redecide import redecide_open
from tests.support.directory_ldif import PASSWORD
from tests.support.journey import ADDRESS, OPERATOR, POLICY, REPOSITORY, World, open_world

WITH_ALL = POLICY.replace(
    "rules:\n",
    """\
terms:
  inner-source: {title: InnerSource terms, text: "What I contribute is mine to give."}
prerequisites:
  - {id: terms-accepted, for: [contributors], terms: inner-source}
  - {id: gxp-training, for: [approvers], training: GXP-101}
change_request: {pattern: "CHG-[0-9]+", example: CHG-1042}
checks:
  - {name: build, reporters: [ci]}
rules:
""",
    1,
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with open_world(tmp_path / "world", policy=WITH_ALL) as opened:
        yield opened


def trained(world: World, *logins: str) -> None:
    text = "login,code,valid_until\n" + "".join(f"{login},GXP-101,2027-01-31\n" for login in logins)
    registers.import_trainings(world.parts, "lms.csv", text, date(2026, 11, 1), by=OPERATOR)


def accept(world: World, login: str) -> None:
    who = world.who(login)
    (asked,) = terms.terms(world.parts, who)
    terms.accept(world.parts, who, asked.id, asked.digest, PASSWORD, ADDRESS, f"accept-{login}")


def reports(world: World, sha: str, outcome: str = "success", holder: tokens.TokenHolder | None = None) -> str:
    body = {"name": "build", "outcome": outcome}
    found = checks.report(world.parts, holder or world.holder, REPOSITORY, sha, body)
    return str(found["contributions"][0]["answer"])


@pytest.mark.req("POL-03", "SGN-02", "INV-12")
def test_everything_asked_for_is_given_once_and_it_is_approved(world: World) -> None:
    head = world.push("CHG-7-retry", {"a": "1"})
    blocked = world.answer(head)
    assert blocked.answer == "blocked"
    assert "InnerSource" in str(blocked.body["summary"]) or "inner-source" in str(blocked.body["reasons"])
    accept(world, "anna")
    redecide_open(world.parts)
    assert world.word(head) == "pending"
    with pytest.raises(NotPermittedError):
        world.form("bob")
    trained(world, "bob", "dana")
    redecide_open(world.parts)
    world.sign("bob")
    world.sign("dana")
    assert world.word(head) == "pending"
    assert reports(world, head) == "approved"
    assert world.word(head) == "approved"
    assert reports(world, head, "failure") != "approved"
    assert reports(world, head) == "approved"


@pytest.mark.req("POL-03")
def test_without_a_change_request_it_is_not_approved_and_says_the_pattern(world: World) -> None:
    accept(world, "anna")
    trained(world, "bob", "dana")
    head = world.push("retry", {"a": "1"})
    world.sign("bob")
    world.sign("dana")
    reports(world, head)
    answer = world.answer(head)
    assert answer.answer != "approved"
    assert "CHG-" in str(answer.body["reasons"])
    newer = world.push("retry", {"a": "2"}, message="CHG-12: now with an id")
    assert world.answer(newer).answer == "pending"
    assert "CHG-" not in str(world.answer(newer).body["reasons"])


@pytest.mark.req("POL-03")
def test_a_training_that_ends_takes_the_approval_with_it(world: World) -> None:
    accept(world, "anna")
    trained(world, "dana")
    text = "login,code,valid_until\nbob,GXP-101,2026-11-23\n"
    registers.import_trainings(world.parts, "lms.csv", text, date(2026, 11, 1), by=OPERATOR)
    head = world.push("CHG-7-retry", {"a": "1"})
    world.sign("bob")
    world.sign("dana")
    assert reports(world, head) == "approved"
    world.clock.move(hours=38, minutes=59)
    assert world.word(head) == "approved", "to the end of the day that is named"
    world.clock.move(minutes=1)
    assert world.word(head) == "pending"


@pytest.mark.req("POL-03")
def test_the_authors_own_token_never_counts(world: World) -> None:
    accept(world, "anna")
    trained(world, "bob", "dana")
    head = world.push("CHG-7-retry", {"a": "1"})
    world.sign("bob")
    world.sign("dana")
    tokens.revoke(world.parts, "ci", by=OPERATOR)
    secret = tokens.issue(
        world.parts, "ci", repository=REPOSITORY, scopes=["checks:write"], by=OPERATOR, person=world.who("anna").key
    )
    own = tokens.bearer(world.parts, f"Bearer {secret}")
    assert reports(world, head, holder=own) == "pending"
    other = tokens.issue(world.parts, "other", repository=REPOSITORY, scopes=["checks:write"], by=OPERATOR)
    stranger = tokens.bearer(world.parts, f"Bearer {other}")
    assert reports(world, head, holder=stranger) == "pending", "not among the reporters that count"
    tokens.revoke(world.parts, "ci", by=OPERATOR)
    world.token = tokens.issue(world.parts, "ci", repository=REPOSITORY, scopes=["checks:write"], by=OPERATOR)
    assert reports(world, head) == "approved"


@pytest.mark.req("POL-03", "INV-02")
def test_a_check_counts_at_the_head_it_was_made_for(world: World) -> None:
    accept(world, "anna")
    trained(world, "bob", "dana")
    old = world.push("CHG-7-retry", {"a": "1"})
    reports(world, old)
    new = world.push("CHG-7-retry", {"a": "2"})
    world.sign("bob")
    world.sign("dana")
    assert world.word(new) == "pending"
    with pytest.raises((ConflictError, NotFoundError)):
        reports(world, old)
    with pytest.raises(NotFoundError):
        reports(world, "d" * 40)
    with pytest.raises(InputError, match="outcome"):
        reports(world, new, "maybe")
    assert reports(world, new) == "approved"


@pytest.mark.req("POL-03")
@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("login,code,valid_until\nbob,GXP-101,\nzzz,GXP-101,\n", 3, "zzz"),
        ("login,code,valid_until\nbob,GXP-101,\nb\u200bob,GXP-101,\n", 3, "login"),
        ("login,code,valid_until\nbob,GXP-101,\n*,GXP-101,\n", 3, "*"),
        ("login,code,valid_until\nbob,GXP-101,2026-13-01\n", 2, "2026-13-01"),
        ("login,code,valid_until\nbob,GXP-101,\nbob,GXP-101,\n", 3, "twice"),
        ("login,code,valid_until\nbob,GXP-101,\nBOB,GXP-101,\n", 3, "twice"),
        ("login,code,valid_until\n,GXP-101,\n", 2, "login"),
        ("login,code,valid_until\nbob\n", 2, "code"),
        ("login,code,valid_until\nbob,GXP-101,,x\n", 2, "column"),
        ("who,what\nbob,GXP-101\n", 1, "header"),
        ('login,code,valid_until\n"bob,GXP-101,\n', 2, ""),
        ("", 1, "header"),
    ],
)
def test_a_file_with_one_wrong_line_imports_nothing_and_names_the_line(
    world: World, text: str, line: int, what: str
) -> None:
    before = world.entries()
    with pytest.raises(InputError) as caught:
        registers.import_trainings(world.parts, "lms.csv", text, date(2026, 11, 1), by=OPERATOR)
    assert (caught.value.file, caught.value.line) == ("lms.csv", line), str(caught.value)
    assert what in str(caught.value)
    assert world.entries() == before
    assert people.trainings(world.parts.engine, [world.who("bob").key]) == ()


class StaleOnce:
    """A log whose first answer about a stream is overtaken before it is used."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.asked = 0

    def stream_version(self, stream: str) -> int:
        version = self.parts.log.stream_version(stream)
        self.asked += 1
        if self.asked == 1:
            with pytest.raises(NotSignedInError):
                session.sign_in(self.parts, "anna", "wrong", ADDRESS)
        return version


@pytest.mark.req("POL-03", "INV-06")
def test_an_import_overtaken_by_a_refused_sign_in_is_written_all_the_same(world: World) -> None:
    log = StaleOnce(world.parts)
    overtaken = replace(world.parts, log=cast(AuditLog, log))
    text = "login,code,valid_until\nbob,GXP-101,\n"
    assert registers.import_trainings(overtaken, "lms.csv", text, date(2026, 11, 1), by=OPERATOR) == 1
    assert log.asked == 2
    assert world.kinds()[-2:] == ["approval-refused", "trainings-imported"]


@pytest.mark.req("SGN-02", "INV-04", "INV-05")
def test_terms_are_accepted_by_the_person_as_they_were_read(world: World) -> None:
    who = world.who("anna")
    (asked,) = terms.terms(world.parts, who)
    assert asked.accepted_at is None
    before = world.kinds()
    with pytest.raises(NotSignedInError):
        terms.accept(world.parts, who, asked.id, asked.digest, "wrong", ADDRESS, "request-1")
    assert world.kinds() == [*before, "approval-refused"]
    world.activate(WITH_ALL.replace("mine to give", "mine to give away"))
    with pytest.raises(ConflictError) as caught:
        terms.accept(world.parts, who, asked.id, asked.digest, PASSWORD, ADDRESS, "request-2")
    assert caught.value.code == "changed"
    (asked,) = terms.terms(world.parts, who)
    first = terms.accept(world.parts, who, asked.id, asked.digest, PASSWORD, ADDRESS, "request-3")
    again = terms.accept(world.parts, who, asked.id, asked.digest, PASSWORD, ADDRESS, "request-3")
    assert first.index == again.index
    assert terms.terms(world.parts, who)[0].accepted_at == world.clock.now()
    assert world.audit().ok


@pytest.mark.req("POL-03", "INV-01")
def test_an_older_list_does_not_bring_back_a_training_that_has_lapsed(world: World) -> None:
    trained(world, "bob")
    before = world.entries()
    with pytest.raises(InputError, match="as of 2026-11-01"):
        registers.import_trainings(
            world.parts, "old.csv", "login,code,valid_until\nbob,GXP-101,\n", date(2026, 10, 31), by=OPERATOR
        )
    assert world.entries() == before
