"""Activation as a gated, signed act: proposed, approved by others, in force when due; and how it must not happen."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import text, update

from gate.auditlog.entry import parse_statement
from gate.cli.main import main
from gate.domain.errors import (
    ConflictError,
    InputError,
    NotFoundError,
    NotPermittedError,
    NotSignedInError,
    UnavailableError,
)
from gate.policy.registry import build_policy_set
from gate.signing.envelope import parse_envelope
from gate.store import outbox, policies, proposals
from gate.store.engine import writing
from gate.store.tables import policy_proposal
from gate.workflow import proposal_due, propose
from gate.workflow.activate import activate, build_activation, load_proposals
from gate.workflow.proposal import load_proposal, load_texts
from gate.workflow.proposal_due import activate_due
from gate.workflow.proposal_effects import build_effects, list_tried
from gate.workflow.proposal_pages import overview, proposal_page, trial
from gate.workflow.proposal_shown import PolicyForm, PolicyRequest, ProposalRequest
from gate.workflow.proposal_statement import PolicyAct
from gate.workflow.work import Worker
from tests.support.databases import TestDatabase
from tests.support.directory_ldif import GROUPS, PASSWORD
from tests.support.journey import ADDRESS, OPERATOR, POLICY, REGISTRY, Staff, World, open_slapd, open_world
from tests.support.suites import with_tests

pytestmark = pytest.mark.req("POL-13")

SECTION = f"""\
activation:
  propose: {{group: "cn=policy-authors,{GROUPS}"}}
  approve: {{group: "cn=change-board,{GROUPS}", count: 2, meaning: I approve this change of the rules.}}
