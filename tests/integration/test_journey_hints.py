"""How news arrive: the hook's hints, signed deliveries of forges, and CI; what is refused leaves only a count."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from gate.domain.errors import InputError, NotPermittedError, NotSignedInError
from gate.store import contributions, hints
from gate.web import create_web
from gate.workflow import pages, receive, tokens
from gate.workflow.gather import gather
from gate.workflow.work import Worker
from tests.support.journey import MAIN, OPERATOR, RELEASE, REPOSITORY, World, hint_body, identity, open_world

SECRET = b"a webhook secret of this test"
FORGES = """\
[[forges]]
name = "hub"
kind = "github"
secret_files = ["old.secret", "hub.secret"]
repositories = {"Codertocat/Hello-World" = "ledger-core"}
[[forges]]
name = "tea"
kind = "gitea"
secret_files = ["hub.secret"]
repositories = {"jcitizen/my-repo" = "ledger-core"}
"""
NAMES = {"hub": ("github", "Codertocat/Hello-World"), "tea": ("gitea", "jcitizen/my-repo")}
BRANCHES = {"hub": "changes", "tea": "feature"}
OPENED = {"hub": "github/pull_request.opened.json", "tea": "gitea/pull_request_opened.json"}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with open_world(tmp_path / "world", more=FORGES) as opened:
        (opened.instance / "hub.secret").write_bytes(SECRET + b"\n")
        (opened.instance / "old.secret").write_bytes(b"the one before")
        yield opened


@pytest.fixture
def client(world: World) -> FlaskClient:
    return create_web(world.parts).test_client()


def headers(forge: str, raw: bytes, delivery: str, event: str = "pull_request") -> dict[str, str]:
    """As the forge sends them."""
    signature = hmac.new(SECRET, raw, hashlib.sha256).hexdigest()
    found = {
        "Content-Type": "application/json",
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": delivery,
        "X-Hub-Signature-256": f"sha256={signature}",
    }
    if forge == "tea":
        found |= {"X-Gitea-Event": event, "X-Gitea-Delivery": delivery, "X-Gitea-Signature": signature}
    return found


def deliver(
    client: FlaskClient,
    forge: str,
    raw: bytes,
    delivery: str,
    *,
    signed: bytes | None = None,
    event: str = "pull_request",
) -> Any:
    """POST ``raw``, with the signature of ``signed`` (default: of itself)."""
    return client.post(
        f"/api/v1/deliveries/{forge}",
        data=raw,
        headers=headers(forge, raw if signed is None else signed, delivery, event),
        base_url="http://127.0.0.1",
    )


def pull(world: World, vectors: Path, forge: str, **changes: Any) -> dict[str, Any]:
    """The forge's own delivery, about a head and a branch that our git server has."""
    told: dict[str, Any] = json.loads((vectors / "webhooks" / OPENED[forge]).read_text())
    told["pull_request"]["base"]["ref"] = "main"
    told["pull_request"]["user"]["login"] = told["sender"]["login"] = "anna"
    told["pull_request"] |= changes.pop("pull_request", {})
    if head := changes.pop("head", None):
        told["pull_request"]["head"]["sha"] = head
    return told | changes


def branch(world: World, files: dict[str, str], parent: str | None = None) -> str:
    base = parent or world.repo.tip(MAIN) or ""
    return world.repo.commit(files, "Work", parents=[base], author=identity("anna"), branch="refs/heads/feature")


def pushed(vectors: Path, forge: str, head: str, sender: str) -> bytes:
    """The forge's own delivery of a push to the branch of ``pull``, by somebody."""
    told: dict[str, Any] = json.loads((vectors / "webhooks" / "github" / "push.payload.json").read_text())
    told |= {"ref": f"refs/heads/{BRANCHES[forge]}", "after": head}
    told["repository"]["full_name"] = NAMES[forge][1]
    told["sender"]["login"] = sender
    return json.dumps(told).encode()


def excluded(world: World) -> set[str]:
    """Who may not approve contribution 1, by name."""
    found = contributions.contributors(world.parts.engine, REPOSITORY, 1)
    people = {world.who(login).key: login for login in ("anna", "bob", "carl", "gil")}
    return {people[one.person] for one in found if one.person}


def trees(world: World) -> tuple[int, int]:
    return world.parts.log.head().size, len(contributions.open_for(world.parts.engine))


