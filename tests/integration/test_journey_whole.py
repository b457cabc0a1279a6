"""The whole journey on each database and each directory: hint, decision, two signatures, verdict, landing, pack."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from gate.auditlog.entry import parse_statement
from gate.domain.approval import Act
from gate.domain.errors import NotPermittedError
from gate.signing.api import public_key_of
from gate.signing.envelope import verify_envelope
from gate.store import blobs, contributions
from gate.workflow import inbox, pages
from gate.workflow.receipt import receipt
from gate.workflow.redecide import redecide_open
from tests.support.databases import TestDatabase
from tests.support.directory_ldif import id_of
from tests.support.journey import MAIN, REPOSITORY, World, build_pack, check_pack, open_slapd, open_world


@pytest.fixture(params=["ldif", "slapd"])
def world(request: pytest.FixtureRequest, database: TestDatabase, tmp_path: Path) -> Iterator[World]:
    if request.param == "ldif":
        with open_world(tmp_path / "world", database=database.url) as opened:
            yield opened
        return
    with open_slapd(tmp_path) as slapd, open_world(tmp_path / "world", database=database.url, slapd=slapd) as opened:
        yield opened


def predicate(world: World, index: int) -> dict[str, object]:
    envelope = world.parts.log.entry(index).envelope
    verified = verify_envelope(envelope, [public_key_of(world.parts.keys.act)])
    return dict(parse_statement(verified.payload).predicate)


@pytest.mark.req("RCV-01", "RCV-03", "RCV-07", "POL-01", "SGN-01", "SGN-02", "LOG-01", "ASK-01", "LND-04", "AUD-01")
@pytest.mark.req("INV-05", "INV-06", "INV-08", "INV-09", "INV-12", "INV-13", "POL-04")
def test_a_contribution_lands_after_two_signatures_and_its_pack_verifies(world: World, tmp_path: Path) -> None:
    head = world.push("retry", {"src/post.py": "def post(): retry()\n"})
    first = world.answer(head)
    assert (first.answer, first.http) == ("pending", 200)
    missing = first.body["missing"]
    assert isinstance(missing, list)
    assert len(missing) == 2
    assert {one["name"] for one in missing[0]["candidates"]} == {"Bob Lind", "Carl Ohm", "Erin Vale"}
    assert first.body["verdict"] is None

    with pytest.raises(NotPermittedError, match="you pushed revision 1"):
        world.form("anna")
    assert [one.number for one in inbox.inbox(world.parts, world.who("bob")).needs_you] == [1]

    bob = world.sign("bob")
    assert world.word(head) == "pending"
    dana = world.sign("dana")
    yes = world.answer(head)
    assert (yes.answer, yes.http) == ("approved", 200)
    check_receipt(world, bob.index, head)
    check_verdict(world, yes.body["verdict"], head, {bob.index, dana.index})

    world.clock.move(seconds=30)
    world.land(head)
    row = contributions.load(world.parts.engine, REPOSITORY, 1)
    assert row.state == "merged"
    direct = world.repo.commit({"README.md": "pushed past the gate\n"}, "No review", author=("X", "x@y.example"))
    world.land(direct)

    made = build_pack(world)
    counts = made.pack.completeness[0].counts
    assert (counts.approved, counts.unexplained, counts.total) == (1, 1, 2)
    assert check_pack(world, made, tmp_path) == 0
    assert world.audit(world.parts.log.checkpoint()).ok


def check_receipt(world: World, index: int, head: str) -> None:
    """INV-05, 21 CFR 11.50: printed name, role, meaning, time, and how; identity by immutable id."""
    said = predicate(world, index)
    reviewer = said["reviewer"]
    assert isinstance(reviewer, dict)
    assert reviewer["id"] == f"corp:{id_of('bob')}"
    assert (reviewer["displayName"], reviewer["role"], reviewer["team"]) == ("Bob Lind", "maintainer", "ledger")
    assert said["meaningText"] == "I reviewed this change and it is right."
    assert said["vouch"] == {"by": "gate", "on": "ldap+session"}
    assert (said["head"], said["targetRef"], said["targetID"]) == (
        head,
        MAIN,
        world.repo.git("rev-parse", f"{head}^{{tree}}"),
    )
    assert said["timestamp"] == "2026-11-22T09:00:00.000000Z"
    shown = dict(receipt(world.parts, index).lines)
    assert shown["Signed by"] == "Bob Lind (bob)"
    assert "The gate vouches for my identity" in str(said["statementText"])


def check_verdict(world: World, envelope: object, head: str, rests_on: set[int]) -> None:
    raw = json.dumps(envelope, sort_keys=True, separators=(",", ":")).encode()
    statement = json.loads(verify_envelope(raw, [public_key_of(world.parts.keys.verdict)]).payload)
    assert statement["subject"][0]["digest"]["gitCommit"] == head
    assert statement["predicate"]["verificationResult"] == "PASSED"
    assert {one["uri"] for one in statement["predicate"]["inputAttestations"]} == {f"gate:log/{i}" for i in rests_on}
    member = statement["predicate"]["urn:contribution-gate:verdict:v1"]
    assert member["notBefore"] == "2026-11-22T09:00:00.000000Z"
    assert member["notAfter"] == "2026-11-22T09:05:00.000000Z"  # with the decision, before the verdict's own lifetime


@pytest.mark.req("SGN-02", "POL-03", "INV-12")
def test_a_rejection_stops_and_its_withdrawal_frees(world: World) -> None:
    head = world.push("retry", {"src/post.py": "def post(): retry()\n"})
    world.sign("bob")
    world.sign("dana")
    world.sign("carl", Act.REJECT)
    no = world.answer(head)
    assert (no.answer, no.body["verdict"]) == ("rejected", None)
    assert "Carl Ohm (maintainer of ledger) rejected this" in str(no.body["summary"])
    taken_back = world.sign("carl", Act.WITHDRAW)
    assert predicate(world, taken_back.index)["result"] == "WITHDRAWN"
    assert world.word(head) == "approved"


@pytest.mark.req("RCV-01", "RCV-06", "POL-02")
def test_updates_repeats_closing_and_out_of_scope(world: World) -> None:
    head = world.push("retry", {"a.txt": "1\n"})
    again = world.push("retry", {"a.txt": "2\n"})
    assert (world.word(head), world.answer(head).http) == ("stale", 409)
    assert world.word(again) == "pending"
    size = world.parts.log.head().size
    assert world.tell("refs/heads/contrib/main/retry", head, again, "anna").fresh
    assert world.parts.log.head().size == size, "the same push told twice is no news"

    world.repo.git("update-ref", "-d", "refs/heads/contrib/main/retry")
    world.tell("refs/heads/contrib/main/retry", again, None, "anna")
    assert contributions.load(world.parts.engine, REPOSITORY, 1).state == "closed"
    assert world.word(again) == "blocked"

    own = world.push("own", {"b.txt": "1\n"}, author="carl", pusher="carl")
    answer = world.answer(own)
    assert (answer.answer, answer.body["out_of_scope"]) == ("approved", "same-team")
    robots = world.push("deps", {"c.txt": "1\n"}, author="robo", pusher="robo")
    answer = world.answer(robots)
    assert (answer.answer, answer.body["out_of_scope"]) == ("approved", "robots")
    assert world.word("1" * 40) == "unknown"
    assert world.answer("1" * 40).http == 404


@pytest.mark.req("INV-07", "LOG-05", "INV-06")
def test_what_was_decided_and_typed_is_kept_by_digest_and_free_text_only_committed_to(world: World) -> None:
    secret_reason = "Because Mr Smith of ward 7 asked for it"
    world.push("retry", {"a.txt": "1\n"}, message="The secret title of a patient")
    done = world.send("bob", world.form("bob"), reason=secret_reason)
    row = contributions.load(world.parts.engine, REPOSITORY, 1)
    assert row.facts_digest is not None
    assert row.decision_digest is not None
    assert blobs.load(world.parts.engine, row.facts_digest)
    assert json.loads(blobs.load(world.parts.engine, row.decision_digest))["answer"] == "pending"
    said = predicate(world, done.index)
    assert isinstance(said["reasonCommitment"], dict)
    size = world.parts.log.head().size
    everything = b"".join(world.parts.log.entry(index).envelope for index in range(size))
    payloads = b"".join(
        verify_envelope(world.parts.log.entry(index).envelope, [public_key_of(world.parts.keys.act)]).payload
        for index in range(size)
    )
    for text in (secret_reason, "The secret title of a patient"):
        assert text.encode() not in everything
        assert text.encode() not in payloads
    item = next(one for one in pages.contribution(world.parts, world.who("bob"), REPOSITORY, 1).timeline if one.reason)
    assert item.reason == secret_reason


@pytest.mark.req("POL-04", "INV-02")
def test_open_contributions_are_not_answered_until_they_are_decided_anew(world: World) -> None:
    head = world.push("retry", {"a.txt": "1\n"})
    world.sign("bob")
    world.sign("dana")
    assert world.word(head) == "approved"
    world.activate((world.policies / "base.yaml").read_text().replace("count: 1", "count: 2"))
    assert world.word(head) == "error"
    assert redecide_open(world.parts) == 1
    assert world.word(head) == "pending"
