"""Decisions and policies in plain English, for CLI, hook, forge status, page and PDF alike.

Every refusal says what is missing, why it applies with the actual values, who can give it, and who cannot and why. The
text is derived from the decision alone, so "as decided" reads today as it read then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import assert_never

from gate.policy.decision import Answer, Candidate, Decision, Filled, RequirementResult, RuleResult, RuleState
from gate.policy.document import (
    CarryOver,
    Classification,
    Of,
    OutOfScope,
    Policy,
    Prerequisite,
    Requirement,
    Rule,
    ScopeKind,
    Subject,
    When,
)
from gate.policy.effective import EffectivePolicy
from gate.policy.exceptions import (
    describe_break_glass,
    describe_delegation,
    describe_freezes,
    freeze_lines,
    is_ask_enough,
    override_lines,
)

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
    if decision.level is not None:
        lines.append(f"The change is classified as {decision.level}.")
    for rule in decision.rules:
        lines += _rule_lines(rule)
    lines += [*freeze_lines(decision), *override_lines(decision)]
    for condition in decision.conditions:
        if not condition.is_met:
            lines.append(f"Condition {condition.id}: {condition.sentence} {condition.remedy}".rstrip())
    for one in decision.not_counted:
        what = f"approval of {one.name}" if one.kind == "signature" else f"review of {one.name} on the forge"
        lines.append(f"Not counted: the {what} (entry {one.index}): {one.reason}.")
    if decision.ask:
        lines.append(f"Ask {name_candidates(decision.ask)}: {_enough(decision)}.")
    lines += decision.notes
    lines.append(f"Decided at {_instant(decision)} UTC; valid until {decision.valid_until:%Y-%m-%d %H:%M:%S} UTC.")
    return tuple(lines)


def _enough(decision: Decision) -> str:
    if not is_ask_enough(decision):
        return "their signatures are needed, and not enough"
    if not decision.is_ask_smallest:
        return "a sufficient set; fewer people might do"
    return "their signatures would be enough"


def _instant(decision: Decision) -> str:
    return f"{decision.evaluated_at:%Y-%m-%d %H:%M:%S}"


def name_candidates(candidates: Iterable[Candidate]) -> str:
    return list_names(one.name for one in candidates)


def _other_reasons(decision: Decision) -> Iterator[str]:
    """Reasons that neither the summary nor a rule or condition below says in full."""
    said = {condition.sentence for condition in decision.conditions}
    said |= {one.sentence for rule in decision.rules for one in rule.requirements}
    said |= {rule.error for rule in decision.rules if rule.error is not None}
    said |= {one.sentence for one in decision.freezes}
    said |= {decision.override.sentence} if decision.override is not None else set()
    for reason in decision.reasons:
        if reason.sentence not in said and reason.sentence.rstrip(".") not in decision.summary:
            yield reason.sentence


def _rule_lines(rule: RuleResult) -> Iterator[str]:
    because = "; ".join(rule.because)
    match rule.state:
        case RuleState.ERROR:
            is_known = bool(rule.requirements)
            yield f"Rule {rule.id}: {rule.error}{f' It applies because {because}.' if is_known else ''}"
        case RuleState.UNSATISFIED:
            yield f"Rule {rule.id}: {_sentence(rule.description)} It applies because {because}."
            for requirement in rule.requirements:
                yield from _requirement_lines(requirement)
        case RuleState.WAIVED:
            yield f"Rule {rule.id}: waived by break-glass. It applies because {because}."
        case RuleState.SATISFIED:
            weaker = [one for one in rule.requirements if any(_is_weaker(each) for each in one.filled)]
            yield from (f"Rule {rule.id}: {one.sentence}." for one in weaker)
        case RuleState.NOT_APPLICABLE:
            return


def _is_weaker(one: Filled) -> bool:
    """Not signed by this person for this very head: worth a line even where all is well."""
    return one.kind != "signature" or one.carried_from is not None


def _requirement_lines(requirement: RequirementResult) -> Iterator[str]:
    yield f"  {requirement.sentence}."
    if requirement.candidates:
        yield f"  Can give it: {name_candidates(requirement.candidates)}."
    for one in requirement.disqualified:
        yield f"  Cannot: {one.reason}."


def one_line(decision: Decision, most: int = 140) -> str:
    """For a forge's status field: the summary, cut at ``most`` characters. An override says so first."""
    text = decision.summary
    if decision.answer is Answer.OVERRIDDEN and not text.startswith("OVERRIDDEN"):
        text = f"OVERRIDDEN: {text}"
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
            title="How changes are classified",
            lines=tuple(_level_lines(policy.classification)) if policy.classification is not None else (),
        ),
        Section(
            title="What approvals mean",
            lines=tuple(f"{meaning.id} ({meaning.kind}): “{meaning.text}”" for meaning in policy.meanings),
        ),
        Section(title="What ends an approval", lines=tuple(_end_lines(policy))),
        Section(title="When nothing lands", lines=tuple(describe_freezes(policy))),
        Section(title="Who may sign for somebody", lines=tuple(describe_delegation(policy))),
        Section(title="Break-glass", lines=tuple(describe_break_glass(policy))),
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
    return f"{_sentence(rule.description)} {_when_words(rule)}: {asked} (rule {rule.id})."


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _when_words(rule: Rule) -> str:
    words = []
    if rule.when.cross_team is not None:
        words.append("comes from another team" if rule.when.cross_team else "comes from the owning team itself")
    if rule.when.paths:
        words.append(f"changes {list_names(rule.when.paths, last='or')}")
    if rule.when.branches:
        words.append(f"is meant for {list_names(rule.when.branches, last='or')}")
    words += _later_words(rule.when)
    return f"Applies when a contribution {' and '.join(words)}" if words else "Applies always"