"""
TWO_QA = POLICY.replace("role: qa, count: 1", "role: qa, count: 2")
TWO_OWNERS = POLICY.replace("of: each_owning_team, count: 1", "of: each_owning_team, count: 2")


def build_staff() -> Staff:
    staff = Staff()
    staff.roles |= {"policy-authors": ("gil", "erin"), "change-board": ("gil", "dana", "fay", "carl")}
    return staff


def gated(world: World) -> World:
    """The operator puts the section in force, once; from now on people do."""
    registry = REGISTRY.format(url=world.repo.path, mode="enforce") + SECTION
    (world.policies / "repositories.yaml").write_text(registry, encoding="utf-8")
    activate(world.parts, load_proposals(world.policies), by=OPERATOR)
    return world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with open_world(tmp_path / "world", staff=build_staff()) as opened:
        yield gated(opened)


def files_of(world: World, policy: str) -> dict[str, bytes]:
    return {**load_proposals(world.policies), "base.yaml": with_tests(policy).encode()}


def send_proposal(
    world: World, login: str, files: Mapping[str, bytes], effective_at: datetime | None = None, password: str = PASSWORD
) -> int:
    form = propose.prepare_proposal(world.parts, world.who(login), files, effective_at)
    wanted = ProposalRequest(files=files, effective_at=effective_at, seen=form.seen, request_id=secrets.token_hex(8))
    return propose.propose(world.parts, world.who(login), wanted, password, ADDRESS)


def form_of(world: World, login: str, number: int, act: PolicyAct = PolicyAct.APPROVE) -> PolicyForm:
    return propose.prepare_act(world.parts, world.who(login), number, act)


def send(world: World, login: str, number: int, form: PolicyForm, password: str = PASSWORD) -> int:
    wanted = PolicyRequest(number=number, act=form.act, seen=form.seen, request_id=secrets.token_hex(8))
    return propose.act(world.parts, world.who(login), wanted, password, ADDRESS)


def approve(world: World, login: str, number: int) -> int:
    return send(world, login, number, form_of(world, login, number))


def withdraw(world: World, login: str, number: int) -> int:
    return send(world, login, number, form_of(world, login, number, PolicyAct.WITHDRAW))


def epoch(world: World) -> int:
    return world.parts.in_force().epoch


def worker(world: World) -> tuple[Worker, list[str]]:
    told: list[str] = []
    return Worker(parts=world.parts, report=lambda what, problem: told.append(f"{what}: {problem}")), told


@pytest.mark.req("POL-04", "INV-06")
def test_proposed_approved_by_two_and_in_force(tmp_path: Path, database: TestDatabase) -> None:
    with open_world(tmp_path / "world", staff=build_staff(), database=database.url) as opened:
        world = gated(opened)
        number = send_proposal(world, "gil", files_of(world, TWO_QA))
        assert (number, epoch(world)) == (1, 2)
        approve(world, "dana", number)
        assert epoch(world) == 2
        approve(world, "fay", number)
        assert epoch(world) == 3
        row = policies.in_force(world.parts.engine)
        assert row is not None
        said = parse_statement(parse_envelope(world.parts.log.entry(row.idx).envelope).payload).predicate
        assert said["bootstrap"] is False
        assert [one["displayName"] for one in said["approvers"]] == ["Dana Roy", "Fay Ito"]  # type: ignore[attr-defined]
        assert said["proposer"]["displayName"] == "Gil Maro"  # type: ignore[index]
        assert said["proposal"]["number"] == 1  # type: ignore[index]
        assert world.kinds()[-4:] == ["policy-proposed", "policy-approved", "policy-approved", "policy-activated"]
        assert world.audit().ok, world.audit().findings
        assert outbox.newest(world.parts.engine, "redecide")[0].content == {"epoch": 3}


@pytest.mark.req("POL-04")
def test_the_first_activation_is_the_operators_and_says_so(world: World) -> None:
    first = next(row for row in policies.history(world.parts.engine) if row.epoch == 1)
    said = parse_statement(parse_envelope(world.parts.log.entry(first.idx).envelope).payload).predicate
    assert (said["bootstrap"], said["activation"]) == (True, None)


def test_the_operator_is_told_who_changes_the_policies_and_where(world: World) -> None:
    before = world.entries()
    (world.policies / "base.yaml").write_text(with_tests(TWO_QA), encoding="utf-8")
    done = CliRunner().invoke(main, ["policy", "activate", "--instance", str(world.instance)])
    assert done.exit_code == 1
    assert f"cn=policy-authors,{GROUPS}" in done.output
    assert "/policies/propose" in done.output
    assert f"2 other members of cn=change-board,{GROUPS}" in done.output
    assert world.entries() == before


def test_a_proposal_moves_no_epoch_and_voids_nothing(world: World) -> None:
    head = world.push("one", {"src/one.py": "pass\n"})
    world.sign("bob")
    world.sign("dana")
    send_proposal(world, "gil", files_of(world, TWO_QA))
    assert world.word(head) == "approved"


def test_until_decided_anew_the_answer_is_error_and_the_approvals_have_lapsed(world: World) -> None:
    head = world.push("one", {"src/one.py": "pass\n"})
    world.sign("bob")
    world.sign("dana")
    number = send_proposal(world, "gil", files_of(world, TWO_QA))
    approve(world, "dana", number)
    approve(world, "fay", number)
    assert world.word(head) == "error"
    worker(world)[0].round()
    assert world.word(head) == "pending"


@pytest.mark.req("INV-03")
def test_the_proposer_never_approves(world: World) -> None:
    number = send_proposal(world, "gil", files_of(world, TWO_QA))
    with pytest.raises(NotPermittedError, match="You proposed it"):
        approve(world, "gil", number)
    other = form_of(world, "dana", number)
    with pytest.raises(NotPermittedError, match="You proposed it"):
        send(world, "gil", number, other)


@pytest.mark.req("INV-03")
def test_nobody_approves_twice(world: World) -> None:
    number = send_proposal(world, "gil", files_of(world, TWO_QA))
    form = form_of(world, "dana", number)
    approve(world, "dana", number)
    with pytest.raises(NotPermittedError, match="You have approved it"):
        approve(world, "dana", number)
    with pytest.raises(NotPermittedError, match="You have approved it"):
        send(world, "dana", number, form)
    assert epoch(world) == 2


def test_sending_a_form_twice_signs_once(world: World) -> None:
    number = send_proposal(world, "gil", files_of(world, TWO_QA))
    form = form_of(world, "dana", number)
    wanted = PolicyRequest(number=number, act=form.act, seen=form.seen, request_id="same-request")
    first = propose.act(world.parts, world.who("dana"), wanted, PASSWORD, ADDRESS)
    assert propose.act(world.parts, world.who("dana"), wanted, PASSWORD, ADDRESS) == first
    assert world.kinds().count("policy-approved") == 1


@pytest.mark.req("INV-05")
@pytest.mark.parametrize("login", ["bob", "iris"])
def test_others_neither_propose_nor_approve_nor_withdraw(world: World, login: str) -> None:
    number = send_proposal(world, "gil", files_of(world, TWO_QA))
    with pytest.raises(NotPermittedError, match="cn=policy-authors"):
        send_proposal(world, login, files_of(world, TWO_OWNERS))
    for act in (PolicyAct.APPROVE, PolicyAct.WITHDRAW):
        with pytest.raises(NotPermittedError, match="cn=change-board"):
            form_of(world, login, number, act)


@pytest.mark.req("INV-05")
def test_a_wrong_password_signs_nothing(world: World) -> None:
    with pytest.raises(NotSignedInError):
        send_proposal(world, "gil", files_of(world, TWO_QA), password="wrong")
    number = send_proposal(world, "gil", files_of(world, TWO_QA))
    with pytest.raises(NotSignedInError):
        send(world, "dana", number, form_of(world, "dana", number), "wrong")
    assert load_proposal(world.parts, number).approvals == ()
    assert world.kinds().count("approval-refused") == 2


@pytest.mark.req("INV-04")
def test_what_was_seen_is_what_is_signed(world: World) -> None:
    """An approval given meanwhile, and a form of another proposal, are said; nothing is signed."""
    number = send_proposal(world, "gil", files_of(world, TWO_QA))
    form = form_of(world, "fay", number)
    approve(world, "carl", number)
    with pytest.raises(ConflictError) as told:
        send(world, "fay", number, form)
    assert told.value.code == "changed"
    assert told.value.details["changes"] == [
        f"Carl Ohm approved meanwhile (audit entry {load_proposal(world.parts, number).approvals[0].index})."
    ]
    other = send_proposal(world, "gil", files_of(world, TWO_OWNERS))
    with pytest.raises(ConflictError, match="Nothing was signed"):
        send(world, "fay", other, form_of(world, "fay", number))
    assert [one.name for one in load_proposal(world.parts, number).approvals] == ["Carl Ohm"]


@pytest.mark.req("INV-04")
def test_other_files_than_shown_are_not_proposed(world: World) -> None:
    form = propose.prepare_proposal(world.parts, world.who("gil"), files_of(world, TWO_QA), None)
    wanted = ProposalRequest(
        files=files_of(world, TWO_OWNERS), effective_at=None, seen=form.seen, request_id="other-files"
    )
    with pytest.raises(ConflictError, match="Nothing was signed"):
        propose.propose(world.parts, world.who("gil"), wanted, PASSWORD, ADDRESS)
    assert "policy-proposed" not in world.kinds()


def test_two_proposals_at_once_get_two_numbers(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert send_proposal(world, "gil", files_of(world, TWO_QA)) == 1
    numbers = iter((1, 2))
    monkeypatch.setattr(proposals, "next_number", lambda source: next(numbers))
    assert send_proposal(world, "erin", files_of(world, TWO_OWNERS)) == 2
    assert world.audit().ok


def test_what_is_in_force_can_no_longer_be_withdrawn(world: World) -> None:
    number = send_proposal(world, "gil", files_of(world, TWO_QA))
    approve(world, "dana", number)
    late = form_of(world, "carl", number, PolicyAct.WITHDRAW)
    approve(world, "fay", number)
    with pytest.raises(ConflictError):
        send(world, "carl", number, late)
    assert "policy-proposal-withdrawn" not in world.kinds()


def test_a_withdrawal_while_it_is_being_activated_comes_first_or_not_at_all(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ledger refuses an activation of a proposal whose stream has moved since it was read."""
    at = world.clock.now() + timedelta(days=1)
    number = send_proposal(world, "gil", files_of(world, TWO_QA), at)
    for login in ("dana", "fay"):
        approve(world, login, number)
    world.clock.move(days=2)
    world.sessions.clear()
    slow = load_texts

    def read_slowly(*given: Any) -> dict[str, bytes]:
        monkeypatch.setattr(proposal_due, "load_texts", slow)
        withdraw(world, "carl", number)
        return slow(*given)

    monkeypatch.setattr(proposal_due, "load_texts", read_slowly)
    with pytest.raises(ConflictError):
        activate_due(world.parts, number)
    assert epoch(world) == 2
    assert activate_due(world.parts, number) is None