@pytest.mark.req("RCV-04", "RCV-06")
@pytest.mark.parametrize("forge", ["hub", "tea"])
def test_a_delivery_opens_updates_drafts_and_closes_a_contribution(
    world: World, client: FlaskClient, vectors: Path, forge: str
) -> None:
    head = branch(world, {"a": "1"})
    raw = json.dumps(pull(world, vectors, forge, head=head)).encode()
    done = deliver(client, forge, raw, "d-0001")
    assert (done.status_code, done.json["accepted"]) == (202, 1), done.text
    row = contributions.load(world.parts.engine, REPOSITORY, 1)
    assert (row.head, row.target, row.state, row.author_person) == (head, MAIN, "open", world.who("anna").key)
    assert world.word(head) == "pending"

    before = trees(world)
    again = deliver(client, forge, raw, "d-0001")
    assert (again.status_code, again.json["fresh"]) == (200, False)
    assert trees(world) == before

    newer = branch(world, {"a": "2"}, head)
    synchronised = "synchronize" if forge == "hub" else "synchronized"
    told = pull(world, vectors, forge, head=newer, action=synchronised)
    assert deliver(client, forge, json.dumps(told).encode(), "d-0002").status_code == 202
    assert (world.word(head), world.word(newer)) == ("stale", "pending")

    told = pull(world, vectors, forge, head=newer, action="edited", pull_request={"title": "WIP: not yet"})
    told["pull_request"]["head"]["sha"] = newer
    assert deliver(client, forge, json.dumps(told).encode(), "d-0003").status_code == 202
    assert contributions.load(world.parts.engine, REPOSITORY, 1).draft

    told = pull(world, vectors, forge, head=newer, action="closed")
    assert deliver(client, forge, json.dumps(told).encode(), "d-0004").status_code == 202
    assert contributions.load(world.parts.engine, REPOSITORY, 1).state == "closed"


@pytest.mark.req("INV-06", "RCV-04")
@pytest.mark.parametrize("forge", ["hub", "tea"])
def test_labels_are_recorded_when_they_change(world: World, client: FlaskClient, vectors: Path, forge: str) -> None:
    head = branch(world, {"a": "1"})
    more = {"hub": ("labeled", "unlabeled"), "tea": ("label_updated", "label_cleared")}[forge]
    seen, sizes = [], []
    for number, (action, labels) in enumerate(
        [("opened", None), (more[0], ["security"]), (more[0], ["security"]), (more[1], [])]
    ):
        named = None if labels is None else [{"name": label} for label in labels]
        told = pull(world, vectors, forge, action=action, pull_request={"labels": named})
        told["pull_request"]["head"]["sha"] = head
        assert deliver(client, forge, json.dumps(told).encode(), f"d-000{number}").status_code == 202
        facts = gather(world.parts, REPOSITORY, 1).facts
        seen.append(facts.labels)
        sizes.append(world.parts.log.head().size)
    assert seen == [None, ("security",), ("security",), ()]
    assert sizes[0] < sizes[1] == sizes[2] < sizes[3], "each change is an entry, and nothing new is none"


@pytest.mark.req("INV-03", "RCV-03", "RCV-04")
@pytest.mark.parametrize("forge", ["hub", "tea"])
def test_whoever_pushes_to_the_branch_of_a_pull_request_contributed_to_it(
    world: World, client: FlaskClient, vectors: Path, forge: str
) -> None:
    """Also when the forge tells of the push alone, and when the branch has moved on since."""
    source = BRANCHES[forge]
    base = world.repo.tip(MAIN) or ""
    head = world.repo.commit({"a": "1"}, "One", parents=[base], author=identity("anna"), branch=f"refs/heads/{source}")
    raw = json.dumps(pull(world, vectors, forge, head=head)).encode()
    assert deliver(client, forge, raw, "d-0001").status_code == 202
    assert excluded(world) == {"anna"}

    second = world.repo.commit(
        {"a": "2"}, "Two", parents=[head], author=identity("anna"), branch=f"refs/heads/{source}"
    )
    third = world.repo.commit(
        {"a": "3"}, "Three", parents=[second], author=identity("anna"), branch=f"refs/heads/{source}"
    )
    done = deliver(client, forge, pushed(vectors, forge, second, "bob"), "d-0002", event="push")
    assert (done.status_code, done.json["ignored"]) == (202, []), done.text
    assert contributions.load(world.parts.engine, REPOSITORY, 1).head == third
    assert excluded(world) == {"anna", "bob"}
    assert world.word(third) == "error", "nobody said yet who pushed this head"

    for delivery in ("d-0003", "d-0004"):
        done = deliver(client, forge, pushed(vectors, forge, third, "gil"), delivery, event="push")
        assert done.status_code == 202, done.text
    assert excluded(world) == {"anna", "bob", "gil"}
    assert world.word(third) == "pending"
    assert contributions.load(world.parts.engine, REPOSITORY, 1).revision == 3
    with pytest.raises(NotPermittedError, match="you pushed revision 2"):
        world.form("bob")


