"""Break-glass from invocation to closed review, on real parts: who may, what it lets through, owes, and the lock."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from gate.cli.overrides import overrides
from gate.domain.clock import parse_instant
from gate.domain.errors import ConflictError, InputError, NotPermittedError, NotSignedInError
from gate.store.tables import break_glass as invocations
from gate.store.tables import break_glass_cosign as cosigns
from gate.web import create_web
from gate.workflow import override_list
from gate.workflow.override_statement import Outcome, OverrideAct
from gate.workflow.verdict import EXTENSION
from tests.support.glass_world import DUE, REASON, break_glass, do, form, open_glass_world, send
from tests.support.hooked import MAIN as HOOKED_MAIN
from tests.support.hooked import make_ground
from tests.support.journey import World, build_pack, check_pack

pytestmark = pytest.mark.req("POL-08")
INVOKE, COSIGN, REVIEW = OverrideAct.INVOKE, OverrideAct.COSIGN, OverrideAct.REVIEW


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with open_glass_world(tmp_path) as opened:
        yield opened


@pytest.fixture
def head(world: World) -> str:
    """Anna's change, approved by its owner; quality has not signed."""
    head = world.push("fix", {"src/post.py": "def post(): return 1\n"})
    world.sign("bob")
    assert world.word(head) == "pending"
    return head


@pytest.mark.req("INV-11", "INV-12")
def test_from_invocation_to_closed_review(world: World, head: str) -> None:
    do(world, "gil", INVOKE)
    assert world.word(head) == "pending"
    do(world, "carl", COSIGN)
    answer = world.answer(head)
    assert (answer.answer, answer.http) == ("overridden", 200)
    assert answer.body["missing"] == []
    world.land(head)
    assert world.word(head) == "overridden"
    owed = override_list.overrides(world.parts)
    assert [(one.is_owed, one.is_overdue, one.review_due_at) for one in owed] == [(True, False, DUE)]
    do(world, "iris", REVIEW, outcome=Outcome.NOT_JUSTIFIED)
    (closed,) = override_list.overrides(world.parts)
    assert (closed.is_owed, closed.outcome, closed.reviewer) == (False, Outcome.NOT_JUSTIFIED, "Iris Noor")
    # What landed keeps the decision it landed by.
    assert world.word(head) == "overridden"
    assert world.kinds()[-1] == "break-glass-reviewed"
    assert world.audit().faults == 0


@pytest.mark.parametrize(
    ("login", "why"),
    [("dana", "you do not hold the role incident-commander"), ("bob", "you do not hold"), ("iris", "you do not hold")],
)
def test_only_the_invoker_role_breaks_the_glass(world: World, head: str, login: str, why: str) -> None:
    with pytest.raises(NotPermittedError, match=why):
        form(world, login, INVOKE)


@pytest.mark.req("INV-03")
def test_nobody_has_two_parts_in_it(world: World) -> None:
    """Contributor, invoker, co-signer and reviewer are four people."""
    world.push("own", {"src/post.py": "1\n"}, committer="gil")
    with pytest.raises(NotPermittedError, match="you committed revision 1"):
        form(world, "gil", INVOKE)
    do(world, "erin", INVOKE)
    with pytest.raises(NotPermittedError, match="somebody else co-signs"):
        form(world, "erin", COSIGN)
    with pytest.raises(NotPermittedError, match="maintainer of ledger"):
        form(world, "dana", COSIGN)
    do(world, "carl", COSIGN)
    for login in ("erin", "carl", "gil", "anna"):
        with pytest.raises(NotPermittedError, match="independent"):
            form(world, login, REVIEW)
    with pytest.raises(NotPermittedError, match="role assurance"):
        form(world, "dana", REVIEW)


def test_what_would_waive_nothing_is_refused(world: World, head: str) -> None:
    world.sign("dana")
    assert world.word(head) == "approved"
    with pytest.raises(NotPermittedError, match="Nothing is open here"):
        form(world, "gil", INVOKE)