@pytest.mark.req("INV-02")
def test_a_proposal_is_stale_once_another_is_in_force(world: World) -> None:
    first = send_proposal(world, "gil", files_of(world, TWO_QA))
    second = send_proposal(world, "erin", files_of(world, TWO_OWNERS))
    approve(world, "dana", second)
    form = form_of(world, "fay", second)
    for login in ("dana", "fay"):
        approve(world, login, first)
    assert epoch(world) == 3
    with pytest.raises(ConflictError) as told:
        send(world, "fay", second, form)
    assert told.value.code == "stale"
    assert activate_due(world.parts, second) is None
    assert epoch(world) == 3
    assert world.audit().ok


@pytest.mark.parametrize("broken", ["rules: [", POLICY.replace("role: qa, count", "role: nobody, count")])
def test_a_broken_file_is_refused_with_its_line_and_what_is_in_force_stays(world: World, broken: str) -> None:
    before = world.entries()
    with pytest.raises(InputError) as told:
        send_proposal(world, "gil", files_of(world, broken))
    assert told.value.file == "base.yaml"
    assert told.value.line
    assert (world.entries(), epoch(world)) == (before, 2)


def test_a_policy_without_tests_or_with_a_failing_one_cannot_be_proposed(world: World) -> None:
    whole = with_tests(TWO_QA)
    for policy, said in ((POLICY, "has no tests"), (whole.replace('"pending"', '"approved"', 1), "fails")):
        with pytest.raises(InputError, match=said) as told:
            send_proposal(world, "gil", {**load_proposals(world.policies), "base.yaml": policy.encode()})
        assert (told.value.file, epoch(world)) == ("base.yaml", 2)


