"""Domain objects to what templates show: words, icons and order. Templates loop and branch, nothing more.

A state is always word + icon + tone, never colour alone. Times are UTC in words beside the machine
form. Ids are complete; a short form is only ever beside or inside the full one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from gate.domain.approval import Act
from gate.domain.contribution import ContributionState, Mode
from gate.policy.decision import Answer, Candidate, Decision, RequirementResult, RuleResult, RuleState
from gate.web.fact_rows import FactTable, build_fact_tables
from gate.workflow.shown import (
    ContributionItem,
    ContributionPage,
    PackShown,
    RepositoryCard,
    SignChoice,
    SignForm,
)

SHORT = 12
FIRST_NAMES = 5


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
    RuleState.SATISFIED: State(word="Done", icon="check", tone="good"),
    RuleState.NOT_APPLICABLE: State(word="Does not apply", icon="dash", tone="calm"),
}
CONTRIBUTION_STATES = {
    ContributionState.OPEN: State(word="Open", icon="dot", tone="wait"),
    ContributionState.MERGED: State(word="Merged", icon="merge", tone="good"),
    ContributionState.CLOSED: State(word="Closed", icon="dash", tone="calm"),
}
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
UNDECIDED = State(word="Not decided yet", icon="dot", tone="calm")
MET = State(word="Met", icon="check", tone="good")
UNMET = State(word="Not met", icon="cross", tone="bad")
RULE_ORDER = tuple(RULE_STATES)
ACT_WORDS = {
    Act.APPROVE: ("Approve", "approve", "check"),
    Act.REJECT: ("Reject", "reject", "cross"),
    Act.WITHDRAW: ("Withdraw", "withdraw your approval", "undo"),
}
KIND_WORDS = {
    "approval": "Signature",
    "approval-refused": "Refused attempt",
    "check-reported": "Check",
    "contribution-changed": "Change",
    "contribution-closed": "Closed",
    "contribution-opened": "Opened",
    "contribution-reopened": "Reopened",
    "decision": "Decision",
    "genesis": "Start of the log",
    "hints-refused": "Refused hints",
    "landed": "Landing",
    "pack-issued": "Evidence pack",
    "policy-activated": "Policy",
    "revision-recorded": "Revision",
    "terms-accepted": "Terms",
    "token-issued": "Token",
    "token-revoked": "Token",
    "trainings-imported": "Training",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """At most five names at first; ``rest`` are the others, one click away."""

    first: tuple[str, ...]
    rest: tuple[str, ...]
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementView:
    requirement: RequirementResult
    state: State
    candidates: Names


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleView:
    rule: RuleResult
    state: State
    requirements: tuple[RequirementView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContributionView:
    """``is_recorded``: the decision shown is the recorded one. ``has_other``: another view of it exists."""

    title: str
    state: State
    decision: Decision | None
    is_recorded: bool
    has_other: bool
    open_rules: tuple[RuleView, ...]
    settled_rules: tuple[RuleView, ...]
    idle_rules: tuple[RuleView, ...]
    fact_tables: tuple[FactTable, ...]
    acts: tuple[tuple[str, str, str], ...]
    ask: Names


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOption:
    """A role with one meaning it may carry: chosen together, so that no pair can be wrong."""

    value: str
    role: str
    meaning: str
    is_chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SignView:
    verb: str
    icon: str
    button: str
    choice: str
    options: tuple[SignOption, ...]
    satisfies: tuple[str, ...]


def build_contribution(page: ContributionPage, *, is_as_decided: bool) -> ContributionView:
    """The page's order: what is open first, then what is done, then what does not apply."""
    is_recorded = page.now is None or (is_as_decided and page.decision is not None)
    decision = page.decision if is_recorded else page.now
    rules = tuple(build_rule(rule) for rule in decision.rules) if decision else ()
    return ContributionView(
        title=describe_item(page.item),
        state=choose_state(decision, page.error if not is_recorded or decision is None else None),
        decision=decision,
        is_recorded=is_recorded,
        has_other=page.now is not None and page.decision is not None,
        open_rules=select_rules(rules, RuleState.ERROR, RuleState.UNSATISFIED),
        settled_rules=select_rules(rules, RuleState.SATISFIED),
        idle_rules=select_rules(rules, RuleState.NOT_APPLICABLE),
        fact_tables=build_fact_tables(page.facts) if page.facts else (),
        acts=tuple((act.value, *ACT_WORDS[act][::2]) for act in page.may),
        ask=build_names(decision.ask if decision else ()),
    )


def choose_state(decision: Decision | None, error: str | None) -> State:
    if error is not None:
        return ANSWER_STATES[Answer.ERROR]
    return ANSWER_STATES[decision.answer] if decision else UNDECIDED