@pytest.mark.req("RCV-04", "INV-02")
@pytest.mark.parametrize("forge", ["hub", "tea"])
def test_a_retargeted_pull_request_is_another_contribution_and_the_old_one_closes(
    world: World, client: FlaskClient, vectors: Path, forge: str
) -> None:
    world.repo.git("update-ref", "refs/heads/release", world.repo.tip(MAIN) or "")
    head = branch(world, {"a": "1"})
    told = pull(world, vectors, forge, head=head)
    assert deliver(client, forge, json.dumps(told).encode(), "d-0001").status_code == 202
    world.sign("bob")
    world.sign("dana")
    assert world.word(head, MAIN) == "approved"

    told |= {"action": "edited"}
    told["pull_request"]["base"]["ref"] = "release"
    assert deliver(client, forge, json.dumps(told).encode(), "d-0002").status_code == 202
    old, new = (contributions.load(world.parts.engine, REPOSITORY, number) for number in (1, 2))
    assert (old.state, old.target, new.state, new.target) == ("closed", MAIN, "open", RELEASE)
    assert world.word(head, RELEASE) == "pending", "its pusher is known, its approvals are for another branch"
    assert world.answer(head, MAIN).body["verdict"] is None
    sentences = [one.sentence for one in pages.contribution(world.parts, world.who("anna"), REPOSITORY, 2).timeline]
    assert any("was opened for refs/heads/release, retargeted from ledger-core#1." in one for one in sentences)
    sentences = [one.sentence for one in pages.contribution(world.parts, world.who("anna"), REPOSITORY, 1).timeline]
    assert any("was closed: retargeted on the forge to refs/heads/release." in one for one in sentences)

    told["pull_request"]["base"]["ref"] = "not-protected"
    assert deliver(client, forge, json.dumps(told).encode(), "d-0003").status_code == 202
    assert contributions.open_for(world.parts.engine) == ()


@pytest.mark.req("INV-13", "RCV-05")
def test_a_pusher_known_from_an_earlier_head_is_heard_of_the_next_one_too(world: World) -> None:
    world.push("t", {"a": "1"})
    ref = "refs/heads/contrib/main/t"
    head = world.repo.commit(
        {"a": "2"}, "Two", parents=[world.repo.tip(ref) or ""], author=identity("anna"), branch=ref
    )
    body = {"repository": REPOSITORY, "target": "main", "head": head, "source_ref": ref}
    receive.ci(world.parts, world.holder, body)
    assert world.word(head) == "error", "CI does not know who pushed"
    world.tell(ref, None, head, "anna")
    assert world.word(head) == "pending"


