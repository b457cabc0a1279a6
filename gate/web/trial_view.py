"""The try-it console: one recorded decision beside what a proposal says of the same facts, rule by rule."""

from __future__ import annotations

from dataclasses import dataclass

from gate.web.present import RULE_ORDER, RuleView, build_rule, select_reasons, select_rules
from gate.web.states import ANSWER_STATES, State
from gate.workflow.proposal_shown import Trial


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialView:
    """A recorded decision beside the one under a proposal; ``rules`` are every rule, open ones first."""

    trial: Trial
    before: State
    after: State
    rules: tuple[RuleView, ...]
    reasons: tuple[str, ...]


def build_trial(trial: Trial, reader: str) -> TrialView:
    rules = tuple(build_rule(rule, reader) for rule in trial.after.rules)
    return TrialView(
        trial=trial,
        before=ANSWER_STATES[trial.before.answer],
        after=ANSWER_STATES[trial.after.answer],
        rules=select_rules(rules, *RULE_ORDER),
        reasons=select_reasons(trial.after),
    )
