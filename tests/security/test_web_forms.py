"""Forms: tokens, cross-site requests, where a sign-in leads, and what a refused signature looks like."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from gate.domain.errors import ConflictError, NotPermittedError, UnavailableError
from gate.web.security import is_local_path
from tests.support.web import (
    CSRF,
    DIGEST,
    PASSWORD,
    World,
    build_world,
    fill_path,
    patched_app,
    read_form_token,
    read_method,
    sign_in_client,
)

pytestmark = pytest.mark.req("SEC-01")
SIGN = "/contributions/ledger-core/12/approve"
FORM = {
    "csrf": CSRF,
    "seen": "e5" * 32,
    "request_id": "07" * 16,
    "as": "maintainer:ledger:owner-approval",
    "reason": "Looks right.\r\nTested it.",
    "password": PASSWORD,
}


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


def form_posts(app: Flask) -> list[str]:
    """Paths of every POST a browser can make."""
    endpoints = {rule.endpoint for rule in app.url_map.iter_rules() if not rule.rule.startswith("/api/")}
    return [fill_path(app, endpoint) for endpoint in sorted(endpoints) if read_method(app, endpoint) == "POST"]


@pytest.mark.parametrize("token", [None, "", "wrong", CSRF + "x", CSRF[:-1]])
def test_every_post_refuses_a_missing_or_wrong_token(app: Flask, world: World, token: str | None) -> None:
    client = sign_in_client(app)
    assert len(form_posts(app)) == 12
    for path in form_posts(app):
        data = {**FORM, "digest": DIGEST, "login": "anna", "csrf": token} if token is not None else {}
        answer = client.post(path, data=data)
        assert answer.status_code == 403, path
        assert "token is missing or old" in answer.text
    assert {name for name, _ in world.calls} <= {"session.current"}


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"},
    ],
)
def test_every_post_refuses_another_site(app: Flask, world: World, headers: dict[str, str]) -> None:
    client = app.test_client()
    client.set_cookie("gate-form", "f", domain="127.0.0.1")
    client.set_cookie("gate", "session-secret", domain="127.0.0.1")
    for path in form_posts(app):
        data = {**FORM, "csrf": "f" if path == "/sign-in" else CSRF}
        answer = client.post(path, data=data, headers=headers, base_url="http://127.0.0.1:8480")
        assert answer.status_code == 403, path
        assert "another site" in answer.text
    assert {name for name, _ in world.calls} <= {"session.current"}


def open_sign_in(client: FlaskClient, path: str = "/sign-in") -> dict[str, Any]:
    return {"csrf": read_form_token(client.get(path).text), "login": "anna", "password": PASSWORD}


@pytest.mark.req("SGN-01")
def test_signing_in_and_out(app: Flask, world: World) -> None:
    client = app.test_client()
    answer = client.post("/sign-in", data={**open_sign_in(client), "next": "/log?page=2"})
    assert (answer.status_code, answer.location) == (303, "/log?page=2")
    assert "Anna Berg" in client.get("/").text
    left = client.post("/sign-out", data={"csrf": CSRF})
    assert (left.status_code, left.location) == (303, "/sign-in?left=1")
    assert client.get("/").status_code == 303
    assert len(world.called("session.sign_out")) == 1


def test_the_sign_in_form_has_a_token_of_its_own(app: Flask, world: World) -> None:
    """Else another site could sign a person in as somebody else."""
    victim, attacker = app.test_client(), app.test_client()
    form = open_sign_in(attacker)
    open_sign_in(victim)
    assert victim.post("/sign-in", data=form).status_code == 403
    assert not world.called("session.sign_in")


def test_a_wrong_password_shows_the_form_again_and_keeps_the_login(app: Flask) -> None:
    client = app.test_client()
    answer = client.post("/sign-in", data={**open_sign_in(client), "password": "wrong", "next": "/log"})
    assert answer.status_code == 422
    assert 'value="anna"' in answer.text
    assert 'value="/log"' in answer.text
    assert "Login or password is wrong." in answer.text
    assert "wrong" not in re.sub("is wrong", "", answer.text)
    assert "gate=" not in answer.headers.get("Set-Cookie", "").replace("gate-form=", "")


@pytest.mark.req("SEC-02")
def test_throttled_sign_in_says_so(app: Flask, world: World) -> None:
    world.raises["session.sign_in"] = NotPermittedError("Too many attempts.", code="throttled", retry_after=30)
    client = app.test_client()
    answer = client.post("/sign-in", data=open_sign_in(client))
    assert answer.status_code == 429
    assert "Retry-After" in answer.headers


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "/\n/evil.example",
        "/%0d%0aSet-Cookie:x\r\n",
        "evil.example",
        " /log",
        "",
        "/log\x00",
        "///evil.example",
    ],
)
def test_sign_in_leads_to_local_paths_only(app: Flask, target: str) -> None:
    client = app.test_client()
    form = open_sign_in(client)
    assert client.post("/sign-in", data={**form, "next": target}).location == "/"
    assert not is_local_path(target)


def test_the_way_back_is_kept_while_signing_in(app: Flask) -> None:
    asked = app.test_client().get("/contributions/ledger-core/12?as=decided")
    assert asked.location == "/sign-in?next=/contributions/ledger-core/12?as%3Ddecided"


@pytest.mark.req("SGN-01", "SGN-02")
@pytest.mark.parametrize("act", ["approve", "reject", "withdraw"])
def test_signing_leads_to_the_receipt(client: FlaskClient, world: World, act: str) -> None:
    answer = client.post(f"/contributions/ledger-core/12/{act}", data=FORM)
    assert (answer.status_code, answer.location) == (303, "/receipts/41?new=1")
    _, wanted, password, address = world.called("sign.sign")[0]
    assert (wanted.act, wanted.role, wanted.team, wanted.meaning) == (act, "maintainer", "ledger", "owner-approval")
    assert (wanted.reason, wanted.seen, wanted.request_id) == ("Looks right.\nTested it.", "e5" * 32, "07" * 16)
    assert (password, address) == (PASSWORD, "127.0.0.1")
    assert "Signed and recorded" in client.get(answer.location).text


@pytest.mark.req("SGN-01", "INV-04")
def test_the_form_shows_everything_that_is_signed_in_order(client: FlaskClient) -> None:
    text = client.get(SIGN + "?as=qa::owner-approval").text
    parts = [
        "What you sign about",
        "a1" * 14,
        "What it satisfies",
        "What happens next",
        "You sign as",
        "Reason",
        "approve as qa: owner-approval",
        "SHA-256 of this text",
        "Your password",
        "Sign as Anna Berg: approve",
    ]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)
    assert 'value="qa::owner-approval" checked' in text
    assert f'name="seen" value="{"e5" * 32}"' in text


@pytest.mark.req("SGN-01", "INV-05")
@pytest.mark.parametrize("password", ["", "wrong"])
def test_without_the_right_password_nothing_is_signed_and_nothing_written_is_lost(
    client: FlaskClient, password: str
) -> None:
    answer = client.post(SIGN, data={**FORM, "password": password})
    assert answer.status_code == 422
    assert "Nothing was signed" in answer.text
    assert "Tested it.</textarea>" in answer.text
    assert 'role="alert"' in answer.text
    assert "<title>\n" not in answer.text
    assert "Error: sign" in answer.text


@pytest.mark.req("SGN-02")
@pytest.mark.parametrize("act", ["reject", "withdraw"])
def test_rejecting_and_withdrawing_want_a_reason(client: FlaskClient, world: World, act: str) -> None:
    answer = client.post(f"/contributions/ledger-core/12/{act}", data={**FORM, "reason": " \n "})
    assert answer.status_code == 422
    assert 'href="#reason"' in answer.text
    assert not world.called("sign.sign")


@pytest.mark.req("SGN-03", "INV-04", "INV-12")
def test_what_changed_meanwhile_is_told(client: FlaskClient, world: World) -> None:
    changes = ["Chen Li approved at 16:03.", "The head is now c4c4c4."]
    world.raises["sign.sign"] = ConflictError("It changed while you were reading.", code="changed", changes=changes)
    answer = client.post(SIGN, data=FORM)
    assert answer.status_code == 409
    for part in (*changes, "Nothing was signed.", f'href="{SIGN}"'):
        assert part in answer.text


@pytest.mark.req("INV-04")
def test_a_form_shown_again_keeps_the_digest_of_what_was_first_shown(client: FlaskClient) -> None:
    first = "f6" * 32
    answer = client.post(SIGN, data={**FORM, "seen": first, "password": "wrong"})
    assert f'name="seen" value="{first}"' in answer.text


@pytest.mark.req("INV-12", "DIR-04")
def test_an_outage_while_signing_says_that_nothing_was_signed(client: FlaskClient, world: World) -> None:
    world.raises["sign.sign"] = UnavailableError("The directory does not answer.", remedy="Try again in a minute.")
    answer = client.post(SIGN, data=FORM)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
    for part in ("Nothing was signed.", "The directory does not answer.", "Try again in a minute."):
        assert part in answer.text


@pytest.mark.req("SEC-02")
def test_throttled_signing_shows_the_form_again(client: FlaskClient, world: World) -> None:
    world.raises["sign.sign"] = NotPermittedError("Too many wrong passwords.", code="throttled")
    answer = client.post(SIGN, data=FORM)
    assert answer.status_code == 429
    assert "Too many wrong passwords." in answer.text


@pytest.mark.req("INV-12")
def test_a_refusal_to_sign_explains_itself(client: FlaskClient, world: World) -> None:
    world.raises["sign.sign"] = NotPermittedError("You pushed revision 1.", code="contributor", remedy="Ask Chen Li.")
    answer = client.post(SIGN, data=FORM)
    assert answer.status_code == 403
    for part in ("Nothing was signed.", "You pushed revision 1.", "Ask Chen Li."):
        assert part in answer.text


@pytest.mark.parametrize("name", ["seen", "request_id"])
def test_a_form_cut_short_is_refused(client: FlaskClient, world: World, name: str) -> None:
    assert client.post(SIGN, data={**FORM, name: ""}).status_code == 400
    assert not world.called("sign.sign")


@pytest.mark.req("SGN-02")
def test_accepting_terms(client: FlaskClient, world: World) -> None:
    form = {"csrf": CSRF, "digest": DIGEST, "request_id": "07" * 16, "password": PASSWORD}
    assert client.post("/terms/dco", data=form).location == "/receipts/41?new=1"
    assert client.post("/terms/dco", data={**form, "password": "wrong"}).status_code == 422
    assert client.post("/terms/other", data={**form, "password": ""}).status_code == 404


def test_a_session_that_ended_while_writing_signs_nothing(app: Flask, world: World) -> None:
    client = app.test_client()
    client.set_cookie("gate", "ended")
    answer = client.post(SIGN, data=FORM)
    assert answer.status_code == 401
    assert "Nothing was signed." in answer.text
    assert f'href="/sign-in?next={SIGN}"' in answer.text
    assert not world.called("sign.sign")


@pytest.mark.parametrize(
    "data",
    [
        {"repository": "", "from": "2026-01-01", "to": "2026-02-01"},
        {"repository": "a", "from": "2026-02-30", "to": "2026-03-01"},
        {"repository": "a", "from": "2026-03-02", "to": "2026-03-01"},
        {"repository": "a", "from": "", "to": "2026-03-01"},
        {"repository": "a", "from": "2026-01-01", "to": "9999-12-31"},
        {"repository": "a", "from": "9999-12-31", "to": "9999-12-31"},
    ],
)
def test_a_pack_without_a_scope_is_refused(client: FlaskClient, world: World, data: dict[str, str]) -> None:
    assert client.post("/evidence", data={"reason": "Q3", **data, "csrf": CSRF}).status_code == 400
    assert client.get("/evidence/population.csv", query_string=data).status_code == 400
    assert not world.called("export.request")


def test_progress_is_looked_at_again_only_while_asked_to(client: FlaskClient) -> None:
    assert client.get("/evidence/queued?watch=1").headers["Refresh"] == "3"
    assert "Stop looking again" in client.get("/evidence/queued?watch=1").text
    assert "Refresh" not in client.get("/evidence/queued").headers
    assert "Refresh" not in client.get("/evidence/p1?watch=1").headers


def test_a_pack_covers_both_days_and_not_the_future(client: FlaskClient, world: World) -> None:
    form = {"csrf": CSRF, "repository": "ledger-core", "reason": "Q3"}
    client.post("/evidence", data={**form, "from": "2026-07-01", "to": "2026-09-30"})
    client.post("/evidence", data={**form, "from": "2026-07-01", "to": "2027-09-30"})
    (_, first), (_, second) = world.called("export.request")
    assert (str(first.period_from), str(first.period_to)) == ("2026-07-01 00:00:00+00:00", "2026-10-01 00:00:00+00:00")
    assert str(second.period_to) == "2026-11-22 16:04:52+00:00"