@pytest.mark.req("RCV-04", "RCV-06")
@pytest.mark.parametrize("forge", ["hub", "tea"])
def test_one_changed_byte_is_refused_and_nothing_is_stored(
    world: World, client: FlaskClient, vectors: Path, forge: str
) -> None:
    raw = json.dumps(pull(world, vectors, forge, head=branch(world, {"a": "1"}))).encode()
    before = trees(world)
    for position in range(0, len(raw), len(raw) // 15):
        changed = bytearray(raw)
        changed[position] ^= 1
        refused = deliver(client, forge, bytes(changed), "d-0001", signed=raw)
        assert refused.status_code == 403, refused.text
    assert trees(world) == before
    assert not hints.is_seen(world.parts.engine, f"forge/{forge}", "d-0001")
    assert deliver(client, forge, raw, "d-0001").status_code == 202


@pytest.mark.req("RCV-04", "RCV-06")
def test_the_forges_own_deliveries_are_taken_or_explained(world: World, client: FlaskClient, vectors: Path) -> None:
    """Unchanged vectors, signed: their heads are not ours, so nothing may open, and each says why."""
    before = trees(world)
    seen: dict[str, tuple[int, str]] = {}
    for forge, (folder, _) in NAMES.items():
        for path in sorted((vectors / "webhooks" / folder).glob("*.json")):
            event = "pull_request" if "pull_request" in path.name.split(".")[0] else path.name.split(".")[0]
            event = "pull_request" if path.name.startswith("pull_request_o") or "synchron" in path.name else event
            raw = path.read_bytes()
            done = client.post(
                f"/api/v1/deliveries/{forge}",
                data=raw,
                headers=headers(forge, raw, f"v-{path.stem}", event),
                base_url="http://127.0.0.1",
            )
            seen[path.name] = (done.status_code, done.text)
            assert done.status_code in (202, 503), (path.name, done.text)
    assert trees(world) == before
    assert seen["ping.payload.json"][0] == 202
    assert "master is not a protected branch" in seen["pull_request.opened.json"][1]


@pytest.mark.req("RCV-04")
def test_a_head_the_git_server_does_not_show_yet_is_asked_for_again(
    world: World, client: FlaskClient, vectors: Path
) -> None:
    raw = json.dumps(pull(world, vectors, "hub", head="c" * 40)).encode()
    early = deliver(client, "hub", raw, "d-0001")
    assert (early.status_code, early.json["code"]) == (503, "not-fetched")
    assert not hints.is_seen(world.parts.engine, "forge/hub", "d-0001"), "the forge may deliver it again"


@pytest.mark.req("RCV-04")
def test_the_head_of_a_fork_is_fetched_by_the_forges_own_ref(world: World, client: FlaskClient, vectors: Path) -> None:
    head = world.repo.commit({"a": "1"}, "From a fork", parents=[world.repo.tip(MAIN) or ""], author=identity("anna"))
    world.repo.git("update-ref", "refs/pull/2/head", head)
    told = pull(world, vectors, "hub", head=head)
    told["pull_request"]["head"]["repo"]["full_name"] = "anna/Hello-World"
    done = deliver(client, "hub", json.dumps(told).encode(), "d-0001")
    assert done.status_code == 202, done.text
    assert world.word(head) == "pending"


@pytest.mark.req("RCV-06")
def test_refused_deliveries_are_counted_and_recorded_per_source_and_minute(
    world: World, client: FlaskClient, vectors: Path
) -> None:
    raw = json.dumps(pull(world, vectors, "hub")).encode()
    for _ in range(3):
        deliver(client, "hub", raw + b" ", "d", signed=raw)
    world.clock.move(minutes=1)
    malformed = b'{"action": "opened"}'
    assert deliver(client, "hub", malformed, "d").status_code == 400
    assert deliver(client, "tea", b"not json", "d").status_code == 400
    assert deliver(client, "nobody", raw, "d").status_code == 404
    assert "hints-refused" not in world.kinds()
    work(world)
    assert world.kinds().count("hints-refused") == 1, "the running minute is not over"
    world.clock.move(minutes=2)
    work(world)
    work(world)
    counts = [said(world, index) for index, kind in world.entries() if kind == "hints-refused"]
    assert counts == [
        {"source": "forge/hub", "minute": "2026-11-22T09:00:00.000000Z", "count": 3},
        {"source": "forge/hub", "minute": "2026-11-22T09:01:00.000000Z", "count": 1},
        {"source": "forge/tea", "minute": "2026-11-22T09:01:00.000000Z", "count": 1},
    ]


def work(world: World) -> None:
    Worker(world.parts, lambda what, problem: pytest.fail(f"{what}: {problem}")).round()


def said(world: World, index: int) -> dict[str, Any]:
    from gate.auditlog.entry import parse_statement
    from gate.signing.envelope import parse_envelope

    predicate = parse_statement(parse_envelope(world.parts.log.entry(index).envelope).payload).predicate
    return {name: predicate[name] for name in ("source", "minute", "count")}


@pytest.mark.req("RCV-06", "RCV-01")
def test_a_repeated_hint_changes_nothing_and_answers_200(world: World, client: FlaskClient) -> None:
    head = branch(world, {"a": "1"})
    ref = "refs/heads/contrib/main/t"
    world.repo.git("update-ref", ref, head)
    body = hint_body("hint-again-1", [{"ref": ref, "old": "0" * 40, "new": head}])
    url = f"/api/v1/repositories/{REPOSITORY}/hints"
    bearer = {"Authorization": f"Bearer {world.token}"}
    answers = [client.post(url, json=body, headers=bearer, base_url="http://127.0.0.1") for _ in range(3)]
    assert [one.status_code for one in answers] == [202, 200, 200]
    assert [one.json["fresh"] for one in answers if one.json] == [True, False, False]
    assert world.kinds().count("revision-recorded") == 1


@pytest.mark.req("RCV-05", "INV-05")
def test_ci_opens_with_a_scoped_token_and_nothing_else_does(world: World) -> None:
    head = branch(world, {"a": "1"})
    body = {"repository": REPOSITORY, "target": "main", "head": head, "source_ref": "refs/heads/feature"}
    reader = tokens.issue(world.parts, "reader", repository=REPOSITORY, scopes=["status:read"], by=OPERATOR)
    with pytest.raises(NotPermittedError, match="contributions:write"):
        receive.ci(world.parts, tokens.bearer(world.parts, f"Bearer {reader}"), body)
    for bad in (None, "", "Basic x", "Bearer ", "Bearer gate_", f"Bearer {world.token}x", f"Bearer {world.token[:-1]}"):
        with pytest.raises(NotSignedInError):
            tokens.bearer(world.parts, bad)
    made = receive.ci(world.parts, world.holder, body)
    assert (made["number"], made["head"]) == (1, head)
    assert receive.ci(world.parts, world.holder, body)["number"] == 1
    assert contributions.load(world.parts.engine, REPOSITORY, 1).revision == 1
    tokens.revoke(world.parts, "ci", by=OPERATOR)
    with pytest.raises(NotSignedInError):
        tokens.bearer(world.parts, f"Bearer {world.token}")
    with pytest.raises(InputError, match="Unknown scopes"):
        tokens.issue(world.parts, "signer", repository=None, scopes=["sign:write"], by=OPERATOR)


@pytest.mark.req("RCV-05")
def test_a_token_is_stored_only_as_its_digest(world: World) -> None:
    database = Path(str(world.parts.engine.url.database))
    stored = b"".join(path.read_bytes() for path in database.parent.glob(database.name + "*"))
    assert world.token.encode() not in stored
    assert hashlib.sha256(world.token.encode()).digest() in stored


@pytest.mark.req("RCV-01")
def test_what_is_no_contribution_is_ignored_with_a_sentence(world: World) -> None:
    head = branch(world, {"a": "1"})
    outcome = world.tell("refs/heads/feature", None, head, "anna")
    assert outcome.accepted == 0
    assert "neither a protected branch nor contrib/" in outcome.ignored[0]
    outcome = world.tell("refs/heads/contrib/nowhere/t", None, head, "anna")
    assert outcome.accepted == 0
    assert trees(world)[1] == 0


@pytest.mark.req("RCV-01")
def test_a_branch_without_anything_new_does_not_hold_up_the_rest_of_the_push(world: World) -> None:
    tip = world.repo.tip(MAIN) or ""
    head = branch(world, {"a": "1"})
    for name, sha in (("empty", tip), ("full", head)):
        world.repo.git("update-ref", f"refs/heads/contrib/main/{name}", sha)
    updates = [
        {"ref": f"refs/heads/contrib/main/{name}", "old": "0" * 40, "new": sha}
        for name, sha in (("empty", tip), ("full", head))
    ]
    outcome = receive.hint(world.parts, REPOSITORY, world.holder, hint_body("hint-two-refs", updates))
    assert outcome.accepted == 1
    assert "nothing that refs/heads/main does not have" in outcome.ignored[0]
    assert world.word(head) == "pending"


@pytest.mark.req("RCV-01", "RCV-06", "INV-13")
def test_a_ref_that_the_record_cannot_hold_does_not_hold_up_the_rest_of_the_push(
    world: World, client: FlaskClient
) -> None:
    head = branch(world, {"a": "1"})
    world.repo.git("update-ref", "refs/heads/contrib/main/t", head)
    refs = ("refs/heads/" + "deep/" * 60 + "x", "refs/heads/caf\udce9", "refs/heads/contrib/main/t")
    body = hint_body("hint-odd-refs", [{"ref": ref, "old": "0" * 40, "new": head} for ref in refs])
    raw = json.dumps(body).encode()
    place = f"/api/v1/repositories/{REPOSITORY}/hints"
    bearer = {"Authorization": f"Bearer {world.token}", "Content-Type": "application/json"}
    done = client.post(place, data=raw, headers=bearer, base_url="http://127.0.0.1")
    told: dict[str, Any] = json.loads(done.text)
    assert (done.status_code, told["accepted"]) == (202, 1), done.text
    long, foreign = told["ignored"]
    assert "has 312 characters; the gate looks at refs of up to 255" in long
    assert foreign == "refs/heads/caf\\udce9 is not UTF-8; the gate cannot name it."
    assert world.word(head) == "pending"
    body["updates"][0] = {"ref": "refs/heads/x", "old": "short", "new": head}
    raw = json.dumps(body | {"id": "hint-bad-old"}).encode()
    done = client.post(place, data=raw, headers=bearer, base_url="http://127.0.0.1")
    assert done.status_code == 400, "what git never says is no hint"
