"""Domain objects to what templates show: words, icons and order. Templates loop and branch, nothing more.

States are ``states.py``'s. Times are UTC in words beside the machine
form. Ids are complete; a short form is only ever beside or inside the full one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from gate.domain.approval import Act
from gate.domain.words import count_words, leave_out_answer
from gate.policy.decision import Answer, Candidate, Decision, RequirementResult, RuleResult, RuleState
from gate.policy.exceptions import find_open
from gate.policy.matching import match
from gate.web.fact_rows import FactTable, build_fact_tables
from gate.web.states import (
    ANSWER_STATES,
    DELEGATION_STATES,
    ENDED,
    PROPOSAL_STATES,
    RULE_STATES,
    UNDECIDED,
    State,
    show_item_state,
    show_state,
)
from gate.workflow.proposal_shown import ProposalItem
from gate.workflow.shown import ContributionItem, ContributionPage, PackShown, RepositoryCard

SHORT = 12
FIRST_NAMES = 5


RULE_ORDER = tuple(RULE_STATES)
ACT_WORDS = {
    Act.APPROVE: ("Approve", "approve", "check"),
    Act.REJECT: ("Reject", "reject", "cross"),
    Act.WITHDRAW: ("Withdraw", "withdraw your approval", "undo"),
}
KIND_WORDS = {
    "approval": "Signature",
    "approval-refused": "Refused attempt",
    "forge-review": "Review on the forge",
    "break-glass": "Break-glass",
    "break-glass-cosigned": "Break-glass co-signed",
    "break-glass-reviewed": "Break-glass reviewed",
    "check-reported": "Check",
    "contribution-changed": "Change",
    "contribution-closed": "Closed",
    "contribution-opened": "Opened",
    "contribution-reopened": "Reopened",
    "decision": "Decision",
    "delegated": "Delegation",
    "delegation-ended": "Delegation ended",
    "genesis": "Start of the log",
    "hints-refused": "Refused hints",
    "landed": "Landing",
    "pack-issued": "Evidence pack",
    "policy-activated": "Policy",
    "policy-approved": "Policy approval",
    "policy-proposal-withdrawn": "Proposal withdrawn",
    "policy-proposed": "Policy proposal",
    "revision-recorded": "Revision",
    "terms-accepted": "Terms",
    "token-issued": "Token",
    "token-revoked": "Token",
    "trainings-imported": "Training",
    "veto-cleared": "Veto cleared",
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
    """``is_recorded``: the decision shown is the recorded one. ``has_other``: another view of it exists.

    ``reasons`` are those that no rule or condition shown below says. ``held`` is set once ``holds_until`` is past,
    and says so.
    """

    title: str
    state: State
    decision: Decision | None
    is_recorded: bool
    has_other: bool
    open_rules: tuple[RuleView, ...]
    settled_rules: tuple[RuleView, ...]
    idle_rules: tuple[RuleView, ...]
    reasons: tuple[str, ...]
    fact_tables: tuple[FactTable, ...]
    acts: tuple[tuple[str, str, str], ...]
    ask: Names
    held: State | None
    holds_until: datetime | None


def build_contribution(page: ContributionPage, *, is_as_decided: bool, now: datetime, reader: str) -> ContributionView:
    """The page's order: what is open first, then what is done, then what does not apply. ``reader`` is a key."""
    is_recorded = page.now is None or (is_as_decided and page.decision is not None)
    decision = page.decision if is_recorded else page.now
    rules = tuple(build_rule(rule, reader) for rule in decision.rules) if decision else ()
    holds_until = page.holds_until if is_recorded else None
    holds_until = holds_until or (decision.valid_until if decision else None)
    return ContributionView(
        title=describe_item(page.item),
        state=choose_state(decision, page.error if not is_recorded or decision is None else None),
        decision=decision,
        is_recorded=is_recorded,
        has_other=page.now is not None and page.decision is not None,
        open_rules=select_rules(rules, RuleState.ERROR, RuleState.UNSATISFIED),
        settled_rules=select_rules(rules, RuleState.WAIVED, RuleState.SATISFIED),
        idle_rules=select_rules(rules, RuleState.NOT_APPLICABLE),
        reasons=select_reasons(decision) if decision else (),
        fact_tables=build_fact_tables(page.facts) if page.facts else (),
        acts=tuple((act.value, *ACT_WORDS[act][::2]) for act in page.may),
        ask=build_names(choose_ask(decision, reader) if decision else (), reader),
        held=ENDED if holds_until is not None and holds_until <= now else None,
        holds_until=holds_until,
    )


