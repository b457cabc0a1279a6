"""Every route declares a permission, and nobody comes in without it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from gate.web.permissions import WORDS, Permission, build_permission_map, requires
from tests.support.web import (
    COOKIE,
    CSRF,
    HEAD,
    TOKEN,
    World,
    build_world,
    fill_path,
    patched_app,
    read_method,
    sign_in_client,
)

pytestmark = pytest.mark.req("SEC-01")

# The literal list: what answers without a session or a token. A route added here is a decision to be reviewed.
ANONYMOUS = {"session.show_sign_in", "session.sign_in", "health", "static", "deliveries.receive_delivery"}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return build_world(tmp_path)


@pytest.fixture
def app(world: World) -> Iterator[Flask]:
    with patched_app(world) as built:
        yield built


def pages(app: Flask) -> list[str]:
    return [name for name, permission in build_permission_map(app.view_functions).items() if permission.scope == "page"]


def api(app: Flask) -> list[str]:
    return [name for name, permission in build_permission_map(app.view_functions).items() if permission.scope == "api"]


def test_every_route_declares_one_permission(app: Flask) -> None:
    permissions = build_permission_map(app.view_functions)
    assert {rule.endpoint for rule in app.url_map.iter_rules()} == set(permissions)
    assert {name for name, permission in permissions.items() if permission.scope == "open"} == ANONYMOUS


def test_an_endpoint_without_a_permission_refuses_to_start() -> None:
    with pytest.raises(TypeError, match="declares no permission"):
        build_permission_map({"forgotten": lambda: ""})


def test_an_endpoint_open_by_slip_refuses_to_start() -> None:
    @requires(Permission.HEALTH)
    def show_secrets() -> str:
        return ""

    @requires(Permission.READ_LOG)
    def health() -> str:
        return ""

    for endpoint, view in (("secrets", show_secrets), ("health", health)):
        with pytest.raises(TypeError, match="disagree"):
            build_permission_map({endpoint: view})


def test_anonymous_is_refused_on_all_routes_but_the_list(app: Flask, world: World) -> None:
    client = app.test_client()
    for endpoint in {rule.endpoint for rule in app.url_map.iter_rules()} - ANONYMOUS:
        method, path = read_method(app, endpoint), fill_path(app, endpoint)
        for headers in ({}, {"Cookie": "gate=guessed"}, {"Authorization": "Basic YTpi"}):
            answer = client.open(path, method=method, headers=headers)
            if endpoint in pages(app) and method == "GET":
                assert answer.status_code == 303, endpoint
                assert answer.location.startswith("/sign-in?next=/"), endpoint
            else:
                assert answer.status_code == 401, endpoint
    assert {name for name, _ in world.calls} <= {"session.current", "tokens.bearer"}


def test_every_page_wants_its_permission(app: Flask, world: World) -> None:
    from dataclasses import replace

    world.person = replace(world.person, permissions=frozenset())
    client, permissions = sign_in_client(app), build_permission_map(app.view_functions)
    for endpoint in set(pages(app)) - {"session.sign_out"}:
        answer = client.open(fill_path(app, endpoint), method=read_method(app, endpoint), data={"csrf": CSRF})
        assert answer.status_code == 403, endpoint
        assert f"You may not {WORDS[permissions[endpoint]]}." in answer.text, endpoint
    assert {name for name, _ in world.calls} == {"session.current"}


def test_every_api_route_wants_its_scope(app: Flask, world: World) -> None:
    permissions = build_permission_map(app.view_functions)
    for endpoint in api(app):
        world.scopes = frozenset(one.token_scope for one in Permission if one is not permissions[endpoint])
        answer = app.test_client().open(
            fill_path(app, endpoint),
            method=read_method(app, endpoint),
            json={},
            headers={"Authorization": f"Bearer {TOKEN}"},
        )
        assert (answer.status_code, answer.json["code"] if answer.json else "") == (403, "scope-missing"), endpoint


def test_a_token_of_another_repository_is_refused(app: Flask, world: World) -> None:
    world.token_repository = "other"
    answer = app.test_client().get(fill_path(app, "status.show_answer"), headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 403
    assert not world.called("status.answer")


@pytest.mark.req("INV-05")
def test_a_token_reaches_no_page_and_signs_nothing(app: Flask, world: World) -> None:
    """Not even together with a valid session: whoever sends a token is a program."""
    for client in (app.test_client(), sign_in_client(app)):
        for endpoint in pages(app):
            answer = client.open(
                fill_path(app, endpoint),
                method=read_method(app, endpoint),
                data={"csrf": CSRF},
                headers={"Authorization": f"Bearer {TOKEN}"},
            )
            assert answer.status_code == 403, endpoint
            assert "nothing can be signed with one" in answer.text
    assert world.calls == []


def test_a_session_opens_no_api_route(app: Flask, world: World) -> None:
    client = sign_in_client(app)
    for endpoint in api(app):
        answer = client.open(fill_path(app, endpoint), method=read_method(app, endpoint), json={})
        assert answer.status_code == 401, endpoint
        assert answer.mimetype == "application/problem+json"
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert not world.called("session.current")


def test_wrong_methods_are_told_what_is_allowed(app: Flask) -> None:
    client = sign_in_client(app)
    for rule in app.url_map.iter_rules():
        siblings = [one for one in app.url_map.iter_rules() if one.rule == rule.rule]
        allowed = set().union(*(one.methods or () for one in siblings))
        for method in {"GET", "POST", "PUT", "DELETE", "PATCH", "TRACE"} - allowed:
            answer = client.open(fill_path(app, rule.endpoint), method=method)
            assert answer.status_code == 405, (rule.rule, method)
            assert set(answer.headers["Allow"].split(", ")) == allowed


def test_options_tells_methods_to_nobody_unknown(app: Flask) -> None:
    assert app.test_client().options("/log").status_code in (303, 401)


def test_unknown_paths_are_404_pages_or_problems(app: Flask) -> None:
    client = app.test_client()
    assert client.get("/nothing").mimetype == "text/html"
    problem = client.get("/api/v1/nothing")
    assert (problem.status_code, problem.mimetype) == (404, "application/problem+json")


@pytest.mark.req("ASK-01")
def test_status_answers_with_etag_and_304(app: Flask) -> None:
    client = app.test_client()
    path, bearer = fill_path(app, "status.show_answer"), {"Authorization": f"Bearer {TOKEN}"}
    first = client.get(path, headers=bearer)
    assert (first.status_code, first.json["answer"] if first.json else "") == (200, "approved")
    etag = first.headers["ETag"]
    for known in (etag, f'"x", W/{etag}', "*"):
        again = client.get(path, headers={**bearer, "If-None-Match": known})
        assert (again.status_code, again.data) == (304, b"")
        assert again.headers["ETag"] == etag
    assert client.get(path, headers={**bearer, "If-None-Match": '"other"'}).status_code == 200


@pytest.mark.req("ASK-01")
def test_an_unknown_revision_is_404_even_with_its_etag(app: Flask) -> None:
    path = fill_path(app, "status.show_answer").replace(HEAD, "ff" * 20)
    answer = app.test_client().get(path, headers={"Authorization": f"Bearer {TOKEN}", "If-None-Match": "*"})
    assert (answer.status_code, answer.json["answer"] if answer.json else "") == (404, "unknown")


@pytest.mark.parametrize(
    "query", ["sha=x", "target=refs/heads/main", "target=m&sha=abc", "target=m" + "&sha=" + "A" * 40]
)
def test_verdicts_refuse_what_is_no_batch(app: Flask, query: str) -> None:
    path = f"/api/v1/repositories/ledger-core/verdicts?{query}"
    assert app.test_client().get(path, headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 400


def test_health_says_whether_the_gate_can_work(app: Flask, world: World) -> None:
    assert app.test_client().get("/health").status_code == 200


def test_a_session_is_asked_for_by_its_cookie_only(app: Flask, world: World) -> None:
    app.test_client().get(f"/?gate={COOKIE}", headers={"X-Session": COOKIE})
    assert not world.called("session.current")