def test_what_a_proposal_would_change_is_known_before_anybody_signs(world: World) -> None:
    """Sentences, flips over the record, lapsing approvals, tests."""
    for number, (topic, signers) in enumerate((("one", "bob dana"), ("two", "bob dana fay"), ("three", ""))):
        world.push(topic, {f"src/{topic}.py": f"pass  # {number}\n"})
        for login in signers.split():
            world.sign(login, number=number + 1)
    found = build_effects(world.parts, files_of(world, TWO_QA))
    assert [(one.number, one.before.answer, one.after.answer) for one in found.flips] == [(1, "approved", "pending")]
    assert [(one.number, one.count) for one in found.lapses] == [(1, 2), (2, 3)]
    assert (found.looked_at, found.total, found.untold) == (3, 3, ())
    assert "2 people with the role qa" in " ".join(line for one in found.differences for line in one.added)
    assert [(one.policy, one.failures) for one in found.tests] == [("base", ())]
    assert (found.removed, found.added) == ((), ())


def test_a_change_of_who_changes_the_policies_is_told(world: World) -> None:
    files = load_proposals(world.policies)
    weaker = files["repositories.yaml"].replace(b"count: 2", b"count: 1")
    found = build_effects(world.parts, {**files, "repositories.yaml": weaker})
    assert found.differences == ()
    assert any(line.startswith("Then 2 other members") for line in found.removed)
    assert any(line.startswith("Then one other member") for line in found.added)