def select_reasons(decision: Decision) -> tuple[str, ...]:
    """Reasons that stand nowhere else on the page: neither in a rule, nor in a condition, nor as the summary."""
    said = {condition.sentence for condition in decision.conditions}
    said |= {one.sentence for rule in decision.rules for one in rule.requirements}
    said |= {rule.error for rule in decision.rules if rule.error is not None}
    said |= {freeze.sentence for freeze in decision.freezes}
    reasons = dict.fromkeys(reason.sentence for reason in decision.reasons)
    return tuple(
        one for one in reasons if one not in said and leave_out_answer(decision.answer, decision.summary) != one
    )


def show_summary(decision: Decision) -> str:
    """The summary beside the answer's own word."""
    return leave_out_answer(decision.answer, decision.summary)


def choose_ask(decision: Decision, reader: str) -> tuple[Candidate, ...]:
    """Whom to ask next; the reader in place of somebody else wherever their own signature would do as well."""
    needs = [one.need for one in find_open(decision)]
    own = next((one for need in needs for one in need.candidates if one.person == reader), None)
    if own is None or any(one.person == reader for one in decision.ask):
        return decision.ask
    slots = [[one.person for one in need.candidates] for need in needs for _ in range(need.missing)]
    for spared in decision.ask:
        chosen = tuple(own if one is spared else one for one in decision.ask)
        asked = {one.person for one in chosen}
        if len(match([[person for person in slot if person in asked] for slot in slots])) == len(slots):
            return chosen
    return (own, *decision.ask)


def choose_state(decision: Decision | None, error: str | None) -> State:
    if error is not None:
        return ANSWER_STATES[Answer.ERROR]
    return ANSWER_STATES[decision.answer] if decision else UNDECIDED


def build_rule(rule: RuleResult, reader: str) -> RuleView:
    requirements = sorted(rule.requirements, key=lambda requirement: requirement.missing == 0)
    return RuleView(
        rule=rule,
        state=RULE_STATES[rule.state],
        requirements=tuple(build_requirement(one, reader, rule.state) for one in requirements),
    )


def build_requirement(requirement: RequirementResult, reader: str, of_rule: RuleState) -> RequirementView:
    state = RuleState.UNSATISFIED if requirement.missing else RuleState.SATISFIED
    state = of_rule if requirement.missing and of_rule is RuleState.WAIVED else state
    return RequirementView(
        requirement=requirement, state=RULE_STATES[state], candidates=build_names(requirement.candidates, reader)
    )


def select_rules(rules: Sequence[RuleView], *states: RuleState) -> tuple[RuleView, ...]:
    chosen = [rule for rule in rules if rule.rule.state in states]
    return tuple(sorted(chosen, key=lambda view: RULE_ORDER.index(view.rule.state)))


def show_proposal_state(item: ProposalItem) -> State:
    return PROPOSAL_STATES[item.state]


def build_names(candidates: Sequence[Candidate], reader: str) -> Names:
    """The reader comes first and is "you"."""
    ordered = sorted(candidates, key=lambda candidate: candidate.person != reader)
    names = tuple(_name_candidate(candidate, reader) for candidate in ordered)
    return Names(first=names[:FIRST_NAMES], rest=names[FIRST_NAMES:], total=len(names))


def _name_candidate(one: Candidate, reader: str) -> str:
    if one.person != reader:
        return one.name
    return "you" if one.on_behalf_of is None else f"you (for {one.on_behalf_of})"


def show_candidates(requirement: RequirementResult, reader: str) -> Names:
    return build_names(requirement.candidates, reader)


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
        return count_words(round(span / timedelta(minutes=1)), "minute")
    if span < timedelta(days=2):
        return count_words(round(span / timedelta(hours=1)), "hour")
    return count_words(round(span / timedelta(days=1)), "day")


def show_branch(ref: str) -> str:
    return ref.removeprefix("refs/heads/")


def leave_out_name(reason: str, name: str) -> str:
    """What is said of somebody whose name stands just before it: "Boris: Boris pushed it" says it twice."""
    return reason[len(name) :].replace(f"; {name} ", "; ") if reason.startswith(f"{name} ") else f": {reason}"


def show_kind(kind: str) -> str:
    return KIND_WORDS.get(kind, kind.replace("-", " ").capitalize())


FILTERS: dict[str, Callable[..., Any]] = {
    "branch": show_branch,
    "candidates": show_candidates,
    "day": show_day,
    "delegation_state": DELEGATION_STATES.__getitem__,
    "item_state": show_item_state,
    "item_title": describe_item,
    "iso": write_instant,
    "kind": show_kind,
    "lines": str.splitlines,
    "of_person": leave_out_name,
    "proposal_state": show_proposal_state,
    "span": show_span,
    "state": show_state,
    "summary": show_summary,
    "when": show_instant,
    "when_exactly": show_instant_exactly,
}