def _later_words(when: When) -> Iterator[str]:
    if when.levels:
        yield f"is classified as {list_names(when.levels, last='or')}"
    if when.author_kinds:
        yield f"has {list_names((f'a {kind}' for kind in when.author_kinds), last='or')} among its contributors"
    if when.labels:
        yield f"has the label {list_names(when.labels, last='or')}"
    if when.lines_over is not None:
        yield f"changes more than {when.lines_over} lines (or lines that cannot be counted)"
    if when.files_over is not None:
        yield f"changes more than {when.files_over} files"
    if when.cross_entity is not None:
        yield "comes from another legal entity than the one that owns the repository"
    if when.expr is not None:
        yield f"meets `{when.expr}`"


def _requirement_words(one: Requirement) -> str:
    people = "1 person" if one.count == 1 else f"{one.count} people"
    verb = "signs" if one.count == 1 else "sign"
    expr = f", if they meet `{one.expr}`" if one.expr is not None else ""
    shared = ", who may be people that sign for other rules too" if one.is_shared else ""
    forge = "; a review made on the forge will do, and is recorded as that" if one.forge_review else ""
    return f"{people} with the role {one.role}{_whose(one.of)} {verb} {one.meaning}{expr}{shared}{forge}"


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
        at = f" when the change is {list_names(one.at, last='or')}" if one.at else ""
        yield f"{_subjects(one)} must {_what(one, policy)}{at}."
    for change_request in effective.change_requests:
        yield f"A change request id is needed, as {change_request.example}."
    yield "Nobody who contributed to any revision approves it, nor the sponsor of a robot that did."
    yield "One person fills one slot, whatever roles they hold."


def _subjects(one: Prerequisite) -> str:
    names = {Subject.AUTHOR: "the author", Subject.CONTRIBUTORS: "contributors", Subject.APPROVERS: "approvers"}
    said = list_names(names[subject] for subject in one.subjects)
    return said[0].upper() + said[1:]


def _what(one: Prerequisite, policy: Policy) -> str:
    if one.terms is not None:
        return "have accepted “" + next(terms.title for terms in policy.terms if terms.id == one.terms) + "”"
    if one.clearance is not None:
        return f"have the clearance {one.clearance}"
    if one.entities:
        pairs = list_names((f"{theirs} to {ours}" for theirs, ours in one.entities), most=20, last="or")
        return f"belong to the legal entity that owns the repository, or to one from which work may pass ({pairs})"
    return f"have the training {one.training}"


def _owner_lines(effective: EffectivePolicy) -> Iterator[str]:
    for entry in effective.policy.ownership:
        team = entry.team if entry.team is not None else list_names(effective.repository.owning_teams)
        what = "Everything not named below" if "**" in entry.paths else list_names(entry.paths)
        yield f"{what}: {team}."
    for entry in effective.policy.added_ownership:
        team = entry.team if entry.team is not None else list_names(effective.repository.owning_teams)
        yield f"Besides its owners, by a layer of the repository: {list_names(entry.paths)}: {team}."


def _level_lines(one: Classification) -> Iterator[str]:
    yield f"The levels are {list_names(one.levels, most=20)}, from lowest to highest."
    yield "The highest of any changed path counts, both names of a rename."
    for entry in one.paths:
        yield f"{list_names(entry.paths, most=20)}: {entry.level}."
    for entry in one.raised:
        yield f"{list_names(entry.paths, most=20)}: {entry.level} as well, by a layer."
    yield f"Everything else: {one.default}."


_CARRIED = {
    CarryOver.NONE: "is carried over to no other revision",
    CarryOver.SAME_DIFF: "is carried over to a revision proven to change the same, by an entry that names both",
    CarryOver.SAME_TREE: "is carried over to a revision proven to have the same content, by an entry that names both",
}


def _carry_lines(policy: Policy) -> Iterator[str]:
    if policy.carry_over is not CarryOver.NONE:
        yield f"An approval {_CARRIED[policy.carry_over]}."
    for one in policy.carry_over_at:
        yield f"When the change is {one.level}, an approval {_CARRIED[one.carry_over]}."


def _end_lines(policy: Policy) -> Iterator[str]:
    yield "A push: an approval is for one head, one target branch and one version of the policy."
    yield from _carry_lines(policy)
    if policy.valid_for is not None:
        days, rest = divmod(int(policy.valid_for.total_seconds()), 86400)
        yield f"Age: it counts for {f'{days} days' if days and not rest else policy.valid_for}."
    if policy.veto is not None:
        kept = "and survives a push" if policy.veto.survives_push else "and ends with a push"
        who = list_names(policy.veto.roles, last="or")
        cleared = policy.veto.cleared_by
        others = f" or somebody with the role {list_names(cleared, last='or')} clears it" if cleared else ""
        yield f"A rejection by {who}: it stands until its giver takes it back{others}, {kept}."