def test_a_proposal_can_be_tried_on_one_contribution(world: World) -> None:
    world.push("one", {"src/one.py": "pass\n"})
    for login in ("bob", "dana"):
        world.sign(login)
    number = send_proposal(world, "gil", files_of(world, TWO_QA))
    assert list_tried(world.parts) == ("ledger-core#1",)
    before = world.entries()
    found = trial(world.parts, number, "ledger-core", 1)
    assert (found.before.answer, found.after.answer) == ("approved", "pending")
    assert {one.id: one.state for one in found.after.rules} == {"owner-review": "satisfied", "qa": "unsatisfied"}
    assert world.entries() == before
    with pytest.raises(NotFoundError):
        trial(world.parts, number, "ledger-core", 9)


def test_the_page_of_a_proposal_says_who_may_approve_and_what_the_reader_may_sign(world: World) -> None:
    number = send_proposal(world, "gil", files_of(world, TWO_QA))
    approve(world, "dana", number)
    pages = {login: proposal_page(world.parts, world.who(login), number) for login in ("gil", "dana", "fay", "bob")}
    assert {login: [form.act for form in page.forms] for login, page in pages.items()} == {
        "gil": ["withdraw"],
        "dana": ["withdraw"],
        "fay": ["approve", "withdraw"],
        "bob": [],
    }
    assert pages["fay"].may_approve == ("Carl Ohm", "Fay Ito")
    assert "You proposed it" in (pages["gil"].why_not or "")
    assert "You have approved it" in (pages["dana"].why_not or "")
    assert f"cn=change-board,{GROUPS}" in (pages["bob"].why_not or "")
    assert [(one.name, one.change) for one in pages["fay"].files] == [
        ("base.yaml", "changed"),
        ("repositories.yaml", "unchanged"),
    ]
    approve(world, "fay", number)
    done = proposal_page(world.parts, world.who("fay"), number)
    assert (done.item.state, done.forms, done.effects) == ("in-force", (), None)
    shown = overview(world.parts)
    assert shown is not None
    assert shown.by_people == "Policy proposal 1 of Gil Maro, approved by Dana Roy and Fay Ito."


def test_what_is_in_force_cannot_be_proposed(world: World) -> None:
    with pytest.raises(ConflictError, match="in force already"):
        send_proposal(world, "gil", load_proposals(world.policies))


def test_it_comes_into_force_at_its_time_and_not_before(world: World) -> None:
    at = world.clock.now() + timedelta(days=2)
    number = send_proposal(world, "gil", files_of(world, TWO_QA), at)
    for login in ("dana", "fay"):
        approve(world, login, number)
    helper, told = worker(world)
    world.clock.move(days=1, hours=23)
    helper.round()
    assert epoch(world) == 2
    world.clock.move(hours=1)
    helper.round()
    assert epoch(world) == 3
    assert not [one for one in told if "proposal" in one]
    assert world.audit().ok


@pytest.mark.parametrize("days", [-1, 0, 400])
def test_a_time_that_does_not_lie_ahead_is_refused(world: World, days: int) -> None:
    with pytest.raises(InputError, match="does not lie ahead"):
        send_proposal(world, "gil", files_of(world, TWO_QA), world.clock.now() + timedelta(days=days))


