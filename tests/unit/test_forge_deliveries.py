"""Deliveries of forges: verified on raw bytes, read as hints, hostile ones refused by type."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.domain.errors import InputError, NotPermittedError
from gate.forge import FORGES, recognise
from gate.forge.api import MAX_DELIVERY, ForgeReview, HintKind, ReviewState, verify_hmac

SECRET = b"a secret of this test"
HEAD = "a" * 40
BASE = "b" * 40


def signature(raw: bytes, secret: bytes = SECRET) -> str:
    return hmac.new(secret, raw, hashlib.sha256).hexdigest()


def github(event: str, raw: bytes, secret: bytes = SECRET) -> dict[str, str]:
    return {
        "Content-Type": "application/json",
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": "72d3162e-cc78-11e3",
        "X-Hub-Signature-256": "sha256=" + signature(raw, secret),
    }


def gitea(event: str, raw: bytes, secret: bytes = SECRET) -> dict[str, str]:
    """As Gitea sends them: GitHub's headers too."""
    return {
        **github(event, raw, secret),
        "X-Gitea-Event": event,
        "X-Gitea-Delivery": "f6266f16-1bf3-46a5",
        "X-Gitea-Signature": signature(raw, secret),
    }


def pull(**changes: Any) -> dict[str, Any]:
    """A small delivery, with members replaced by path: ``pull_request__draft=True``."""
    told: dict[str, Any] = {
        "action": "opened",
        "pull_request": {
            "number": 7,
            "title": "Fix rounding",
            "draft": False,
            "merged": False,
            "updated_at": "2026-11-22T10:00:00Z",
            "user": {"login": "anna"},
            "head": {"ref": "fix/rounding", "sha": HEAD, "repo": {"full_name": "north/app"}},
            "base": {"ref": "main", "sha": BASE, "repo": {"full_name": "north/app"}},
        },
        "repository": {"full_name": "north/app", "clone_url": "https://git.example/north/app.git"},
        "sender": {"login": "bo"},
    }
    for path, value in changes.items():
        *folders, last = path.split("__")
        place = told
        for folder in folders:
            place = place[folder]
        place[last] = value
    return told


def raw_of(told: Any) -> bytes:
    return json.dumps(told).encode()


def take(headers: Mapping[str, str], raw: bytes, *secrets: bytes) -> Any:
    forge = recognise(headers)
    forge.verify(headers, raw, secrets or (SECRET,))
    return forge.parse(headers, raw)


# -- what is read --------------------------------------------------------------------------------------------


@pytest.mark.req("RCV-04")
@pytest.mark.parametrize("headers_of", [github, gitea])
def test_an_opened_pull_request_is_a_hint(headers_of: Any) -> None:
    raw = raw_of(pull())
    hint = take(headers_of("pull_request", raw), raw)
    assert hint.kind is HintKind.OPENED
    assert (hint.full_name, hint.number, hint.head) == ("north/app", 7, HEAD)
    assert hint.repository_url == "https://git.example/north/app.git"
    assert (hint.source_ref, hint.target_ref) == ("refs/heads/fix/rounding", "refs/heads/main")
    assert (hint.author_login, hint.pusher_login) == ("anna", "bo")
    assert (hint.draft, hint.title) == (False, "Fix rounding")
    assert hint.at == datetime(2026, 11, 22, 10, tzinfo=UTC)


@pytest.mark.req("RCV-04")
def test_gitea_is_recognised_before_github_and_forgejo_is_gitea() -> None:
    raw = raw_of(pull())
    assert recognise(gitea("pull_request", raw)).name == "gitea"
    assert recognise(github("pull_request", raw)).name == "github"
    forgejo = {
        **gitea("pull_request", raw, b"another"),
        "x-forgejo-event": "pull_request",
        "x-forgejo-delivery": "f-1",
        "x-forgejo-signature": signature(raw),
    }
    assert take(forgejo, raw).delivery_id == "f-1"
    with pytest.raises(InputError, match="no delivery of a forge"):
        recognise({"X-Gitlab-Event": "Push Hook"})


