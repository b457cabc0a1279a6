"""Delegations over HTTP and on the command line: handed over, listed, ended; who may, and what is refused and how."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from gate.cli.registers import people
from gate.web import create_web
from gate.workflow import session, tokens
from gate.workflow.activate import activate
from tests.support.directory_ldif import PASSWORD
from tests.support.exceptional_world import DELEGATING, end_delegation, hand_over, open_exceptional, wish
from tests.support.journey import ADDRESS, OPERATOR, REGISTRY, REPOSITORY, START, World
from tests.support.suites import with_tests

pytestmark = pytest.mark.req("POL-07")
_HIDDEN = re.compile(r'<input type="hidden"\s+name="([^"]+)"\s+value="([^"]*)"')
UNTIL = "2026-11-28T18:00"
QA = {"as": "qa:", "to": "gil", "from": "", "until": UNTIL}
OTHER = """\
  - id: shop
    url: {url}
    title: Shop
    protected: [main]
    owning_teams: [shop]
    mode: enforce
robots:
"""
SHOP = """\
apiVersion: gate/v1
kind: ApprovalPolicy
metadata: {id: shop, title: Shop rules, owners: [change-board]}
applies_to: {repositories: [shop], branches: ["*"]}
identity:
  roles:
    maintainer: {group: "cn={team}-maintainers,ou=groups,dc=example,dc=org"}
ownership:
  - {paths: ["**"], team: "{repository}"}
meanings:
  technical-review: {text: I reviewed this change., kind: review}
rules:
  - id: owner-review
    description: A maintainer.
    require: [{role: maintainer, of: any_owning_team, count: 1, meaning: technical-review}]