@pytest.mark.parametrize("login", ["gil", "carl"])
def test_withdrawn_by_its_proposer_or_an_approver_it_never_comes_into_force(world: World, login: str) -> None:
    at = world.clock.now() + timedelta(days=2)
    number = send_proposal(world, "gil", files_of(world, TWO_QA), at)
    for one in ("dana", "fay"):
        approve(world, one, number)
    withdraw(world, login, number)
    world.clock.move(days=3)
    worker(world)[0].round()
    assert epoch(world) == 2
    with pytest.raises(ConflictError, match="was withdrawn by"):
        form_of(world, "carl", number)
    assert world.audit().ok


@pytest.mark.req("INV-03")
def test_an_approval_counts_only_while_its_giver_is_in_the_group(world: World) -> None:
    at = world.clock.now() + timedelta(days=2)
    number = send_proposal(world, "gil", files_of(world, TWO_QA), at)
    for one in ("dana", "fay"):
        approve(world, one, number)
    world.staff.roles["change-board"] = ("gil", "dana", "carl")
    world.reload_staff()
    world.clock.move(days=3)
    helper, told = worker(world)
    helper.round()
    assert epoch(world) == 2
    assert "Of 2 approvals of policy proposal 1, 1 still counts; 2 are needed." in " ".join(told)
    approve(world, "carl", number)
    assert epoch(world) == 3


@pytest.mark.req("INV-03")
def test_who_left_the_company_no_longer_counts(world: World) -> None:
    at = world.clock.now() + timedelta(days=2)
    number = send_proposal(world, "gil", files_of(world, TWO_QA), at)
    for one in ("dana", "fay"):
        approve(world, one, number)
    world.staff.left = ("dana",)
    world.reload_staff()
    world.clock.move(days=3)
    with pytest.raises(UnavailableError) as told:
        activate_due(world.parts, number)
    assert (told.value.code, epoch(world)) == ("not-enough", 2)


@pytest.mark.req("INV-01")
def test_an_empty_group_approves_nothing(world: World) -> None:
    number = send_proposal(world, "gil", files_of(world, TWO_QA))
    assert activate_due(world.parts, number) is None
    assert epoch(world) == 2


@pytest.mark.req("INV-01")
def test_while_the_directory_is_away_nothing_is_signed_and_nothing_comes_into_force(tmp_path: Path) -> None:
    staff = build_staff()
    with (
        open_slapd(tmp_path / "slapd", staff) as slapd,
        open_world(tmp_path / "world", slapd=slapd, staff=staff) as opened,
    ):
        world = gated(opened)
        at = world.clock.now() + timedelta(days=1)
        number = send_proposal(world, "gil", files_of(world, TWO_QA), at)
        forms = {login: form_of(world, login, number) for login in ("dana", "fay")}
        send(world, "dana", number, forms["dana"])
        form = form_of(world, "fay", number)
        slapd.stop()
        with pytest.raises(UnavailableError):
            send(world, "fay", number, form)
        slapd.start()
        world.clock.move(seconds=30)
        approve(world, "fay", number)
        slapd.stop()
        world.clock.move(days=2)
        helper, told = worker(world)
        helper.round()
        assert epoch(world) == 2
        assert any("activate-proposal" in one for one in told), told
        slapd.start()
        world.clock.move(hours=2)
        helper.round()
        assert epoch(world) == 3


@pytest.mark.req("INV-10")
def test_rows_changed_behind_the_back_bring_nothing_into_force_and_are_found(world: World) -> None:
    """Approvals are counted from signed entries, so rows of others' making are neither needed nor enough."""
    number = send_proposal(world, "gil", files_of(world, TWO_QA))
    index = approve(world, "dana", number)
    with writing(world.parts.engine) as connection:
        connection.execute(
            text(
                "INSERT INTO policy_approval SELECT 1, proposal, 'people:forged', 'Fay Ito', digest, signed_at"
                " FROM policy_approval"
            )
        )
        connection.execute(update(policy_proposal).values(state="in-force", ended_idx=index))
    assert activate_due(world.parts, number) is None
    assert epoch(world) == 2
    sentences = " ".join(one.sentence for one in world.audit().findings)
    assert "The table policy approval has rows that no entry accounts for: 1." in sentences
    assert "policy proposal 1 has state 'in-force'; what was signed is 'open'" in sentences