@pytest.mark.req("RCV-04")
@pytest.mark.parametrize(
    ("forge", "event", "changes", "kind", "pusher"),
    [
        (github, "pull_request", {"action": "synchronize"}, HintKind.UPDATED, "bo"),
        (github, "pull_request", {"action": "reopened"}, HintKind.OPENED, None),
        (github, "pull_request", {"action": "edited"}, HintKind.UPDATED, None),
        (github, "pull_request", {"action": "closed"}, HintKind.CLOSED, None),
        (github, "pull_request", {"action": "closed", "pull_request__merged": True}, HintKind.MERGED, None),
        (github, "pull_request", {"action": "labeled"}, HintKind.UPDATED, None),
        (github, "pull_request", {"action": "assigned"}, HintKind.IGNORED, None),
        (gitea, "pull_request", {"action": "label_cleared"}, HintKind.UPDATED, None),
        (gitea, "pull_request", {"action": "synchronized"}, HintKind.UPDATED, "bo"),
        (gitea, "pull_request_sync", {"action": "synchronized"}, HintKind.UPDATED, "bo"),
        (gitea, "pull_request", {"action": "closed", "pull_request__merged": True}, HintKind.MERGED, None),
        (gitea, "pull_request", {"action": "synchronize"}, HintKind.IGNORED, None),
    ],
)
def test_actions(forge: Any, event: str, changes: dict[str, Any], kind: HintKind, pusher: str | None) -> None:
    raw = raw_of(pull(**changes))
    hint = take(forge(event, raw), raw)
    assert (hint.kind, hint.pusher_login) == (kind, pusher)


@pytest.mark.req("RCV-04")
def test_forks_drafts_and_people_who_left() -> None:
    raw = raw_of(pull(pull_request__head__repo={"full_name": "bo/app"}, pull_request__draft=True))
    hint = take(github("pull_request", raw), raw)
    assert (hint.source_ref, hint.draft) == ("refs/pull/7/head", True)
    raw = raw_of(pull(pull_request__head__repo=None, pull_request__user=None, pull_request__title="WIP: later"))
    hint = take(gitea("pull_request", raw), raw)
    assert (hint.source_ref, hint.author_login, hint.draft) == ("refs/pull/7/head", None, True)


@pytest.mark.req("RCV-04")
def test_labels_are_named_none_or_not_spoken_of() -> None:
    named = [{"name": "security", "color": "f00"}, {"name": "docs"}, {"name": "security"}]
    for labels, wanted in ((named, ("docs", "security")), ([], ()), (None, None)):
        raw = raw_of(pull(pull_request__labels=labels))
        assert take(github("pull_request", raw), raw).labels == wanted
    refused: tuple[object, ...] = ([{"name": "x" * 101}], [{}], [{"name": str(number)} for number in range(101)], "x")
    for odd in refused:
        raw = raw_of(pull(pull_request__labels=odd))
        with pytest.raises(InputError):
            take(github("pull_request", raw), raw)


@pytest.mark.req("RCV-04", "LND-04")
def test_pushes_pings_and_everything_else() -> None:
    repository, sender = {"full_name": "north/app"}, {"login": "bo"}
    push = {"ref": "refs/heads/main", "after": HEAD, "repository": repository, "sender": sender}
    raw = raw_of(push)
    for headers in (github("push", raw), gitea("push", raw)):
        hint = take(headers, raw)
        assert (hint.kind, hint.target_ref, hint.head, hint.pusher_login) == (
            HintKind.PUSHED,
            "refs/heads/main",
            HEAD,
            "bo",
        )
    raw = raw_of({**push, "ref": "refs/tags/v1", "after": "0" * 40})
    assert take(github("push", raw), raw).kind is HintKind.IGNORED
    raw = raw_of({**push, "after": "0" * 40})
    assert take(github("push", raw), raw).head is None
    raw = raw_of({"zen": "Keep it logically awesome."})
    assert take(github("ping", raw), raw).kind is HintKind.PING
    assert take(github("star", raw), raw).kind is HintKind.IGNORED
    assert take(gitea("issue_comment", raw), raw).kind is HintKind.IGNORED


# -- what is refused -----------------------------------------------------------------------------------------


