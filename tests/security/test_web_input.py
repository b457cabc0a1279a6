"""Hostile input: sizes, encodings, JSON tricks, markup in every text; and what the operational log holds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from html.parser import HTMLParser
from pathlib import Path

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from gate.domain.errors import InputError
from gate.web.reading import MAX_DEPTH, parse_json_object
from tests.support.web import (
    COOKIE,
    CSRF,
    HEAD,
    PASSWORD,
    TOKEN,
    World,
    build_world,
    fill_path,
    patched_app,
    read_method,
    sign_in_client,
)

pytestmark = pytest.mark.req("SEC-01")
BEARER = {"Authorization": f"Bearer {TOKEN}"}
HINTS = "/api/v1/repositories/ledger-core/hints"
HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}</pre></textarea><b id=pwned>&lt;"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return build_world(tmp_path)


@pytest.fixture
def app(world: World) -> Iterator[Flask]:
    with patched_app(world) as built:
        yield built


@pytest.mark.parametrize("size", [1024 * 1024 + 1, 9 * 1024 * 1024])
def test_a_body_too_large_is_refused(app: Flask, world: World, size: int) -> None:
    answer = app.test_client().post(HINTS, data=b"x" * size, headers=BEARER)
    assert (answer.status_code, answer.mimetype) == (413, "application/problem+json")
    page = sign_in_client(app).post("/contributions/ledger-core/12/approve", data={"csrf": CSRF, "reason": "x" * size})
    assert (page.status_code, page.mimetype) == (413, "text/html")
    assert not world.called("receive.hint")


def test_a_delivery_may_be_larger_but_not_endless(app: Flask, world: World) -> None:
    client = app.test_client()
    assert client.post("/api/v1/deliveries/github", data=b"x" * (2 * 1024 * 1024)).status_code == 200
    assert client.post("/api/v1/deliveries/github", data=b"x" * (4 * 1024 * 1024 + 1)).status_code == 413
    assert len(world.called("deliver.delivery")) == 1


def test_a_delivery_reaches_the_step_as_it_came(app: Flask, world: World) -> None:
    raw = b'{"a": 1, "a": 2, \xff\x00'
    app.test_client().post("/api/v1/deliveries/github", data=raw, headers={"X-Hub-Signature-256": "sha256=ab"})
    forge, headers, given_raw, _ = world.called("deliver.delivery")[0]
    assert (forge, given_raw, headers["x-hub-signature-256"]) == ("github", raw, "sha256=ab")


@pytest.mark.parametrize(
    "path",
    [
        "/contributions/%00/12",
        "/contributions/%ff%fe/12",
        "/contributions/..%2f..%2fetc/12",
        "/contributions/ledger-core%0a/12",
        "/contributions/Ledger/12",
        "/contributions/ledger-core/12%00",
        "/contributions/ledger-core/-1",
        "/contributions/ledger-core/99999999999999999999",
        "/contributions/ledger-core/12/delete",
        "/static/../factory.py",
        "/static/%2e%2e/factory.py",
        "/static/..%2ffactory.py",
        "/static/%00",
        "/receipts/99999999999999999999999999",
        "/receipts/%c0%ae",
        "//evil.example/%2e%2e",
        "/log/",
    ],
)
def test_odd_paths_are_no_pages(app: Flask, path: str) -> None:
    answer = sign_in_client(app).get(path)
    assert answer.status_code in (400, 404, 421), path
    answer.close()


@pytest.mark.parametrize("value", ["a%00b", "a%1bb", "a%0ab", "%e2%80%ae", "x" * 300])
def test_odd_query_values_are_refused(app: Flask, world: World, value: str) -> None:
    answer = sign_in_client(app).get(f"/contributions?repository={value}")
    assert answer.status_code == 400
    assert not world.called("pages.contributions")


@pytest.mark.parametrize("reason", [b"a\x00b", b"a\x1b[31m", b"x" * 4001, b"a\xe2\x80\xaeb"])
def test_odd_reasons_are_refused(app: Flask, world: World, reason: bytes) -> None:
    body = f"csrf={CSRF}&seen={'e5' * 32}&request_id={'07' * 16}&as=a:b:c&password=p&reason=".encode()
    quoted = b"".join(b"%%%02x" % byte for byte in reason)
    answer = sign_in_client(app).post(
        "/contributions/ledger-core/12/approve", data=body + quoted, content_type="application/x-www-form-urlencoded"
    )
    assert answer.status_code == 400
    assert not world.called("sign.sign")


def test_bytes_that_are_not_utf8_stay_escapes_or_are_refused(app: Flask, world: World) -> None:
    """Werkzeug keeps ``%ff`` of an address as three letters; a form sent in parts is refused."""
    client = sign_in_client(app)
    assert client.get("/contributions?repository=%ff%fe").status_code == 200
    assert world.called("pages.contributions")[0][1] == "%FF%FE"
    parts = b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
    fields = {b"csrf": CSRF.encode(), b"repository": b"\xff\xfe", b"from": b"2026-01-01", b"to": b"2026-02-01"}
    body = b"".join(parts % pair for pair in fields.items()) + b"--x--\r\n"
    answer = client.post("/evidence", data=body, content_type="multipart/form-data; boundary=x")
    assert answer.status_code == 400
    assert "not UTF-8" in answer.text
    assert not world.called("export.request")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"1",
        b'"x"',
        b"{",
        b'{"a":1,"a":2}',
        b'{"a":{"b":1,"b":1}}',
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"a":"\xff"}',
        b'\xef\xbb\xbf{"a":1}',
        b'{"a":' + b"[" * 100_000,
        b'{"a":' * 33 + b"1" + b"}" * 33,
        b'{"a":' + b"9" * 5000 + b"}",
        '{"a":1}'.encode("utf-16"),
    ],
)
def test_what_is_no_plain_json_object_is_refused(app: Flask, world: World, raw: bytes) -> None:
    for path in (HINTS, "/api/v1/contributions", f"/api/v1/repositories/ledger-core/revisions/{HEAD}/checks"):
        answer = app.test_client().post(path, data=raw, headers=BEARER)
        assert (answer.status_code, answer.mimetype) == (400, "application/problem+json"), raw[:20]
        assert answer.json
        assert answer.json["code"] in ("bad-json", "too-deep")
    assert {name for name, _ in world.calls} == {"tokens.bearer"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(max_size=5), JSON, max_size=4))
def test_every_object_is_read_back(value: dict[str, object]) -> None:
    assert parse_json_object(json.dumps(value).encode()) == value


@given(st.binary(max_size=60))
def test_any_bytes_give_an_object_or_an_input_error(raw: bytes) -> None:
    with suppress(InputError):
        assert isinstance(parse_json_object(raw), dict)


def test_the_deepest_allowed_object_is_read() -> None:
    raw = b'{"a":' * MAX_DEPTH + b"1" + b"}" * MAX_DEPTH
    assert parse_json_object(raw)
    with pytest.raises(InputError, match="deeper"):
        parse_json_object(b'{"a":' + raw + b"}")


class Tags(HTMLParser):
    """Every tag and attribute a browser would see."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.names: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.names |= {name for name, _ in attrs} | {f"id={value}" for name, value in attrs if name == "id"}


