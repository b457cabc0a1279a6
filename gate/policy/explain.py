"""Decisions and policies in plain English, for CLI, hook, forge status, page and PDF alike.

Every refusal says what is missing, why it applies with the actual values, who can give it, and who cannot and why. The
text is derived from the decision alone, so "as decided" reads today as it read then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import assert_never

from gate.policy.decision import Answer, Candidate, Decision, RequirementResult, RuleResult, RuleState
from gate.policy.document import Of, OutOfScope, Policy, Prerequisite, Requirement, Rule, ScopeKind, Subject
from gate.policy.effective import EffectivePolicy

NAMES_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading and finished sentences."""

    title: str
    lines: tuple[str, ...]


def list_names(names: Iterable[str], most: int = NAMES_SHOWN, *, last: str = "and") -> str:
    """ "Anna, Ben and Carla", or the first five "and 7 more". ``last`` is "or" where any one of them will do."""
    listed = list(names)
    if len(listed) > most:
        return f"{', '.join(listed[:most])} {last} {len(listed) - most} more"
    return f" {last} ".join(filter(None, [", ".join(listed[:-1]), *listed[-1:]]))


def explain_decision(decision: Decision) -> tuple[str, ...]:
    """The whole decision as lines of text; the first is its summary."""
    lines = [decision.summary]
    lines += _other_reasons(decision)
    for rule in decision.rules:
        lines += _rule_lines(rule)
    for condition in decision.conditions:
        if not condition.is_met:
            lines.append(f"Condition {condition.id}: {condition.sentence} {condition.remedy}".rstrip())
    for one in decision.not_counted:
        lines.append(f"Not counted: the approval of {one.name} (entry {one.index}): {one.reason}.")
    if decision.ask:
        is_enough = all(one.is_satisfiable for rule in decision.rules for one in rule.requirements)
        enough = "their signatures would be enough" if is_enough else "their signatures are needed, and not enough"
        lines.append(f"Ask {name_candidates(decision.ask)}: {enough}.")
    lines += decision.notes
    lines.append(f"Decided at {_instant(decision)} UTC; valid until {decision.valid_until:%Y-%m-%d %H:%M:%S} UTC.")
    return tuple(lines)


def _instant(decision: Decision) -> str:
    return f"{decision.evaluated_at:%Y-%m-%d %H:%M:%S}"


def name_candidates(candidates: Iterable[Candidate]) -> str:
    return list_names(one.name for one in candidates)


def _other_reasons(decision: Decision) -> Iterator[str]:
    """Reasons that neither the summary nor a rule or condition below says in full."""
    said = {condition.sentence for condition in decision.conditions}
    said |= {one.sentence for rule in decision.rules for one in rule.requirements}
    said |= {rule.error for rule in decision.rules if rule.error is not None}
    for reason in decision.reasons:
        if reason.sentence not in said and reason.sentence.rstrip(".") not in decision.summary:
            yield reason.sentence


def _rule_lines(rule: RuleResult) -> Iterator[str]:
    because = "; ".join(rule.because)
    match rule.state:
        case RuleState.ERROR:
            yield f"Rule {rule.id}: {rule.error} It applies because {because}."
        case RuleState.UNSATISFIED:
            yield f"Rule {rule.id}: {rule.description} It applies because {because}."
            for requirement in rule.requirements:
                yield from _requirement_lines(requirement)
        case RuleState.WAIVED:
            yield f"Rule {rule.id}: waived. It applies because {because}."
        case RuleState.SATISFIED | RuleState.NOT_APPLICABLE:
            return


def _requirement_lines(requirement: RequirementResult) -> Iterator[str]:
    yield f"  {requirement.sentence}."
    if requirement.candidates:
        yield f"  Can give it: {name_candidates(requirement.candidates)}."
    for one in requirement.disqualified:
        yield f"  Cannot: {one.reason}."


def requirements_for(decision: Decision, person: str) -> tuple[RequirementResult, ...]:
    """What ``person`` (by key) could sign now: the open requirements that name them as a candidate."""
    return tuple(
        requirement
        for rule in decision.rules
        for requirement in rule.requirements
        if any(one.person == person for one in requirement.candidates)
    )


def one_line(decision: Decision, most: int = 140) -> str:
    """For a forge's status field: the summary, cut at ``most`` characters."""
    prefix = "OVERRIDDEN: " if decision.answer is Answer.OVERRIDDEN else ""
    text = prefix + decision.summary
    return text if len(text) <= most else text[: most - 1] + "…"