def test_the_ceiling_stays_asked(world: World) -> None:
    head = world.push("fix", {"src/post.py": "1\n"})
    assert form(world, "gil", INVOKE).waives == ("qa",)
    break_glass(world)
    assert world.word(head) == "pending"
    world.sign("bob")
    assert world.word(head) == "overridden"


@pytest.mark.parametrize(
    ("chosen", "reason", "field"),
    [
        ({"code": "fun"}, REASON, "code"),
        ({"incident": "INC-"}, REASON, "incident"),
        ({}, "too short", "reason"),
        ({}, " " * 40, "reason"),
    ],
)
def test_code_incident_and_reason_are_as_the_policy_asks(
    world: World, head: str, chosen: dict[str, Any], reason: str, field: str
) -> None:
    with pytest.raises(InputError) as refused:
        send(world, "gil", form(world, "gil", INVOKE, **chosen), reason=reason)
    assert refused.value.field == field
    assert "break-glass" not in world.kinds()


@pytest.mark.req("INV-05")
def test_the_password_is_asked_each_time_and_a_wrong_one_is_recorded(world: World, head: str) -> None:
    for login, act in (("gil", INVOKE), ("carl", COSIGN), ("iris", REVIEW)):
        with pytest.raises(NotSignedInError):
            send(world, login, form(world, login, act), password="guess")
        assert world.kinds()[-1] == "approval-refused"
        do(world, login, act)


@pytest.mark.req("INV-04")
def test_what_changed_since_it_was_shown_is_not_signed(world: World, head: str) -> None:
    shown = form(world, "gil", INVOKE)
    do(world, "erin", INVOKE)
    with pytest.raises(NotPermittedError, match="already"):
        send(world, "gil", shown)
    seen = form(world, "carl", COSIGN)
    world.push("fix", {"src/post.py": "2\n"})
    with pytest.raises(NotPermittedError, match="earlier head"):
        send(world, "carl", seen)
    again = form(world, "gil", INVOKE)
    world.push("fix", {"src/post.py": "3\n"})
    with pytest.raises(ConflictError) as changed:
        send(world, "gil", again)
    assert "A new revision was pushed" in str(changed.value.details["changes"])
    assert world.kinds().count("break-glass") == 1


def test_sent_twice_it_is_one_act(world: World, head: str) -> None:
    shown = form(world, "gil", INVOKE)
    first, second = (send(world, "gil", shown, id="request-0001") for _ in range(2))
    assert first.index == second.index
    assert world.kinds().count("break-glass") == 1


@pytest.mark.req("INV-10")
def test_it_ends_by_itself_and_no_verdict_outlives_it(world: World, head: str) -> None:
    break_glass(world)
    world.clock.move(hours=3, minutes=58)
    verdict = world.answer(head).body["verdict"]
    assert isinstance(verdict, dict)
    said = json.loads(base64.b64decode(verdict["payload"]))["predicate"]
    assert parse_instant(said[EXTENSION]["notAfter"]) == world.clock.now() + timedelta(minutes=2)
    assert said[EXTENSION]["answer"] == "overridden"
    glass = [index for index, kind in world.entries() if kind.startswith("break-glass")]
    assert {f"gate:log/{index}" for index in glass} < {one["uri"] for one in said["inputAttestations"]}
    world.clock.move(minutes=2)
    assert world.word(head) == "pending"


def test_a_new_head_is_not_covered(world: World, head: str) -> None:
    break_glass(world)
    later = world.push("fix", {"src/post.py": "def post(): return 2\n"})
    world.sign("bob")
    assert world.word(later) == "pending"


def test_a_review_closes_what_has_not_landed(world: World, head: str) -> None:
    break_glass(world)
    assert world.word(head) == "overridden"
    do(world, "iris", REVIEW)
    assert world.word(head) == "pending"