def test_markup_in_any_text_stays_text(app: Flask, world: World) -> None:
    """The world's every title, name, reason, sentence and path is hostile."""
    world.text = HOSTILE
    client = sign_in_client(app)
    looked_at = 0
    for endpoint in sorted({rule.endpoint for rule in app.url_map.iter_rules()}):
        answer = client.get(fill_path(app, endpoint))
        if answer.status_code == 200 and answer.mimetype == "text/html":
            tags = Tags()
            tags.feed(answer.text)
            assert not tags.seen & {"script", "img", "iframe", "object"}, endpoint
            assert "id=pwned" not in tags.names, endpoint
            assert not {name for name in tags.names if name.startswith("on")}, endpoint
            looked_at += 1
        answer.close()
    assert looked_at == 33


def test_markup_in_what_a_person_wrote_comes_back_as_text(app: Flask) -> None:
    form = {"csrf": CSRF, "seen": "e5" * 32, "request_id": "07" * 16, "as": "a:b:c", "reason": HOSTILE}
    answer = sign_in_client(app).post("/contributions/ledger-core/12/approve", data={**form, "password": "wrong"})
    assert answer.status_code == 422
    assert "<script>" not in answer.text
    assert "{{7*7}}" in answer.text


def test_markup_in_the_address_comes_back_as_text(app: Flask) -> None:
    client = sign_in_client(app)
    for path in ("/repositories?q=<script>", "/nothing/<script>", "/contributions?state=<script>"):
        assert "<script>" not in client.get(path).text


@pytest.mark.req("GND-06")
def test_no_secret_reaches_the_operational_log(app: Flask, world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Passwords, cookies, tokens and form tokens; on success, on refusal and amid a fault of our own."""
    client = sign_in_client(app)
    form = {"csrf": CSRF, "seen": "e5" * 32, "request_id": "07" * 16, "as": "a:b:c", "reason": "Secret!"}
    for fault in (None, RuntimeError(f"fault with {PASSWORD}")):
        if fault is not None:
            world.raises["sign.sign"] = world.raises["status.answer"] = fault
        client.post("/contributions/ledger-core/12/approve", data={**form, "password": PASSWORD})
        app.test_client().get(fill_path(app, "status.show_answer") + "?target=query-text", headers=BEARER)
    lines = capsys.readouterr().err
    for secret in (PASSWORD, COOKIE, TOKEN, CSRF, "Secret!", "query-text", "Anna", "127.0.0.1"):
        assert secret not in lines
    events = [json.loads(line) for line in lines.splitlines()]
    assert [event["event"] for event in events] == ["request", "request", "incident", "request", "incident", "request"]
    assert events[0]["person"] == world.person.key
    assert events[2]["kind"] == "RuntimeError"
    assert events[2]["request_id"] == events[3]["request_id"]


@pytest.mark.req("INV-12")
def test_a_fault_of_ours_gives_an_incident_id_and_no_detail(app: Flask, world: World) -> None:
    world.raises["inbox.inbox"] = world.raises["status.answer"] = ValueError("secret detail")
    page = sign_in_client(app).get("/")
    problem = app.test_client().get(fill_path(app, "status.show_answer"), headers=BEARER)
    assert (page.status_code, problem.status_code) == (500, 500)
    assert "secret detail" not in page.text + problem.text
    assert page.headers["X-Request-Id"] in page.text
    assert problem.json
    assert problem.json["incident"] == problem.headers["X-Request-Id"]


def test_every_get_is_safe(app: Flask, world: World) -> None:
    """Nothing is signed, requested or ended by following a link."""
    client = sign_in_client(app)
    for endpoint in {rule.endpoint for rule in app.url_map.iter_rules()}:
        if read_method(app, endpoint) == "GET":
            client.get(fill_path(app, endpoint)).close()
    changing = {"sign.sign", "terms.accept", "export.request", "session.sign_out", "session.sign_in", "receive.hint"}
    assert not changing & {name for name, _ in world.calls}