@pytest.mark.req("INV-05", "INV-10")
def test_an_activation_that_nobody_signed_is_found_by_the_audit(world: World) -> None:
    """The operator holds the gate's keys; with them an entry can be made, but not the approvals it must name."""
    number = send_proposal(world, "gil", files_of(world, TWO_QA))
    approve(world, "dana", number)
    assert world.audit().ok
    files = files_of(world, TWO_QA)
    command, _ = build_activation(world.parts, files, build_policy_set(files), 2, OPERATOR)
    world.parts.ledger.append(command)
    proposal = load_proposal(world.parts, number)
    given = [*proposal.approvals, proposal.approvals[0], proposal.proposed]
    signed = {
        "proposal": {"number": number, "digest": {"sha256": proposal.content.digest.hex()}},
        "proposer": {"id": proposal.proposed.person, "index": proposal.proposed.index},
        "approvers": [{"id": one.person, "index": one.index} for one in given],
    }
    command, _ = build_activation(world.parts, files, build_policy_set(files), 3, OPERATOR, signed=signed)
    world.parts.ledger.append(command)
    found = [one.sentence for one in world.audit().findings if one.code == "activation-unsigned"]
    assert found == [
        "Policy epoch 3 came into force without a proposal, although epoch 2 asks for one.",
        "Policy epoch 4 came into force with 1 of 2 approvals by other people than the proposer on record.",
    ]


@pytest.mark.req("INV-10")
def test_a_withdrawal_taken_out_of_the_row_is_found_and_still_holds(world: World) -> None:
    number = send_proposal(world, "gil", files_of(world, TWO_QA))
    withdraw(world, "gil", number)
    with writing(world.parts.engine) as connection:
        connection.execute(update(policy_proposal).values(state="open", ended_idx=None))
    with pytest.raises(ConflictError, match="was withdrawn"):
        form_of(world, "dana", number)
    sentences = " ".join(one.sentence for one in world.audit().findings)
    assert "policy proposal 1 has state 'open'; what was signed is 'withdrawn'" in sentences


def test_the_section_can_be_taken_out_only_by_those_it_names(world: World) -> None:
    registry = REGISTRY.format(url=world.repo.path, mode="enforce").encode()
    number = send_proposal(world, "gil", {**load_proposals(world.policies), "repositories.yaml": registry})
    for login in ("dana", "fay"):
        approve(world, login, number)
    assert epoch(world) == 3
    (world.policies / "repositories.yaml").write_bytes(registry)
    (world.policies / "base.yaml").write_text(with_tests(TWO_QA), encoding="utf-8")
    assert activate(world.parts, load_proposals(world.policies), by=OPERATOR).epoch == 4
    with pytest.raises(NotPermittedError, match="no section `activation`"):
        send_proposal(world, "gil", files_of(world, TWO_OWNERS))


def test_the_command_line_lists_proposals(world: World) -> None:
    def run(*arguments: str) -> str:
        done = CliRunner().invoke(main, ["policy", "proposals", "--instance", str(world.instance), *arguments])
        assert done.exit_code == 0, done.output
        return done.output

    assert run() == "Nothing was proposed yet.\n"
    number = send_proposal(world, "gil", files_of(world, TWO_QA))
    approve(world, "dana", number)
    assert "1  open" in run()
    (row,) = [json.loads(line) for line in run("--json").splitlines()]
    assert (row["number"], row["state"], row["approvals"], row["needed"]) == (1, "open", 1, 2)
    assert row["proposer"] == "Gil Maro"