def test_an_overdue_review_locks_the_repository_until_it_is_made(world: World, head: str) -> None:
    break_glass(world)
    world.land(head)
    world.clock.at = DUE - timedelta(minutes=1)
    other = world.push("two", {"src/two.py": "2\n"})
    world.sign("bob", number=2)
    break_glass(world, 2)
    assert world.word(other) == "overridden"
    third = world.push("three", {"src/three.py": "3\n"})
    world.clock.move(minutes=1)
    with pytest.raises(NotPermittedError, match="is locked here: the review after ledger-core#1"):
        form(world, "gil", INVOKE, 3)
    # One that holds stops at the same moment.
    assert world.word(other) == "pending"
    (shown,) = [one for one in override_list.overrides(world.parts) if one.is_overdue]
    assert (shown.number, shown.as_json()["review"]["overdue"]) == (1, True)  # type: ignore[index]
    do(world, "iris", REVIEW)
    do(world, "gil", INVOKE, 3)
    assert world.word(third) == "pending"


@pytest.mark.req("INV-11", "LND-04")
def test_the_landing_is_counted_apart_and_the_pack_tells_who(world: World, head: str, tmp_path: Path) -> None:
    break_glass(world)
    world.land(head)
    made = build_pack(world)
    (main,) = [one for one in made.pack.completeness if one.branch == "refs/heads/main"]
    assert (main.counts.overridden, main.counts.approved, main.holds) == (1, 0, True)
    (told,) = [one.sentence for one in made.pack.deviations if one.id == "override"]
    for words in ("Gil Maro", "Carl Ohm", "outage, INC-77", "is owed by 2026-11-25T00:00:00.000000Z"):
        assert words in told
    (tmp_path / "owed").mkdir()
    assert check_pack(world, made, tmp_path / "owed") == 0
    do(world, "iris", REVIEW)
    again = build_pack(world)
    (told,) = [one.sentence for one in again.pack.deviations if one.id == "override"]
    assert "Iris Noor found it justified" in told
    (tmp_path / "closed").mkdir()
    assert check_pack(world, again, tmp_path / "closed") == 0


def test_the_command_and_the_api_list_what_is_owed(world: World, head: str) -> None:
    place = ["--instance", str(world.instance)]
    run = partial(CliRunner().invoke, overrides)
    assert "Nobody has broken the glass." in run(place).output
    break_glass(world)
    client = create_web(world.parts).test_client()
    headers = {"Authorization": f"Bearer {world.token}"}
    told = client.get("/api/v1/overrides", headers=headers).get_json()
    assert (told["format"], told["owed"], told["overdue"]) == ("gate-overrides/v1", 1, 0)
    assert told["overrides"][0]["review"]["due_at"] == "2026-11-25T00:00:00.000000Z"
    assert REASON not in json.dumps(told)
    assert client.get("/api/v1/overrides?repository=other", headers=headers).status_code == 403
    # The command reads the clock of this machine: by then it is owed, or overdue.
    assert "Gil Maro (outage, INC-77), co-signed by Carl Ohm" in run(place).output
    assert json.loads(run([*place, "--json"]).output)["owed"] == 1
    do(world, "iris", REVIEW)
    done = run(place)
    assert (done.exit_code, "reviewed by Iris Noor: justified" in done.output) == (0, True)


@pytest.mark.req("LND-01")
def test_the_hook_lets_it_land_and_says_so(tmp_path: Path) -> None:
    ground = make_ground(tmp_path)
    head = ground.work.commit({"x": "1\n"}, "topic", parents=[ground.base])
    said = ground.accepted(f"{head}:{HOOKED_MAIN}", verdicts=(ground.verdict(head, answer="overridden"),))
    assert "OVERRIDDEN (break-glass, a review is owed)" in said
    assert ground.server.tip(HOOKED_MAIN) == head


@pytest.mark.req("AUD-01")
def test_the_audit_finds_rows_that_say_otherwise(world: World, head: str) -> None:
    break_glass(world)
    do(world, "iris", REVIEW)
    with world.parts.engine.begin() as connection:
        connection.execute(invocations.update().values(incident="INC-78"))
        connection.execute(cosigns.update().values(person="corp:somebody"))
    told = " ".join(one.sentence for one in world.audit().findings)
    assert "has incident 'INC-78'; what was signed is 'INC-77'" in told
    assert "has person 'corp:somebody'; what was signed is" in told
    with world.parts.engine.begin() as connection:
        connection.execute(invocations.update().values(incident="INC-77", reviewed_by=None))
    assert "has reviewed_by None; what was signed is" in str(world.audit().findings)
