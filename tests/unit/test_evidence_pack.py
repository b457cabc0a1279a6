"""The twin: assembly from plain rows, its bytes, and the gaps that must stop it."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.domain.errors import InputError, VerificationError
from gate.evidence.codec import parse_twin, twin_bytes
from gate.evidence.deviations import DERIVED, DeviationClass
from gate.evidence.pack import PackInputs, build_pack, check_pack
from gate.evidence.twin import ContributorRow, Deviation, EntryRow, EvidencePack, Outcome, UntouchedRow
from tests.support.pack_story import PEOPLE, Story, play


def pack(contributions: int = 7) -> EvidencePack:
    return build_pack(play(contributions))


def with_branch(inputs: PackInputs, **changes: object) -> PackInputs:
    return dataclasses.replace(inputs, branches=(dataclasses.replace(inputs.branches[0], **changes),))  # type: ignore[arg-type]


@pytest.mark.req("AUD-01")
def test_twin_reads_back_as_it_was_written() -> None:
    built = pack()
    assert parse_twin(twin_bytes(built)) == built


@pytest.mark.req("AUD-01")
def test_order_of_the_rows_given_does_not_matter() -> None:
    inputs = play(7)
    turned = dataclasses.replace(
        inputs,
        entries=inputs.entries[::-1],
        contributions=inputs.contributions[::-1],
        policies=inputs.policies[::-1],
    )
    assert twin_bytes(build_pack(turned)) == twin_bytes(build_pack(inputs))


@pytest.mark.req("AUD-01")
def test_signature_blocks_say_what_was_signed() -> None:
    """21 CFR 11.50: printed name, time and meaning are those of the signed entry, never looked up anew."""
    row = pack().contributions[1].signatures[0]
    name, login, role = PEOPLE[1]
    assert (row.name, row.login, row.role) == (name, login, role)
    assert (row.meaning.kind, row.meaning.text) == ("approval", "I approve that this revision may land.")
    assert row.reason is not None
    assert name in (row.reason.value or "")
    assert row.auth.components == ("login", "password")
    assert not row.stale


def test_withdrawn_signature_is_marked() -> None:
    open_sheet = next(sheet for sheet in pack().contributions if sheet.state == "open")
    given, taken = open_sheet.signatures
    assert (given.result, given.withdrawn) == ("APPROVED", taken.index)
    assert (taken.result, taken.supersedes) == ("WITHDRAWN", given.index)


def test_erased_reason_keeps_its_commitment() -> None:
    inputs = dataclasses.replace(play(2), texts={})
    reason = build_pack(inputs).contributions[0].signatures[0].reason
    assert reason is not None
    assert (reason.value, reason.salt) == (None, None)
    assert len(reason.commitment) == 64


@pytest.mark.req("INV-11")
def test_equation_holds_and_every_term_is_counted() -> None:
    branch = pack().completeness[0]
    assert branch.holds
    assert branch.counts.total == branch.first_parent_count
    assert (branch.counts.unexplained, branch.counts.out_of_scope) == (1, 2)
    assert branch.command == f"git rev-list --first-parent --count {branch.from_commit}..{branch.to_commit}"


@pytest.mark.req("INV-11")
def test_equation_that_does_not_hold_is_printed_as_a_deviation() -> None:
    inputs = play(4)
    count = inputs.branches[0].first_parent_count
    built = build_pack(with_branch(inputs, first_parent_count=count + 1))
    assert not built.completeness[0].holds
    assert [item.id for item in built.deviations if item.id == "equation"] == ["equation"]
    assert [finding.code for finding in check_pack(built)] == ["equation"]


@pytest.mark.req("INV-11", "AUD-05")
def test_direct_push_is_a_deviation_with_its_commit() -> None:
    built = pack()
    (item,) = [item for item in built.deviations if item.id == DeviationClass.UNEXPLAINED_COMMIT]
    landing = next(row for row in built.completeness[0].landings if row.outcome is Outcome.UNEXPLAINED)
    assert (item.commit, item.index) == (landing.after, landing.index)


@pytest.mark.req("AUD-01")
def test_every_class_is_listed_even_with_none() -> None:
    built = pack()
    assert [row.id for row in built.deviation_classes] == [item.value for item in DeviationClass]
    counts = {row.id: row.count for row in built.deviation_classes}
    assert (counts["bootstrap_policy"], counts["override"]) == (1, 0)
    assert {row.id for row in built.deviation_classes if row.looked_for} == {item.value for item in DERIVED}


def test_classes_the_caller_looked_for_are_marked() -> None:
    inputs = dataclasses.replace(
        play(2),
        looked_for=frozenset({DeviationClass.KEY_REVOKED}),
        deviations=(Deviation(id="control_lapse", sentence="The hook was missing for an hour."),),
    )
    looked = {row.id: row.looked_for for row in build_pack(inputs).deviation_classes}
    assert (looked["key_revoked"], looked["control_lapse"], looked["clock_offset"]) == (True, True, False)


def test_same_deviation_is_listed_once() -> None:
    inputs = play(4)
    known = build_pack(inputs).deviations
    assert build_pack(dataclasses.replace(inputs, deviations=known)).deviations == known


def test_counted_self_approval_and_unattributed_contributor() -> None:
    inputs = play(3)
    first = inputs.contributions[0]
    signer = build_pack(inputs).contributions[0].signatures[0].person
    rows = (
        ContributorRow(part="author", person=signer, name="Anna Lindqvist", how="mail"),
        ContributorRow(part="committer", person=None, name="Ghost", how="nobody"),
    )
    changed = (dataclasses.replace(first, contributors=rows), *inputs.contributions[1:])
    found = {item.id for item in build_pack(dataclasses.replace(inputs, contributions=changed)).deviations}
    assert {"self_approval", "unattributed"} <= found


def test_override_observed_and_late_signature() -> None:
    story = Story()
    story.begin()
    number = story.contribute("Late", signers=PEOPLE[:2])
    story.sign(number, 1, PEOPLE[2])
    story.step(Outcome.OVERRIDDEN)
    story.step(Outcome.OBSERVED, commits=2)
    counts = {row.id: row.count for row in build_pack(story.inputs()).deviation_classes}
    assert (counts["override"], counts["observed_landing"], counts["signed_after_landing"]) == (1, 2, 1)


# ------------------------------------------------------------------ gaps


@pytest.mark.req("INV-11")
def test_missing_contribution_stops_the_pack() -> None:
    inputs = play(5)
    without = inputs.contributions[:2] + inputs.contributions[3:]
    with pytest.raises(VerificationError, match="ledger-core#3") as caught:
        build_pack(dataclasses.replace(inputs, contributions=without))
    assert caught.value.code == "number-missing"


def test_untouched_contribution_fills_its_number() -> None:
    inputs = play(5)
    last = build_pack(inputs).contributions[2].entries[-1]
    row = UntouchedRow(repository="ledger-core", number=3, state="closed", index=last)
    without = inputs.contributions[:2] + inputs.contributions[3:]
    built = build_pack(dataclasses.replace(inputs, contributions=without, untouched=(row,)))
    assert check_pack(built) == ()


def test_contribution_twice_stops_the_pack() -> None:
    inputs = play(2)
    with pytest.raises(VerificationError, match="twice"):
        build_pack(dataclasses.replace(inputs, contributions=inputs.contributions + inputs.contributions[:1]))


@pytest.mark.parametrize("place", [0, 1, 2])
def test_missing_entry_of_a_stream_stops_the_pack(place: int) -> None:
    inputs = play(3)
    gone = build_pack(inputs).contributions[1].entries[place]
    entries = tuple(row for row in inputs.entries if row.index != gone)
    with pytest.raises(VerificationError, match="ledger-core#2") as caught:
        build_pack(dataclasses.replace(inputs, entries=entries))
    assert caught.value.code == "version-gap"


def test_missing_policy_entry_stops_the_pack() -> None:
    inputs = play(3)
    entries = tuple(row for row in inputs.entries if row.index != inputs.policies[0].index)
    with pytest.raises(VerificationError, match="policy epoch 1"):
        build_pack(dataclasses.replace(inputs, entries=entries))


@pytest.mark.parametrize("envelope", ["", "!", "e30=", "W10=", "bnVsbA=="])
def test_entry_that_is_no_statement_is_refused(envelope: str) -> None:
    inputs = play(2)
    with pytest.raises(InputError, match="entry 0"):
        build_pack(dataclasses.replace(inputs, entries=(EntryRow(index=0, envelope=envelope), *inputs.entries[1:])))


# ------------------------------------------------------------------ bytes


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"format":"gate-evidence/v1"}',
        b'{"format":"gate-evidence/v2"}',
        b"\xff\xfe",
        b"[" * 99_999,
    ],
)
def test_what_is_no_twin_is_refused(data: bytes) -> None:
    with pytest.raises(InputError):
        parse_twin(data)


def test_unknown_missing_and_wrongly_typed_members_are_refused() -> None:
    document = json.loads(twin_bytes(pack(2)))
    changes: list[dict[str, object]] = [{"extra": 1}, {"pack": 7}, {"entries": {}}, {"as_of": None}, {"limits": [1]}]
    for change in changes:
        with pytest.raises(InputError):
            parse_twin(json.dumps({**document, **change}, sort_keys=True, separators=(",", ":")).encode())
    del document["limits"]
    with pytest.raises(InputError):
        parse_twin(json.dumps(document, sort_keys=True, separators=(",", ":")).encode())


def test_another_spelling_of_the_same_document_is_refused() -> None:
    with pytest.raises(InputError, match="canonical"):
        parse_twin(json.dumps(json.loads(twin_bytes(pack(1)))).encode())


@given(st.binary(max_size=200))
def test_parser_raises_nothing_but_input_error(data: bytes) -> None:
    with pytest.raises(InputError):
        parse_twin(data)