"""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with open_exceptional(tmp_path / "world") as opened:
        yield opened


@dataclass
class Person:
    """Somebody signed in, at the forms of the pages."""

    client: FlaskClient

    def ask(self, **typed: str) -> TestResponse:
        return self.client.get("/delegations/hand-over", query_string={**QA, **typed})

    def answer(self, path: str, page: TestResponse, password: str = PASSWORD) -> TestResponse:
        """The form of a page comes back with a password."""
        main = page.text[page.text.index("<main") :]
        fields = {name: html.unescape(value) for name, value in _HIDDEN.findall(main)}
        return self.client.post(path, data={**fields, "password": password})


def sit_down(world: World, login: str) -> Person:
    client = create_web(world.parts).test_client()
    _, token = session.sign_in(world.parts, login, PASSWORD, ADDRESS)
    client.set_cookie("gate", token)
    return Person(client=client)


def told(world: World, query: str = "", *, token: str | None = None) -> Any:
    headers = {"Authorization": f"Bearer {token or world.token}"}
    return create_web(world.parts).test_client().get(f"/api/v1/delegations{query}", headers=headers)


def listed(world: World, query: str = "", *, token: str | None = None) -> list[tuple[int, str]]:
    return [(one["index"], one["state"]) for one in told(world, query, token=token).get_json()["delegations"]]


def entry_of(response: TestResponse) -> int:
    assert response.status_code == 303, response.text
    return int(response.headers["Location"].split("/receipts/")[1].split("?")[0])


@pytest.mark.req("INV-04", "INV-05", "SGN-05")
def test_handed_over_listed_and_ended_by_the_forms_alone(world: World) -> None:
    dana = sit_down(world, "dana")
    page = dana.ask()
    assert page.status_code == 200
    assert "I hand this role over to Gil Maro (gil)." in page.text
    assert listed(world) == []
    wrong = dana.answer("/delegations/hand-over", page, "typo")
    assert (wrong.status_code, "delegated" in world.kinds()) == (422, False)
    index = entry_of(dana.answer("/delegations/hand-over", page))
    assert re.search(r"from [-0-9]+ [:0-9]+ to [-0-9]+ [:0-9]+ UTC\.", dana.client.get(f"/receipts/{index}").text)
    assert listed(world) == [(index, "active")]
    gil = sit_down(world, "gil")
    assert f'href="/delegations/{index}/end"' in gil.client.get("/delegations").text
    page = gil.client.get(f"/delegations/{index}/end")
    assert "What was signed under it counts no longer." in page.text
    ended = entry_of(gil.answer(f"/delegations/{index}/end", page))
    again = gil.client.get(f"/delegations/{index}/end")
    assert (again.status_code, "This delegation ended on" in again.text) == (409, True)
    (one,) = told(world).get_json()["delegations"]
    assert (one["state"], one["endedIndex"], one["giver"]["displayName"]) == ("ended", ended, "Dana Roy")
    assert f'href="/delegations/{index}/end"' not in gil.client.get("/delegations").text


@pytest.mark.req("INV-05")
def test_who_may_not(world: World) -> None:
    index = hand_over(world)
    fay = sit_down(world, "fay").client
    refused = fay.get(f"/delegations/{index}/end")
    assert (refused.status_code, "Only who handed the role over" in refused.text) == (403, True)
    assert fay.get("/delegations/999/end").status_code == 404
    stranger = create_web(world.parts).test_client()
    for path in ("/delegations", "/delegations/hand-over", f"/delegations/{index}/end"):
        assert stranger.get(path).status_code in (302, 303)
        bearer = {"Authorization": f"Bearer {world.token}"}
        assert stranger.get(path, headers=bearer).status_code in (302, 303, 401, 403)
    assert stranger.get("/api/v1/delegations").status_code == 401
    dana = sit_down(world, "dana").client
    assert dana.get("/api/v1/delegations").status_code == 401, "a session is no token"
    for method in ("post", "put", "delete"):
        answer = getattr(stranger, method)("/api/v1/delegations", headers={"Authorization": f"Bearer {world.token}"})
        assert answer.status_code == 405, "nobody hands a role over with a token"
    blind = tokens.issue(world.parts, "blind", repository=REPOSITORY, scopes=("hints:write",), by=OPERATOR)
    assert told(world, token=blind).status_code == 403
    assert world.kinds().count("delegated") == 1
    assert "delegation-ended" not in world.kinds()


BAD = [
    ({"to": "dana"}, "You cannot hand a role over to yourself."),
    ({"to": "nobody"}, "The directory has nobody with the login"),
    ({"to": "robo"}, "is a robot"),
    ({"to": " "}, "Write the login"),
    ({"as": ""}, "Choose the role to hand over."),
    ({"until": ""}, "Write when the delegation ends."),
    ({"until": "2026-11-22T08:59"}, "would end in the past"),
    ({"from": "2026-11-22T08:59"}, "would begin in the past"),
    ({"from": "2026-11-29T00:00"}, "would end before it begins"),
    ({"until": "2026-12-13T09:01"}, "at most 21 days"),
    ({"until": "tomorrow"}, "This is not a date and time."),
    ({"until": "2026-02-30T10:00"}, "This is not a date and time."),
    ({"until": "2026-11-28T24:30"}, "This is not a date and time."),
    ({"until": "2026-11-28T18:00 Europe/Berlin"}, "This is not a date and time."),
    ({"until": "9999-12-31T23:59-23:59"}, "This is not a date and time."),
    ({"from": "0001-01-01T00:00+23:59"}, "This is not a date and time."),
]


@pytest.mark.req("INV-12", "SGN-05")
@pytest.mark.parametrize(("typed", "words"), BAD, ids=[words + str(typed) for typed, words in BAD])
def test_what_is_wrong_stands_above_the_form_which_keeps_what_was_typed(
    world: World, typed: dict[str, str], words: str
) -> None:
    page = sit_down(world, "dana").ask(**typed)
    assert page.status_code == 422
    assert words in html.unescape(page.text)
    assert 'role="alert"' in page.text
    kept = {**QA, **typed}
    assert all(f'value="{html.escape(value)}"' in page.text for name, value in kept.items() if name != "as" and value)


@pytest.mark.parametrize("typed", [{"as": "maintainer:ledger"}, {"as": "board:"}, {"as": "pope:"}])
def test_a_role_one_does_not_hold_or_that_nobody_may_hand_over(world: World, typed: dict[str, str]) -> None:
    page = sit_down(world, "dana").ask(**typed)
    assert (page.status_code, "You cannot hand over the role" in page.text) == (403, True)


def test_a_circle_over_http(world: World) -> None:
    hand_over(world, "dana", wish("fay"))
    page = sit_down(world, "fay").ask(to="dana")
    assert (page.status_code, "would go in a circle" in page.text) == (422, True)
    page = sit_down(world, "dana").ask(to="fay")
    assert (page.status_code, "already" in page.text) == (422, True)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("2026-11-23T02:30", "2026-11-23 02:30 UTC"),
        # Central Europe skips 02:30 on 28 March and repeats it on 31 October; UTC, in which it is typed, does neither.
        ("2026-11-23T02:30+01:00", "2026-11-23 01:30 UTC"),
        ("2026-11-23T02:30+02:00", "2026-11-23 00:30 UTC"),
    ],
)
def test_times_are_utc_or_say_their_offset_so_none_is_left_out_or_meant_twice(
    world: World, typed: str, meant: str
) -> None:
    assert f"Until: {meant}" in sit_down(world, "dana").ask(until=typed).text


@pytest.mark.parametrize("day", ["2026-03-29T02:30", "2026-10-25T02:30"])
def test_hours_that_clocks_leave_out_or_repeat_are_hours_of_utc(tmp_path: Path, day: str) -> None:
    with open_exceptional(tmp_path / "spring") as world:
        world.clock.at = START.replace(month=int(day[5:7]), day=int(day[8:10]), hour=0) - timedelta(days=1)
        assert f"Until: {day.replace('T', ' ')} UTC" in sit_down(world, "dana").ask(until=day).text


def add_shop(world: World) -> None:
    """A second repository, whose policy knows maintainers of its own and no quality."""
    world.staff.roles["shop-maintainers"] = ("erin",)
    world.reload_staff()
    registry = REGISTRY.format(url=world.repo.path, mode="enforce")
    base = DELEGATING.replace('repositories: ["*"]', f"repositories: [{REPOSITORY}]", 1)
    files = {
        "repositories.yaml": registry.replace("robots:\n", OTHER.format(url=world.repo.path), 1),
        "base.yaml": with_tests(base),
        "shop.yaml": with_tests(SHOP),
    }
    activate(world.parts, {name: text.encode() for name, text in files.items()}, by=OPERATOR)


@pytest.mark.req("INV-05")
def test_a_token_of_one_repository_sees_only_what_could_matter_there(world: World) -> None:
    add_shop(world)
    qa, owner = hand_over(world), hand_over(world, "bob", wish("gil", "maintainer", "ledger"))
    end_delegation(world, "gil", owner)
    shop = tokens.issue(world.parts, "shop", repository="shop", scopes=("status:read",), by=OPERATOR)
    everything = tokens.issue(world.parts, "all", repository=None, scopes=("status:read",), by=OPERATOR)
    both = [(owner, "ended"), (qa, "active")]
    assert listed(world) == both
    assert listed(world, token=shop) == []
    assert listed(world, token=everything) == both
    assert listed(world, "?repository=shop", token=everything) == []
    assert listed(world, f"?repository={REPOSITORY}", token=everything) == both
    refused = told(world, f"?repository={REPOSITORY}", token=shop)
    assert (refused.status_code, refused.get_json()["code"]) == (403, "other-repository")
    assert told(world, "?repository=nowhere", token=everything).status_code == 404


def test_the_command_lists_them_for_people_and_for_programs(world: World) -> None:
    run = partial(CliRunner().invoke, people)
    place = ["delegations", "--instance", str(world.instance)]
    nothing = run(place)
    assert (nothing.exit_code, nothing.output) == (0, "Nobody has handed a role over.\n")
    index = hand_over(world)
    end_delegation(world, "dana", index)
    said = run(place)
    assert said.exit_code == 0
    assert said.output.startswith(f"{index}: Dana Roy to Gil Maro, qa, 2026-11-22 ")
    assert said.output.endswith(" (ended)\n")
    known = json.loads(run([*place, "--json"]).output)
    assert (known["format"], [one["index"] for one in known["delegations"]]) == ("gate-delegations/v1", [index])
    assert run([*place, "--repository", "x"]).exit_code == 2
