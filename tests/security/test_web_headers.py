"""Answer headers, cookies and the Host rule, on every kind of answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.web import (
    CSRF,
    PASSWORD,
    TOKEN,
    World,
    build_world,
    fill_path,
    patched_app,
    read_form_token,
    read_method,
    sign_in_client,
)

pytestmark = pytest.mark.req("SEC-01")
EXPECTED = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return build_world(tmp_path)


@pytest.fixture
def app(world: World) -> Iterator[Flask]:
    with patched_app(world) as built:
        yield built


def check_headers(answer: object, where: str) -> None:
    headers = answer.headers  # type: ignore[attr-defined]
    for name, value in EXPECTED.items():
        assert headers.getlist(name) == [value], (where, name)
    csp = headers.getlist("Content-Security-Policy")
    assert len(csp) == 1, where
    assert csp[0].startswith("default-src 'none'"), where
    assert "frame-ancestors 'none'" in csp[0], where
    assert "unsafe" not in csp[0], where
    assert "script-src" not in csp[0], where
    assert len(headers.getlist("X-Request-Id")) == 1, where
    assert headers["Cache-Control"] in ("no-store", "private, no-cache") or where == "static", where
    assert "Server" not in headers or "Werkzeug" not in headers["Server"], where


def test_headers_stand_on_every_answer(app: Flask, world: World) -> None:
    client = sign_in_client(app)
    for endpoint in sorted({rule.endpoint for rule in app.url_map.iter_rules()}):
        method, path = read_method(app, endpoint), fill_path(app, endpoint)
        for headers in ({}, {"Authorization": f"Bearer {TOKEN}"}):
            answer = client.open(path, method=method, headers=headers)
            check_headers(answer, endpoint)
            answer.close()


def test_headers_stand_on_errors_too(app: Flask, world: World) -> None:
    world.raises["pages.log"] = RuntimeError("a fault")
    client = sign_in_client(app)
    cases = [
        ("/log", "GET", {}, 500),
        ("/nothing", "GET", {}, 404),
        ("/api/v1/nothing", "GET", {}, 404),
        ("/log", "DELETE", {}, 405),
        ("/", "GET", {"Host": "evil.example"}, 421),
        ("/contributions/ledger-core/13", "GET", {}, 404),
        ("/log?page=x", "GET", {}, 400),
        ("/sign-out", "POST", {}, 403),
    ]
    for path, method, headers, status in cases:
        answer = client.open(path, method=method, headers=headers)
        assert answer.status_code == status, path
        check_headers(answer, path)


def test_the_style_sheet_may_be_kept_for_ever(app: Flask) -> None:
    page = app.test_client().get("/sign-in").text
    found = re.search(r'href="(/static/gate.css[^"]*)"', page)
    assert found
    path = found[1]
    answer = app.test_client().get(path)
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert "v=" in path
    answer.close()


@pytest.mark.parametrize(
    ("base_url", "prefix", "is_secure"),
    [("http://127.0.0.1:8480", "", False), ("https://gate.corp.example", "__Host-", True)],
)
def test_cookies_are_bound_to_this_site(tmp_path: Path, base_url: str, prefix: str, is_secure: bool) -> None:
    world = build_world(tmp_path, base_url=base_url)
    with patched_app(world) as app:
        client = app.test_client()
        page = client.get("/sign-in", base_url=base_url)
        form = {"csrf": read_form_token(page.text), "login": "anna", "password": PASSWORD}
        answer = client.post("/sign-in", data=form, base_url=base_url)
        kept = [*page.headers.getlist("Set-Cookie"), *answer.headers.getlist("Set-Cookie")]
        assert answer.status_code == 303
        assert [line.split("=")[0] for line in kept] == [f"{prefix}gate-form", f"{prefix}gate", f"{prefix}gate-form"]
        for line in kept:
            parts = {part.strip() for part in line.split(";")}
            assert {"HttpOnly", "Path=/"} <= parts
            assert ("Secure" in parts) is is_secure
            assert parts & {"SameSite=Lax", "SameSite=Strict"}
            assert not any(part.startswith("Domain") for part in parts)
        assert ("Strict-Transport-Security" in answer.headers) is is_secure


def test_signing_out_takes_the_cookie_back(app: Flask) -> None:
    answer = sign_in_client(app).post("/sign-out", data={"csrf": CSRF})
    assert answer.headers["Set-Cookie"].startswith("gate=; Expires=Thu, 01 Jan 1970")


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "gate.corp.example.evil", "localhost@evil.example", "evil.example:8480",
     "gate.corp.example:8443", "127.0.0.2", "localhost.", "[::2]"],
)  # fmt: skip
def test_other_host_names_are_refused(tmp_path: Path, host: str) -> None:
    world = build_world(tmp_path, base_url="https://gate.corp.example")
    with patched_app(world) as app:
        for path in ("/sign-in", "/health", "/api/v1/nothing"):
            answer = app.test_client().get(path, headers={"Host": host})
            assert answer.status_code in (400, 421), host
            assert "evil" not in answer.text


@pytest.mark.parametrize(
    "host", ["gate.corp.example", "127.0.0.1", "127.0.0.1:8480", "localhost:9", "[::1]:8480", "[::1]"]
)
def test_own_host_names_are_served(tmp_path: Path, host: str) -> None:
    world = build_world(tmp_path, base_url="https://gate.corp.example")
    with patched_app(world) as app:
        assert app.test_client().get("/sign-in", headers={"Host": host}).status_code == 200


def test_no_page_holds_inline_script_or_style(app: Flask) -> None:
    client: FlaskClient = sign_in_client(app)
    for endpoint in sorted({rule.endpoint for rule in app.url_map.iter_rules()}):
        answer = client.get(fill_path(app, endpoint))
        if answer.mimetype == "text/html":
            for banned in ("<script", " style=", " onclick", "<style", "javascript:", "http://", "//cdn"):
                assert banned not in answer.text.lower(), (endpoint, banned)
        answer.close()