@pytest.mark.req("RCV-04", "RCV-06")
def test_unsigned_and_wrongly_signed_deliveries_are_refused() -> None:
    raw = raw_of(pull())
    for name, headers in (("github", github("pull_request", raw)), ("gitea", gitea("pull_request", raw))):
        forge = recognise(headers)
        assert forge.name == name
        for spoilt in (
            {key: value for key, value in headers.items() if "Signature" not in key},
            {key: ("" if "Signature" in key else value) for key, value in headers.items()},
            {key: (value.upper() if "Signature" in key else value) for key, value in headers.items()},
            {key: (value + "ö" if "Signature" in key else value) for key, value in headers.items()},
            {key: (value[:-1] if "Signature" in key else value) for key, value in headers.items()},
        ):
            with pytest.raises(NotPermittedError):
                forge.verify(spoilt, raw, (SECRET,))
        for secrets in ((), (b"",), (b"wrong",)):
            with pytest.raises(NotPermittedError):
                forge.verify(headers, raw, secrets)
    sha1 = {"X-GitHub-Event": "push", "X-Hub-Signature": "sha1=" + hmac.new(SECRET, raw, hashlib.sha1).hexdigest()}
    with pytest.raises(NotPermittedError):
        recognise(sha1).verify(sha1, raw, (SECRET,))


@pytest.mark.req("RCV-04")
def test_an_empty_secret_never_verifies() -> None:
    with pytest.raises(NotPermittedError):
        verify_hmac(b"{}", signature(b"{}", b""), (b"",))


@pytest.mark.req("RCV-04")
def test_old_and_new_secret_both_count_during_rotation() -> None:
    raw = raw_of(pull())
    take(github("pull_request", raw, b"old"), raw, b"new", b"old")
    take(gitea("pull_request", raw, b"new"), raw, b"new", b"old")


@pytest.mark.req("RCV-06")
@pytest.mark.parametrize(
    "raw",
    [b"", b"null", b"[]", b"{", b"\xff", b"[" * 200_000, b"1" * 5000, b'{"action": 1}', b'{"action": "opened"}'],
)
def test_malformed_bodies_are_input_errors(raw: bytes) -> None:
    for headers in (github("pull_request", raw), gitea("pull_request", raw)):
        with pytest.raises(InputError):
            take(headers, raw)


@pytest.mark.req("RCV-06")
@pytest.mark.parametrize(
    "changes",
    [
        {"pull_request__number": "7"},
        {"pull_request__number": 0},
        {"pull_request__number": 2**70},
        {"pull_request__number": True},
        {"pull_request__head__sha": "HEAD"},
        {"pull_request__head__sha": HEAD + "\n"},
        {"pull_request__base__ref": "a b"},
        {"pull_request__base__ref": ""},
        {"pull_request__base__ref": "x" * 300},
        {"pull_request__updated_at": "2026-11-22T10:00:00"},
        {"repository__full_name": None},
        {"sender": {"login": "\ud800"}},
        {"pull_request__title": "x" * 5000},
    ],
)
def test_members_that_are_not_what_they_should_be_are_input_errors(changes: dict[str, Any]) -> None:
    raw = raw_of(pull(**changes))
    with pytest.raises(InputError) as caught:
        take(github("pull_request", raw), raw)
    assert caught.value.field


@pytest.mark.req("RCV-06")
def test_size_type_and_delivery_id_are_checked() -> None:
    big = b" " * (MAX_DELIVERY + 1)
    for headers in (github("push", b""), gitea("push", b"")):
        with pytest.raises(InputError, match="more than"):
            recognise(headers).verify(headers, big, (SECRET,))
        with pytest.raises(InputError, match="more than"):
            recognise(headers).parse(headers, big)
    raw = raw_of(pull())
    form = {**github("pull_request", raw), "Content-Type": "application/x-www-form-urlencoded"}
    with pytest.raises(InputError, match="content type"):
        take(form, raw)
    for bad in ("", "a b", "x" * 129, "a\n"):
        with pytest.raises(InputError, match="X-GitHub-Delivery"):
            take({**github("pull_request", raw), "X-GitHub-Delivery": bad}, raw)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
MEMBERS = [
    "action",
    "pull_request",
    "pull_request__number",
    "pull_request__head",
    "pull_request__head__ref",
    "pull_request__base__sha",
    "pull_request__updated_at",
    "pull_request__user",
    "repository",
    "sender",
    "sender__login",
]


