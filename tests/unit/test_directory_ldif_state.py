"""Account state from attributes: the OpenLDAP preset."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gate.directory.api import StateRules
from gate.directory.state import evaluate_state, state_attributes
from gate.domain.people import PersonState

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
TODAY = (NOW - datetime(1970, 1, 1, tzinfo=UTC)).days
ACTIVE, INACTIVE, UNKNOWN = PersonState.ACTIVE, PersonState.INACTIVE, PersonState.UNKNOWN


@pytest.mark.req("INV-01")
@pytest.mark.parametrize(
    ("attribute", "value", "state"),
    [
        ("shadowexpire", "-1", ACTIVE),
        ("shadowexpire", str(TODAY + 1), ACTIVE),
        ("shadowexpire", str(TODAY), INACTIVE),
        ("shadowexpire", "0", INACTIVE),
        ("shadowexpire", "soon", UNKNOWN),
        ("shadowexpire", "9" * 30, UNKNOWN),
        ("pwdaccountlockedtime", "000001010000Z", INACTIVE),
        ("pwdaccountlockedtime", "20261122115900Z", INACTIVE),
        ("pwdaccountlockedtime", "nonsense", INACTIVE),
        ("pwdreset", "TRUE", INACTIVE),
        ("pwdreset", "FALSE", ACTIVE),
        ("pwdendtime", "20261122115959.123Z", INACTIVE),
        ("pwdendtime", "202611221159Z", INACTIVE),
        ("pwdendtime", "20261122120001Z", ACTIVE),
        ("pwdendtime", "20261122120001+0100", UNKNOWN),
        ("pwdendtime", "20261322000000Z", UNKNOWN),
        ("pwdstarttime", "20261122120001Z", INACTIVE),
        ("pwdstarttime", "20261122115959Z", ACTIVE),
        ("employeetype", "Terminated ", INACTIVE),
        ("employeetype", "internal", ACTIVE),
        ("description", "terminated", ACTIVE),
    ],
)
def test_one_attribute_at_a_time(attribute: str, value: str, state: PersonState) -> None:
    found, reasons = evaluate_state({attribute: (value,)}, StateRules(), NOW)
    assert found is state
    assert bool(reasons) is (state is not ACTIVE)


def test_any_of_several_values_denies_and_inactive_outweighs_unknown() -> None:
    several = {"employeetype": ("internal", "terminated"), "shadowexpire": ("soon",)}
    state, reasons = evaluate_state(several, StateRules(), NOW)
    assert (state, len(reasons)) == (INACTIVE, 2)


@pytest.mark.parametrize(
    ("seconds", "state"), [(None, INACTIVE), (0, INACTIVE), (61, INACTIVE), (60, ACTIVE), (59, ACTIVE)]
)
def test_a_lock_ends_only_where_its_length_is_known(seconds: int | None, state: PersonState) -> None:
    locked = {"pwdaccountlockedtime": ("20261122115900Z",)}
    assert evaluate_state(locked, StateRules(lockout_seconds=seconds), NOW)[0] is state
    forever = {"pwdaccountlockedtime": ("000001010000Z",)}
    assert evaluate_state(forever, StateRules(lockout_seconds=seconds), NOW)[0] is INACTIVE


def test_rules_of_ones_own_are_asked_for_by_name() -> None:
    rules = StateRules(denied=(("roomNumber", ("none",)),))
    assert "roomNumber" in state_attributes(rules)
    assert evaluate_state({"roomnumber": ("NONE",)}, rules, NOW)[0] is INACTIVE
    assert evaluate_state({"employeetype": ("terminated",)}, rules, NOW)[0] is ACTIVE