def explain_policy(effective: EffectivePolicy) -> tuple[Section, ...]:
    """The rules of one repository in plain words."""
    policy = effective.policy
    sections = (
        Section(title="What is out of scope", lines=tuple(_scope_line(one) for one in policy.out_of_scope)),
        Section(title="What a contribution needs", lines=tuple(_rule_line(rule, policy) for rule in policy.rules)),
        Section(title="What contributors and approvers need", lines=tuple(_person_lines(effective))),
        Section(
            title="What must be reported",
            lines=tuple(
                f"The check {check.name} must succeed at the head, reported by {' or '.join(check.reporters)}."
                for check in policy.checks
            ),
        ),
        Section(title="Who owns what", lines=tuple(_owner_lines(effective))),
        Section(
            title="What approvals mean",
            lines=tuple(f"{meaning.id} ({meaning.kind}): “{meaning.text}”" for meaning in policy.meanings),
        ),
        Section(title="What ends an approval", lines=tuple(_end_lines(policy))),
    )
    return tuple(section for section in sections if section.lines)


def _scope_line(one: OutOfScope) -> str:
    match one.kind:
        case ScopeKind.SAME_TEAM:
            return f"Contributions by the owning team itself: {one.because}"
        case ScopeKind.ROBOTS:
            return f"What declared robots push, each with a sponsor who answers for it: {one.because}"


def _rule_line(rule: Rule, policy: Policy) -> str:
    asked = "; ".join(_requirement_words(one) for one in rule.require)
    return f"{rule.description} {_when_words(rule)}: {asked} (rule {rule.id})."


def _when_words(rule: Rule) -> str:
    words = []
    if rule.when.cross_team is not None:
        words.append("comes from another team" if rule.when.cross_team else "comes from the owning team itself")
    if rule.when.paths:
        words.append(f"changes {list_names(rule.when.paths, last='or')}")
    if rule.when.branches:
        words.append(f"is meant for {list_names(rule.when.branches, last='or')}")
    return f"Applies when a contribution {' and '.join(words)}" if words else "Applies always"


def _requirement_words(one: Requirement) -> str:
    people = "1 person" if one.count == 1 else f"{one.count} people"
    verb = "signs" if one.count == 1 else "sign"
    return f"{people} with the role {one.role}{_whose(one.of)} {verb} {one.meaning}"


def _whose(of: Of | None) -> str:
    match of:
        case None:
            return ""
        case Of.EACH_OWNING_TEAM:
            return " of each team that owns a changed path"
        case Of.ANY_OWNING_TEAM:
            return " of a team that owns a changed path"
        case _:
            assert_never(of)


def _person_lines(effective: EffectivePolicy) -> Iterator[str]:
    policy = effective.policy
    for one in policy.prerequisites:
        yield f"{_subjects(one)} must have {_what(one, policy)}."
    for change_request in effective.change_requests:
        yield f"A change request id is needed, as {change_request.example}."
    yield "Nobody who contributed to any revision approves it, nor the sponsor of a robot that did."
    yield "One person fills one slot, whatever roles they hold."


def _subjects(one: Prerequisite) -> str:
    names = {Subject.CONTRIBUTORS: "contributors", Subject.APPROVERS: "approvers"}
    return list_names(names[subject] for subject in one.subjects).capitalize()


def _what(one: Prerequisite, policy: Policy) -> str:
    if one.terms is None:
        return f"the training {one.training}"
    return "accepted “" + next(terms.title for terms in policy.terms if terms.id == one.terms) + "”"


def _owner_lines(effective: EffectivePolicy) -> Iterator[str]:
    for entry in effective.policy.ownership:
        team = entry.team if entry.team is not None else list_names(effective.repository.owning_teams)
        what = "Everything not named below" if "**" in entry.paths else list_names(entry.paths)
        yield f"{what}: {team}."


def _end_lines(policy: Policy) -> Iterator[str]:
    yield "A push: an approval is for one head, one target branch and one version of the policy."
    if policy.valid_for is not None:
        days, rest = divmod(int(policy.valid_for.total_seconds()), 86400)
        yield f"Age: it counts for {f'{days} days' if days and not rest else policy.valid_for}."
    if policy.veto is not None:
        kept = "and survives a push" if policy.veto.survives_push else "and ends with a push"
        who = list_names(policy.veto.roles, last="or")
        yield f"A rejection by {who}: it stands until its giver takes it back, {kept}."
