"""Reviews given on a forge: recorded as that, counted where the policy lets them, never called signatures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gate.auditlog.entry import parse_statement
from gate.domain.approval import Act
from gate.domain.errors import NotPermittedError
from gate.policy.facts import ApprovalFacts
from gate.signing.envelope import parse_envelope
from gate.store import contributions
from gate.workflow import clear_veto, pages, session, unattributed
from gate.workflow.evaluate import look
from gate.workflow.gather import gather
from gate.workflow.proposal_effects import build_effects
from gate.workflow.receipt import receipt
from tests.support.directory_ldif import PASSWORD
from tests.support.forges import FORGES, MODE, ForgeClient, connect
from tests.support.journey import ADDRESS, MAIN, POLICY, REPOSITORY, World, build_pack, check_pack, identity, open_world
from tests.support.suites import with_tests

STANDS_IN = POLICY.replace(
    "of: each_owning_team, count: 1, meaning: technical-review}",
    "of: each_owning_team, count: 1, meaning: technical-review, forge_review: true}",
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with open_world(tmp_path / "world", policy=STANDS_IN, more=FORGES, mode=MODE) as opened:
        yield opened


@pytest.fixture(params=["hub", "tea"])
def forge(world: World, vectors: Path, request: pytest.FixtureRequest) -> ForgeClient:
    return connect(world, vectors, request.param)


@pytest.fixture
def hub(world: World, vectors: Path) -> ForgeClient:
    return connect(world, vectors, "hub")


def opened(forge: ForgeClient) -> str:
    head = forge.head({"a": "1"})
    forge.open(head)
    return head


def reviews(world: World) -> list[dict[str, Any]]:
    """What the entries of the kind say."""
    found = [index for index, kind in world.entries() if kind == "forge-review"]
    return [
        dict(parse_statement(parse_envelope(world.parts.log.entry(one).envelope).payload).predicate) for one in found
    ]


def facts(world: World, number: int = 1) -> list[ApprovalFacts]:
    return [one for one in gather(world.parts, REPOSITORY, number).facts.approvals if one.kind == "forge-review"]


def why_not(world: World) -> dict[str, str]:
    return {one.name: one.code for one in look(world.parts, REPOSITORY, 1).decision.not_counted}


@pytest.mark.req("RCV-08", "POL-01", "LOG-04")
def test_a_review_on_the_forge_stands_in_and_is_called_what_it_is(world: World, forge: ForgeClient) -> None:
    head = opened(forge)
    assert forge.say("bob", "approved", head) == []
    assert world.word(head) == "pending"
    world.sign("dana")
    assert world.word(head) == "approved"
    page = pages.contribution(world.parts, world.who("anna"), REPOSITORY, 1)
    assert page.decision is not None
    need = next(rule for rule in page.decision.rules if rule.id == "owner-review").requirements[0]
    assert need.sentence == "Bob Lind reviewed it on the forge as maintainer of ledger"
    index = need.filled[0].index
    assert index in page.decision.counted
    assert index not in page.meanings
    assert f"Bob Lind approved ledger-core#1 revision 1 on the forge {forge.forge}: a review on the forge, not a " in (
        receipt(world.parts, index).statement
    )
    assert world.audit().ok


@pytest.mark.req("RCV-08", "SGN-01")
def test_the_page_never_calls_it_a_signature(world: World, hub: ForgeClient) -> None:
    head = opened(hub)
    hub.say("bob", "approved", head)
    hub.say("carl", "rejected", head, id=502)
    hub.say("carl", "dismissed", head, id=502)
    world.sign("dana")
    token = session.sign_in(world.parts, "anna", PASSWORD, ADDRESS)[1]
    name = hub.client.application.extensions["gate-site"].session_cookie
    hub.client.set_cookie(name, token, domain="127.0.0.1")
    shown = hub.client.get(f"/contributions/{REPOSITORY}/1", base_url="http://127.0.0.1").text
    text = " ".join(re.sub(r"<[^>]+>", " ", shown).split())
    assert "Bob Lind reviewed it on the forge, which is not a signature, on" in text
    assert "Bob Lind signed" not in text
    assert "Carl Ohm requested changes of ledger-core#1 revision 1 on the forge hub: a review on the forge" in text
    assert "The review that Carl Ohm gave ledger-core#1 revision 1 on the forge hub was dismissed there." in text


@pytest.mark.req("RCV-08", "INV-06", "INV-09")
def test_the_entry_says_all_and_nothing_that_was_not_given(world: World, hub: ForgeClient) -> None:
    head = opened(hub)
    hub.say("bob", "approved", head, id=77, at="2026-11-22T08:30:00Z")
    (said,) = reviews(world)
    assert said["notice"] == "a review on the forge, not a signature"
    assert (said["result"], said["forge"], said["review"], said["head"]) == ("APPROVED", "hub", "77", head)
    assert (said["login"], said["account"], said["submittedAt"]) == ("bob", "7001", "2026-11-22T08:30:00.000000Z")
    assert said["reviewer"]["id"] == world.who("bob").key
    assert [one["role"] for one in said["reviewer"]["roles"]] == ["maintainer"]
    assert said["recordedBy"] == {"kind": "forge", "id": "hub"}
    assert said["expiresAt"] == "2026-12-06T08:30:00.000000Z", "from when it was given, not from when it came"
    assert not {"meaning", "meaningText", "statementText", "seen", "auth", "reasonCommitment"} & said.keys()


@pytest.mark.req("RCV-08", "RCV-04")
def test_one_changed_byte_is_refused_and_nothing_is_recorded(world: World, forge: ForgeClient) -> None:
    head = opened(forge)
    told = forge.review("bob", "approved", head)
    event = "pull_request_review" if forge.forge == "hub" else "pull_request_approved"
    before = world.parts.log.head().size
    for byte in range(0, 3000, 200):
        assert forge.send(told, event, flip=byte).status_code == 403
    assert world.parts.log.head().size == before


@pytest.mark.req("RCV-08", "RCV-06", "INV-02")
def test_what_came_before_overturns_nothing(world: World, forge: ForgeClient) -> None:
    head = opened(forge)
    assert forge.say("bob", "rejected", head, id=2, at="2026-11-22T08:50:00Z") == []
    assert world.word(head) == "rejected"
    forge.say("bob", "approved", head, id=1, at="2026-11-22T08:40:00Z")
    assert world.word(head) == "rejected"
    forge.say("bob", "approved", head, id=1, at="2026-11-22T08:50:00Z")
    assert world.word(head) == "rejected", "of two at one time the stricter stands"
    size = world.parts.log.head().size
    for state, id, at in (("approved", 1, "08:40"), ("rejected", 2, "08:50"), ("approved", 1, "08:40")):
        (why,) = forge.say("bob", state, head, id=id, at=f"2026-11-22T{at}:00Z")
        assert "on record" in why
    assert world.parts.log.head().size == size
    assert forge.say("bob", "approved", head, id=3, at="2026-11-22T08:55:00Z") == []
    assert world.word(head) == "pending"
    assert world.audit().ok


@pytest.mark.req("RCV-08", "INV-01")
def test_a_dismissed_review_never_comes_again(world: World, hub: ForgeClient) -> None:
    head = opened(hub)
    world.sign("dana")
    hub.say("bob", "approved", head, id=1)
    assert world.word(head) == "approved"
    assert hub.say("bob", "dismissed", head, id=1) == []
    assert world.word(head) == "pending"
    (why,) = hub.say("bob", "approved", head, id=1)
    assert "dismissed" in why
    assert [one["result"] for one in reviews(world)] == ["APPROVED", "WITHDRAWN"]
    assert (
        "was dismissed there" in pages.contribution(world.parts, world.who("anna"), REPOSITORY, 1).timeline[-2].sentence
    )
    hub.say("carl", "dismissed", head, id=5, at="2026-11-22T08:30:00Z")
    (why,) = hub.say("carl", "approved", head, id=5, at="2026-11-22T08:30:00Z")
    assert "dismissed" in why, "also where the dismissal came first"
    assert world.word(head) == "pending"
    assert world.audit().ok


@pytest.mark.req("RCV-08", "INV-01")
def test_dismissing_the_later_of_two_brings_back_a_change_request_and_no_approval(
    world: World, hub: ForgeClient
) -> None:
    head = opened(hub)
    hub.say("bob", "rejected", head, id=1, at="2026-11-22T08:10:00Z")
    hub.say("bob", "rejected", head, id=2, at="2026-11-22T08:20:00Z")
    hub.say("bob", "dismissed", head, id=2, at="2026-11-22T08:20:00Z")
    assert world.word(head) == "rejected"
    hub.say("bob", "dismissed", head, id=1, at="2026-11-22T08:10:00Z")
    assert world.word(head) == "pending"
    hub.say("carl", "approved", head, id=3, at="2026-11-22T08:10:00Z")
    hub.say("carl", "rejected", head, id=4, at="2026-11-22T08:20:00Z")
    hub.say("carl", "dismissed", head, id=4, at="2026-11-22T08:20:00Z")
    assert facts(world) == []


@pytest.mark.req("RCV-08", "INV-03")
def test_contributors_robots_and_people_without_the_role_review_in_vain(world: World, hub: ForgeClient) -> None:
    head = world.repo.commit(
        {"a": "1"},
        "Work\n\nCo-authored-by: Bob <bob@private.example>",
        parents=[world.repo.tip(MAIN) or ""],
        author=identity("anna"),
        branch="refs/heads/feature",
    )
    hub.open(head)
    for number, login in enumerate(["anna", "bob", "gil", "robo"]):
        assert hub.say(login, "approved", head, id=number + 1) == []
    world.sign("dana")
    assert world.word(head) == "pending"
    assert why_not(world) == {"Bob Lind": "contributor"}
    hub.say("carl", "approved", head, id=9)
    assert world.word(head) == "approved"


@pytest.mark.req("RCV-08", "POL-02")
def test_a_robot_in_the_group_still_never_approves(world: World, hub: ForgeClient) -> None:
    world.staff.roles["ledger-maintainers"] = ("erin", "robo")
    world.reload_staff()
    head = opened(hub)
    hub.say("robo", "approved", head)
    world.sign("dana")
    assert world.word(head) == "pending"
    assert why_not(world) == {"Dependency Robot": "robot"}
    with pytest.raises(NotPermittedError, match="robots never approve"):
        world.form("robo")


@pytest.mark.req("RCV-08", "INV-02")
def test_a_review_is_for_its_head_target_policy_and_time(world: World, hub: ForgeClient) -> None:
    head = opened(hub)
    hub.say("bob", "approved", head)
    world.sign("dana")
    assert world.word(head) == "approved"
    newer = hub.head({"a": "2"}, head)
    hub.push(newer)
    assert world.word(newer) == "pending"
    assert why_not(world)["Bob Lind"] == "stale-head"
    (why,) = hub.say("bob", "approved", newer, commit="c" * 40, id=9, at="2026-11-22T08:59:30Z")
    assert "head of no revision" in why
    assert hub.say("bob", "approved", newer, commit=head, id=10, at="2026-11-22T08:59:40Z") == []
    assert why_not(world)["Bob Lind"] == "stale-head", "what was reviewed is the earlier commit"
    hub.say("bob", "approved", newer, id=11, at="2026-11-22T08:59:50Z")
    world.sign("dana")
    assert world.word(newer) == "approved"
    world.clock.move(days=14)
    assert world.word(newer) == "pending"
    assert why_not(world)["Bob Lind"] == "expired"


@pytest.mark.req("RCV-08", "INV-02")
def test_another_policy_or_a_lost_role_ends_it(world: World, hub: ForgeClient) -> None:
    head = opened(hub)
    hub.say("bob", "approved", head)
    hub.say("carl", "approved", head, id=502)
    world.sign("dana")
    world.staff.roles["ledger-maintainers"] = ("erin",)
    world.reload_staff()
    world.clock.move(minutes=6)
    assert world.word(head) == "pending"
    assert why_not(world) == {"Bob Lind": "role-lost", "Carl Ohm": "role-lost"}
    world.staff.roles["ledger-maintainers"] = ("bob", "erin")
    world.reload_staff()
    world.clock.move(minutes=6)
    assert world.word(head) == "approved"
    changed = STANDS_IN.replace("valid_for: 14d", "valid_for: 13d")
    files = {path.name: path.read_bytes() for path in world.policies.glob("*.yaml")}
    (lapse,) = build_effects(world.parts, files | {"base.yaml": with_tests(changed).encode()}).lapses
    assert lapse.count == 3, "two reviews on the forge and a signature"
    world.activate(changed)
    world.clock.move(minutes=6)
    assert world.word(head) != "approved"
    assert {one.policy_digest for one in facts(world)} != {gather(world.parts, REPOSITORY, 1).policy.digest}


@pytest.mark.req("RCV-08", "INV-02")
def test_a_role_that_came_later_is_not_the_reviewers_then(world: World, hub: ForgeClient) -> None:
    head = opened(hub)
    hub.say("gil", "approved", head)
    world.staff.roles["ledger-maintainers"] = ("erin", "gil")
    world.reload_staff()
    world.clock.move(minutes=6)
    world.sign("dana")
    assert world.word(head) == "pending"
    assert facts(world) == []


@pytest.mark.req("RCV-08", "INV-05")
def test_where_the_policy_asks_for_signatures_reviews_are_shown_and_do_nothing(tmp_path: Path, vectors: Path) -> None:
    with open_world(tmp_path / "world", policy=POLICY, more=FORGES) as world:
        hub = connect(world, vectors, "hub")
        head = opened(hub)
        hub.say("bob", "approved", head)
        hub.say("dana", "rejected", head, id=2)
        world.sign("dana")
        assert world.word(head) == "pending"
        assert why_not(world) == {"Bob Lind": "forge-review"}
        sentences = [one.sentence for one in pages.contribution(world.parts, world.who("anna"), REPOSITORY, 1).timeline]
        assert any(
            "Dana Roy requested changes of ledger-core#1 revision 1 on the forge hub" in one for one in sentences
        )
        world.sign("bob")
        assert world.word(head) == "approved"
        assert world.audit().ok


@pytest.mark.req("RCV-08", "INV-05", "SGN-02")
def test_what_was_said_on_a_forge_is_not_withdrawn_here_and_a_signature_may_follow(
    world: World, hub: ForgeClient
) -> None:
    head = opened(hub)
    hub.say("bob", "approved", head)
    with pytest.raises(NotPermittedError, match="nothing standing"):
        world.form("bob", Act.WITHDRAW)
    world.sign("bob")
    world.sign("dana")
    assert world.word(head) == "approved"
    hub.say("bob", "rejected", head, id=9, at="2026-11-22T09:00:00Z")
    assert world.word(head) == "rejected", "a person's latest word is theirs, wherever they said it"
    world.form("bob", Act.WITHDRAW)
    world.sign("bob")
    assert world.word(head) == "approved"


@pytest.mark.req("RCV-08", "INV-04")
def test_a_review_that_came_while_reading_is_told_and_nothing_is_signed(world: World, hub: ForgeClient) -> None:
    head = opened(hub)
    form = world.form("dana")
    hub.say("bob", "approved", head)
    with pytest.raises(Exception, match="changed while you were reading") as changed:
        world.send("dana", form)
    (told,) = changed.value.details["changes"]  # type: ignore[attr-defined]
    assert "Bob Lind reviewed it on the forge meanwhile" in told
    assert any("Bob Lind by a review on the forge" in one for one in world.form("dana").counted)


@pytest.mark.req("RCV-08", "RCV-07", "INV-01")
def test_a_reviewer_nobody_knows_counts_for_nothing_and_is_listed(world: World, hub: ForgeClient) -> None:
    head = opened(hub)
    world.sign("dana")
    for number, login in enumerate(["stranger", "dependabot[bot]"]):
        assert hub.say(login, "approved", head, id=number + 1) == []
    assert world.word(head) == "pending"
    listed = {one.address: one for one in unattributed.unattributed(world.parts)}
    assert set(listed) == {"stranger", "dependabot[bot]"}
    assert listed["stranger"].where == ("ledger-core#1 (reviewer on hub)",)
    assert [one["reviewer"] for one in reviews(world)] == [None, None]
    assert world.audit().ok


@pytest.mark.req("RCV-08", "INV-01")
def test_an_account_that_is_nobodys_now_ends_its_own_approval(world: World, hub: ForgeClient) -> None:
    head = opened(hub)
    world.sign("dana")
    hub.say("bob", "approved", head, id=1, at="2026-11-22T08:10:00Z")
    assert world.word(head) == "approved"
    told = hub.review("bobby", "rejected", head, id=2, at="2026-11-22T08:20:00Z")
    told["review"]["user"]["id"] = 7001
    assert hub.send(told, "pull_request_review").json["ignored"] == []
    assert world.word(head) == "pending"


@pytest.mark.req("RCV-08", "INV-01")
def test_without_the_commit_or_from_the_future_nothing_is_recorded(world: World, forge: ForgeClient) -> None:
    head = opened(forge)
    told = forge.review("bob", "approved", head)
    (told["review"] if forge.forge == "hub" else told)["commit_id"] = None
    event = "pull_request_review" if forge.forge == "hub" else "pull_request_approved"
    assert "which commit" in forge.send(told, event).json["ignored"][0]
    assert "neither yes nor no" in forge.say("bob", "commented", head)[0]
    refused = forge.send(forge.review("bob", "approved", head, at="2026-11-22T09:06:00Z"), event)
    assert (refused.status_code, refused.json["code"]) == (400, "from-the-future")
    assert reviews(world) == []


@pytest.mark.req("RCV-08", "RCV-04")
def test_a_review_makes_the_gate_look_at_a_head_it_does_not_know(world: World, hub: ForgeClient) -> None:
    head = hub.head({"a": "1"})
    assert hub.say("bob", "approved", head) == []
    row = contributions.load(world.parts.engine, REPOSITORY, 1)
    assert (row.head, row.state) == (head, "open")
    assert world.word(head) == "error", "nobody said who pushed it; the reviewer did not"
    newer = hub.head({"a": "2"}, head)
    hub.push(newer)
    hub.say("carl", "approved", head, id=9)
    assert contributions.load(world.parts.engine, REPOSITORY, 1).head == newer, "an old head is not looked at again"
    closed = hub.send(hub.pull(newer, action="closed"))
    assert closed.status_code == 202
    (why,) = hub.say("bob", "approved", newer, id=10, at="2026-11-22T08:59:30Z", pull_state="closed")
    assert "No open contribution" in why
    assert hub.say("bob", "dismissed", head, pull_state="closed") == []
    assert len(contributions.of_topic(world.parts.engine, REPOSITORY, "pr/2")) == 1


@pytest.mark.req("RCV-08", "INV-07")
def test_a_review_dismissed_after_the_landing_changes_no_decision(world: World, hub: ForgeClient) -> None:
    head = opened(hub)
    hub.say("bob", "approved", head)
    world.sign("dana")
    world.land(head)
    before = contributions.load(world.parts.engine, REPOSITORY, 1)
    assert hub.say("bob", "dismissed", head, pull_state="closed") == []
    after = contributions.load(world.parts.engine, REPOSITORY, 1)
    assert (after.state, after.answer, after.decision_index) == ("merged", "approved", before.decision_index)
    assert after.version == before.version + 1
    assert world.audit().ok


@pytest.mark.req("RCV-08", "INV-02")
def test_a_review_that_is_delivered_late_is_of_the_policy_it_was_given_under(world: World, hub: ForgeClient) -> None:
    head = opened(hub)
    world.clock.move(hours=2)
    world.activate(STANDS_IN.replace("I reviewed this change and it is right.", "I reviewed every line of it."))
    world.clock.move(hours=2)
    hub.say("bob", "approved", head, at="2026-11-22T10:59:00Z")
    assert why_not(world) == {"Bob Lind": "other-policy"}
    hub.say("carl", "approved", head, id=502, at="2026-11-22T11:01:00Z")
    world.sign("dana")
    assert world.word(head) == "approved"
    hub.say("erin", "rejected", head, id=503, at="2026-11-22T10:59:00Z")
    assert world.word(head) == "rejected"
    assert world.audit().ok


@pytest.mark.req("RCV-08", "INV-01")
def test_a_change_request_survives_the_same_work_proposed_again(world: World, hub: ForgeClient) -> None:
    head = opened(hub)
    hub.say("bob", "rejected", head)
    world.repo.git("update-ref", "refs/heads/contrib/main/again", head)
    world.tell("refs/heads/contrib/main/again", None, head, "anna")
    world.sign("carl", number=2)
    world.sign("dana", number=2)
    decision = pages.contribution(world.parts, world.who("anna"), REPOSITORY, 2).decision
    assert decision is not None
    assert decision.answer.value == "rejected"
    assert (
        "Bob Lind, in ledger-core#1, (maintainer of ledger) rejected this on the forge on"
        in decision.reasons[0].sentence
    )
    hub.say("bob", "dismissed", head)
    decision = pages.contribution(world.parts, world.who("anna"), REPOSITORY, 2).decision
    assert decision is not None
    assert decision.answer.value == "approved"


@pytest.mark.req("RCV-08", "AUD-01", "AUD-03")
def test_a_pack_tells_reviews_and_signatures_apart(world: World, hub: ForgeClient, tmp_path: Path) -> None:
    head = opened(hub)
    hub.say("bob", "approved", head)
    world.sign("dana")
    world.land(head)
    made = build_pack(world)
    assert check_pack(world, made, tmp_path) == 0
    sheet = made.pack.contributions[0]
    assert [one.name for one in sheet.signatures] == ["Dana Roy"]
    assert sheet.decision is not None
    assert len(sheet.decision.document["counted"]) == 2


@pytest.mark.req("RCV-08", "POL-01")
def test_a_veto_given_on_the_forge_is_cleared_like_any_other(tmp_path: Path, vectors: Path) -> None:
    clearing = STANDS_IN.replace("survives_push: true}", "survives_push: true, cleared_by: [qa]}")
    with open_world(tmp_path / "world", policy=clearing, more=FORGES, mode=MODE) as world:
        hub = connect(world, vectors, "hub")
        head = opened(hub)
        hub.say("bob", "rejected", head)
        world.sign("carl")
        world.sign("dana")
        assert world.word(head) == "rejected"
        (veto,) = pages.contribution(world.parts, world.who("fay"), REPOSITORY, 1).vetoes
        assert (veto.name, veto.may_clear) == ("Bob Lind", True)
        form = clear_veto.prepare_clearance(world.parts, world.who("fay"), REPOSITORY, 1, veto.index)
        assert ("Reason given", "on the forge, not here") in form.about
        assert "Signed on" not in dict(form.about)
        clear_veto.clear(
            world.parts,
            world.who("fay"),
            REPOSITORY,
            1,
            veto.index,
            reason="Settled.",
            seen=form.seen,
            password=PASSWORD,
            address=ADDRESS,
            request_id="clear-1",
        )
        assert world.word(head) == "approved"
        hub.say("bob", "rejected", head, id=502, at="2026-11-22T08:59:30Z")
        assert world.word(head) == "rejected", "a clearance never clears a later veto"
        assert world.audit().ok