def build_rule(rule: RuleResult) -> RuleView:
    requirements = sorted(rule.requirements, key=lambda requirement: requirement.missing == 0)
    return RuleView(
        rule=rule,
        state=RULE_STATES[rule.state],
        requirements=tuple(build_requirement(requirement) for requirement in requirements),
    )


def build_requirement(requirement: RequirementResult) -> RequirementView:
    state = RuleState.UNSATISFIED if requirement.missing else RuleState.SATISFIED
    return RequirementView(
        requirement=requirement, state=RULE_STATES[state], candidates=build_names(requirement.candidates)
    )


def select_rules(rules: Sequence[RuleView], *states: RuleState) -> tuple[RuleView, ...]:
    chosen = [rule for rule in rules if rule.rule.state in states]
    return tuple(sorted(chosen, key=lambda view: RULE_ORDER.index(view.rule.state)))


def build_names(candidates: Sequence[Candidate]) -> Names:
    names = tuple(candidate.name for candidate in candidates)
    return Names(first=names[:FIRST_NAMES], rest=names[FIRST_NAMES:], total=len(names))


def build_sign_view(form: SignForm, name: str) -> SignView:
    verb, phrase, icon = ACT_WORDS[form.act]
    chosen = next((one for one in form.choices if (one.role, one.team) == (form.role, form.team)), None)
    return SignView(
        verb=verb,
        icon=icon,
        button=f"Sign as {form.printed_name or name}: {phrase}",
        choice=write_choice(form.role, form.team, form.meaning),
        options=tuple(
            SignOption(
                value=write_choice(one.role, one.team, key),
                role=describe_role(one),
                meaning=text,
                is_chosen=one is chosen and key == form.meaning,
            )
            for one in form.choices
            for key, text in one.meanings
        ),
        satisfies=chosen.satisfies if chosen else (),
    )


def write_choice(role: str | None, team: str | None, meaning: str | None) -> str:
    """``maintainer:ledger:review``: role, team and meaning as one value of a form."""
    return ":".join((role or "", team or "", meaning or ""))


def parse_choice(choice: str | None) -> tuple[str | None, str | None, str | None]:
    """The reverse of ``write_choice``; empty parts are None."""
    role, _, rest = (choice or "").partition(":")
    team, _, meaning = rest.partition(":")
    return role or None, team or None, meaning or None


def describe_role(choice: SignChoice) -> str:
    return f"{choice.role} of {choice.team}" if choice.team else choice.role


def describe_item(item: ContributionItem) -> str:
    return item.title or f"Contribution {item.number}"


def search_cards(cards: Sequence[RepositoryCard], words: str | None) -> tuple[RepositoryCard, ...]:
    """Cards that hold every word somewhere in name, description or owners."""
    wanted = (words or "").casefold().split()

    def holds(card: RepositoryCard) -> bool:
        text = " ".join((card.id, card.title, card.description, *card.owning_teams)).casefold()
        return all(word in text for word in wanted)

    return tuple(card for card in cards if holds(card))


def is_pack_running(pack: PackShown) -> bool:
    return pack.state in ("queued", "working")


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
        case str() if value in PACK_STATES:
            return PACK_STATES[value]
        case _:
            raise TypeError(f"no state is known for {value!r}")


def show_item_state(item: ContributionItem) -> State:
    """What a list shows: the answer while open, where it went afterwards."""
    return show_state(item.answer if item.state is ContributionState.OPEN else item.state)


def show_instant(at: datetime) -> str:
    return f"{at.astimezone(UTC):%-d %b %Y, %H:%M} UTC"


def show_instant_exactly(at: datetime) -> str:
    return f"{at.astimezone(UTC):%-d %b %Y, %H:%M:%S} UTC"


def show_day(at: datetime) -> str:
    return f"{at.astimezone(UTC):%-d %b %Y}"


def write_instant(at: datetime) -> str:
    """For ``<time datetime>``."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def show_span(seconds: int) -> str:
    """A duration in its two largest useful words."""
    span = timedelta(seconds=seconds)
    if span < timedelta(hours=1):
        return _count(round(span / timedelta(minutes=1)), "minute")
    if span < timedelta(days=2):
        return _count(round(span / timedelta(hours=1)), "hour")
    return _count(round(span / timedelta(days=1)), "day")


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def show_branch(ref: str) -> str:
    return ref.removeprefix("refs/heads/")


def show_kind(kind: str) -> str:
    return KIND_WORDS.get(kind, kind.replace("-", " ").capitalize())


FILTERS: dict[str, Callable[..., Any]] = {
    "branch": show_branch,
    "day": show_day,
    "item_state": show_item_state,
    "item_title": describe_item,
    "iso": write_instant,
    "kind": show_kind,
    "span": show_span,
    "state": show_state,
    "when": show_instant,
    "when_exactly": show_instant_exactly,
}
