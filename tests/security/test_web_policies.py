"""Forms of proposals: what is typed is bounded and checked, and a refused signature loses none of it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from gate.domain.errors import ConflictError, InputError, NotPermittedError
from tests.support.web import CSRF, PASSWORD, World, build_world, patched_app, sign_in_client

pytestmark = pytest.mark.req("POL-13")
FILES = {"name-0": "bank.yaml", "text-0": "kind: ApprovalPolicy\r\n", "effective_at": ""}
SIGNED = {"csrf": CSRF, "seen": "e5" * 32, "request_id": "07" * 16, "password": PASSWORD}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return build_world(tmp_path)


@pytest.fixture
def app(world: World) -> Iterator[Flask]:
    with patched_app(world) as built:
        yield built


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return sign_in_client(app)


def test_a_draft_is_checked_and_nothing_is_signed(client: FlaskClient, world: World) -> None:
    answer = client.post("/policies/propose", data={"csrf": CSRF, **FILES})
    assert answer.status_code == 200
    assert "What it would flip" in answer.text
    ((_, _, files, at),) = world.called("proposal_pages.checked_draft")
    assert (files, at) == ({"bank.yaml": b"kind: ApprovalPolicy\n"}, None)
    assert not world.called("propose.propose")


@pytest.mark.req("POL-05")
@pytest.mark.parametrize("error", [InputError("Broken.", file="bank.yaml", line=3), ConflictError("In force already.")])
def test_what_is_wrong_is_said_above_the_form_that_keeps_what_was_typed(
    client: FlaskClient, world: World, error: InputError | ConflictError
) -> None:
    world.raises["proposal_pages.checked_draft"] = error
    answer = client.post("/policies/propose", data={"csrf": CSRF, **FILES})
    assert answer.status_code == 422
    assert error.message in answer.text
    assert "kind: ApprovalPolicy" in answer.text
    assert ("bank.yaml:3" in answer.text) == isinstance(error, InputError)
    assert 'name="seen"' not in answer.text


def test_an_upload_takes_the_place_of_the_text_of_its_name(client: FlaskClient, world: World) -> None:
    upload = (io.BytesIO("kind: Other # ä\r\n".encode()), "bank.yaml")
    more = (io.BytesIO(b"kind: More\n"), "more.yml")
    client.post("/policies/propose", data={"csrf": CSRF, **FILES, "upload": [upload, more]})
    ((_, _, files, _),) = world.called("proposal_pages.checked_draft")
    assert files == {"bank.yaml": "kind: Other # ä\n".encode(), "more.yml": b"kind: More\n"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("../bank.yaml", b"x"),
        ("bank.txt", b"x"),
        (".yaml", b"x"),
        ("a" * 80 + ".yaml", b"x"),
        ("bank.yaml", b"\xff\xfe"),
        ("bank.yaml", b"a\x00b"),
        ("bank.yaml", b"a" * (256 * 1024 + 1)),
    ],
)
def test_a_bad_upload_is_refused(client: FlaskClient, world: World, name: str, content: bytes) -> None:
    answer = client.post("/policies/propose", data={"csrf": CSRF, "upload": (io.BytesIO(content), name)})
    assert answer.status_code in (400, 413)
    assert not world.called("proposal_pages.checked_draft")


@pytest.mark.parametrize(
    "data",
    [
        {"name-0": "a.yaml", "text-0": "x", "name-1": "a.yaml", "text-1": "y"},
        {"name-0": "nameless", "text-0": "x"},
        {"name-0": "", "text-0": "x"},
        {"name-0": "a.yaml", "text-0": "x", "effective_at": "tomorrow"},
    ],
)
def test_bad_fields_are_refused(client: FlaskClient, world: World, data: dict[str, str]) -> None:
    assert client.post("/policies/propose", data={"csrf": CSRF, **data}).status_code == 400
    assert not world.called("proposal_pages.checked_draft")


def test_a_time_is_read_as_utc(client: FlaskClient, world: World) -> None:
    client.post("/policies/propose", data={"csrf": CSRF, **FILES, "effective_at": "2026-12-01T06:00"})
    ((_, _, _, at),) = world.called("proposal_pages.checked_draft")
    assert at == datetime(2026, 12, 1, 6, tzinfo=UTC)


@pytest.mark.req("INV-05")
@pytest.mark.parametrize("password", ["", "wrong"])
def test_a_wrong_password_proposes_nothing_and_loses_nothing(client: FlaskClient, password: str) -> None:
    answer = client.post("/policies/proposals", data={**SIGNED, **FILES, "password": password})
    assert answer.status_code == 422
    assert "Nothing was signed" in answer.text
    assert "kind: ApprovalPolicy" in answer.text
    assert f'value="{password}"' not in answer.text or not password


def test_what_is_signed_leads_on(client: FlaskClient) -> None:
    assert client.post("/policies/proposals", data={**SIGNED, **FILES}).location == "/policies/proposals/3"
    assert client.post("/policies/proposals/3/approve", data=SIGNED).location == "/receipts/41?new=1"


@pytest.mark.req("INV-05")
@pytest.mark.parametrize("act", ["approve", "withdraw"])
def test_a_refused_signature_on_a_proposal(client: FlaskClient, world: World, act: str) -> None:
    path = f"/policies/proposals/3/{act}"
    for password in ("", "wrong"):
        answer = client.post(path, data={**SIGNED, "password": password})
        assert (answer.status_code, "Nothing was signed" in answer.text) == (422, True)
    assert client.post(path, data={**SIGNED, "seen": ""}).status_code == 400
    world.raises["propose.act"] = NotPermittedError("Too many wrong passwords.", code="throttled", retry_after=30)
    assert client.post(path, data=SIGNED).status_code == 429
    world.raises["propose.act"] = NotPermittedError("You proposed it.", code="own-proposal")
    answer = client.post(path, data=SIGNED)
    assert (answer.status_code, "You proposed it." in answer.text) == (403, True)
    world.raises["propose.act"] = ConflictError("It changed.", code="changed", changes=["Chen approved meanwhile."])
    answer = client.post(path, data=SIGNED)
    assert answer.status_code == 409
    assert "Chen approved meanwhile." in answer.text
    assert client.get(path).location == f"/policies/proposals/3#{act}"


@pytest.mark.parametrize(
    "wanted", ["ledger-core", "#1", "ledger-core#", "ledger-core#x", "ledger-core#٣", "a#9999999999"]
)
def test_what_is_tried_is_a_contribution(client: FlaskClient, world: World, wanted: str) -> None:
    assert client.get("/policies/proposals/3/try", query_string={"contribution": wanted}).status_code == 400
    assert not world.called("proposal_pages.trial")
    assert client.get("/policies/proposals/3/try?contribution=ledger-core%2312").status_code == 200