@pytest.mark.req("RCV-06")
@given(member=st.sampled_from(MEMBERS), value=JSON, event=st.sampled_from(["pull_request", "push", "ping"]))
def test_nothing_but_input_errors_escape_a_parser(member: str, value: Any, event: str) -> None:
    raw = raw_of(pull(**{member: value}))
    for headers in (github(event, raw), gitea(event, raw)):
        with suppress(InputError):
            take(headers, raw)


@pytest.mark.req("RCV-06")
@given(raw=st.binary(max_size=300), names=st.dictionaries(st.text(max_size=30), st.text(max_size=80), max_size=5))
def test_nothing_but_our_errors_escape_for_any_bytes_and_headers(raw: bytes, names: dict[str, str]) -> None:
    for forge in FORGES:
        for mark in forge.marks:
            headers = {mark: "pull_request", "X-GitHub-Delivery": "d", "X-Gitea-Delivery": "d", **names}
            with pytest.raises((InputError, NotPermittedError)):
                forge.verify(headers, raw, (SECRET,))
            with pytest.raises(InputError):
                forge.parse(headers, raw)


# -- reviews -------------------------------------------------------------------------------------------------


def reviewed(forge: str, **changes: Any) -> dict[str, Any]:
    """A small review; members replaced by path as in ``pull``."""
    told = pull(action="submitted" if forge == "github" else "reviewed", pull_request__state="open")
    if forge == "github":
        told["review"] = {
            "id": 42,
            "user": {"login": "bo", "id": 9},
            "state": "approved",
            "commit_id": HEAD,
            "submitted_at": "2026-11-22T10:00:00Z",
            "body": "Fine.",
        }
    else:
        told |= {"commit_id": HEAD, "review": {"type": "pull_request_review_approved", "content": "Fine."}}
        told["sender"]["id"] = 9
    for path, value in changes.items():
        *folders, last = path.split("__")
        place = told
        for folder in folders:
            place = place[folder]
        place[last] = value
    return told


REVIEW_EVENTS = {"github": "pull_request_review", "gitea": "pull_request_approved"}


def take_review(forge: str, told: dict[str, Any]) -> Any:
    raw = raw_of(told)
    return take((github if forge == "github" else gitea)(REVIEW_EVENTS[forge], raw), raw)


@pytest.mark.req("RCV-04", "RCV-08")
@pytest.mark.parametrize("forge", ["github", "gitea"])
def test_a_review_is_read_from_the_signed_body(forge: str) -> None:
    told = reviewed(forge)
    hint = take_review(forge, told)
    id = "42" if forge == "github" else "sha256:" + hashlib.sha256(raw_of(told)).hexdigest()
    at = datetime(2026, 11, 22, 10, tzinfo=UTC)
    assert hint.review == ForgeReview(
        id=id, login="bo", account="9", state=ReviewState.APPROVED, commit=HEAD, submitted_at=at
    )
    assert (hint.kind, hint.number, hint.head, hint.pusher_login) == (HintKind.REVIEWED, 7, HEAD, None)
    assert "Fine." not in repr(hint), "what people wrote is not read"


@pytest.mark.req("RCV-08")
@pytest.mark.parametrize(
    ("forge", "changes", "state"),
    [
        ("github", {"review__state": "changes_requested"}, ReviewState.CHANGES_REQUESTED),
        ("github", {"review__state": "commented"}, ReviewState.COMMENTED),
        ("github", {"review__state": "dismissed", "action": "dismissed"}, ReviewState.DISMISSED),
        ("github", {"review__state": "approved", "action": "dismissed"}, ReviewState.DISMISSED),
        ("github", {"review__state": "APPROVED", "action": "edited"}, ReviewState.APPROVED),
        ("gitea", {"review__type": "pull_request_review_rejected"}, ReviewState.CHANGES_REQUESTED),
        ("gitea", {"review__type": "pull_request_review_comment"}, ReviewState.COMMENTED),
    ],
)
def test_what_the_reviewer_said(forge: str, changes: dict[str, Any], state: ReviewState) -> None:
    """Gitea's header still says approved: it is not signed, and not believed."""
    assert take_review(forge, reviewed(forge, **changes)).review.state is state


