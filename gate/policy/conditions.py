"""When a rule applies, and the conditions that hold a contribution up whoever signs.

Conditions: the contributors' prerequisites and the change request (blocked: the contributor must act), reported
checks, a clean merge, draft (pending). Each result says with actual values what is the matter and how to mend it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from gate.policy.decision import Answer, ConditionResult
from gate.policy.document import ChangeRequest, Check, Rule, Subject, When
from gate.policy.effective import EffectivePolicy
from gate.policy.facts import CheckFacts, Facts, PersonFacts
from gate.policy.ownership import changed_names
from gate.policy.paths import branch_name, matches_any, path_matcher
from gate.policy.prerequisites import check_person, prerequisites_for
from gate.policy.separation import Separation

MAX_CHANGE_REQUEST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Applies:
    """``because`` are the reasons with values, for or against."""

    applies: bool
    because: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A result and what it makes of the answer when it is not met."""

    result: ConditionResult
    otherwise: Answer
    lapses_at: datetime | None = None


def rule_applies(rule: Rule, facts: Facts, outsider: str | None) -> Applies:
    """Whether all of the rule's ``when`` holds. ``outsider`` says why the change is cross-team (None: it is not)."""
    when, because = rule.when, []
    if when.cross_team is not None:
        because.append(f"cross-team: {outsider}" if outsider is not None else _SAME_TEAM)
        if when.cross_team != (outsider is not None):
            return Applies(applies=False, because=(because[-1],))
    if when.paths:
        hit = _first_hit(when, facts)
        if hit is None:
            return Applies(applies=False, because=(f"no changed path matches {', '.join(when.paths)}",))
        because.append(f"{hit} matches {', '.join(when.paths)}")
    if when.branches:
        branch = branch_name(facts.target)
        if not matches_any(when.branches, branch):
            return Applies(applies=False, because=(f"the target {branch} is none of {', '.join(when.branches)}",))
        because.append(f"the target is {branch}")
    return Applies(applies=True, because=tuple(because) or ("it applies to every contribution",))


_SAME_TEAM = "same team: every contributor is of a team that owns all changed paths"


def _first_hit(when: When, facts: Facts) -> str | None:
    matches = path_matcher(when.paths)
    return next((name for name in changed_names(facts.paths) if matches(name)), None)


def check_conditions(effective: EffectivePolicy, facts: Facts, separation: Separation) -> tuple[Condition, ...]:
    """Every condition of the policy, met or not, in the order a reader expects."""
    found = [*_contributor_prerequisites(effective, facts, separation)]
    found += [_change_request(one, facts) for one in effective.change_requests]
    found += [_check(check, facts, separation) for check in effective.policy.checks]
    return tuple(found)


def check_revision(facts: Facts) -> tuple[Condition, ...]:
    """What holds for every revision: it must merge cleanly and be no draft. Only what is not met is listed."""
    found = []
    branch = branch_name(facts.target)
    if not facts.merges_cleanly:
        found.append(
            _condition(
                "conflicts",
                "revision",
                f"The revision conflicts with target {branch}: it does not merge cleanly.",
                f"Merge {branch} into it and resolve the conflicts; that makes a new revision.",
                Answer.PENDING,
            )
        )
    if facts.draft:
        found.append(
            _condition("draft", "revision", "The contribution is a draft.", "Mark it ready for review.", Answer.PENDING)
        )
    return tuple(found)


def _condition(id: str, kind: str, sentence: str, remedy: str, otherwise: Answer) -> Condition:
    return Condition(
        result=ConditionResult(id=id, kind=kind, is_met=False, sentence=sentence, remedy=remedy), otherwise=otherwise
    )


def _contributor_prerequisites(effective: EffectivePolicy, facts: Facts, separation: Separation) -> Iterable[Condition]:
    for one in prerequisites_for(effective.policy, Subject.CONTRIBUTORS):
        lacking: list[tuple[PersonFacts, str]] = []
        lapses = []
        for person in separation.answerable.values():
            met = check_person(effective.policy, one, person, facts.now)
            if met.missing is not None:
                lacking.append((person, met.missing))
            if met.lapses_at is not None:
                lapses.append(met.lapses_at)
        yield Condition(
            result=ConditionResult(
                id=one.id,
                kind="prerequisite",
                is_met=not lacking,
                sentence=_lacking_sentence(one.id, lacking),
                remedy=_mend(one.terms) if lacking else "",
                people=tuple(person.id for person, _ in lacking),
            ),
            otherwise=Answer.BLOCKED,
            lapses_at=min(lapses, default=None),
        )


def _lacking_sentence(id: str, lacking: list[tuple[PersonFacts, str]]) -> str:
    if not lacking:
        return f"Every contributor meets {id}."
    return "; ".join(f"{person.name} {missing}" for person, missing in lacking) + "."


def _mend(terms: str | None) -> str:
    if terms is not None:
        return "They can read and accept the terms on the gate's terms page."
    return "The training register must be imported with the completed course."


def _change_request(one: ChangeRequest, facts: Facts) -> Condition:
    given = facts.change_request
    is_met = given is not None and len(given) <= MAX_CHANGE_REQUEST and re.fullmatch(one.pattern, given) is not None
    if is_met:
        sentence = f"The change request is {given}."
    elif given is None:
        sentence = f"There is no change request id, such as {one.example}."
    else:
        sentence = f"The change request id {given[:60]!r} does not look like {one.example}."
    return Condition(
        result=ConditionResult(
            id="change-request",
            kind="change_request",
            is_met=is_met,
            sentence=sentence,
            remedy="" if is_met else f"Give the id of the change request, as {one.example}.",
        ),
        otherwise=Answer.BLOCKED,
    )


def _check(check: Check, facts: Facts, separation: Separation) -> Condition:
    """Met by a success at this head from an allowed reporter, when no allowed reporter says otherwise."""
    named = [report for report in facts.checks if report.name == check.name]
    ignored = [why for report in named if (why := _not_counted(check, report, facts, separation)) is not None]
    counted = [report for report in named if _not_counted(check, report, facts, separation) is None]
    latest = {report.reporter: report for report in sorted(counted, key=lambda report: report.reported_at)}
    bad = [report for report in latest.values() if report.outcome != "success"]
    is_met = bool(latest) and not bad
    if is_met:
        sentence = f"The check {check.name} succeeded, reported by {', '.join(sorted(latest))}."
    elif bad:
        sentence = f"The check {check.name} reported {bad[0].outcome}, by {bad[0].reporter}."
    else:
        sentence = f"The check {check.name} has not been reported for this head" + (
            f" ({'; '.join(ignored)})." if ignored else "."
        )
    return Condition(
        result=ConditionResult(
            id=check.name,
            kind="check",
            is_met=is_met,
            sentence=sentence,
            remedy="" if is_met else f"{' or '.join(check.reporters)} must report success.",
        ),
        otherwise=Answer.PENDING,
    )


def _not_counted(check: Check, report: CheckFacts, facts: Facts, separation: Separation) -> str | None:
    if report.head != facts.head:
        return f"a report by {report.reporter} is for another head"
    if report.reporter not in check.reporters:
        return f"{report.reporter} may not report it"
    if report.reporter_person is not None and report.reporter_person in separation.excluded:
        return f"{report.reporter} is the token of a contributor"
    return None
