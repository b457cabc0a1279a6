"""The words of pages: what is shown is finished English, names nothing twice, and leads where one can act."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from gate.policy.decision import (
    Candidate,
    Decision,
    FreezeResult,
    OverrideResult,
    RequirementResult,
    RuleResult,
    RuleState,
)
from gate.web.permissions import WORDS, Permission
from gate.web.present import choose_ask, leave_out_name
from tests.support.web import CSRF, World, build_decision, build_world, patched_app, sign_in_client

SCOPE = {"repository": "ledger-core", "from": "2026-10-01", "to": "2026-11-01"}


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


@pytest.mark.req("INV-11")
def test_a_landing_nobody_approved_is_not_green(client: FlaskClient) -> None:
    html = client.get("/repositories/ledger-core").text
    assert "<span>Merged unapproved (warn)</span>" in html
    row = html[html.index("Merged unapproved (warn)") - 300 : html.index("Merged unapproved (warn)")]
    assert "tone-wait" in row
    assert "Unexplained commits" in html
    assert "/receipts/44" in html


@pytest.mark.req("INV-12")
def test_unmet_terms_lead_to_the_terms(client: FlaskClient) -> None:
    assert '<a href="/terms/dco">Read and accept them</a>' in client.get("/repositories/ledger-core").text
    assert '<a href="/terms/dco">Read the terms</a>' in client.get("/contributions/ledger-core/12").text


@pytest.mark.req("AUD-04", "AUD-01")
def test_the_evidence_page_has_one_form_and_one_choice(client: FlaskClient, world: World) -> None:
    html = client.get("/evidence").text
    assert html.count('name="repository"') == 1
    assert html.count('name="want"') == 2
    table = client.post("/evidence", data={"csrf": CSRF, "want": "population", "reason": "", **SCOPE})
    assert table.status_code == 303
    assert not world.called("export.request")
    assert client.get(table.headers["Location"]).mimetype == "text/csv"
    assert "csrf" not in table.headers["Location"]
    assert (
        client.post("/evidence", data={"csrf": CSRF, "want": "pack", **SCOPE}).headers["Location"].endswith("watch=1")
    )


@pytest.mark.req("AUD-04")
def test_who_may_only_read_still_gets_the_population(world: World) -> None:
    permissions = world.person.permissions - {Permission.REQUEST_EVIDENCE.value}
    world.person = replace(world.person, permissions=permissions)
    with patched_app(world) as app:
        html = sign_in_client(app).get("/evidence").text
    main = html[html.index("<main") :]
    assert 'action="/evidence/population.csv"' in main
    assert 'name="csrf"' not in main
    assert "Make the pack" not in main


@pytest.mark.req("INV-12", "SEC-01")
@pytest.mark.parametrize("permission", WORDS)
def test_a_missing_permission_is_told_in_words(world: World, permission: Permission) -> None:
    world.person = replace(world.person, permissions=frozenset())
    with patched_app(world) as app:
        from gate.web.security import build_refusal

        with app.test_request_context():
            told = build_refusal(permission)
        page = sign_in_client(app).get("/evidence")
    assert permission.value not in told.message + told.remedy
    assert page.status_code == 403
    assert "You may not read evidence packs" in page.text
    assert "the gate&#39;s role auditor or change board" in page.text
    assert "page:" not in page.text


def test_every_permission_of_a_person_has_words() -> None:
    assert set(WORDS) == {one for one in Permission if one.scope == "page"} - {Permission.SIGN_OUT}


@pytest.mark.req("INV-12")
@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        ("Boris Klein pushed revision 1", " pushed revision 1"),
        ("it expired on 1 May", ": it expired on 1 May"),
        ("Boris Kleinert pushed revision 1", ": Boris Kleinert pushed revision 1"),
    ],
)
def test_a_name_is_said_once(reason: str, shown: str) -> None:
    assert leave_out_name(reason, "Boris Klein") == shown


def asked(decision: Decision, *needs: tuple[int, tuple[str, ...]], ask: tuple[str, ...]) -> Decision:
    def people(names: tuple[str, ...]) -> tuple[Candidate, ...]:
        return tuple(Candidate(person=name, name=name) for name in names)

    rows = tuple(
        RequirementResult(
            id=str(at),
            role="r",
            team=None,
            count=missing,
            meaning="m",
            sentence="",
            missing=missing,
            candidates=people(who),
        )
        for at, (missing, who) in enumerate(needs)
    )
    rule = RuleResult(id="rule", description="", state=RuleState.UNSATISFIED, requirements=rows)
    return replace(decision, rules=(rule,), ask=people(ask))


def build_override(waived: tuple[str, ...]) -> OverrideResult:
    return OverrideResult(
        index=1,
        person="g",
        name="G",
        code="outage",
        incident="INC-7",
        is_effective=True,
        sentence="",
        until=datetime(2026, 11, 22, tzinfo=UTC),
        waived=waived,
        cosign=RequirementResult(id="cosign", role="r", team=None, count=1, meaning="m", sentence=""),
        review_role="qa",
        review_due_at=datetime(2026, 11, 24, tzinfo=UTC),
    )


@pytest.mark.req("INV-12")
def test_the_reader_takes_a_place_only_where_all_slots_stay_filled(world: World) -> None:
    known = build_decision(world)
    # q alone can fill the second slot: the reader takes p's place, and never q's.
    decision = asked(known, (1, ("p", "me")), (1, ("q",)), ask=("q", "p"))
    assert [one.person for one in choose_ask(decision, "me")] == ["q", "me"]
    assert choose_ask(decision, "stranger") == decision.ask
    assert choose_ask(decision, "p") == decision.ask
    # What is waived is asked of nobody; what a freeze asks for is.
    waived = replace(decision, override=build_override(waived=("rule",)))
    assert choose_ask(waived, "me") == waived.ask
    exempt = decision.rules[0].requirements[0]
    frozen = FreezeResult(id="f", sentence="Frozen.", until=known.valid_until, exempt=exempt)
    assert [
        one.person for one in choose_ask(replace(decision, rules=(), ask=decision.ask[1:], freezes=(frozen,)), "me")
    ] == ["me"]