@pytest.mark.req("RCV-08", "INV-02")
def test_a_commit_is_never_guessed_from_the_head() -> None:
    for unsaid in ("", None):
        assert take_review("gitea", reviewed("gitea", commit_id=unsaid)).review.commit is None
    assert take_review("github", reviewed("github", review__commit_id=None)).review.commit is None
    assert take_review("github", reviewed("github", pull_request__state="closed")).head is None


@pytest.mark.req("RCV-04", "RCV-08")
@pytest.mark.parametrize(
    ("forge", "changes"),
    [
        ("github", {"review__state": "pending"}),
        ("github", {"review__commit_id": "main"}),
        ("github", {"review__submitted_at": "yesterday"}),
        ("github", {"review__submitted_at": "2026-11-22T10:00:00"}),
        ("github", {"review__submitted_at": None}),
        ("github", {"review__id": "42"}),
        ("github", {"review__user": {"id": 9}}),
        ("github", {"review": None}),
        ("github", {"action": "created"}),
        ("gitea", {"review__type": "pull_request_review_request"}),
        ("gitea", {"review": None}),
        ("gitea", {"action": "opened"}),
        ("gitea", {"pull_request__updated_at": None}),
        ("gitea", {"sender": None}),
        ("gitea", {"commit_id": "abc"}),
    ],
)
def test_half_a_review_is_none(forge: str, changes: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        take_review(forge, reviewed(forge, **changes))


@pytest.mark.req("RCV-08")
def test_a_reviewer_whose_account_is_gone_says_nothing() -> None:
    assert take_review("github", reviewed("github", review__user=None)).kind is HintKind.IGNORED


# -- deliveries as forges really send them -------------------------------------------------------------------


WANTED = {
    "github/pull_request.opened.json": (HintKind.OPENED, 2),
    "github/pull_request.opened.with-null-body.json": (HintKind.OPENED, 2),
    "github/pull_request.reopened.json": (HintKind.OPENED, 2),
    "github/pull_request.synchronize.json": (HintKind.UPDATED, 2),
    "github/pull_request.ready_for_review.json": (HintKind.UPDATED, 2),
    "github/pull_request.converted_to_draft.json": (HintKind.UPDATED, 2),
    "github/pull_request.labeled.json": (HintKind.UPDATED, 2),
    "github/pull_request.closed.json": (HintKind.CLOSED, 2),
    "github/push.payload.json": (HintKind.IGNORED, None),
    "github/ping.payload.json": (HintKind.PING, None),
    "github/check_suite.rerequested.json": (HintKind.IGNORED, None),
    "github/merge_group.checks_requested.json": (HintKind.IGNORED, None),
    "github/pull_request_review.submitted.json": (HintKind.REVIEWED, 2),
    "gitea/pull_request_opened.json": (HintKind.OPENED, 1),
    "gitea/pull_request_synchronized.json": (HintKind.UPDATED, 1),
    "gitea/pull_request_merged.json": (HintKind.MERGED, 1),
}


def headers_for(name: str, raw: bytes) -> dict[str, str]:
    forge, file = name.split("/")
    event = "pull_request" if forge == "gitea" else file.split(".")[0]
    return (gitea if forge == "gitea" else github)(event, raw)


@pytest.mark.req("RCV-04")
@pytest.mark.parametrize("name", WANTED)
def test_real_deliveries_are_read(vectors: Path, name: str) -> None:
    raw = (vectors / "webhooks" / name).read_bytes()
    hint = take(headers_for(name, raw), raw)
    assert (hint.kind, hint.number) == WANTED[name]
    if hint.number is not None:
        assert hint.full_name in ("Codertocat/Hello-World", "jcitizen/my-repo")
        assert hint.target_ref == "refs/heads/master"
        assert hint.source_ref
        assert hint.author_login


@pytest.mark.req("RCV-04")
@pytest.mark.parametrize("name", ["github/pull_request.opened.json", "gitea/pull_request_opened.json"])
@given(data=st.data())
def test_one_changed_byte_of_a_real_delivery_is_refused(vectors: Path, name: str, data: st.DataObject) -> None:
    raw = (vectors / "webhooks" / name).read_bytes()
    headers = headers_for(name, raw)
    place = data.draw(st.integers(0, len(raw) - 1))
    changed = bytearray(raw)
    changed[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(NotPermittedError):
        recognise(headers).verify(headers, bytes(changed), (SECRET,))
