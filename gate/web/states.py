"""States as pages show them: always word + icon + tone, never colour alone."""

from __future__ import annotations

from dataclasses import dataclass

from gate.domain.contribution import ContributionState, Mode
from gate.policy.decision import Answer, RuleState
from gate.workflow.shown import ContributionItem, UnexplainedShown


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """``icon`` names a symbol of ``icons.html``; ``tone`` a colour of the style sheet."""

    word: str
    icon: str
    tone: str


ANSWER_STATES = {
    Answer.APPROVED: State(word="Approved", icon="check", tone="good"),
    Answer.OVERRIDDEN: State(word="Overridden", icon="bolt", tone="odd"),
    Answer.PENDING: State(word="Pending", icon="clock", tone="wait"),
    Answer.REJECTED: State(word="Rejected", icon="cross", tone="bad"),
    Answer.BLOCKED: State(word="Blocked", icon="stop", tone="bad"),
    Answer.ERROR: State(word="Could not decide", icon="alert", tone="odd"),
}
RULE_STATES = {
    RuleState.ERROR: State(word="Could not check", icon="alert", tone="odd"),
    RuleState.UNSATISFIED: State(word="Still needed", icon="clock", tone="wait"),
    RuleState.WAIVED: State(word="Waived by break-glass", icon="bolt", tone="odd"),
    RuleState.SATISFIED: State(word="Done", icon="check", tone="good"),
    RuleState.NOT_APPLICABLE: State(word="Does not apply", icon="dash", tone="calm"),
}
CONTRIBUTION_STATES = {
    ContributionState.OPEN: State(word="Open", icon="dot", tone="wait"),
    ContributionState.MERGED: State(word="Merged", icon="merge", tone="good"),
    ContributionState.CLOSED: State(word="Closed", icon="dash", tone="calm"),
}
UNAPPROVED_STATES = {
    Mode.OBSERVE: State(word="Merged unapproved (observe)", icon="alert", tone="wait"),
    Mode.WARN: State(word="Merged unapproved (warn)", icon="alert", tone="wait"),
    Mode.ENFORCE: State(word="Merged past the gate, unapproved", icon="alert", tone="bad"),
}
UNEXPLAINED = State(word="Unexplained", icon="alert", tone="bad")
MODE_STATES = {
    Mode.OBSERVE: State(word="Observe: nothing is blocked", icon="eye", tone="calm"),
    Mode.WARN: State(word="Warn: refusals are only printed", icon="alert", tone="wait"),
    Mode.ENFORCE: State(word="Enforce: only approved changes land", icon="lock", tone="good"),
}
PACK_STATES = {
    "queued": State(word="Queued", icon="clock", tone="wait"),
    "working": State(word="Being made", icon="clock", tone="wait"),
    "ready": State(word="Ready", icon="check", tone="good"),
    "failed": State(word="Failed", icon="cross", tone="bad"),
}
PROPOSAL_STATES = {
    "open": State(word="Open", icon="clock", tone="wait"),
    "waiting": State(word="Approved, not in force yet", icon="clock", tone="good"),
    "in-force": State(word="Came into force", icon="check", tone="good"),
    "stale": State(word="Stale", icon="dash", tone="calm"),
    "withdrawn": State(word="Withdrawn", icon="undo", tone="calm"),
}
DELEGATION_STATES = {
    "coming": State(word="Begins later", icon="clock", tone="wait"),
    "active": State(word="In force", icon="check", tone="good"),
    "ended": State(word="Ended early", icon="undo", tone="calm"),
    "over": State(word="Over", icon="dash", tone="calm"),
}
UNDECIDED = State(word="Not decided yet", icon="dot", tone="calm")
ENDED = State(word="This time has ended", icon="clock", tone="wait")
MET = State(word="Met", icon="check", tone="good")
UNMET = State(word="Not met", icon="cross", tone="bad")


def show_state(value: object) -> State:
    """State of an answer, rule, contribution, mode or pack; no answer at all is "not decided yet"."""
    match value:
        case None:
            return UNDECIDED
        case bool():
            return MET if value else UNMET
        case Answer():
            return ANSWER_STATES[value]
        case RuleState():
            return RULE_STATES[value]
        case ContributionState():
            return CONTRIBUTION_STATES[value]
        case Mode():
            return MODE_STATES[value]
        case UnexplainedShown():
            return UNEXPLAINED
        case str() if value in PACK_STATES:
            return PACK_STATES[value]
        case _:
            raise TypeError(f"no state is known for {value!r}")


def show_item_state(item: ContributionItem) -> State:
    """What a list shows: the answer while open, where it went afterwards, and whether anybody had approved that."""
    if item.unapproved_in is not None:
        return UNAPPROVED_STATES[item.unapproved_in]
    return show_state(item.answer if item.state is ContributionState.OPEN else item.state)
